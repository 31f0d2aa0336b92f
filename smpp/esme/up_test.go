package esme

import (
	"sync"
	"testing"

	"github.com/simsign/simsign/smpp"
)

// One bind goes while another comes: the queue is open as long as any is up,
// whichever is counted first.
func TestGoAndCome(t *testing.T) {
	c, err := New(Options{Name: "north", Address: "127.0.0.1:1", Binds: 2, Bind: smpp.Bind{SystemID: "x"}, Inbox: &inbox{}})
	if err != nil {
		t.Fatal(err)
	}
	a, b := c.links[0], c.links[1]
	c.up(a, 1)
	for i := range 50_000 {
		var wg sync.WaitGroup
		wg.Go(func() { c.up(a, -1) })
		wg.Go(func() { c.up(b, 1) })
		wg.Wait()
		c.q.mu.Lock()
		closed := c.q.closed
		c.q.mu.Unlock()
		if closed {
			t.Fatalf("round %d: a bind is up, and nothing may be submitted", i)
		}
		a, b = b, a
	}
}
