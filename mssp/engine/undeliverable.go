package engine

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// undeliverable ends a transaction that the network refuses.
func (l *line) undeliverable(ctx context.Context, id mssp.TransID) {
	if err := l.undeliver(ctx, id); err != nil {
		l.log.Error("ending an undeliverable transaction", "tx", id, "error", err)
	}
}

// givenUp ends a transaction whose message the network has not delivered.
func (l *line) givenUp(ctx context.Context, id mssp.TransID, number sms.MSISDN, cause string) error {
	l.log.Info("network has given up a message", "tx", id, "msisdn", number, "cause", cause)
	return l.undeliver(ctx, id)
}

// undeliver ends a transaction that the network will never take, unless more
// than one attempt is under way: then the deadline decides. When the card has
// spoken already a copy was lost, not the message: the event does not fit then.
func (l *line) undeliver(ctx context.Context, id mssp.TransID) error {
	tx, err := l.o.Store.Transaction(ctx, id)
	if err == nil && tx.Attempt <= 1 {
		_, err = l.conclude(ctx, func() (store.Finish, error) {
			f := store.Finish{
				TxID: id, Event: mssp.EventUndeliver, Status: mssp.OTAError,
				Detail: "the network refused the message to the user's phone: not delivered",
			}
			l.abort(ctx, &tx, nil, &f)
			return f, nil
		})
	}
	if errors.Is(err, mssp.ErrEvent) {
		return nil
	}
	return err
}
