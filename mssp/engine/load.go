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
func (e *Engine) flightOf(ctx context.Context, n sms.MSISDN) (*flight, error) {
	if f := e.flights.byNumber(n); f != nil {
		return f, nil
	}
	_, card, _, err := e.o.Store.Lookup(ctx, n)
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// At most one (I4), however many wait behind it.
	txs, err := e.o.Store.Transactions(ctx, store.TransactionFilter{ICCID: card.ICCID, Open: true, AtCard: true, Limit: 1})
	if err != nil || len(txs) == 0 {
		return nil, err
	}
	return e.load(ctx, txs[0])
}

// load makes the flight of a transaction that another process has sealed.
func (e *Engine) load(ctx context.Context, tx mssp.Transaction) (*flight, error) {
	f := &flight{tx: tx, prompted: tx.State == mssp.Prompted, ends: e.ends(&tx)}
	d, err := parseDocument(tx.Request)
	if err != nil {
		return nil, err
	}
	f.job = &job{doc: d}
	if f.packets, err = e.o.Store.Packets(ctx, tx.ID); err != nil {
		return nil, err
	}
	if len(f.packets) == 0 {
		return nil, errors.New("transaction is at the card without a packet")
	}
	p, ok := e.o.CardProfiles[d.Card]
	if !ok {
		return nil, errors.New("card profile " + d.Card + " is not configured")
	}
	ks, err := e.o.Store.KeySet(ctx, tx.ICCID, f.packets[len(f.packets)-1].KVN)
	if err != nil {
		return nil, err
	}
	if f.set, err = e.keySet(&p, ks); err != nil {
		return nil, err
	}
	e.flights.put(f)
	return f, nil
}

// ends is when the time of a transaction is up: at its deadline, and not later
// than its whole life from now.
func (e *Engine) ends(tx *mssp.Transaction) time.Duration {
	return e.o.Elapsed() + min(tx.Deadline.Sub(e.o.Clock()), tx.Deadline.Sub(tx.CreatedAt))
}

// ready makes sure that the job of a flight is computed.
func (e *Engine) ready(ctx context.Context, f *flight) (*job, error) {
	j := f.job
	if j.doc.Op != opSign || j.digest != nil {
		return j, nil
	}
	row, err := e.o.Store.Certificate(ctx, j.doc.Serial)
	if err != nil {
		return nil, err
	}
	cert, err := e.certs.parse(row.Serial, row.DER)
	if err != nil {
		return nil, err
	}
	return e.compute(j.doc, cert)
}
