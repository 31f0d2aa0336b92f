package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// flightOf is the transaction now at the card that answers under a number:
// from memory or, after a restart and on another box, from the store. It is
// nil when there is none.
func (l *line) flightOf(ctx context.Context, n sms.MSISDN) (*flight, error) {
	if f := l.flights.byNumber(n); f != nil {
		return f, nil
	}
	_, card, _, err := l.o.Store.Lookup(ctx, n)
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// At most one (I4), however many wait behind it.
	txs, err := l.o.Store.Transactions(ctx, store.TransactionFilter{ICCID: card.ICCID, Open: true, AtCard: true, Limit: 1})
	if err != nil || len(txs) == 0 {
		return nil, err
	}
	return l.resume(ctx, txs[0])
}

// resume is load, except that a transaction whose rows cannot be used, because
// they were changed in the database, say, is set aside: its answer would mean
// what somebody else has written.
func (l *line) resume(ctx context.Context, tx mssp.Transaction) (*flight, error) {
	f, err := l.load(ctx, tx)
	if unusable(err) {
		return nil, l.setAside(ctx, &tx, err)
	}
	return f, err
}

// errPacket: the rows of a transaction's packets cannot be used.
var errPacket = errors.New("stored packet")

// load makes the flight of a transaction that another process has sealed.
func (l *line) load(ctx context.Context, tx mssp.Transaction) (*flight, error) {
	f := &flight{tx: tx, prompted: tx.State == mssp.Prompted, ends: l.ends(&tx)}
	var err error
	if f.request, err = l.request(&tx); err != nil {
		return nil, err
	}
	if f.packets, err = l.o.Store.Packets(ctx, tx.ID); err != nil {
		return nil, err
	}
	if len(f.packets) == 0 {
		return nil, fmt.Errorf("%w: transaction is at the card without one", errPacket)
	}
	card, err := l.o.Store.Card(ctx, tx.ICCID)
	if err != nil {
		return nil, err
	}
	rings, why, err := l.keyrings(ctx, &card, f.request.Card)
	if err = errors.Join(err, why); err != nil {
		return nil, err
	}
	if f.ring = under(rings, &f.packets[len(f.packets)-1]); f.ring == nil {
		return nil, fmt.Errorf("%w: the card has no key set %d that opens", errPacket, f.packets[len(f.packets)-1].KVN)
	}
	l.flights.put(f)
	return f, nil
}

// ends is when the time of a transaction is up: at its deadline, and not later
// than its whole life from now.
func (c *core) ends(tx *mssp.Transaction) time.Duration {
	return c.o.Elapsed() + min(tx.Deadline.Sub(c.o.Clock()), tx.Deadline.Sub(tx.CreatedAt))
}
