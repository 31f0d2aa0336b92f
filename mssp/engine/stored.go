package engine

import (
	"context"
	"errors"
	"sync"

	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// pending uses the complete answers that are stored and not used, of some cards.
func (x *inbox) pending(ctx context.Context, of func(ota.ICCID) bool) error {
	joined, err := x.o.Store.PendingMO(ctx)
	if err != nil {
		return err
	}
	for i := range joined {
		if err := x.useJoined(ctx, &joined[i], of); fatal(err) {
			return err
		} else if err != nil {
			x.log.Error("using a stored answer", "msisdn", joined[i].Source, "error", err)
			x.retry.add(joined[i])
		}
	}
	return nil
}

// incomplete lets the time run for answers of some cards of which a part was
// missing when the earlier process ended.
func (x *inbox) incomplete(ctx context.Context, of func(ota.ICCID) bool) error {
	sources, err := x.o.Store.Incomplete(ctx, maxRetries)
	if err != nil {
		return err
	}
	for _, n := range sources {
		f, err := x.line.flightOf(ctx, n)
		switch {
		case fatal(err):
			return err
		case err != nil:
			x.log.Error("looking for the transaction of an incomplete answer", "msisdn", n, "error", err)
		case f != nil && of(f.tx.ICCID):
			f.noteParts(x.o.Clock())
		}
	}
	return nil
}

// useJoined uses a stored, complete answer, when it is of some card or of none
// that waits; whatever it turns out to be, it is consumed.
func (x *inbox) useJoined(ctx context.Context, j *store.Joined, of func(ota.ICCID) bool) (err error) {
	if err = x.useOnce(ctx, j, of); errors.Is(err, errPanic) {
		return x.consume(ctx, j.ID) // it would fail again, at every start
	}
	return err
}

func (x *inbox) useOnce(ctx context.Context, j *store.Joined, of func(ota.ICCID) bool) (err error) {
	defer x.caught("using a stored answer", &err)
	f, err := x.line.flightOf(ctx, j.Source)
	if err != nil {
		return err
	}
	if f != nil && !of(f.tx.ICCID) {
		return nil // who serves the card uses it
	}
	if f == nil {
		return x.orphan(ctx, j)
	}
	return x.answer(ctx, f, j, nil)
}

func (x *inbox) consume(ctx context.Context, id int64) error {
	if id == 0 {
		return nil
	}
	return x.o.Store.ConsumeMO(ctx, id)
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

func (x *inbox) retryAnswers(ctx context.Context) error {
	var errs []error
	for _, j := range x.retry.take() {
		if err := x.useJoined(ctx, &j, everywhere); err != nil {
			x.retry.add(j)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
