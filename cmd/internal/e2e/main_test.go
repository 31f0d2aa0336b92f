package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/store/storetest"
)

// patience is how long anything is waited for before it counts as failed. It
// costs nothing where things happen, so it is long: a machine may be slow.
const patience = 2 * time.Minute

// postgres is the database server of this test run.
var postgres storetest.Postgres

// built is the program under test, built by the first test that needs it.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// TestMain lets twice as many tests run side by side as there are processors: they mostly
// wait for what the program, its peers or a phone do.
func TestMain(m *testing.M) {
	flag.Parse()
	if side := flag.Lookup("test.parallel"); side.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		if err := side.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	postgres.Stop()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "simsign-e2e-"); built.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", built.dir, "../../simsign").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "simsign")
}

// result is what a command printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

// run runs one command to its end.
func run(t testing.TB, dir string, args ...string) result {
	t.Helper()
	program := binary(t) // the first test builds it, which may take longer than a command
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("simsign %q: %v", args, err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// must is run for a command that has to succeed.
func must(t testing.TB, dir string, args ...string) string {
	t.Helper()
	r := run(t, dir, args...)
	if r.code != 0 {
		t.Fatalf("simsign %q: exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// missing skips a test without a program that it needs, or fails it where all
// peers have to be there.
func missing(t testing.TB, program string) {
	t.Helper()
	if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
		t.Fatal(program + " is not installed")
	}
	t.Skip(program + " is not installed")
}

// eventually waits until ok; it looks every few milliseconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-late:
			t.Fatalf("after %s still not: %s", patience, what)
		case <-tick.C:
		}
	}
}
