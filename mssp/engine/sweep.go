package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// idlePoll is how often the sweeper looks at the store when nothing that it
// knows of is due: another process may have left something.
const idlePoll = 5 * time.Second

// sweep is the only timer of the engine. It expires what is past its
// deadline, sends again what waits in the outbox, and asks again for answers
// of which a part is missing. Everything it does it finds in columns, so a
// restart loses none of it.
func (e *Engine) sweep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-e.wake:
			if !e.due() {
				timer.Reset(e.untilDue())
				continue
			}
		}
		e.setDue(e.o.Clock().Add(time.Hour)) // what is poked from here on counts
		e.poke(e.sweepOnce(ctx))
		timer.Reset(e.untilDue())
	}
}

// sweepOnce does everything that is due and says when to come again.
func (e *Engine) sweepOnce(ctx context.Context) time.Time {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"expiring transactions", e.expire},
		{"sealing for idle cards", e.sealIdle},
		{"submitting segments", e.resubmit},
		{"using stored answers", e.retryAnswers},
		{"matching early receipts", e.matchReceipts},
	} {
		if err := step.do(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("sweep", "doing", step.what, "error", err)
			if fatal(err) {
				return e.o.Clock().Add(time.Minute)
			}
		}
	}
	next := e.o.Clock().Add(idlePoll)
	if p := e.reattemptPartial(ctx); !p.IsZero() && p.Before(next) {
		next = p
	}
	d, err := e.o.Store.NextDue(ctx)
	if err == nil && !d.IsZero() && d.Before(next) {
		next = d
	}
	return next
}

// expire ends what is past its deadline (3.5.3-3), and what would be had the
// clock not been set back: a card must not be busy for an hour because of that
// (F14).
func (e *Engine) expire(ctx context.Context) error {
	var errs []error
	for _, f := range e.flights.overdue(e.o.Elapsed()) {
		tx, err := e.o.Store.Transaction(ctx, f.tx.ID)
		switch {
		case err != nil:
			errs = append(errs, err)
		case tx.State.Final(): // another process has ended it
			e.flights.drop(tx.ID)
		default:
			errs = append(errs, e.expireOne(ctx, &tx))
		}
	}
	for errors.Join(errs...) == nil {
		txs, err := e.o.Store.Expired(ctx, e.o.Clock(), 64)
		if err != nil || len(txs) == 0 {
			return err
		}
		for i := range txs {
			// One that cannot end must not keep the others from it.
			errs = append(errs, e.expireOne(ctx, &txs[i]))
		}
	}
	return errors.Join(errs...)
}

func (e *Engine) expireOne(ctx context.Context, tx *mssp.Transaction) error {
	f := store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction, Detail: expiredDetail(tx), At: e.o.Clock()}
	e.abort(ctx, tx, &f)
	if _, err := e.finish(ctx, f); err != nil {
		return fmt.Errorf("transaction %s: %w", tx.ID, err)
	}
	return nil
}

// expiredDetail tells how far the request has come.
func expiredDetail(tx *mssp.Transaction) string {
	switch tx.State {
	case mssp.Queued:
		return "time is up: earlier requests to this user were still being answered, this one was never sent"
	case mssp.Sending:
		return "time is up: never delivered, the network did not take the message"
	case mssp.Waiting:
		return "time is up: the network took the message, the user's phone gave no sign; it may be off or out of coverage"
	}
	return "time is up: delivered, but no answer from the user"
}

// reattemptPartial asks again for answers of which a part has been missing
// for too long: the same INT6 message under a new counter, which the applet
// answers from memory without asking the user again. It returns when the
// next one will be due.
func (e *Engine) reattemptPartial(ctx context.Context) time.Time {
	now := e.o.Clock()
	late, next := e.flights.partial(now.Add(-e.o.PartialAfter), e.o.PartialAfter)
	for _, f := range late {
		f.noteParts(time.Time{})
		if f.tx.Deadline.Sub(now) < e.o.PartialAfter/3 {
			continue // no time for another answer
		}
		e.m.mo("incomplete")
		if err := e.reattempt(ctx, f, 0); err != nil {
			e.log.Error("asking again for a missing part", "tx", f.tx.ID, "error", err)
		}
	}
	return next
}

// reattempt sends the message of a flight once more under a new counter.
func (e *Engine) reattempt(ctx context.Context, f *flight, jump ota.CNTR) error {
	s := e.sealer()
	s.jobs = map[mssp.TransID]*job{f.tx.ID: f.job}
	s.jump = jump
	d, err := e.o.Store.Reattempt(ctx, f.tx.ID, s.seal)
	if err != nil || d == nil {
		return err
	}
	e.log.Info("transaction sent again under a new counter", "tx", d.Tx.ID, "attempt", d.Packet.Attempt)
	fl := e.takeOff(d, s)
	e.background(func(ctx context.Context) { e.submit(ctx, fl, d.Segments) })
	return nil
}

// poke tells the sweeper that something is due at a time; the zero time
// means now.
func (e *Engine) poke(at time.Time) {
	e.dueMu.Lock()
	sooner := at.Before(e.dueAt)
	if sooner {
		e.dueAt = at
	}
	e.dueMu.Unlock()
	if sooner {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
}

func (e *Engine) setDue(at time.Time) {
	e.dueMu.Lock()
	defer e.dueMu.Unlock()
	e.dueAt = at
}

func (e *Engine) due() bool { return e.untilDue() <= 0 }

func (e *Engine) untilDue() time.Duration {
	e.dueMu.Lock()
	defer e.dueMu.Unlock()
	return e.dueAt.Sub(e.o.Clock())
}
