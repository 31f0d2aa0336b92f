//go:build !race

package carriage

const raceEnabled = false
