package engine

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

var (
	_ bearer.Inbox    = (*Engine)(nil)
	_ bearer.Resolver = (*Engine)(nil)
	_ bearer.Alerter  = (*Engine)(nil)
)

// report takes a delivery report. One that says "given up"
// ends the transaction, unless the card has spoken already or a later attempt
// is under way. One that comes before the response to its segment is stored
// and used when that has come.
func (x *inbox) report(ctx context.Context, r bearer.Report) error {
	id, err := x.o.Store.Reported(ctx, r)
	if err != nil || id == "" || r.Delivered {
		return err
	}
	return x.line.givenUp(ctx, id, r.Dest, r.Cause)
}

// matchReceipts uses the receipts that came too early.
func (x *inbox) matchReceipts(ctx context.Context) error {
	rs, err := x.o.Store.MatchReceipts(ctx, 256)
	for _, r := range rs {
		if r.TxID != "" && !r.Delivered {
			err = errors.Join(err, x.line.givenUp(ctx, r.TxID, r.Dest, r.Cause))
		}
	}
	return err
}

// resolve takes the end of a submission that was unknown:
// an ambiguous segment that the network has does not go out again.
func (x *inbox) resolve(ctx context.Context, segmentID int64, r bearer.Receipt, err error) error {
	o := store.SegmentOutcome{ID: segmentID, State: store.SegAccepted, Route: r.Bearer, MessageID: r.MessageID}
	switch {
	case err == nil:
	case errors.Is(err, bearer.ErrRefused):
		o.State = store.SegRejected
	default:
		o.State, o.NextAt = store.SegQueued, x.o.Clock()
	}
	id, changed, serr := x.o.Store.Resolve(ctx, o)
	if serr != nil || !changed {
		return serr
	}
	x.m.segment(o.State)
	x.log.Info("a late response has settled a segment", "tx", id, "segment", segmentID, "route", r.Bearer, "state", string(o.State))
	switch {
	case o.State == store.SegRejected && id != "":
		return x.line.givenUp(ctx, id, "", "the response came late: refused")
	case o.State == store.SegQueued:
		x.alarm.poke(o.NextAt)
	}
	return nil
}

// alert takes the news that a phone is back: what waits for it goes out now.
func (x *inbox) alert(ctx context.Context, number sms.MSISDN) error {
	now := x.o.Clock()
	n, err := x.o.Store.Alert(ctx, number, now)
	if n > 0 {
		x.alarm.poke(now)
	}
	return err
}
