package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// quiet is a store with nothing to do, which notes when the sweeper looks for that.
type quiet struct {
	Store
	start time.Time
	at    []time.Duration
	due   time.Time // what it has to do next
	stop  context.CancelFunc
}

func (q *quiet) ClaimSegments(context.Context, time.Time, func([]string) []int) ([]store.Outbound, error) {
	if q.at = append(q.at, time.Since(q.start)); len(q.at) > 30 {
		q.stop() // it goes round and round
	}
	return nil, nil
}

func (q *quiet) NextDue(context.Context, time.Time) (time.Time, error) {
	if !q.due.After(time.Now()) { // that was done
		return time.Time{}, nil
	}
	return q.due, nil
}

func (q *quiet) TakeOver(context.Context) (store.Recovery, error) { return store.Recovery{}, nil }

func (q *quiet) Expired(context.Context, time.Time, int) ([]mssp.Transaction, error) {
	return nil, nil
}

func (q *quiet) MatchReceipts(context.Context, int) ([]store.Receipt, error) { return nil, nil }

// The sweeper comes at its start, every three seconds, and when it is told to: at once,
// or at the time that was said; what is later than its next look wakes nobody.
func TestSweeperComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q := &quiet{start: time.Now(), due: time.Now().Add(12 * time.Second), stop: cancel}
		e, err := New(Options{Store: q, Vault: trusting{}, Route: func(bearer.Destination) bearer.Bearer { return nil }, Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.sweeper.run(ctx)
		}()
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		pass(7 * time.Second) // 0, 3, 6
		e.alarm.poke(time.Time{})
		pass(0)                                   // 7, and then 10
		e.alarm.poke(time.Now().Add(time.Hour))   // nobody is woken
		e.alarm.poke(time.Now().Add(time.Second)) // 8, 11, 12 by the column, and then 15
		pass(8100 * time.Millisecond)
		cancel()
		<-done
		want := []time.Duration{0, 3, 6, 7, 8, 11, 12, 15}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(q.at, want) {
			t.Errorf("it comes at %v, want %v", q.at, want)
		}
	})
}
