package int3

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"
)

// call is something that a client asked for and that may take as long as a user thinks.
type call struct {
	id, client, meaning string
	began               time.Time
	done                chan struct{}
	answer              Answer // once done is closed
}

// calls are those that are under way or have ended not long ago. A client's request id
// finds the call that it began: the same message gets the same answer, and nobody is
// asked twice. Each client has so many places of its own; who fills them takes none from
// others.
type calls struct {
	clock func() time.Time

	mu   sync.Mutex
	byID map[string]*call  // by id of the call
	of   map[string]*owned // by client
}

// owned are the calls of a client, by its request id or the id of the call.
type owned struct {
	by   map[string]*call
	open int
}

// Bounds of the calls of one client.
const (
	openMost  = 1000           // under way
	keptMost  = 20_000         // under way or ended
	keptFor   = 24 * time.Hour // after the beginning
	cleanEach = 1000
)

func newCalls(clock func() time.Time) *calls {
	return &calls{clock: clock, byID: map[string]*call{}, of: map[string]*owned{}}
}

// begin is the call of a request: a new one, which the caller must end, or the one that
// came before. ok is false when the client has no place left.
func (c *calls) begin(client, request, meaning string) (x *call, fresh, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.of[client]
	if own == nil {
		own = &owned{by: map[string]*call{}}
		c.of[client] = own
	}
	if x := own.by["r "+request]; x != nil && request != "" && !c.old(x) {
		return x, false, true
	}
	if len(own.by) >= keptMost {
		c.clean(own.by)
	}
	if len(own.by) >= keptMost || own.open >= openMost {
		return nil, false, false
	}
	own.open++
	x = &call{id: "c" + strings.ToLower(rand.Text()), client: client, meaning: meaning, began: c.clock(), done: make(chan struct{})}
	key := "c " + x.id
	if request != "" {
		key = "r " + request
	}
	if was := own.by[key]; was != nil {
		delete(c.byID, was.id)
	}
	own.by[key], c.byID[x.id] = x, x
	return x, true, true
}

func (x *call) ended() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

func (c *calls) old(x *call) bool { return x.ended() && c.clock().Sub(x.began) > keptFor }

// clean forgets what is old; where that is not enough, what has ended.
func (c *calls) clean(own map[string]*call) {
	for _, gone := range []func(*call) bool{c.old, (*call).ended} {
		for key, x := range own {
			if gone(x) {
				delete(own, key)
				delete(c.byID, x.id)
			}
		}
		if len(own) <= keptMost-cleanEach {
			return
		}
	}
}

// find is a call of that client; nil when it has none of that id.
func (c *calls) find(client, id string) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.byID[id]; x != nil && x.client == client && !c.old(x) {
		return x
	}
	return nil
}

// end gives a call its answer.
func (c *calls) end(x *call, a Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[x.client].open--
	a.Call = x.id
	x.answer = a
	close(x.done)
}

// wait is the answer, or that there is none yet after so long.
func (x *call) wait(ctx context.Context, most time.Duration) Answer {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-x.done:
		return x.answer
	case <-t.C:
	case <-ctx.Done():
	}
	select {
	case <-x.done:
		return x.answer
	default:
		return Answer{Result: Pending, Call: x.id}
	}
}
