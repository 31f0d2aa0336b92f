package esme

import (
	"context"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/turns"
	"github.com/simsign/simsign/smpp"
)

// place is where an item is.
type place byte

const (
	queued  place = iota
	delayed       // waits for its time, then back into the queue
	paced         // with a bind that waits for its rate
	out           // with the session: octets may have left
	over          // its outcome has been told
	left          // out, and nobody waits any more: a response goes to the Resolver
)

// item is one segment on its way through this client. Its fields below mu of
// the queue change only under that lock.
type item struct {
	id   int64
	ref  string // transaction, for logs
	who  string // in whose name it goes out
	msg  *smpp.Message
	done func(bearer.Receipt, error)

	at    place
	tries int
	since time.Time // when it was submitted
	turn  turns.Place[*item]
}

// queue holds the segments that wait, in turn by name and oldest first, and
// wakes pumps.
type queue struct {
	mu    sync.Mutex
	cond  sync.Cond // something to take, or a reason to look again
	quiet sync.Cond // no bind has an item
	room  chan struct{}
	items turns.Queue[*item]
	limit int // of one name
	busy  int // items with binds

	held   bool      // by the operator
	closed bool      // no bind takes anything
	until  time.Time // nothing goes out before
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit, room: make(chan struct{}), closed: true}
	q.cond.L, q.quiet.L = &q.mu, &q.mu
	return q
}

// push puts an item into the queue; mu is held.
func (q *queue) push(it *item, head bool) {
	it.at, it.turn.Value = queued, it
	if head {
		q.items.PushFront(it.who, &it.turn)
	} else {
		q.items.Push(it.who, &it.turn)
	}
	q.cond.Signal()
}

// gone looks whether the item that was taken out has made room; mu is held.
func (q *queue) gone(it *item) {
	if q.items.Of(it.who) == q.limit-1 {
		q.wakeSubmitters()
	}
}

// wakeSubmitters wakes those who wait for room; mu is held.
func (q *queue) wakeSubmitters() {
	close(q.room)
	q.room = make(chan struct{})
}

// take waits for an item and takes it. It gives nil when stop says so; who
// makes stop true must call wakePumps.
func (q *queue) take(stop func() bool) *item {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if stop() {
			q.cond.Signal() // what woke us may be for another
			return nil
		}
		if q.items.Len() > 0 && !q.held && !time.Now().Before(q.until) {
			it := q.items.Take().Value
			q.gone(it)
			it.at = paced
			q.busy++
			return it
		}
		q.cond.Wait()
	}
}

// wakePumps makes every pump look again.
func (q *queue) wakePumps() {
	q.mu.Lock()
	q.cond.Broadcast()
	q.mu.Unlock()
}

// returned counts an item that no bind has any more.
func (q *queue) returned() {
	q.mu.Lock()
	if q.busy--; q.busy == 0 {
		q.quiet.Broadcast()
	}
	q.mu.Unlock()
}

// set changes who may take and put, and wakes everybody.
func (q *queue) set(f func(q *queue)) {
	q.mu.Lock()
	f(q)
	q.cond.Broadcast()
	q.wakeSubmitters()
	q.mu.Unlock()
}

func (q *queue) isHeld() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// idle waits until no bind has an item, or ctx ends.
func (q *queue) idle(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		q.mu.Lock()
		q.quiet.Broadcast()
		q.mu.Unlock()
	})()
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.busy > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.quiet.Wait()
	}
	return nil
}

// add puts an item at the end; when there is no room for its name it waits for
// some, or says so.
func (q *queue) add(ctx context.Context, it *item, wait bool) error {
	for {
		q.mu.Lock()
		switch {
		case q.held:
			q.mu.Unlock()
			return errHeld
		case q.closed:
			q.mu.Unlock()
			return errNotBound
		case q.items.Of(it.who) < q.limit:
			q.push(it, false)
			q.mu.Unlock()
			return nil
		case !wait:
			q.mu.Unlock()
			return errFull
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return errFull
		}
	}
}

// leave: whoever submitted the item does not wait any more. It says where the
// item was.
func (q *queue) leave(it *item) place {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := it.at
	switch was {
	case queued:
		q.items.Remove(&it.turn)
		q.gone(it)
		it.at = over
	case delayed, paced:
		it.at = over
	case out:
		it.at = left
	}
	return was
}

// finish marks the end of an item that a bind had. It says where it was.
func (q *queue) finish(it *item) place {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := it.at
	if was == out || was == paced {
		it.at = over
	}
	return was
}

// sendOff is the last look before the octets of an item go to the session:
// go now, or wait once more (again), or nobody wants it any more (gone).
func (q *queue) sendOff(it *item) (again, gone bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case it.at != paced:
		return false, true
	case q.held || q.closed || time.Now().Before(q.until):
		return true, false
	}
	it.at = out
	it.tries++
	return false, false
}

// unsent undoes sendOff for an item that did not leave.
func (q *queue) unsent(it *item) {
	q.mu.Lock()
	it.tries--
	q.mu.Unlock()
}

// pause stops everybody for d.
func (q *queue) pause(d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if u := time.Now().Add(d); u.After(q.until) {
		q.until = u
		time.AfterFunc(d, q.wakePumps)
	}
}

// again puts an item back after d. It reports false when nobody takes
// anything any more or whoever submitted it has gone.
func (q *queue) again(it *item, d time.Duration, head bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.at != out && it.at != paced || q.closed || q.held {
		return false
	}
	if d <= 0 {
		q.push(it, head)
		return true
	}
	it.at = delayed
	time.AfterFunc(d, func() {
		q.mu.Lock()
		back := it.at == delayed && !q.closed && !q.held
		gone := it.at == over
		if back {
			q.push(it, head)
		} else {
			it.at = over
		}
		why := q.why()
		q.mu.Unlock()
		if !back && !gone {
			it.done(bearer.Receipt{}, why)
		}
	})
	return true
}

// why nothing is taken; mu is held.
func (q *queue) why() error {
	if q.held {
		return errHeld
	}
	return errNotBound
}

// refusal is why nothing is taken.
func (q *queue) refusal() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.why()
}

// flush takes out all that waits.
func (q *queue) flush() []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []*item
	for p := q.items.Take(); p != nil; p = q.items.Take() {
		p.Value.at = over
		all = append(all, p.Value)
	}
	q.wakeSubmitters()
	return all
}

// oldest is since when the longest waiting item waits; zero: none does. After
// retries at the head the first need not be the oldest, but nearly so.
func (q *queue) oldest() (n int, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for it := range q.items.First {
		if since.IsZero() || it.since.Before(since) {
			since = it.since
		}
	}
	return q.items.Len(), since
}
