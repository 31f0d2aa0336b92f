package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// outbox brings segments to the bearers: those of a packet that was just
// sealed, and those that the sweeper claims from the rows.
type outbox struct {
	*core
	line    *line
	places  places
	crowded time.Time // more was due then than there are places for; the sweeper's
}

// submit hands the segments of one packet, claimed before, to the bearer in
// their order, and records what became of them with the next commit that
// comes along. When one cannot be sent now, those behind it wait with it. f
// is nil for plain text messages.
func (b *outbox) submit(ctx context.Context, f *flight, segs []store.Outbound) {
	outcomes := make([]store.SegmentOutcome, 0, len(segs))
	var again time.Time
	refused := false
	via := b.o.Route(b.destination(ctx, f, &segs[0]))
	for i := range segs {
		s := &segs[i]
		o := store.SegmentOutcome{ID: s.ID, State: store.SegQueued, NextAt: again}
		if again.IsZero() && !refused {
			o = b.submitOne(ctx, via, s)
			again = o.NextAt
			refused = o.State == store.SegRejected
			b.m.segment(o.State)
			b.traceSegment(s, &o)
		}
		if refused {
			o.State = store.SegRejected
		}
		outcomes = append(outcomes, o)
	}
	b.o.Store.RecordOutcomesLazy(outcomes)
	if !again.IsZero() {
		b.alarm.poke(again)
	}
	if refused && segs[0].TxID != "" {
		b.line.undeliverable(ctx, segs[0].TxID)
	}
}

// destination is what the route looks at. The card of a packet under way is
// known but for its IMSI; only routes that look at cards cost a read.
func (b *outbox) destination(ctx context.Context, f *flight, s *store.Outbound) bearer.Destination {
	d := bearer.Destination{MSISDN: s.Dest, ICCID: s.ICCID}
	if f != nil && f.request != nil {
		d.Profile = f.request.Card
	}
	if !b.o.RouteByCard {
		return d
	}
	_, card, _, err := b.o.Store.Lookup(ctx, s.Dest)
	if err == nil && s.ICCID != "" && card.ICCID != s.ICCID { // the number has moved to another card
		card, err = b.o.Store.Card(ctx, s.ICCID)
	}
	if err != nil {
		if !errors.Is(err, mssp.ErrNotFound) {
			b.log.Warn("card for the route", "tx", s.TxID, "error", err)
		}
		return d
	}
	d.ICCID, d.IMSI, d.Profile = card.ICCID, card.IMSI, card.Profile
	return d
}

// submitOne submits a segment once. The time-out is ours: no bearer may hold
// a transaction for ever.
func (b *outbox) submitOne(ctx context.Context, via bearer.Bearer, s *store.Outbound) store.SegmentOutcome {
	o := store.SegmentOutcome{ID: s.ID}
	if via == nil {
		b.log.Warn("no route to the number", "tx", s.TxID, "msisdn", s.Dest)
		o.State = store.SegRejected
		return o
	}
	patience := b.o.SubmitTimeOut
	if !s.ExpiresAt.IsZero() { // half of what is left is the user's, where others can take it: see package route
		left := max(s.ExpiresAt.Sub(b.o.Clock()), time.Second)
		patience = min(patience, left)
		// What waited here has less time in the network: no prompt comes after its deadline.
		s.Validity = min(s.Validity, left.Truncate(time.Second))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.Ref = string(s.TxID)
	r, err := via.Submit(ctx, s.Segment)
	if o.Route = r.Bearer; o.Route == "" {
		o.Route = via.Name()
	}
	switch {
	case err == nil:
		o.State, o.MessageID = store.SegAccepted, r.MessageID
	case errors.Is(err, bearer.ErrRefused):
		o.State = store.SegRejected
		b.log.Warn("network refused a segment", "tx", s.TxID, "msisdn", s.Dest, "route", o.Route, "part", s.Part, "error", err)
	case errors.Is(err, bearer.ErrBusy):
		o.State, o.NextAt = store.SegQueued, b.backOff(s.Tries)
	default: // ErrUnknown: it may have arrived; identical octets again
		o.State, o.NextAt = store.SegAmbiguous, b.backOff(s.Tries)
		b.log.Info("no answer from the network", "tx", s.TxID, "msisdn", s.Dest, "route", o.Route, "part", s.Part, "try", s.Tries, "error", err)
	}
	return o
}

// backOff is when a segment goes out again after so many tries: 1, 2, 4 ...
// seconds later by default.
func (b *outbox) backOff(tries int) time.Time {
	d := b.o.RetryFirst
	for i := 1; i < tries && d < b.o.RetryMax; i++ {
		d *= 2
	}
	return b.o.Clock().Add(min(d, b.o.RetryMax))
}

// sendTexts submits text messages, one goroutine for all.
func (b *outbox) sendTexts(texts []store.Outbound) {
	if len(texts) == 0 {
		return
	}
	if texts[0].State == store.SegQueued {
		b.alarm.poke(b.o.Clock()) // the sweeper claims them
		return
	}
	b.Background(func(ctx context.Context) { b.submit(ctx, nil, texts) })
}

// resubmit sends what waits in the outbox: segments to be tried again, and
// text messages. Each packet goes out in its own goroutine, because a bearer
// may be slow; places bounds them, and those of one name.
func (b *outbox) resubmit(ctx context.Context) error {
	for {
		now := b.o.Clock()
		b.crowded = time.Time{}
		segs, err := b.o.Store.ClaimSegments(ctx, now, func(names []string) []int {
			given := b.places.share(names)
			if slices.Max(given) == 0 { // each that leaves wakes the sweeper
				b.crowded = now
			}
			return given
		})
		if err != nil || len(segs) == 0 {
			return err
		}
		for len(segs) > 0 {
			n := 1
			for n < len(segs) && segs[n].TxID == segs[0].TxID && segs[n].CNTR == segs[0].CNTR && segs[n].Dest == segs[0].Dest && segs[n].For == segs[0].For {
				n++
			}
			b.launch(segs[:n:n])
			segs = segs[n:]
		}
	}
}

// maxSubmits packets may wait for a network at once: 50 binds with a window
// of 20 do not stand idle for us, whose name ever half of them have.
const maxSubmits = 2048

// launch submits segments in the background.
func (b *outbox) launch(segs []store.Outbound) {
	name := segs[0].For
	b.places.enter(name)
	b.Background(func(ctx context.Context) {
		defer func() {
			b.places.leave(name)
			b.alarm.poke(time.Time{})
		}()
		b.submit(ctx, b.flights.byID(segs[0].TxID), segs)
	})
}
