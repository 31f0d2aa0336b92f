//go:build race

package carriage

const raceEnabled = true
