package app

import "golang.org/x/sys/unix"

// clockKept reports whether a program (NTP) keeps the machine's clock right, as it
// has told the kernel. Whoever sets the clock by hand ends that.
func clockKept() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}
