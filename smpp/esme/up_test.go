package esme

import (
	"sync"
	"testing"

	"github.com/simsign/simsign/smpp"
)

// One bind goes while another comes: the queue is open as long as any is up,
// whichever is counted first.
func TestGoAndCome(t *testing.T) {
	s, err := New(Options{Name: "north", Address: "127.0.0.1:1", Binds: 2, Bind: smpp.Bind{SystemID: "x"}, Inbox: &inbox{}})
	if err != nil {
		t.Fatal(err)
	}
	a, b := s.links[0], s.links[1]
	s.up(a, 1)
	for i := range 50_000 {
		var wg sync.WaitGroup
		wg.Go(func() { s.up(a, -1) })
		wg.Go(func() { s.up(b, 1) })
		wg.Wait()
		s.q.mu.Lock()
		closed := s.q.closed
		s.q.mu.Unlock()
		if closed {
			t.Fatalf("round %d: a bind is up, and nothing may be submitted", i)
		}
		a, b = b, a
	}
}
