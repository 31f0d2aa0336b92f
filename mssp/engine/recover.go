package engine

import (
	"context"
	"errors"
	"sync"

	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// recover takes up what an earlier process left at any point of its work.
// Segments that it may or may not have sent are ambiguous now and go out
// again with identical octets; idle cards with a queue get their next
// transaction; complete answers that were stored but not used are used.
func (e *Engine) recover(ctx context.Context) error {
	r, err := e.o.Store.Recover(ctx)
	if err != nil {
		return err
	}
	e.idle = r.Idle
	if err := e.sealIdle(ctx); fatal(err) {
		return err
	}
	if err := e.pending(ctx); err != nil {
		return err
	}
	if err := e.incomplete(ctx); err != nil {
		return err
	}
	e.log.Info("engine recovered", "open", r.Open, "ambiguous", r.Ambiguous, "idle", len(r.Idle))
	e.poke(e.o.Clock())
	return nil
}

// sealIdle gives the cards that a restart found idle with a queue their next
// transaction. Those for which that fails stay for the next sweep. Only start
// and sweeper call it, one after the other.
func (e *Engine) sealIdle(ctx context.Context) error {
	var errs []error
	idle := e.idle
	e.idle = nil
	for _, iccid := range idle {
		if err := e.sealNext(ctx, iccid); err != nil {
			e.log.Error("sealing the next transaction of a card", "iccid", iccid, "error", err)
			e.idle = append(e.idle, iccid)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// sealNext gives an idle card its next transaction.
func (e *Engine) sealNext(ctx context.Context, iccid ota.ICCID) error {
	s := e.sealer()
	d, failed, err := e.o.Store.SealNext(ctx, iccid, e.o.Clock(), s.seal)
	if err != nil {
		return err
	}
	for i := range failed {
		e.failedAtTurn(ctx, &failed[i])
	}
	if d != nil {
		f := e.takeOff(d, s)
		e.background(func(ctx context.Context) { e.submit(ctx, f, d.Segments) })
	}
	return nil
}

// pending uses the complete answers that are stored and not used.
func (e *Engine) pending(ctx context.Context) error {
	joined, err := e.o.Store.PendingMO(ctx)
	if err != nil {
		return err
	}
	for i := range joined {
		if err := e.useJoined(ctx, &joined[i]); fatal(err) {
			return err
		} else if err != nil {
			e.log.Error("using a stored answer", "msisdn", joined[i].Source, "error", err)
			e.retry.add(joined[i])
		}
	}
	return nil
}

// fatal errors end the start of the engine. What is wrong with one transaction
// (its card profile is not configured any more, say) must not.
func fatal(err error) bool {
	return errors.Is(err, store.ErrOutcomeUnknown) || errors.Is(err, store.ErrClosed)
}

// incomplete lets the time run for answers of which a part was missing when
// the earlier process ended.
func (e *Engine) incomplete(ctx context.Context) error {
	sources, err := e.o.Store.Incomplete(ctx, maxRetries)
	if err != nil {
		return err
	}
	for _, n := range sources {
		f, err := e.flightOf(ctx, n)
		switch {
		case fatal(err):
			return err
		case err != nil:
			e.log.Error("looking for the transaction of an incomplete answer", "msisdn", n, "error", err)
		case f != nil:
			f.noteParts(e.o.Clock())
		}
	}
	return nil
}

// useJoined uses a stored, complete answer; whatever it turns out to be, it
// is consumed.
func (e *Engine) useJoined(ctx context.Context, j *store.Joined) error {
	f, err := e.flightOf(ctx, j.Source)
	if err != nil {
		return err
	}
	if f == nil {
		e.m.mo("late")
		return e.consume(ctx, j.ID)
	}
	return e.answer(ctx, f, j, nil)
}

func (e *Engine) consume(ctx context.Context, id int64) error {
	if id == 0 {
		return nil
	}
	return e.o.Store.ConsumeMO(ctx, id)
}

// retryList holds the joined answers whose use met an internal error (the
// database was busy, say). They are durable; this only keeps the sweeper from
// waiting for a restart.
type retryList struct {
	mu sync.Mutex
	m  map[int64]store.Joined
}

const maxRetries = 1024

func (r *retryList) add(j store.Joined) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil {
		r.m = map[int64]store.Joined{}
	}
	if len(r.m) < maxRetries {
		r.m[j.ID] = j
	}
}

func (r *retryList) take() []store.Joined {
	r.mu.Lock()
	defer r.mu.Unlock()
	var js []store.Joined
	for _, j := range r.m {
		js = append(js, j)
	}
	clear(r.m)
	return js
}

func (e *Engine) retryAnswers(ctx context.Context) error {
	var errs []error
	for _, j := range e.retry.take() {
		if err := e.useJoined(ctx, &j); err != nil {
			e.retry.add(j)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
