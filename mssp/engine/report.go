package engine

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

var (
	_ bearer.Inbox    = (*Engine)(nil)
	_ bearer.Resolver = (*Engine)(nil)
	_ bearer.Alerter  = (*Engine)(nil)
)

// Report takes a delivery report (bearer.Inbox). One that says "given up"
// ends the transaction, unless the card has spoken already or a later attempt
// is under way. One that comes before the response to its segment is stored
// and used when that has come.
func (e *Engine) Report(ctx context.Context, r bearer.Report) error {
	id, err := e.o.Store.Reported(ctx, r)
	if err != nil || id == "" || r.Delivered {
		return err
	}
	return e.givenUp(ctx, id, r.Dest, r.Cause)
}

// matchReceipts uses the receipts that came too early.
func (e *Engine) matchReceipts(ctx context.Context) error {
	rs, err := e.o.Store.MatchReceipts(ctx, 256)
	for _, r := range rs {
		if r.TxID != "" && !r.Delivered {
			err = errors.Join(err, e.givenUp(ctx, r.TxID, r.Dest, r.Cause))
		}
	}
	return err
}

// givenUp ends a transaction whose message the network will not deliver,
// unless the card has spoken: then a copy was lost, not the message.
func (e *Engine) givenUp(ctx context.Context, id mssp.TransID, number sms.MSISDN, cause string) error {
	e.log.Info("network has given up a message", "tx", id, "msisdn", number, "cause", cause)
	e.undeliverable(ctx, id)
	return nil
}

// Resolve takes the end of a submission that was unknown (bearer.Resolver):
// an ambiguous segment that the network has does not go out again.
func (e *Engine) Resolve(ctx context.Context, segmentID int64, r bearer.Receipt, err error) error {
	o := store.SegmentOutcome{ID: segmentID, State: store.SegAccepted, Route: r.Bearer, MessageID: r.MessageID}
	switch {
	case err == nil:
	case errors.Is(err, bearer.ErrRefused):
		o.State = store.SegRejected
	default:
		o.State, o.NextAt = store.SegQueued, e.o.Clock()
	}
	id, changed, serr := e.o.Store.Resolve(ctx, o)
	if serr != nil || !changed {
		return serr
	}
	e.m.segment(o.State)
	e.log.Info("a late response has settled a segment", "tx", id, "segment", segmentID, "route", r.Bearer, "state", string(o.State))
	switch {
	case o.State == store.SegRejected && id != "":
		return e.givenUp(ctx, id, "", "the response came late: refused")
	case o.State == store.SegQueued:
		e.poke(o.NextAt)
	}
	return nil
}

// Alert takes the news that a phone is back (bearer.Alerter): what waits for
// it goes out now.
func (e *Engine) Alert(ctx context.Context, number sms.MSISDN) error {
	now := e.o.Clock()
	n, err := e.o.Store.Alert(ctx, number, now)
	if n > 0 {
		e.poke(now)
	}
	return err
}
