package demo

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/cmd/internal/config"
)

// patience bounds every wait of the tests for the demonstration: far longer
// than it takes on a busy machine, far shorter than go test waits.
const patience = 2 * time.Minute

// within fails the test with the stacks of all goroutines when f does not
// return.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		b := make([]byte, 1<<20)
		t.Fatalf("%s: not in %s\n%s", what, patience, b[:runtime.Stack(b, true)])
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("there is never: " + what)
		}
	}
}

// unhurried is a demonstration for a user on a busy machine: no prompt goes
// away and no transaction ends before it is answered.
func unhurried(o Options) Options {
	o.timeouts = handset.Timeouts{Text: patience, Input: patience, Notice: patience}
	o.adjust = func(_ *Demo, cfg *config.Config) error {
		for i := range cfg.Profiles {
			cfg.Profiles[i].TimeOut = cfg.Profiles[i].MaxTimeOut
		}
		return nil
	}
	return o
}

func startDemo(t *testing.T, o Options) *Demo {
	t.Helper()
	if o.Logger == nil {
		o.Logger = testLog(t)
	}
	var d *Demo
	var err error
	within(t, "start", func() { d, err = Start(t.Context(), o) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopDemo(t, d) })
	return d
}

func stopDemo(t *testing.T, d *Demo) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	within(t, "stop", func() {
		if err := d.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	d.phones, d.App = nil, nil
}

// testLog is a log that a test which fails shows.
func testLog(t *testing.T) *slog.Logger {
	b := &lockedBuffer{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of the service's log:\n%s", b.tail())
		}
	})
	return slog.New(slog.NewTextHandler(b, nil))
}

// lockedBuffer keeps what many goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b.Bytes()
	return string(b[max(0, len(b)-16<<10):])
}
