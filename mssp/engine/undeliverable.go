package engine

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// undeliverable ends a transaction that the network will never take, unless
// more than one attempt is under way: then the deadline decides. When the card
// has spoken already a copy was refused, not the message: the event does not
// fit then.
func (l *line) undeliverable(ctx context.Context, id mssp.TransID) {
	tx, err := l.o.Store.Transaction(ctx, id)
	if err == nil && tx.Attempt <= 1 {
		_, err = l.finish(ctx, store.Finish{
			TxID: id, Event: mssp.EventUndeliver, Status: mssp.OTAError,
			Detail: "the network refused the message to the user's phone: not delivered",
		})
	}
	if err != nil && !errors.Is(err, mssp.ErrEvent) {
		l.log.Error("ending an undeliverable transaction", "tx", id, "error", err)
	}
}

// givenUp ends a transaction whose message the network will not deliver,
// unless the card has spoken: then a copy was lost, not the message.
func (l *line) givenUp(ctx context.Context, id mssp.TransID, number sms.MSISDN, cause string) error {
	l.log.Info("network has given up a message", "tx", id, "msisdn", number, "cause", cause)
	l.undeliverable(ctx, id)
	return nil
}
