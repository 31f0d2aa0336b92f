package modem

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// A modem takes a message every few seconds: those of a provider that sends few go
// out between those of one that has filled its part of the queue.
func TestTurns(t *testing.T) {
	bubble(t, Options{Pace: 3 * time.Second, Queue: 3}, nil, func(l *lab) {
		l.want(1, nil) // the next goes 3 seconds later
		ended := make(chan int64, 10)
		submit := func(ctx context.Context, who string, id int64, want error) {
			seg := packet(id)
			seg.For = who
			go func() {
				if _, err := l.Submit(ctx, seg); !errors.Is(err, want) {
					t.Errorf("segment %d: %v, want %v", id, err, want)
				}
				ended <- id
			}()
			l.sleep(0)
		}
		gone, leave := context.WithCancel(context.Background())
		submit(context.Background(), "ap:many", 2, nil)
		submit(gone, "ap:many", 3, bearer.ErrBusy)
		submit(context.Background(), "ap:many", 4, nil)
		submit(context.Background(), "ap:many", 5, bearer.ErrAway)
		submit(context.Background(), "ap:few", 11, nil)
		leave()
		l.sleep(time.Minute)
		close(ended)
		var order []int64
		for id := range ended {
			order = append(order, id)
		}
		if want := []int64{5, 3, 2, 11, 4}; !slices.Equal(order, want) {
			t.Errorf("the order was %v, want %v", order, want)
		}
		if s := l.Status(); s.Queued != 0 {
			t.Errorf("%d wait", s.Queued)
		}
	})
}
