package app

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/int3"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/store"
)

// erasePause is between two commits that erase: live requests come first.
const erasePause = 10 * time.Millisecond

// keepRepeat is how long what tells a repeated request is kept of a person who was erased.
const keepRepeat = mssp.RepeatFor + time.Hour

// graceTime is how long a database with transactions is left as it is after the
// first start of a program that erases, until its operator has written [retention].
const graceTime = 30 * 24 * time.Hour

// eraser erases what retention does not keep.
type eraser struct {
	a     *App
	round sync.Mutex // one at a time

	mu   sync.Mutex
	turn store.Turn
	sure time.Time     // see store.Machine
	at   time.Duration // when that was, by Elapsed
}

// take takes a turn and tells what keeps it from erasing.
func (e *eraser) take(ctx context.Context) (store.Turn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a, elapsed := e.a, e.a.o.Elapsed()
	m := store.Machine{
		Now: a.steady.now(), Known: a.o.Synchronized() && a.steady.ahead().Abs() < apart,
		Sure: e.sure, Elapsed: elapsed - e.at,
	}
	if !a.cfg.RetentionWritten() {
		m.Grace = graceTime
	}
	t, sure, err := a.core.Store.Turn(ctx, m)
	if err != nil {
		return t, err
	}
	e.turn, e.sure, e.at = t, sure, elapsed
	return t, e.tell(ctx, &t)
}

const sayTime = `simsign retention erase --today DATE, with the date of a clock that you trust`

// tell opens and closes the alerts.
func (e *eraser) tell(ctx context.Context, t *store.Turn) error {
	board, day := e.a.alerts, time.DateOnly
	switch {
	case t.Ahead > 0:
		board.Raise(alert.Retention, "clock", fmt.Sprintf("the machine's clock shows %s, which is %s after the last time that is certain: it is wrong, or the service did not run for so long; until it has come back or NTP keeps it, ages are counted from %s on and nothing is erased early; set the clock (NTP), or if it is right: %s",
			t.Now.Add(t.Ahead).Format(day), length(t.Ahead), t.Now.Format(day), sayTime))
	case t.Ahead < 0:
		board.Raise(alert.Retention, "clock", fmt.Sprintf("the machine's clock shows %s, which is %s before a time that has certainly come: what is dated now is kept as if it were of the day on which the clock is right again; set the clock (NTP), or if it is right: %s",
			t.Now.Format(day), length(-t.Ahead), sayTime))
	default:
		board.Clear(alert.Retention, "clock")
	}
	if t.Other != "" || !t.Now.Before(t.Grace) {
		board.Clear(alert.Retention, "grace")
		return nil
	}
	due, err := e.a.core.Store.Due(ctx, Keeps(&e.a.cfg.Retention, t.Now))
	if err != nil {
		return err
	}
	var what []string
	for _, k := range kinds {
		if due[k] > 0 {
			what = append(what, fmt.Sprintf("%s of %d", k, due[k]))
		}
	}
	if what == nil {
		return nil
	}
	r := &e.a.cfg.Retention
	board.Raise(alert.Retention, "grace", fmt.Sprintf("the configuration has no [retention], and transactions are older than what holds then (texts %s, octets %s, signatures %s, numbers %s): %s would be erased, and will be from %s on; write [retention] with the times that you want, or \"never\", and restart",
		r.Texts, r.Octets, r.Signatures, r.Numbers, strings.Join(what, ", "), t.Grace.Format(day)))
	return nil
}

// length is a time in days, when it has days.
func length(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return d.Round(time.Second).String()
}

// kinds are those that an operator chooses.
var kinds = [...]mssp.Erasable{mssp.Texts, mssp.Octets, mssp.Signatures, mssp.Numbers}

// tellRetention says at the start what will be erased, before it is, and before
// anything is dated here.
func (a *App) tellRetention(ctx context.Context) error {
	t, err := a.eraser.take(ctx)
	if err != nil {
		return fmt.Errorf("database: retention: %w", err)
	}
	r := &a.cfg.Retention
	a.log.Info("what is kept after the end of a transaction; the first erasure is in "+purgeEvery.String(),
		"texts", r.Texts.String(), "octets", r.Octets.String(), "signatures", r.Signatures.String(), "numbers", r.Numbers.String(), "not_before", t.Grace)
	return nil
}

// erase erases what retention does not keep, and what is left of persons whose
// erasure was begun: in small commits with pauses, so that a million old
// transactions hold nobody up.
func (e *eraser) erase(ctx context.Context) (sum store.Erased, err error) {
	e.round.Lock()
	defer e.round.Unlock()
	a := e.a
	sum = store.Erased{}
	t, err := e.take(ctx)
	if err != nil || t.Other != "" {
		return sum, err
	}
	keep := store.Retention{}
	if !t.Now.Before(t.Grace) {
		keep = Keeps(&a.cfg.Retention, t.Now)
	}
	keep.Repeat = t.Now.Add(-keepRepeat)
	if err := a.core.Store.ForgetCalls(ctx, t.Now.Add(-int3.KeptFor)); err != nil {
		return sum, err
	}
	for _, some := range []func() (store.Erased, bool, error){
		func() (store.Erased, bool, error) { return a.core.Store.EraseMarked(ctx, t.Now) },
		func() (store.Erased, bool, error) { return a.core.Store.Erase(ctx, keep, t) },
	} {
		for more := true; more && err == nil; {
			var gone store.Erased
			if gone, more, err = some(); err != nil {
				break
			}
			for kind, n := range gone {
				sum[kind] += n
			}
			if more {
				err = pause(ctx)
			}
		}
	}
	if err == nil && !t.Now.Before(t.Grace) {
		err = e.cutAudit(ctx, keep.Audit, sum)
	}
	if len(sum) == 0 {
		return sum, err
	}
	a.log.Info("erased what is not kept any more", "texts", sum[mssp.Texts], "octets", sum[mssp.Octets], "signatures", sum[mssp.Signatures], "numbers", sum[mssp.Numbers])
	if err := a.core.Store.Scrub(context.WithoutCancel(ctx)); err != nil {
		a.log.Warn("what was erased may still stand in the log of the database", "error", err)
	}
	return sum, err
}

// cutAudit cuts off what the audit log does not keep.
func (e *eraser) cutAudit(ctx context.Context, before time.Time, sum store.Erased) (err error) {
	for n := int64(1); n > 0 && err == nil && !before.IsZero(); {
		if n, err = e.a.core.Store.CutAudit(ctx, before); n > 0 && err == nil {
			sum[operator.AuditLog] += n
			e.a.log.Info("audit log cut off", "entries", n)
			err = pause(ctx)
		}
	}
	return err
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(erasePause):
		return nil
	}
}

// EraseNow implements operator.Eraser.
func (e *eraser) EraseNow(ctx context.Context) (store.Erased, error) { return e.erase(ctx) }

// Turn implements operator.Eraser.
func (e *eraser) Turn() store.Turn {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.turn
}

var _ operator.Eraser = (*eraser)(nil)
