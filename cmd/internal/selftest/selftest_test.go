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

	"github.com/simsign/simsign/ota"
)

// lab runs tests one after the other without a pause worth the name.
type lab struct {
	*Test
	dir     string
	changed chan struct{}
	end     func()
	reg     *prometheus.Registry

	mu     sync.Mutex
	commit error
	n      int
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{dir: filepath.Join(t.TempDir(), "selftest"), changed: make(chan struct{}, 100), reg: prometheus.NewRegistry()}
	var err error
	l.Test, err = New(Options{
		Dir: l.dir, Every: time.Millisecond, Logger: slog.New(slog.DiscardHandler), Registerer: l.reg,
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

// counts is what the metrics say.
func (l *lab) counts(t *testing.T) (passed, failed, seconds float64) {
	t.Helper()
	families, err := l.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch {
			case f.GetName() == "simsign_selftest_seconds":
				seconds = m.GetGauge().GetValue()
			case m.GetLabel()[0].GetValue() == "passed":
				passed = m.GetCounter().GetValue()
			default:
				failed = m.GetCounter().GetValue()
			}
		}
	}
	return passed, failed, seconds
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
	if err := l.Verdict(); err != nil || len(l.changed) > 0 {
		t.Errorf("after some: %v, told as new %d times", err, len(l.changed))
	}
	l.end()
	if passed, failed, seconds := l.counts(t); passed < most || failed != 0 || seconds <= 0 {
		t.Errorf("counted: %v passed, %v failed, the last in %v s", passed, failed, seconds)
	}
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
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for l.commits() < 3 {
		<-tick.C
	}
	if passed, failed, seconds := l.counts(t); passed != 0 || failed < 1 || seconds != 0 || len(l.changed) > 0 {
		t.Errorf("counted: %v passed, %v failed, the last in %v s; told as new %d times", passed, failed, seconds, len(l.changed))
	}
	l.set(nil)
	<-l.changed
	if err := l.Verdict(); err != nil {
		t.Errorf("the database is back: %v", err)
	}
	l.end()
	// Nobody tests any more: the verdict gets old.
	l.o.Every = 10 * time.Minute
	for age, good := range map[time.Duration]bool{3 * limit: true, 10*time.Minute + 3*limit + time.Minute: false} {
		l.Test.mu.Lock()
		l.last = time.Now().Add(-age)
		l.Test.mu.Unlock()
		if err := l.Verdict(); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "old") {
			t.Errorf("%s old: %v", age, err)
		}
	}

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

// The keys of the card are of this bench alone, and no two are the same; the
// metrics belong to one test.
func TestMaterial(t *testing.T) {
	one, other := material(), material()
	seen := map[string]bool{}
	for _, k := range []ota.Key{one.KIc, one.KID, other.KIc, other.KID} {
		if k.Alg != ota.AES128 || len(k.Octets) != 16 || seen[string(k.Octets)] {
			t.Errorf("a key of %d octets, seen before: %v", len(k.Octets), seen[string(k.Octets)])
		}
		seen[string(k.Octets)] = true
	}
	if one.CMACLen != 8 || one.KVN != 1 || seen[string(make([]byte, 16))] {
		t.Errorf("%d octets of checksum, version %d", one.CMACLen, one.KVN)
	}
	l := newLab(t)
	if _, err := New(l.o); err == nil {
		t.Error("two tests count into one metric")
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
	// What ends in the middle makes no new one.
	was = l.bench
	was.store.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.once(ctx); err == nil || l.bench != was {
		t.Errorf("a test that was cut off: %v, a new bench: %t", err, l.bench != was)
	}
}
