package engine

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// flightOf is the transaction now at the card that answers under a number:
// from memory or, after a restart and on another box, from the store. It is
// nil when there is none; then known tells whether anybody has that number.
func (c *core) flightOf(ctx context.Context, n sms.MSISDN) (*flight, error) {
	if f := c.flights.byNumber(n); f != nil {
		return f, nil
	}
	_, card, _, err := c.o.Store.Lookup(ctx, n)
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// At most one (I4), however many wait behind it.
	txs, err := c.o.Store.Transactions(ctx, store.TransactionFilter{ICCID: card.ICCID, Open: true, AtCard: true, Limit: 1})
	if err != nil || len(txs) == 0 {
		return nil, err
	}
	return c.load(ctx, txs[0])
}

// load makes the flight of a transaction that another process has sealed.
func (c *core) load(ctx context.Context, tx mssp.Transaction) (*flight, error) {
	f := &flight{tx: tx, prompted: tx.State == mssp.Prompted, ends: c.ends(&tx)}
	var err error
	if f.request, err = c.request(&tx); err != nil {
		return nil, err
	}
	if f.packets, err = c.o.Store.Packets(ctx, tx.ID); err != nil {
		return nil, err
	}
	if len(f.packets) == 0 {
		return nil, errors.New("transaction is at the card without a packet")
	}
	p, ok := c.o.CardProfiles[f.request.Card]
	if !ok {
		return nil, errors.New("card profile " + f.request.Card + " is not configured")
	}
	ks, err := c.o.Store.KeySet(ctx, tx.ICCID, f.packets[len(f.packets)-1].KVN)
	if err != nil {
		return nil, err
	}
	if f.set, err = c.keySet(&p, ks); err != nil {
		return nil, err
	}
	c.flights.put(f)
	return f, nil
}

// ends is when the time of a transaction is up: at its deadline, and not later
// than its whole life from now.
func (c *core) ends(tx *mssp.Transaction) time.Duration {
	return c.o.Elapsed() + min(tx.Deadline.Sub(c.o.Clock()), tx.Deadline.Sub(tx.CreatedAt))
}
