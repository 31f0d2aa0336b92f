package main

import (
	"context"
	"fmt"
	"io"
)

// cli is what a command may touch of the outside world. Every command is a
// struct with flags and a Run(*cli) error method; tests call run with buffers.
type cli struct {
	ctx            context.Context
	command        string // as it was called, without its flags
	stdin          io.Reader
	stdout, stderr io.Writer
}

// Exit codes. Scripts and the service manager act on them.
const (
	exitOK      = 0
	exitFailed  = 1 // the command did its work and the answer is no
	exitUsage   = 2 // the command line is wrong
	exitStore   = 3 // the data are damaged or of unknown state: restore or look, do not restart blindly
	exitStopped = 130
)

// exitError gives an error an exit code other than exitFailed. An exitError
// without Err prints nothing: the command has said everything itself.
type exitError struct {
	Code int
	Err  error
	Hint string // one line that says what to do
}

func (e *exitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *exitError) Unwrap() error { return e.Err }

// printf writes to standard output. An error of it (a closed pipe) ends in
// nothing that a command could do better than stop.
func (c *cli) printf(format string, args ...any) {
	fmt.Fprintf(c.stdout, format, args...)
}
