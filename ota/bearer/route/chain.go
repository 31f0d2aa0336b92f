package route

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// chain is what carries one message, all parts of it: the bearers that may,
// the first choice first. It is for one goroutine.
type chain struct {
	list []*breaker
	name string           // in whose name
	by   *breaker         // has the parts so far
	sent []bearer.Segment // those parts, where there may be another bearer
}

// Name is the name of the first choice; the receipt names the one that took it.
func (c *chain) Name() string { return c.list[0].Name() }

// Down implements bearer.Judge.
func (c *chain) Down() error {
	var why error
	for _, b := range c.list {
		spent, down := spent(b.Bearer, c.name), down(b.Bearer)
		switch {
		case spent != nil:
			why = spent
		case down != nil:
			why = down
		case b.stalled():
			why = b.fault()
		case attached(b.Bearer):
			return nil
		}
	}
	if why == nil {
		return nil // links come back
	}
	return fmt.Errorf("%w: %w", bearer.ErrAway, why)
}

// Submit implements bearer.Bearer. A bearer that does not take the message, or
// leaves it without an answer, is followed by the next: the octets are the
// same, so that a card that gets both takes the second for a repeat. Unknown
// stays unknown unless another takes it.
func (c *chain) Submit(ctx context.Context, s bearer.Segment) (bearer.Receipt, error) {
	var unknown, last outcome
	for i, b := range c.list {
		more := c.more(i)
		probe, err := b.enter()
		if err != nil && (more > 0 || !b.refusing()) {
			if last.err == nil {
				last = outcome{bearer.Receipt{Bearer: b.Name()}, err}
			}
			continue
		}
		last = c.try(ctx, b, s, more, probe)
		switch {
		case last.err == nil:
			c.took(i, s)
			return last.receipt, nil
		case errors.Is(last.err, bearer.ErrRefused):
			if !(probe || b.refusing()) || more == 0 {
				return last.or(unknown)
			}
		case !errors.Is(last.err, bearer.ErrBusy) && unknown.err == nil:
			unknown = last
		}
		if ctx.Err() != nil {
			break
		}
	}
	return last.or(unknown)
}

// outcome is how a submission ended.
type outcome struct {
	receipt bearer.Receipt
	err     error
}

// or is the end of a chain: what one of them left unknown is not known better
// because another has not taken it.
func (o outcome) or(unknown outcome) (bearer.Receipt, error) {
	if unknown.err != nil {
		o = unknown
	}
	return o.receipt, o.err
}

// more is how many bearers behind i could take a message now.
func (c *chain) more(i int) (n int) {
	for _, b := range c.list[i+1:] {
		if attached(b.Bearer) && b.ready() {
			n++
		}
	}
	return n
}

// try gives a part to a bearer, with the parts before it when another has
// those: a phone joins only what comes from one sender.
func (c *chain) try(ctx context.Context, b *breaker, s bearer.Segment, more int, probe bool) outcome {
	if c.by != nil && c.by != b {
		for _, before := range c.sent {
			if before.Dest != s.Dest || len(before.UDH) == 0 {
				continue
			}
			r, err := b.attempt(ctx, before, b.share(ctx, more, probe), more > 0, probe)
			if err != nil {
				return outcome{r, fmt.Errorf("%w: the parts before it: %v", bearer.ErrBusy, err)}
			}
			probe = false
		}
	}
	r, err := b.attempt(ctx, s, b.share(ctx, more, probe), more > 0, probe)
	return outcome{r, err}
}

// share is how long a bearer may have a message: its own time, but where n
// others could take it no more of what is left than falls to each when half
// of it shall remain for the user.
func (b *breaker) share(ctx context.Context, n int, probe bool) time.Duration {
	d := b.patience
	if n == 0 {
		return d
	}
	if end, ok := ctx.Deadline(); ok {
		if s := time.Until(end) / time.Duration(2*(n+1)); d == 0 || s < d {
			d = s
		}
	}
	if probe && (d == 0 || d > probeTime) {
		d = probeTime
	}
	return max(d, time.Nanosecond)
}

// took notes that a bearer has a part: the others go the same way.
func (c *chain) took(i int, s bearer.Segment) {
	b := c.list[i]
	if len(c.list) == 1 {
		return
	}
	copy(c.list[1:i+1], c.list[:i])
	c.list[0], c.by = b, b
	c.sent = append(c.sent, s)
}

// refusing reports whether the breaker opened because everything is refused.
func (b *breaker) refusing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open && b.refuses
}
