package esme

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
)

// Why a segment was not taken; all are bearer.ErrBusy.
var (
	errNotBound = fmt.Errorf("%w: no bind is up", bearer.ErrAway)
	errHeld     = fmt.Errorf("%w: paused by the operator", bearer.ErrAway)
	errFull     = fmt.Errorf("%w: the queue is full", bearer.ErrAway)
)

// result is how a submission ended.
type result struct {
	receipt bearer.Receipt
	err     error
}

// Submit implements bearer.Bearer. When ctx ends while the segment waits, it
// is taken back (ErrBusy); when it is with the centre, its fate is ErrUnknown
// and what comes later goes to the bearer.Resolver.
func (c *Client) Submit(ctx context.Context, seg bearer.Segment) (bearer.Receipt, error) {
	ch := make(chan result, 1)
	it, err := c.enqueue(ctx, &seg, func(r bearer.Receipt, err error) { ch <- result{r, err} })
	if err != nil {
		return bearer.Receipt{Bearer: c.o.Name}, err
	}
	select {
	case r := <-ch:
		return r.receipt, r.err
	case <-ctx.Done():
	}
	switch c.q.leave(it) {
	case queued, delayed, paced:
		return bearer.Receipt{Bearer: c.o.Name}, fmt.Errorf("%w: it still waited in the queue", bearer.ErrBusy)
	case out:
		return bearer.Receipt{Bearer: c.o.Name}, fmt.Errorf("%w: %w", bearer.ErrUnknown, ctx.Err())
	}
	r := <-ch // its end is being told just now
	return r.receipt, r.err
}

// Go is Submit for callers that do not wait: done is called once with the
// outcome, on a goroutine of the bind, and must not block. ctx bounds only
// the wait for room in the queue. An error means that done is not called and
// nothing was sent.
func (c *Client) Go(ctx context.Context, seg bearer.Segment, done func(bearer.Receipt, error)) error {
	_, err := c.enqueue(ctx, &seg, done)
	return err
}

func (c *Client) enqueue(ctx context.Context, seg *bearer.Segment, done func(bearer.Receipt, error)) (*item, error) {
	msg, err := c.o.encode(seg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bearer.ErrRefused, err)
	}
	it := &item{id: seg.ID, ref: seg.Ref, who: seg.For, msg: msg, done: done, since: time.Now()}
	if err := c.q.add(ctx, it, !seg.Elsewhere); err != nil {
		return nil, err
	}
	return it, nil
}

// outcome is what the session says of an item. It runs on a goroutine of the
// session and does not block.
func (l *link) outcome(it *item, o smpp.Outcome) {
	c := l.c
	if !o.Late {
		defer l.release() // when the segment has its place in the queue again, if it gets one
	}
	switch {
	case errors.Is(o.Err, smpp.ErrNotSent):
		c.q.unsent(it)
		if !c.q.again(it, 0, true) {
			c.finish(it, bearer.Receipt{}, c.q.refusal(), false)
		}
	case !o.Answered():
		c.o.Metrics.Unanswered()
		l.log.Info("no response to a submit_sm", "segment", it.id, "tx", it.ref, "sequence", o.Seq, "error", o.Cause)
		c.finish(it, bearer.Receipt{}, fmt.Errorf("%w: %w", bearer.ErrUnknown, o.Cause), false)
	default:
		c.o.Metrics.Response(o.Status, o.RTT)
		if o.Late {
			c.o.Metrics.Late()
			l.log.Info("late response", "segment", it.id, "tx", it.ref, "sequence", o.Seq, "status", o.Status.String(), "after", o.RTT)
		}
		l.answered(it, o)
	}
}

// answered deals with a submit_sm_resp (SMPP 3.4 4.4.2), or the generic_nack in
// its place (SMPP 3.4 4.3).
func (l *link) answered(it *item, o smpp.Outcome) {
	c := l.c
	if o.Err == nil {
		now := time.Now()
		c.pace.accepted(now)
		l.pace.accepted(now)
		id := c.o.Quirks.ResponseIDs.normal(o.MessageID())
		if c.o.Quirks.UserRef {
			id = userRef(uint16(it.id))
		}
		c.finish(it, bearer.Receipt{MessageID: id}, nil, o.Late)
		return
	}
	a := c.o.Policy[o.Status]
	if a.Slow {
		now := time.Now()
		c.pace.throttled(now)
		l.pace.throttled(now)
	}
	if a.Pause > 0 {
		c.q.pause(a.Pause)
	}
	if a.Leave {
		l.leave()
	}
	tries := it.tries // the item is ours until again
	err := error(o.Status)
	if o.Nack {
		err = fmt.Errorf("generic_nack: %w", o.Status)
	}
	switch {
	case a.Do == Refuse:
		l.log.Warn("centre refused a segment", "segment", it.id, "tx", it.ref, "sequence", o.Seq, "error", err)
		c.finish(it, bearer.Receipt{}, fmt.Errorf("%w: %w", bearer.ErrRefused, err), o.Late)
	case !o.Late && a.Do != Busy && tries < a.Tries && c.q.again(it, a.Delay, a.Do == Head):
		l.log.Debug("segment goes out again", "segment", it.id, "tx", it.ref, "try", tries, "status", o.Status.String())
	default:
		c.finish(it, bearer.Receipt{}, fmt.Errorf("%w: %w", bearer.ErrBusy, err), o.Late)
	}
}

// finish tells the end of an item to whoever submitted it, or, when that was
// told "unknown" before, to the Resolver.
func (c *Client) finish(it *item, r bearer.Receipt, err error, late bool) {
	r.Bearer = c.o.Name
	if was := c.q.finish(it); !late && was != left {
		it.done(r, err)
		return
	}
	if c.resolver == nil || errors.Is(err, bearer.ErrUnknown) {
		return
	}
	c.background(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, c.o.DeliverTimeout)
		defer cancel()
		if rerr := c.resolver.Resolve(ctx, it.id, r, err); rerr != nil {
			c.log.Error("late response was not recorded", "segment", it.id, "tx", it.ref, "error", rerr)
		}
	})
}
