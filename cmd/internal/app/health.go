package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
)

const checkEvery = 5 * time.Second

// checkTime is for one whole self-check; tests have more.
var checkTime = 3 * time.Second

// check is one question of the self-check. A no that is not the first is an alert.
type check struct {
	name  string
	ask   func(context.Context) error
	alert [2]string // its kind and name; none: no alert
	// spare, when set, tells whether something else does the work: then a no is
	// told and does not make the service unready.
	spare func() bool
}

// health keeps the result of the last self-check.
type health struct {
	checks []check
	alerts *alert.Board
	mu     sync.Mutex // one self-check at a time
	failed []bool     // what was no at the last one
	clock  func() time.Time
	ready  prometheus.Gauge
	last   atomic.Pointer[verdict]
}

// verdict is the result of one self-check: why the service is not ready.
type verdict struct {
	at      time.Time
	reasons []string
	spared  []string // what fails while something else does its work
}

func newHealth(reg prometheus.Registerer, clock func() time.Time, alerts *alert.Board, checks []check) *health {
	h := &health{checks: checks, alerts: alerts, failed: make([]bool, len(checks)), clock: clock, ready: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "simsign_ready", Help: "1 when the last self-check found nothing: the store answers and takes what it is given, a CA is there, every phone is reached by a bearer that takes messages.",
	})}
	reg.MustRegister(h.ready)
	return h
}

// run asks every question once.
func (h *health) run(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	v := &verdict{at: h.clock()}
	for i, c := range h.checks {
		err := c.ask(ctx)
		switch {
		case err == nil:
		case c.spare != nil && c.spare():
			v.spared = append(v.spared, c.name+": "+err.Error())
		default:
			v.reasons = append(v.reasons, c.name+": "+err.Error())
		}
		h.alert(&c, err, h.failed[i])
		h.failed[i] = err != nil
	}
	h.last.Store(v)
	if len(v.reasons) == 0 {
		h.ready.Set(1)
	} else {
		h.ready.Set(0)
	}
}

// alert tells the operator of a no that lasts.
func (h *health) alert(c *check, err error, again bool) {
	switch kind, name := c.alert[0], c.alert[1]; {
	case kind == "":
	case err == nil:
		h.alerts.Clear(kind, name)
	case again:
		h.alerts.Raise(kind, name, err.Error())
	}
}

// now is why the service is not ready; nothing when it is. A self-check that
// has not come back for long is a reason of its own.
func (h *health) now() []string {
	v := h.last.Load()
	if v == nil {
		return []string{"starting"}
	}
	if age := h.clock().Sub(v.at); age > 4*checkEvery {
		return append([]string{fmt.Sprintf("the last self-check is %s old", age.Round(time.Second))}, v.reasons...)
	}
	return v.reasons
}

// checks are the questions.
func (a *App) checks() []check {
	out := []check{
		{"store", func(ctx context.Context) error {
			if err := a.core.Store.Ping(ctx); err != nil {
				return err
			}
			return a.core.Store.Writable(ctx)
		}, [2]string{alert.Store, "database"}, nil},
		{"ca", func(context.Context) error {
			if a.ca == nil {
				return errors.New("there is none yet (simsign ca init, then restart)")
			}
			if end := a.ca.Certificate().NotAfter; a.o.Clock().After(end) {
				return fmt.Errorf("its certificate has expired (%s)", end.Format(time.DateOnly))
			}
			return nil
		}, [2]string{}, nil},
	}
	for i, c := range a.bearers.list {
		out = append(out, check{
			"bearer " + c.Name(), func(context.Context) error { return a.bearers.fault(c) },
			[2]string{alert.Bearer, c.Name()},
			func() bool { return a.spare(i) },
		})
	}
	return out
}

// spare reports whether another bearer carries the messages of the one at i.
func (a *App) spare(i int) bool {
	conditions := func(b *config.Bearer) string { return fmt.Sprint(b.Prefixes, b.ICCID, b.IMSI, b.CardProfiles) }
	for n, c := range a.bearers.list {
		if n != i && conditions(&a.cfg.Bearers[n]) == conditions(&a.cfg.Bearers[i]) && c.Attached() && a.bearers.fault(c) == nil {
			return true
		}
	}
	return false
}

// checkNow asks for a self-check soon: a bearer knows that it came or went.
func (a *App) checkNow() {
	select {
	case a.recheck <- struct{}{}:
	default:
	}
}

// Ready is why the service is not ready; nothing when it is.
func (a *App) Ready() []string { return a.health.now() }

// spared is what fails while something else does its work.
func (h *health) spared() []string {
	if v := h.last.Load(); v != nil {
		return v.spared
	}
	return nil
}

// Alive reports whether the service still does its work, ready or not: the
// watchdog of the service manager is fed with it. A bearer that is not
// attached is no reason for a restart; a store that does not answer is.
func (a *App) Alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return a.core.Store.Ping(ctx)
}
