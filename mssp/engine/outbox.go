package engine

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// submit hands the segments of one packet, claimed before, to the bearer in
// their order, and records what became of them with the next commit that
// comes along. When one cannot be sent now, those behind it wait with it. f
// is nil for plain text messages.
func (e *Engine) submit(ctx context.Context, f *flight, segs []store.Outbound) {
	outcomes := make([]store.SegmentOutcome, 0, len(segs))
	var again time.Time
	refused := false
	b := e.o.Route(e.destination(ctx, f, &segs[0]))
	for i := range segs {
		s := &segs[i]
		o := store.SegmentOutcome{ID: s.ID, State: store.SegQueued, NextAt: again}
		if again.IsZero() && !refused {
			o = e.submitOne(ctx, b, s)
			again = o.NextAt
			refused = o.State == store.SegRejected
			e.m.segment(o.State)
			e.traceSegment(s, &o)
		}
		if refused {
			o.State = store.SegRejected
		}
		outcomes = append(outcomes, o)
	}
	e.o.Store.RecordOutcomesLazy(outcomes)
	if !again.IsZero() {
		e.poke(again)
	}
	if refused && segs[0].TxID != "" {
		e.undeliverable(ctx, segs[0].TxID)
	}
}

// destination is what the route looks at. The card of a packet under way is
// known but for its IMSI; only routes that look at cards cost a read.
func (e *Engine) destination(ctx context.Context, f *flight, s *store.Outbound) bearer.Destination {
	d := bearer.Destination{MSISDN: s.Dest, ICCID: s.ICCID}
	if f != nil && f.job != nil && f.job.doc != nil {
		d.Profile = f.job.doc.Card
	}
	if !e.o.RouteByCard {
		return d
	}
	_, card, _, err := e.o.Store.Lookup(ctx, s.Dest)
	if err == nil && s.ICCID != "" && card.ICCID != s.ICCID { // the number has moved to another card
		card, err = e.o.Store.Card(ctx, s.ICCID)
	}
	if err != nil {
		if !errors.Is(err, mssp.ErrNotFound) {
			e.log.Warn("card for the route", "tx", s.TxID, "error", err)
		}
		return d
	}
	d.ICCID, d.IMSI, d.Profile = card.ICCID, card.IMSI, card.Profile
	return d
}

// submitOne submits a segment once. The time-out is ours: no bearer may hold
// a transaction for ever.
func (e *Engine) submitOne(ctx context.Context, b bearer.Bearer, s *store.Outbound) store.SegmentOutcome {
	o := store.SegmentOutcome{ID: s.ID}
	if b == nil {
		e.log.Warn("no route to the number", "tx", s.TxID, "msisdn", s.Dest)
		o.State = store.SegRejected
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, e.o.SubmitTimeOut)
	defer cancel()
	s.Ref = string(s.TxID)
	r, err := b.Submit(ctx, s.Segment)
	if o.Route = r.Bearer; o.Route == "" {
		o.Route = b.Name()
	}
	switch {
	case err == nil:
		o.State, o.MessageID = store.SegAccepted, r.MessageID
	case errors.Is(err, bearer.ErrRefused):
		o.State = store.SegRejected
		e.log.Warn("network refused a segment", "tx", s.TxID, "msisdn", s.Dest, "route", o.Route, "part", s.Part, "error", err)
	case errors.Is(err, bearer.ErrBusy):
		o.State, o.NextAt = store.SegQueued, e.backOff(s.Tries)
	default: // ErrUnknown: it may have arrived; identical octets again
		o.State, o.NextAt = store.SegAmbiguous, e.backOff(s.Tries)
		e.log.Info("no answer from the network", "tx", s.TxID, "msisdn", s.Dest, "route", o.Route, "part", s.Part, "try", s.Tries, "error", err)
	}
	return o
}

// backOff is when a segment goes out again after so many tries: 1, 2, 4 ...
// seconds later by default.
func (e *Engine) backOff(tries int) time.Time {
	d := e.o.RetryFirst
	for i := 1; i < tries && d < e.o.RetryMax; i++ {
		d *= 2
	}
	return e.o.Clock().Add(min(d, e.o.RetryMax))
}

// undeliverable ends a transaction that the network will never take, unless
// more than one attempt is under way: then the deadline decides. When the card
// has spoken already a copy was refused, not the message: the event does not
// fit then.
func (e *Engine) undeliverable(ctx context.Context, id mssp.TransID) {
	tx, err := e.o.Store.Transaction(ctx, id)
	if err == nil && tx.Attempt <= 1 {
		_, err = e.finish(ctx, store.Finish{
			TxID: id, Event: mssp.EventUndeliver, Status: mssp.OTAError,
			Detail: "the network refused the message to the user's phone: not delivered",
		})
	}
	if err != nil && !errors.Is(err, mssp.ErrEvent) {
		e.log.Error("ending an undeliverable transaction", "tx", id, "error", err)
	}
}

// resubmit sends what waits in the outbox: segments to be tried again, and
// text messages. Each packet goes out in its own goroutine, because a bearer
// may be slow; maxSubmits bounds them.
func (e *Engine) resubmit(ctx context.Context) error {
	for {
		// Only the sweeper takes places, so a place that is free stays free.
		free := cap(e.submits) - len(e.submits)
		if free == 0 {
			return nil // each of them wakes the sweeper when it is done
		}
		segs, err := e.o.Store.ClaimSegments(ctx, e.o.Clock(), min(free, 256))
		if err != nil || len(segs) == 0 {
			return err
		}
		for len(segs) > 0 {
			n := 1
			for n < len(segs) && segs[n].TxID == segs[0].TxID && segs[n].CNTR == segs[0].CNTR && segs[n].Dest == segs[0].Dest {
				n++
			}
			e.launch(segs[:n:n])
			segs = segs[n:]
		}
	}
}

// maxSubmits packets may wait for a network at once: 50 binds with a window
// of 20 do not stand idle for us.
const maxSubmits = 1024

// launch submits segments in the background.
func (e *Engine) launch(segs []store.Outbound) {
	e.submits <- struct{}{}
	e.background(func(ctx context.Context) {
		defer func() {
			<-e.submits
			e.poke(time.Time{})
		}()
		e.submit(ctx, e.flights.byID(segs[0].TxID), segs)
	})
}
