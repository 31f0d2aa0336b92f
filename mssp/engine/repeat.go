package engine

import (
	"bytes"
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// Repeat answers a provider's request that came before (I12), or one that uses
// the identifier of another: that is fault 101. found is false for a request that
// is new.
func (e *Engine) Repeat(ctx context.Context, k store.RequestKey) (tx mssp.Transaction, found bool, err error) {
	return e.line.repeat(ctx, k)
}

func (l *line) repeat(ctx context.Context, k store.RequestKey) (mssp.Transaction, bool, error) {
	old, err := l.o.Store.Earlier(ctx, k)
	if errors.Is(err, mssp.ErrNotFound) {
		return mssp.Transaction{}, false, nil
	}
	if err != nil {
		return mssp.Transaction{}, false, l.Internal("looking up a repeated request", err)
	}
	old, err = l.again(old, k)
	return old, true, err
}

// again answers a request against which an earlier one stands.
func (l *line) again(old mssp.Transaction, k store.RequestKey) (mssp.Transaction, error) {
	same := old.Instant == k.Instant
	switch {
	case same && bytes.Equal(old.RequestHash, k.Hash) && l.fresh(&old):
		return old, nil
	case same && k.Instant > 0:
		return mssp.Transaction{}, mssp.Faultf(mssp.WrongParam, "AP_TransID and Instant were used before for another request: send the present time, and choose a new AP_TransID")
	case old.Instant == mssp.OldInstant:
		return mssp.Transaction{}, mssp.Faultf(mssp.WrongParam, "AP_TransID belongs to a request that is still open: choose a new one, or wait until it has ended")
	}
	return mssp.Transaction{}, mssp.Faultf(mssp.WrongParam, "AP_TransID was used before, and the operator's record of this AP_ID wants each used once: choose a new one")
}

// fresh: a request with an Instant may come again for a day, one without only
// while it is open.
func (l *line) fresh(old *mssp.Transaction) bool {
	if old.Instant == 0 {
		return !old.State.Final()
	}
	return l.o.Clock().Sub(old.CreatedAt) < mssp.RepeatFor
}

// Refuse answers a provider's request that cannot become a transaction: with
// the fault that err is, or with the transaction of an earlier request, whose
// repeat it is.
func (e *Engine) Refuse(ctx context.Context, o *Order, err error) (mssp.Transaction, error) {
	return e.line.refuse(ctx, o, err)
}

func (l *line) refuse(ctx context.Context, o *Order, err error) (mssp.Transaction, error) {
	if tx, found, oldErr := l.repeat(ctx, o.key()); found || oldErr != nil {
		return tx, oldErr
	}
	return mssp.Transaction{}, l.refused(o.Kind, err)
}

// key is how the request of an order is told from the provider's others.
func (o *Order) key() store.RequestKey {
	return store.RequestKey{AP: o.AP, TransID: o.APTransID, Instant: o.Instant, Hash: o.RequestHash, Once: o.Once}
}
