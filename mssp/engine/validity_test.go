package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota/bearer"
)

// Each segment tells the network how long it may try: until the transaction's
// deadline, counted from the moment it leaves, so that no prompt is delivered
// to a user whose request is over.
func TestValidityEndsWithTheTransaction(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	type sent struct {
		at       time.Time
		validity time.Duration
	}
	var all []sent
	busy := true
	l.OnSubmit = func(s bearer.Segment) error {
		all = append(all, sent{l.Clock.Now(), s.Validity})
		if busy {
			return bearer.ErrBusy
		}
		return nil
	}
	tx, _ := l.Ask("T1")
	for range 4 {
		l.Clock.Add(9e9)
		l.Engine.Sweep(context.Background())
		l.Settle()
	}
	busy = false
	l.Clock.Add(9e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	deadline := l.Tx(tx.ID).Deadline
	if len(all) < 4 {
		t.Fatalf("left %d times", len(all))
	}
	for i, s := range all {
		if want := deadline.Sub(s.at).Truncate(time.Second); s.validity != want {
			t.Errorf("try %d: valid for %s, of the transaction are %s left", i+1, s.validity, want)
		}
	}
}
