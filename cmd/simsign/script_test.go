package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts of testdata/script run the program as a person would: each
// "simsign ..." is a process of its own.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            time.Now().Add(3 * patience), // what still runs then is ended, and the script tells where
		// Under nohup: a program that starts with SIGHUP ignored keeps it so.
		Condition: func(cond string) (bool, error) {
			if cond != "nohup" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return signal.Ignored(syscall.SIGHUP), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"waitfor": waitFor},
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			return nil
		},
	})
}

// waitFor waits until a file is there: a command in the background is ready then.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		select {
		case <-late:
			ts.Fatalf("%s is not there after %s", args[0], patience)
		case <-tick.C:
		}
	}
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"simsign": func() {
			os.Exit(interruptible())
		},
	})
}

// interruptible is main as a function.
func interruptible() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// Exit codes are an interface: scripts and systemd act on them.
func TestExitCodes(t *testing.T) {
	for _, tc := range []struct {
		args string
		want int
	}{
		{"version", exitOK},
		{"--help", exitOK},
		{"check --help", exitOK},
		{"", exitUsage},
		{"check --colour", exitUsage},
		{"check -c /nonexistent/simsign.toml", exitFailed},
	} {
		var out, errs bytes.Buffer
		if have := run(t.Context(), strings.Fields(tc.args), strings.NewReader(""), &out, &errs); have != tc.want {
			t.Errorf("simsign %s: exit code %d, want %d; %s", tc.args, have, tc.want, errs.String())
		}
		if (tc.want == exitOK) != (errs.Len() == 0) || (tc.want == exitOK) != (out.Len() > 0) {
			t.Errorf("simsign %s: stdout %q, stderr %q", tc.args, out.String(), errs.String())
		}
	}
}
