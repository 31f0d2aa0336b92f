package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// Observer is told that a transaction has ended, which named it when it was
// accepted: the transaction is as it ended, with the data that was left for the
// observer. It is told after the commit that ended the transaction, by this
// process or a later one, and at least once: it must not mind to hear the same
// again. After an error it is told again later; who gives up returns nil.
type Observer func(ctx context.Context, c store.Completion) error

const (
	observerTime   = 30 * time.Second // that an observer may take
	observerClaim  = 2 * observerTime // after that somebody else may tell it
	observerPause  = 10 * time.Minute // longest between two tries
	observerPlaces = 16               // ends that one observer is told at the same time
)

// observers tells who observes transactions that they have ended. What is to be
// told, and when, stands in columns.
type observers struct {
	*core
	by map[string]*observer // nothing is added after Start

	mu     sync.Mutex
	absent map[string]bool // observers that are missed here, and were logged
}

// observer has places of its own: one that hangs holds up no other.
type observer struct {
	name   string
	tell   Observer
	places chan struct{}
}

func (b *observer) free() int { return cap(b.places) - len(b.places) }

// Observe registers an observer. The name stands in the rows, so it never
// changes. Call it before Start.
func (e *Engine) Observe(name string, o Observer) error {
	if name == "" || e.observers.by[name] != nil {
		return fmt.Errorf("engine: the observer %q has no name or is registered already", name)
	}
	e.observers.by[name] = &observer{name: name, tell: o, places: make(chan struct{}, observerPlaces)}
	return nil
}

// recover takes up what an earlier process was telling when it ended.
func (o *observers) recover(ctx context.Context) error { return o.free(ctx, true) }

// takeOver takes up what boxes were telling that have died.
func (o *observers) takeOver(ctx context.Context) error { return o.free(ctx, false) }

func (o *observers) free(ctx context.Context, mine bool) error {
	waiting, err := o.o.Store.FreeCompletions(ctx, o.o.Clock(), mine)
	for _, name := range waiting {
		o.known(name)
	}
	return err
}

// ended has the observer of a transaction told.
func (o *observers) ended(tx *mssp.Transaction) {
	if tx.Observer.Name != "" && o.known(tx.Observer.Name) {
		o.alarm.poke(o.o.Clock())
	}
}

// known says whether somebody is registered under a name. What is to be told to
// others waits for a process that knows them.
func (o *observers) known(name string) bool {
	if o.by[name] != nil {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.absent[name] {
		o.absent[name] = true
		o.log.Warn("nobody is registered for an observer of transactions: what it has to be told waits", "observer", name)
	}
	return false
}

// tell takes what is due, and tells it in the background.
func (o *observers) tell(ctx context.Context) error {
	var errs []error
	now := o.o.Clock()
	for _, b := range o.by {
		free := b.free()
		if free == 0 {
			continue
		}
		cs, err := o.o.Store.ClaimCompletions(ctx, b.name, now, now.Add(observerClaim), free)
		errs = append(errs, err)
		for _, c := range cs {
			b.places <- struct{}{} // only the sweeper takes places
			o.Background(func(ctx context.Context) {
				defer o.leave(b)
				o.tellOne(ctx, b, c)
			})
		}
	}
	return errors.Join(errs...)
}

// leave gives a place back. When it was the last one, more may wait.
func (o *observers) leave(b *observer) {
	full := b.free() == 0
	<-b.places
	if full {
		o.alarm.poke(o.o.Clock())
	}
}

func (o *observers) tellOne(ctx context.Context, b *observer, c store.Completion) {
	var err error
	if _, changed := o.request(&c.Tx); errors.Is(changed, errUnauthentic) {
		o.log.Error("observer and transaction do not belong together: nobody is told", "tx", c.Tx.ID, "observer", b.name, "error", changed)
	} else {
		telling, cancel := context.WithTimeout(ctx, observerTime)
		err = b.tell(telling, c)
		cancel()
	}
	if err == nil {
		if err := o.o.Store.Told(context.WithoutCancel(ctx), c); err != nil {
			o.log.Error("noting that an observer was told", "tx", c.Tx.ID, "observer", b.name, "error", err)
		}
		return
	}
	if ctx.Err() != nil {
		return // the next start takes it up
	}
	again := o.o.Clock().Add(o.pause(c.Try))
	o.log.Warn("an observer was not told", "tx", c.Tx.ID, "observer", b.name, "try", c.Try, "again", again, "error", err)
	if err := o.o.Store.RetryCompletion(ctx, c, again); err != nil {
		o.log.Error("noting that an observer was not told", "tx", c.Tx.ID, "observer", b.name, "error", err)
		return
	}
	o.alarm.poke(again)
}

// pause before the try after this one: 1, 2, 4 ... seconds by default.
func (o *observers) pause(try int) time.Duration {
	d := o.o.RetryFirst
	for i := 1; i < try && d < observerPause; i++ {
		d *= 2
	}
	return min(d, observerPause)
}

// due is when tell has to be called; zero when there is nothing to wait for.
func (o *observers) due(ctx context.Context) (next time.Time) {
	for _, b := range o.by {
		if b.free() == 0 { // whoever leaves a full house pokes
			continue
		}
		at, err := o.o.Store.CompletionDue(ctx, b.name)
		if err == nil && !at.IsZero() && (next.IsZero() || at.Before(next)) { // after an error the sweeper comes again anyway
			next = at
		}
	}
	return next
}

func newObservers(c *core) *observers {
	return &observers{core: c, by: map[string]*observer{}, absent: map[string]bool{}}
}
