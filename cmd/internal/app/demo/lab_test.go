package demo

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"
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
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
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
