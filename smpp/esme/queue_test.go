package esme

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/simsign/simsign/ota/bearer"
)

// Who waits for the end of a drain does not take the call that is for a pump.
func TestDrainWaitsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(10)
		q.closed, q.busy = false, 1
		ctx, cancel := context.WithCancel(t.Context())
		drained := make(chan error, 1)
		go func() { drained <- q.idle(ctx) }()
		synctest.Wait()
		taken := make(chan *item, 1)
		go func() { taken <- q.take(func() bool { return false }) }()
		synctest.Wait()
		if err := q.add(t.Context(), &item{id: 7}, true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case it := <-taken:
			if it.id != 7 {
				t.Errorf("took %d", it.id)
			}
		default:
			t.Error("a segment waits, a bind is free, and nothing happens")
			q.wakePumps()
			<-taken
		}
		cancel()
		if err := <-drained; err == nil {
			t.Error("drained with a segment under way")
		}
	})
}

// Where another centre can take a segment, it does not wait for room in the
// queue of this one; where none can, it does.
func TestFullQueuePassesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		q.closed = false
		if err := q.add(t.Context(), &item{id: 1}, false); err != nil {
			t.Fatal(err)
		}
		if err := q.add(t.Context(), &item{id: 2}, false); !errors.Is(err, bearer.ErrAway) {
			t.Errorf("no room: %v", err)
		}
		added := make(chan error, 1)
		go func() { added <- q.add(t.Context(), &item{id: 3}, true) }()
		synctest.Wait()
		if it := q.take(func() bool { return false }); it.id != 1 {
			t.Errorf("took %d", it.id)
		}
		if err := <-added; err != nil {
			t.Errorf("room again: %v", err)
		}
	})
}
