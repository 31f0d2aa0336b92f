// Package selftest makes a signature now and then, to know whether one can
// pass: what readiness is about (I14).
//
// A bench is all that a signature needs, in this process and apart from the
// service's own: a folder with a database of its own beside the service's, so
// on the same disk; keys, a certification authority and a card that exist only
// here and are thrown away after an hour; an engine with the procedures; and
// between it and the emulated handset a network of memory. A test asks for a
// signature there, the card signs, the answer is verified and committed, and
// then the service's own database commits a small row. So nothing of it is
// among the users, cards, transactions, limits and totals of the service, no
// provider can reach it, and a process that is killed in the middle leaves
// nothing but a folder that the next one removes.
//
// What it does not judge is the bearers: these are judged by the messages that
// they carry (package route).
package selftest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options of a Test. All are required.
type Options struct {
	Dir    string                      // of its database; removed and made anew
	Every  time.Duration               // from the end of one test to the next
	Commit func(context.Context) error // a commit of the service's own database
	// Changed hears that the verdict is another one; it must not block.
	Changed    func()
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

const (
	// limit is for one signature, and for the commit; they take some milliseconds.
	limit = 30 * time.Second
	// again is the pause after a test that failed.
	again = 5 * time.Second
	// most signatures of one bench.
	most = 60
)

var errFirst = errors.New("the first test signature is under way")

// Test is a row of tests, one after the other.
type Test struct {
	o      Options
	passed prometheus.Counter
	failed prometheus.Counter
	took   prometheus.Gauge

	bench *bench // of Run alone
	made  int    // signatures on it

	mu   sync.Mutex
	err  error
	last time.Time // end of the last test
}

// New registers the metrics. Nothing is tested before Run.
func New(o Options) (*Test, error) {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "simsign_selftest_total", Help: "Test signatures by their result."}, []string{"result"})
	t := &Test{
		o: o, err: errFirst, last: time.Now(), passed: total.WithLabelValues("passed"), failed: total.WithLabelValues("failed"),
		took: prometheus.NewGauge(prometheus.GaugeOpts{Name: "simsign_selftest_seconds", Help: "How long the last test signature took that passed."}),
	}
	return t, errors.Join(o.Registerer.Register(total), o.Registerer.Register(t.took))
}

// Run tests until ctx ends, and takes everything away then.
func (t *Test) Run(ctx context.Context) {
	defer t.clear()
	for ctx.Err() == nil {
		began := time.Now()
		err := t.once(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := t.o.Every
		if err != nil {
			t.failed.Inc()
			if t.bench != nil && !t.bench.lasts() {
				t.clear()
			}
			pause = min(pause, again)
		} else {
			t.passed.Inc()
			t.took.Set(time.Since(began).Seconds())
		}
		t.note(err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (t *Test) note(err error) {
	t.mu.Lock()
	was := t.err
	t.err, t.last = err, time.Now()
	t.mu.Unlock()
	first := errors.Is(was, errFirst)
	switch {
	case !first && (was == nil) == (err == nil):
		return
	case err != nil:
		t.o.Logger.Warn("the test signature has failed", "error", err)
	case !first:
		t.o.Logger.Info("the test signature passes again")
	}
	t.o.Changed()
}

// Verdict is why a signature cannot pass; nil when the last one did.
func (t *Test) Verdict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if age := time.Since(t.last); age > t.o.Every+3*limit {
		return fmt.Errorf("the last test signature is %s old", age.Round(time.Second))
	}
	return t.err
}

// once makes one signature and one commit. That a bench fails which worked before
// may be its own fault, a file that somebody changed, say: then a new one decides.
func (t *Test) once(ctx context.Context) error {
	if t.bench != nil && t.made >= most {
		t.clear()
	}
	used := t.bench != nil
	err := t.sign(ctx)
	if err != nil && used && !t.bench.lasts() && ctx.Err() == nil {
		t.clear()
		err = t.sign(ctx)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := t.o.Commit(ctx); err != nil {
		return fmt.Errorf("the commit after a test signature: %w", err)
	}
	return nil
}

func (t *Test) sign(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if t.bench == nil {
		if t.bench, err = newBench(ctx, t.o.Dir); err != nil {
			return fmt.Errorf("preparing a test signature: %w", err)
		}
	}
	t.made++
	if err := t.bench.sign(ctx, t.made); err != nil {
		return fmt.Errorf("a test signature: %w", err)
	}
	return nil
}

func (t *Test) clear() {
	if t.bench != nil {
		t.bench.close()
	}
	t.bench, t.made = nil, 0
}
