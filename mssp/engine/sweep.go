package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// lookAround is how often the sweeper looks at the store when nothing that it
// knows of is due, and how often for boxes that have died. With the lease of a
// box (5 s) it bounds how long the work of a machine that vanished lies still.
const lookAround = 3 * time.Second

// sweeper does what is due. It alone knows which cards the start has left
// behind; everything else it reads from columns.
type sweeper struct {
	*core
	line      *line
	outbox    *outbox
	inbox     *inbox
	observers *observers
	idle      []ota.ICCID // idle cards with a queue that could not be sealed for yet
	taken     []ota.ICCID // cards of dead boxes whose answers have still to be looked for
	look      time.Time   // when to look for dead boxes again
}

// run is the only timer of the engine. It expires what is past its
// deadline, sends again what waits in the outbox, and asks again for answers
// of which a part is missing. Everything it does it finds in columns, so a
// restart loses none of it.
func (w *sweeper) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.alarm.wake:
			if !w.alarm.due() {
				timer.Reset(w.alarm.left())
				continue
			}
		}
		w.alarm.set(w.o.Clock().Add(time.Hour)) // what is poked from here on counts
		w.alarm.poke(w.sweep(ctx))
		timer.Reset(w.alarm.left())
	}
}

// sweep does everything that is due and says when to come again.
func (w *sweeper) sweep(ctx context.Context) time.Time {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"taking over from dead boxes", w.takeOver},
		{"expiring transactions", w.expire},
		{"sealing for idle cards", w.sealIdle},
		{"submitting segments", w.outbox.resubmit},
		{"using stored answers", w.inbox.retryAnswers},
		{"matching early receipts", w.inbox.matchReceipts},
		{"telling observers", w.observers.tell},
	} {
		if err := w.step(ctx, step.what, step.do); err != nil && ctx.Err() == nil {
			w.log.Error("sweep", "doing", step.what, "error", err)
			if fatal(err) {
				return w.o.Clock().Add(time.Minute)
			}
		}
	}
	next := w.o.Clock().Add(lookAround)
	if p := w.reattemptPartial(ctx); !p.IsZero() && p.Before(next) {
		next = p
	}
	if t := w.observers.due(ctx); !t.IsZero() && t.Before(next) {
		next = t
	}
	d, err := w.o.Store.NextDue(ctx, w.outbox.crowded) // who leaves a place wakes us
	if err == nil && !d.IsZero() && d.Before(next) {
		next = d
	}
	return next
}

// step is one step of a sweep: a fault of the program in it does not end the others.
func (w *sweeper) step(ctx context.Context, what string, do func(context.Context) error) (err error) {
	defer w.caught(what, &err)
	return do(ctx)
}

// expire ends what is past its deadline (3.5.3-3), and what would be had the
// clock not been set back: a card must not be busy for an hour because of that
// (F14).
func (w *sweeper) expire(ctx context.Context) error {
	var errs []error
	for _, f := range w.flights.overdue(w.o.Elapsed()) {
		tx, err := w.o.Store.Transaction(ctx, f.tx.ID)
		switch {
		case err != nil:
			errs = append(errs, err)
		case tx.State.Final(): // ended by another process, or noted here after its end
			w.flights.drop(tx.ID)
			w.line.waiters.wake(tx) // who trusted the flight has not looked at the row
		default:
			errs = append(errs, w.expireOne(ctx, &tx))
		}
	}
	for errors.Join(errs...) == nil {
		txs, err := w.o.Store.Expired(ctx, w.o.Clock(), 64)
		if err != nil || len(txs) == 0 {
			return err
		}
		for i := range txs {
			// One that cannot end must not keep the others from it.
			errs = append(errs, w.expireOne(ctx, &txs[i]))
		}
	}
	return errors.Join(errs...)
}

func (w *sweeper) expireOne(ctx context.Context, tx *mssp.Transaction) error {
	if tx.Damage != "" {
		return w.line.setAside(ctx, tx, fmt.Errorf("%w: %s", errUnauthentic, tx.Damage))
	}
	_, err := w.line.conclude(ctx, func() (store.Finish, error) {
		return w.guard(tx.ID, func() (store.Finish, error) {
			f := store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction, Detail: "time is up: " + w.line.reached(ctx, tx), At: w.o.Clock()}
			w.line.abort(ctx, tx, nil, &f)
			return f, nil
		})
	})
	if err != nil {
		return fmt.Errorf("transaction %s: %w", tx.ID, err)
	}
	return nil
}

// reattemptPartial asks again for answers of which a part has been missing
// for too long: the same INT6 message under a new counter, which the applet
// answers from memory without asking the user again. It returns when the
// next one will be due.
func (w *sweeper) reattemptPartial(ctx context.Context) time.Time {
	now := w.o.Clock()
	late, next := w.flights.partial(now, w.o.PartialAfter)
	for _, f := range late {
		f.noteParts(time.Time{})
		if f.tx.Deadline.Sub(now) < w.o.PartialAfter/3 {
			continue // no time for another answer
		}
		w.m.mo("incomplete")
		if err := w.line.reattempt(ctx, f, 0); err != nil {
			level := slog.LevelError
			if no, ok := errors.AsType[*mssp.Fault](err); ok && no.Code != mssp.InternalError {
				level = slog.LevelWarn // the user was suspended meanwhile, say: nothing is wrong here
			}
			w.log.Log(ctx, level, "asking again for a missing part", "tx", f.tx.ID, "error", err)
			f.noteParts(now) // the parts are still missing: once more after the same time
		}
	}
	return next
}
