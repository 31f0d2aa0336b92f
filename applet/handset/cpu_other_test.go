//go:build !unix

package handset_test

import "time"

func cpuTime() time.Duration { return 0 }
