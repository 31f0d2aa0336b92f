package main

import (
	"runtime/debug"
	"syscall"
)

// crashLoud makes a panic that nobody catches end the process by SIGABRT (134 in
// a shell) and not with 2, which means a wrong command line. No memory is written
// to disk then: there are keys in it.
func crashLoud() {
	// Refused only where the limit is 0 already.
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	debug.SetTraceback("crash")
}
