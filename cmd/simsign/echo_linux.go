package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// echo switches a terminal's echo, for hidden prompts. A nil echo does nothing.
type echo struct {
	fd     int
	normal unix.Termios
}

// newEcho is nil when f is no terminal.
func newEcho(f *os.File) *echo {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return nil
	}
	return &echo{fd: int(f.Fd()), normal: *t}
}

func (e *echo) works() bool { return e != nil }

func (e *echo) set(on bool) {
	if e == nil {
		return
	}
	t := e.normal
	if !on {
		t.Lflag &^= unix.ECHO
	}
	// What cannot be switched stays as it is; show has told whether it works.
	_ = unix.IoctlSetTermios(e.fd, unix.TCSETS, &t)
}
