package engine

import (
	"context"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// Cancel ends a transaction for an operator, whose name it keeps: who waits is
// told that it has ended, and the card is free for the next one. What the card
// shows stays there until its own time-out, and what the user answers is late.
// The error is mssp.ErrNotFound, or mssp.ErrFinal for one that has ended already.
func (e *Engine) Cancel(ctx context.Context, id mssp.TransID, operator string) (mssp.Transaction, error) {
	return e.line.cancel(ctx, id, operator)
}

func (l *line) cancel(ctx context.Context, id mssp.TransID, operator string) (mssp.Transaction, error) {
	tx, err := l.o.Store.Transaction(ctx, id)
	if err != nil {
		return tx, err
	}
	ctx = context.WithoutCancel(ctx) // an operator who leaves now must not interrupt it
	res, err := l.conclude(ctx, func() (store.Finish, error) {
		f := store.Finish{
			TxID: id, Event: mssp.EventCancelled, Status: mssp.ExpiredTransaction, By: operator, At: l.o.Clock(),
			Detail: "cancelled by the operator of the service: " + l.reached(ctx, &tx),
		}
		l.abort(ctx, &tx, nil, &f)
		return f, nil
	})
	if err != nil {
		return tx, err
	}
	if !res.Applied {
		return res.Tx, fmt.Errorf("%w: it is %s", mssp.ErrFinal, res.Tx.State)
	}
	l.log.Warn("transaction cancelled by an operator", "tx", id, "operator", operator)
	return res.Tx, nil
}

// Progress is what an open transaction waits for, for whoever asks.
func (e *Engine) Progress(ctx context.Context, tx *mssp.Transaction) string {
	return e.line.reach(ctx, tx).Progress()
}

// reached tells how far a request has come that gets no answer.
func (l *line) reached(ctx context.Context, tx *mssp.Transaction) string {
	return l.reach(ctx, tx).Ended()
}

func (l *line) reach(ctx context.Context, tx *mssp.Transaction) mssp.Reach {
	r, err := l.o.Store.Reach(ctx, tx)
	if err != nil { // whoever wants to know must not fail because of that
		l.log.Error("reading how far a transaction has come", "tx", tx.ID, "error", err)
		r = mssp.ReachOf(tx.State, false, false)
	}
	return r
}
