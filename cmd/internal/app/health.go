package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/cmd/internal/alert"
)

const checkEvery = 5 * time.Second

// checkTime is for one whole self-check; tests have more.
var checkTime = 3 * time.Second

// check is one question of the self-check. A no that lasts is an alert.
type check struct {
	name  string
	ask   func(context.Context) error
	alert [2]string // its kind and name; none: no alert
	// spare, when set, tells whether something else does the work, or only work
	// can tell more: then a no is told and does not make the service unready.
	spare func() bool
}

// question is a check with what is known of it from one self-check to the next.
type question struct {
	check
	pending chan error   // asked, and no answer yet
	silent  atomic.Int32 // self-checks in a row that it has left without an answer
	since   time.Time    // of the first no in a row; zero: the last answer was yes
}

// health keeps the result of the last self-check.
type health struct {
	alerts    *alert.Board
	mu        sync.Mutex // one self-check at a time
	questions []*question
	clock     func() time.Time
	ready     prometheus.Gauge
	last      atomic.Pointer[verdict]
	log       *slog.Logger
	again     func() // asks for a self-check soon
	began     time.Time
	said      string // what the log says: ready, not ready, or nothing yet
}

// verdict is the result of one self-check: why the service is not ready.
type verdict struct {
	at      time.Time
	reasons []string
	spared  []string // what fails while something else does its work
}

func newHealth(reg prometheus.Registerer, log *slog.Logger, clock func() time.Time, alerts *alert.Board, again func(), checks []check) *health {
	h := &health{alerts: alerts, log: log, again: again, clock: clock, began: clock(), ready: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "simsign_ready", Help: "1 when the last self-check found nothing: the store takes what it is given, a CA is there, every phone is reached by a bearer that takes messages, the test signature passes.",
	})}
	for _, c := range checks {
		h.questions = append(h.questions, &question{check: c})
	}
	reg.MustRegister(h.ready)
	return h
}

// run asks every question once, all at the same time. One that hangs is a no,
// and is not asked again before it has answered.
func (h *health) run(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	fresh := map[*question]bool{}
	for _, q := range h.questions {
		fresh[q] = q.start(ctx, h.again)
	}
	v := &verdict{at: h.clock()}
	for _, q := range h.questions {
		err := h.heard(ctx, q, fresh[q])
		switch {
		case err == nil:
		case q.spare != nil && q.spare():
			v.spared = append(v.spared, q.why(err))
		default:
			v.reasons = append(v.reasons, q.why(err))
		}
		h.tell(q, err, v.at)
	}
	h.last.Store(v)
	if len(v.reasons) == 0 {
		h.ready.Set(1)
	} else {
		h.ready.Set(0)
	}
	h.say(v)
}

// why is a no with the name of what says it, once.
func (q *question) why(err error) string {
	return q.name + ": " + strings.TrimPrefix(err.Error(), q.name+": ")
}

// say writes into the log that the service is ready, or not any more. A start
// has a moment before it is a fault.
func (h *health) say(v *verdict) {
	const yes, no = "ready", "not ready"
	switch ready := len(v.reasons) == 0; {
	case ready && h.said != yes:
		h.said = yes
		h.log.Info("service is ready")
	case !ready && h.said != no && (h.said == yes || v.at.Sub(h.began) >= checkEvery):
		h.said = no
		h.log.Warn("service is not ready", "reasons", strings.Join(v.reasons, "; "))
	}
}

// start asks, unless an answer is still awaited. One that comes too late is
// asked for again at once.
func (q *question) start(ctx context.Context, again func()) bool {
	if q.pending != nil {
		return false
	}
	answer := make(chan error, 1)
	q.pending = answer
	began := time.Now()
	go func() {
		err := q.ask(ctx)
		switch slow := time.Since(began) > checkTime; {
		case err == nil, !slow && !errors.Is(err, context.DeadlineExceeded):
			q.silent.Store(0)
		case !errors.Is(err, context.DeadlineExceeded):
			q.silent.Store(silence) // its own no: whoever asks now waits as long for the same
		}
		answer <- err
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			again()
		}
	}()
	return true
}

// silence is how many self-checks in a row nothing answers before nobody waits
// for it any more. One is not enough: a disk may stand still for some seconds,
// and who waits has his signature then.
const silence = 2

// hangs is not nil while what a check asks gives no answer: nobody else needs
// to wait for it.
func (h *health) hangs(name string) error {
	for _, q := range h.questions {
		if q.name == name && q.silent.Load() >= silence {
			return fmt.Errorf("%s has not answered %d times within %s", name, silence, checkTime)
		}
	}
	return nil
}

// heard is the answer to a question, and counts when there is none. After the
// first that is missing the next self-check follows at once.
func (h *health) heard(ctx context.Context, q *question, fresh bool) error {
	ok, err := q.answer(ctx)
	switch {
	case err == nil:
		q.silent.Store(0)
	case !ok, fresh && errors.Is(err, context.DeadlineExceeded):
		if q.silent.Add(1) < silence {
			h.again()
		}
	}
	return err
}

// answer is what a question has answered; false: nothing.
func (q *question) answer(ctx context.Context) (ok bool, err error) {
	select {
	case err = <-q.pending:
	case <-ctx.Done():
		select {
		case err = <-q.pending: // while others were waited for
		default:
			return false, fmt.Errorf("has not answered within %s", checkTime)
		}
	}
	q.pending = nil
	return true, err
}

// tell tells the operator of a no that lasts.
func (h *health) tell(q *question, err error, now time.Time) {
	kind, name := q.alert[0], q.alert[1]
	switch {
	case err == nil:
		q.since = time.Time{}
		if kind != "" {
			h.alerts.Clear(kind, name)
		}
	case q.since.IsZero():
		q.since = now
	case kind != "" && now.Sub(q.since) >= checkEvery:
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
	return slices.Clone(v.reasons)
}

// spared is what fails while something else does its work.
func (h *health) spared() []string {
	if v := h.last.Load(); v != nil {
		return v.spared
	}
	return nil
}

// Ready is why the service is not ready; nothing when it is.
func (a *App) Ready() []string { return a.health.now() }

// Alive reports whether the service still does its work, ready or not: the
// watchdog of the service manager is fed with it. A bearer that is not
// attached is no reason for a restart; a store that does not answer is.
func (a *App) Alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return a.core.Store.Ping(ctx)
}

// checkNow asks for a self-check soon: a bearer knows that it came or went.
func (a *App) checkNow() {
	select {
	case a.recheck <- struct{}{}:
	default:
	}
}

// tellSpace opens and closes the alert of the disk of the database.
func (a *App) tellSpace() {
	s := a.core.Store.Space()
	if s.Tight != a.tight {
		a.tight = s.Tight
		a.checkNow()
	}
	switch {
	case !s.Tight:
		a.alerts.Clear(alert.Disk, s.Folder)
	case s.Reserve == 0:
		a.alerts.Raise(alert.Disk, s.Folder, fmt.Sprintf("is full (%d octets are left): the reserve is given up for what is under way, new requests are refused (780): make room", s.Free))
	default:
		a.alerts.Raise(alert.Disk, s.Folder, fmt.Sprintf("is nearly full (%d octets are left): new requests are refused (780): make room", s.Free))
	}
}
