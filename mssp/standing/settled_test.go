package standing

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/mssp/store"
)

// A change of the card waits for a message that is being handed to the network, some seconds
// and no longer; whoever has gone is not waited for, and another error ends it at once.
//
// Supports: 5.5-1
func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := errors.New("no database")
		for _, c := range []struct {
			what  string
			after time.Duration // until then the message is under way
			then  error
			want  error
			least time.Duration
		}{
			{"nothing is under way", 0, nil, nil, 0},
			{"as long as a batch", 15 * time.Millisecond, nil, nil, 15 * time.Millisecond},
			{"a slow network", 4 * time.Second, nil, nil, 4 * time.Second},
			{"a network that hangs", time.Hour, nil, store.ErrUnderWay, settleMost},
			{"another error", 30 * time.Millisecond, other, other, 30 * time.Millisecond},
		} {
			begun := time.Now()
			err := settled(t.Context(), func() error {
				if time.Since(begun) < c.after {
					return store.ErrUnderWay
				}
				return c.then
			})
			if took := time.Since(begun); !errors.Is(err, c.want) || took < c.least || took > c.least+settlePause { // of a fake clock
				t.Errorf("%s: %v after %s", c.what, err, took)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		tries := 0
		if err := settled(gone, func() error { tries++; return store.ErrUnderWay }); !errors.Is(err, store.ErrUnderWay) || tries != 1 {
			t.Errorf("who has gone: %v after %d tries", err, tries)
		}
	})
}
