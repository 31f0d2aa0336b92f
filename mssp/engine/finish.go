package engine

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// finish ends a transaction in one commit and then, and only then, does what
// follows from it: wake who waits, submit the next transaction of that card,
// send text messages. It may be called twice for one transaction; the first
// outcome stands (I7).
func (l *line) finish(ctx context.Context, f store.Finish) (store.FinishResult, error) {
	if f.At.IsZero() {
		f.At = l.o.Clock()
	}
	f.Rules = l.rules
	s := l.sealer()
	res, err := l.o.Store.Finish(ctx, f, s.seal)
	if err != nil {
		return res, err
	}
	if res.Aside {
		l.aside(ctx, &res)
		return res, nil
	}
	if res.Applied {
		l.ended(&res.Tx)
	}
	if !res.Peace.IsZero() {
		l.log.Info("user is left in peace by a provider", "msisdn", res.Tx.MSISDN, "ap", res.Tx.AP, "until", res.Peace)
	}
	if !res.AllPeace.IsZero() {
		l.log.Warn("user is left in peace by all providers", "msisdn", res.Tx.MSISDN, "until", res.AllPeace)
	}
	for i := range res.Failed {
		l.failedAtTurn(ctx, &res.Failed[i])
	}
	if d := res.Next; d != nil {
		fl := l.takeOff(d, s)
		// Never in this goroutine: it may be the one by which the bearer
		// learns what the network says.
		l.Background(func(ctx context.Context) { l.outbox.submit(ctx, fl, d.Segments) })
	}
	l.outbox.sendTexts(res.Texts)
	return res, nil
}

// atMost is how often an end is judged whose rows somebody changes meanwhile.
const atMost = 5

// conclude ends a transaction as judge says, which rests on rows of card and keys
// that it reads. When somebody has changed them before the commit (an operator,
// a registration), it judges anew.
func (l *line) conclude(ctx context.Context, judge func() (store.Finish, error)) (store.FinishResult, error) {
	for try := 1; ; try++ {
		f, err := judge()
		if err != nil {
			return store.FinishResult{}, err
		}
		res, err := l.finish(ctx, f)
		if try == atMost || !errors.Is(err, store.ErrChanged) {
			return res, err
		}
	}
}

// failedAtTurn does what follows from the end of a transaction whose packet
// could not be sealed when its turn came.
func (l *line) failedAtTurn(ctx context.Context, tx *mssp.Transaction) {
	err := error(store.ErrChanged)
	for try := 0; try < atMost && errors.Is(err, store.ErrChanged); try++ {
		var f store.Finish
		if l.abort(ctx, tx, nil, &f); len(f.Keys) == 0 {
			err = nil
			break
		}
		err = l.o.Store.PutKeyPairs(ctx, f.Keys)
	}
	if err != nil {
		l.log.Error("noting what the end of a transaction means", "tx", tx.ID, "error", err)
	}
	if l.ended(tx); tx.Status == mssp.InternalError {
		l.raise(string(tx.ID), "has failed when its turn came: "+tx.Detail)
	}
}

// ended does what follows from the end of a transaction, once.
func (l *line) ended(tx *mssp.Transaction) {
	l.flights.drop(tx.ID)
	l.m.ended(tx)
	l.log.Info("transaction ended", "tx", tx.ID, "kind", tx.Kind, "state", tx.State, "status", int(tx.Status),
		"msisdn", tx.MSISDN, "attempts", tx.Attempt, "took", tx.FinishedAt.Sub(tx.CreatedAt))
	l.traceEnded(tx)
	l.waiters.wake(*tx)
	l.observers.ended(tx)
	if l.after != nil && tx.Kind != mssp.KindSign {
		l.Background(func(ctx context.Context) { l.after(ctx, tx) })
	}
}

// Ended does what follows from the end of transactions that the store has ended in a commit
// of its own: who waits is told.
func (e *Engine) Ended(txs []mssp.Transaction) {
	for i := range txs {
		e.line.ended(&txs[i])
	}
}

// sealNext gives an idle card its next transaction.
func (l *line) sealNext(ctx context.Context, iccid ota.ICCID) error {
	s := l.sealer()
	d, failed, err := l.o.Store.SealNext(ctx, iccid, l.o.Clock(), s.seal)
	if err != nil {
		return err
	}
	for i := range failed {
		l.failedAtTurn(ctx, &failed[i])
	}
	if d != nil {
		f := l.takeOff(d, s)
		l.Background(func(ctx context.Context) { l.outbox.submit(ctx, f, d.Segments) })
	}
	return nil
}

// reattempt sends the message of a flight once more under a new counter.
func (l *line) reattempt(ctx context.Context, f *flight, jump ota.CNTR) error {
	s := l.sealer()
	s.jump = jump
	d, err := l.o.Store.Reattempt(ctx, f.tx.ID, s.seal)
	if err != nil || d == nil {
		return err
	}
	l.log.Info("transaction sent again under a new counter", "tx", d.Tx.ID, "attempt", d.Packet.Attempt)
	fl := l.takeOff(d, s)
	l.Background(func(ctx context.Context) { l.outbox.submit(ctx, fl, d.Segments) })
	return nil
}
