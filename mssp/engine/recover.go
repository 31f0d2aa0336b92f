package engine

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// recover takes up what boxes that are dead, or earlier starts of this one,
// left at any point of their work.
// Segments that it may or may not have sent are ambiguous now and go out
// again with identical octets; idle cards with a queue get their next
// transaction; complete answers that were stored but not used are used; who was
// being told that a transaction had ended is told again.
func (w *sweeper) recover(ctx context.Context) error {
	if err := w.adopt(ctx); err != nil {
		return err
	}
	r, err := w.o.Store.Recover(ctx)
	if err != nil {
		return err
	}
	if err := w.lookOver(ctx); err != nil {
		return err
	}
	w.idle = r.Idle
	if err := w.sealIdle(ctx); fatal(err) {
		return err
	}
	ours := among(append(r.Taken, r.Idle...)) // those that were idle may be busy by now
	if err := w.inbox.pending(ctx, ours); err != nil {
		return err
	}
	if err := w.inbox.incomplete(ctx, ours); err != nil {
		return err
	}
	if err := w.observers.recover(ctx); err != nil {
		return err
	}
	w.log.Info("engine recovered", "open", r.Open, "ambiguous", r.Ambiguous, "idle", len(r.Idle))
	w.alarm.poke(w.o.Clock())
	return nil
}

// takeOver does for the boxes that have died what recover does for earlier
// starts of this one. What the living are at is left to them.
func (w *sweeper) takeOver(ctx context.Context) error {
	now := w.o.Clock()
	if now.Before(w.look) {
		return nil
	}
	w.look = now.Add(lookAround)
	r, err := w.o.Store.TakeOver(ctx)
	w.taken = append(w.taken, r.Taken...)
	if err != nil || len(r.Dead)+len(w.taken) == 0 {
		return err
	}
	for _, b := range r.Dead {
		w.log.Warn("a box is dead: its work goes on here", "box", b.Name, "start", b.Start, "seen", b.SeenAt, "cards", len(r.Taken), "ambiguous", r.Ambiguous)
	}
	w.idle = append(w.idle, r.Idle...)
	at := among(w.taken)
	if err := errors.Join(w.inbox.pending(ctx, at), w.inbox.incomplete(ctx, at), w.observers.takeOver(ctx)); err != nil {
		return err // at the next look
	}
	w.taken = nil
	return nil
}

// among is true of these cards.
func among(cards []ota.ICCID) func(ota.ICCID) bool {
	is := make(map[ota.ICCID]bool, len(cards))
	for _, iccid := range cards {
		is[iccid] = true
	}
	return func(iccid ota.ICCID) bool { return is[iccid] }
}

// everywhere is true of every card.
func everywhere(ota.ICCID) bool { return true }

// sealIdle gives the cards that a restart found idle with a queue their next
// transaction. Those for which that fails stay for the next sweep. Only start
// and sweeper call it, one after the other.
func (w *sweeper) sealIdle(ctx context.Context) error {
	var errs []error
	idle := w.idle
	w.idle = nil
	for _, iccid := range idle {
		if err := w.line.sealNext(ctx, iccid); err != nil {
			w.log.Error("sealing the next transaction of a card", "iccid", iccid, "error", err)
			w.idle = append(w.idle, iccid)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// fatal errors end the start of the engine. What is wrong with one transaction
// (its card profile is not configured any more, say) must not.
func fatal(err error) bool {
	return errors.Is(err, store.ErrOutcomeUnknown) || errors.Is(err, store.ErrClosed) || errors.Is(err, store.ErrFenced)
}
