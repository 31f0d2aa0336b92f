package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
)

// waiters are the callers of Wait. They are in memory only: who waited when
// the process ended asks again and reads the row.
type waiters struct {
	mu  sync.Mutex
	ch  map[mssp.TransID][]chan mssp.Transaction
	n   int
	max int // negative: no limit
}

func (w *waiters) add(id mssp.TransID) (chan mssp.Transaction, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.max >= 0 && w.n >= w.max {
		return nil, false
	}
	w.n++
	c := make(chan mssp.Transaction, 1)
	w.ch[id] = append(w.ch[id], c)
	return c, true
}

func (w *waiters) remove(id mssp.TransID, c chan mssp.Transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	cs := w.ch[id]
	for i := range cs {
		if cs[i] == c {
			w.n--
			if len(cs) == 1 {
				delete(w.ch, id)
			} else {
				w.ch[id] = append(cs[:i:i], cs[i+1:]...)
			}
			return
		}
	}
}

// wake hands a final transaction to everybody who waits for it.
func (w *waiters) wake(tx mssp.Transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.ch[tx.ID] {
		c <- tx // room for one, and each transaction ends once
		w.n--
	}
	delete(w.ch, tx.ID)
}

// Wait blocks until the transaction is final or ctx ends. It works for any
// transaction of the store, also one of an earlier process.
func (e *Engine) Wait(ctx context.Context, id mssp.TransID) (mssp.Transaction, error) {
	// The order matters: first the channel, then the look at the state.
	c, ok := e.waiters.add(id)
	if !ok {
		return mssp.Transaction{}, mssp.Faultf(mssp.UnableToProvide, "too many requests wait for a signature: poll with MSS_StatusReq")
	}
	defer e.waiters.remove(id, c)
	if e.flights.byID(id) == nil {
		if tx, err := e.transaction(ctx, id); err != nil || tx.State.Final() {
			return tx, err
		}
	}
	var poll <-chan time.Time
	if e.o.Poll > 0 {
		t := time.NewTicker(e.o.Poll)
		defer t.Stop()
		poll = t.C
	}
	for {
		select {
		case tx := <-c:
			return tx, nil
		case <-poll:
			if tx, err := e.transaction(ctx, id); err != nil || tx.State.Final() {
				return tx, err
			}
		case <-ctx.Done():
			return mssp.Transaction{}, ctx.Err()
		}
	}
}

func (e *Engine) transaction(ctx context.Context, id mssp.TransID) (mssp.Transaction, error) {
	tx, err := e.o.Store.Transaction(ctx, id)
	if errors.Is(err, mssp.ErrNotFound) {
		return tx, mssp.Faultf(mssp.WrongParam, "no such transaction: MSSP_TransID is unknown here")
	}
	if err != nil {
		return tx, e.Internal("reading a transaction", err)
	}
	return tx, nil
}

// Status is the present state of a transaction, for the AP that asked for it.
// To any other it does not exist (I2).
func (e *Engine) Status(ctx context.Context, ap mssp.APID, id mssp.TransID) (mssp.Transaction, error) {
	tx, err := e.transaction(ctx, id)
	if err != nil {
		return mssp.Transaction{}, err
	}
	if tx.AP != ap {
		return mssp.Transaction{}, mssp.Faultf(mssp.WrongParam, "no such transaction: MSSP_TransID is unknown here")
	}
	return tx, nil
}
