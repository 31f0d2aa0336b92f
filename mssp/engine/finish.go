package engine

import (
	"context"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// finish ends a transaction in one commit and then, and only then, does what
// follows from it: wake who waits, submit the next transaction of that card,
// send text messages. It may be called twice for one transaction; the first
// outcome stands (I7).
func (e *Engine) finish(ctx context.Context, f store.Finish) (store.FinishResult, error) {
	if f.At.IsZero() {
		f.At = e.o.Clock()
	}
	s := e.sealer()
	res, err := e.o.Store.Finish(ctx, f, s.seal)
	if err != nil {
		return res, err
	}
	if res.Applied {
		e.ended(&res.Tx)
	}
	for i := range res.Failed {
		e.failedAtTurn(ctx, &res.Failed[i])
	}
	if d := res.Next; d != nil {
		fl := e.takeOff(d, s)
		// Never in this goroutine: it may be the one by which the bearer
		// learns what the network says.
		e.background(func(ctx context.Context) { e.submit(ctx, fl, d.Segments) })
	}
	e.sendTexts(res.Texts)
	return res, nil
}

// failedAtTurn does what follows from the end of a transaction whose packet
// could not be sealed when its turn came.
func (e *Engine) failedAtTurn(ctx context.Context, tx *mssp.Transaction) {
	var f store.Finish
	if e.abort(ctx, tx, &f); len(f.Keys) > 0 {
		if err := e.o.Store.PutKeyPairs(ctx, f.Keys); err != nil {
			e.log.Error("noting the end of a registration", "tx", tx.ID, "error", err)
		}
	}
	e.ended(tx)
}

// sendTexts submits text messages, one goroutine for all.
func (e *Engine) sendTexts(texts []store.Outbound) {
	if len(texts) == 0 {
		return
	}
	if texts[0].State == store.SegQueued {
		e.poke(e.o.Clock()) // the sweeper claims them
		return
	}
	e.background(func(ctx context.Context) { e.submit(ctx, nil, texts) })
}

// ended does what follows from the end of a transaction, once.
func (e *Engine) ended(tx *mssp.Transaction) {
	e.flights.drop(tx.ID)
	e.m.ended(tx)
	e.log.Info("transaction ended", "tx", tx.ID, "kind", tx.Kind, "state", tx.State, "status", int(tx.Status),
		"msisdn", tx.MSISDN, "attempts", tx.Attempt, "took", tx.FinishedAt.Sub(tx.CreatedAt))
	if until := e.peace.note(tx, e.o.Clock()); !until.IsZero() {
		e.log.Info("user is left in peace", "msisdn", tx.MSISDN, "until", until)
	}
	e.traceEnded(tx)
	e.waiters.wake(*tx)
}
