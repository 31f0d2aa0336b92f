package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// Somebody sets the clock back by an hour: a request lives no longer for that,
// the card is free for the next one, and an answer is taken as before.
//
// Supports: F14, 3.5.3-3
func TestClockSetBack(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Clock.Add(2 * time.Hour) // the certificate is older than the mistake
	var run atomic.Int64
	l.Options.Elapsed = func() time.Duration { return time.Duration(run.Load()) }
	pass := func(d time.Duration) {
		run.Add(int64(d))
		l.Clock.Add(d)
		l.Engine.Sweep(context.Background())
		l.Settle()
	}
	for _, restart := range []bool{false, true} {
		l.Kill()
		id := map[bool]string{false: "same process", true: "next process"}[restart]
		ctx := context.Background()
		first, err := l.Signer.Sign(ctx, enginetest.Request(id+" 1", "Pay?"))
		l.OK(err)
		second, err := l.Signer.Sign(ctx, enginetest.Request(id+" 2", "Pay again?"))
		l.OK(err)
		l.Drop() // the phone is off
		l.Clock.Add(-time.Hour)
		if restart {
			l.Kill()
			l.OK(l.Engine.LoadFlight(ctx, enginetest.Number))
		}
		pass(79 * time.Second)
		l.Want(first.ID, mssp.Waiting, 0)
		l.Drop()
		pass(2 * time.Second)
		l.Want(first.ID, mssp.Failed, mssp.ExpiredTransaction)
		l.Want(second.ID, mssp.Waiting, 0)
		l.Pump()
		l.Want(second.ID, mssp.Done, mssp.Signature)
		l.Clock.Add(time.Hour)
	}
}
