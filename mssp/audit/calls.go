package audit

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
)

// most kinds of calls are told apart between two flushes.
const most = 24

// Calls takes what is called and changes nothing: questions, and what is refused. Anybody
// may call as often as he likes, so equal calls are counted, and each kind that there was
// is one entry when Flush comes; of more than some kinds one entry tells how many
// there were. A nil *Calls takes nothing.
type Calls struct {
	write func(context.Context, ...Entry) error

	mu    sync.Mutex
	kinds map[string]*Entry
	lost  int64
}

// NewCalls writes with a function that makes a commit of its own.
func NewCalls(write func(context.Context, ...Entry) error) *Calls {
	return &Calls{write: write, kinds: map[string]*Entry{}}
}

// Count counts a call.
func (c *Calls) Count(e Entry) {
	if c != nil {
		c.count(e, 1)
	}
}

// count counts a call of a kind; the first one as so many. It reports whether it was.
func (c *Calls) count(e Entry, first int64) bool {
	key := string(e.Canonical()) + e.Subject.secret
	c.mu.Lock()
	defer c.mu.Unlock()
	have, ok := c.kinds[key]
	switch {
	case ok:
		have.Times++
	case len(c.kinds) >= most:
		c.lost++
	default:
		e.Times = first
		c.kinds[key] = &e
		return true
	}
	return false
}

// Tell writes the first of its kind at once, and counts the others.
func (c *Calls) Tell(ctx context.Context, e Entry) error {
	if c == nil {
		return nil
	}
	if e.Actor == (Actor{}) {
		e.Actor = From(ctx)
	}
	if !c.count(e, 0) {
		return nil
	}
	return c.write(context.WithoutCancel(ctx), e)
}

// Flush writes what was counted.
func (c *Calls) Flush(ctx context.Context) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	kinds, lost := c.kinds, c.lost
	c.kinds, c.lost = map[string]*Entry{}, 0
	c.mu.Unlock()
	var es []Entry
	for _, key := range slices.SortedFunc(maps.Keys(kinds), strings.Compare) {
		if e := kinds[key]; e.Times > 0 {
			es = append(es, *e)
		}
	}
	if lost > 0 {
		es = append(es, Entry{Action: "call.more", Subject: Of("call", ""), Detail: "calls of other kinds", Times: lost})
	}
	if len(es) == 0 {
		return nil
	}
	err := c.write(ctx, es...)
	if err != nil {
		c.back(kinds, lost)
	}
	return err
}

// back counts again what could not be written, for the next Flush.
func (c *Calls) back(kinds map[string]*Entry, lost int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost += lost
	for key, e := range kinds {
		switch have := c.kinds[key]; {
		case have != nil:
			have.Times += e.Times
		case len(c.kinds) < most:
			c.kinds[key] = e
		default:
			c.lost += e.Times
		}
	}
}
