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
	id, client, name, meaning string
	began                     time.Time
	trim                      bool // it is time to look how many are kept
	done                      chan struct{}
	answer                    Answer // once done is closed
}

// calls are those that are under way here. A client's request id finds the call that it
// began: the same message gets the same answer, and nobody is asked twice. What has ended
// is in the database (kept.go). Each client has so many places of its own; who fills them
// takes none from others.
type calls struct {
	mu   sync.Mutex
	byID map[string]*call  // by id of the call
	of   map[string]*owned // by client
}

// owned are the calls of a client, by its request id or the id of the call.
type owned struct {
	by    map[string]*call
	begun int // since the start of the service
}

// Bounds of the calls of one client.
const (
	openMost = 1000           // under way
	keptMost = 20_000         // under way or ended
	KeptFor  = 24 * time.Hour // after the beginning
	trimEach = 1000           // calls of a client between two looks at how many are kept
)

func newCalls() *calls {
	return &calls{byID: map[string]*call{}, of: map[string]*owned{}}
}

// begin is the call of a request: a new one, which the caller must end, or the one that
// came before. ok is false when the client has no place left.
func (c *calls) begin(client, request, meaning string, now time.Time) (x *call, fresh, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.of[client]
	if own == nil {
		own = &owned{by: map[string]*call{}}
		c.of[client] = own
	}
	x = &call{id: "c" + strings.ToLower(rand.Text()), client: client, meaning: meaning, began: now, done: make(chan struct{})}
	if x.name = "c " + x.id; request != "" {
		x.name = "r " + request
	}
	if was := own.by[x.name]; was != nil {
		return was, false, true
	}
	if len(own.by) >= openMost {
		return nil, false, false
	}
	own.begun++
	x.trim = own.begun%trimEach == 0
	own.by[x.name], c.byID[x.id] = x, x
	return x, true, true
}

// find is a call of that client that is under way; nil when it has none of that id.
func (c *calls) find(client, id string) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.byID[id]; x != nil && x.client == client {
		return x
	}
	return nil
}

// end gives a call its answer to all who wait for it here.
func (c *calls) end(x *call, a Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.of[x.client].by, x.name)
	delete(c.byID, x.id)
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
