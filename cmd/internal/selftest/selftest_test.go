package selftest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lab runs tests one after the other without a pause worth the name.
type lab struct {
	*Test
	dir     string
	changed chan struct{}
	end     func()

	mu     sync.Mutex
	commit error
	n      int
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{dir: filepath.Join(t.TempDir(), "selftest"), changed: make(chan struct{}, 100)}
	var err error
	l.Test, err = New(Options{
		Dir: l.dir, Every: time.Millisecond, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Changed: func() { l.changed <- struct{}{} },
		Commit: func(context.Context) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.n++
			return l.commit
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { l.Run(ctx) })
	l.end = func() { cancel(); wg.Wait() }
	t.Cleanup(l.end)
}

func (l *lab) set(commit error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit = commit
}

func (l *lab) commits() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// The first test decides, each one commits in the service's own database, and
// what was made for them is gone at the end.
func TestPasses(t *testing.T) {
	l := newLab(t)
	if err := os.MkdirAll(filepath.Join(l.dir, "left by one that was killed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Verdict(); !errors.Is(err, errFirst) {
		t.Errorf("before the first: %v", err)
	}
	l.run(t)
	<-l.changed
	if err := l.Verdict(); err != nil {
		t.Errorf("after it: %v", err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for l.commits() < most+3 { // a bench is thrown away in between
		<-tick.C
	}
	if err := l.Verdict(); err != nil {
		t.Errorf("after some: %v", err)
	}
	l.end()
	if _, err := os.Stat(l.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}

// A database that takes nothing, or no place for the bench: the verdict says
// so, and is good again when the next test passes.
func TestFails(t *testing.T) {
	l := newLab(t)
	l.set(errors.New("no room"))
	l.run(t)
	<-l.changed
	if err := l.Verdict(); err == nil || !strings.Contains(err.Error(), "commit after a test signature: no room") {
		t.Errorf("%v", err)
	}
	l.set(nil)
	<-l.changed
	if err := l.Verdict(); err != nil {
		t.Errorf("the database is back: %v", err)
	}
	l.end()

	l = newLab(t)
	if err := os.WriteFile(filepath.Dir(l.dir)+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.o.Dir = filepath.Dir(l.dir) + "/file/selftest"
	t.Setenv("TMPDIR", filepath.Dir(l.dir)+"/none")
	l.run(t)
	<-l.changed
	if err := l.Verdict(); err == nil || !strings.Contains(err.Error(), "preparing a test signature") {
		t.Errorf("%v", err)
	}
}

// A card that does not answer: the test ends with the fault of a transaction.
func TestCardSilent(t *testing.T) {
	b, err := newBench(t.Context(), filepath.Join(t.TempDir(), "selftest"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if err := b.sign(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	b.client.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := b.sign(ctx, 2); err == nil {
		t.Error("a signature without a network")
	}
}

// A folder that lets nobody in, a place where none can be made: neither says
// anything about the service.
func TestPlace(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := filepath.Join(t.TempDir(), "selftest")
	if err := os.MkdirAll(filepath.Join(dir, "left"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := place(dir); err != nil || got != dir {
		t.Errorf("%s, %v", got, err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("in it: %v, %v", list, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := place(filepath.Join(file, "selftest"))
	if err != nil || filepath.Dir(got) != os.TempDir() {
		t.Errorf("%s, %v", got, err)
	}
}

// A bench that somebody has damaged is thrown away, and a new one decides.
func TestDamagedBench(t *testing.T) {
	l := newLab(t)
	defer l.clear()
	if err := l.once(t.Context()); err != nil {
		t.Fatal(err)
	}
	was := l.bench
	was.engine.Stop(t.Context()) // what it says does not matter
	was.store.Close()            // here it stands for a file that is damaged
	if err := l.once(t.Context()); err != nil {
		t.Error(err)
	}
	if l.bench == was {
		t.Error("the damaged bench is still in use")
	}
}
