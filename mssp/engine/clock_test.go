package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
)

// Somebody sets the clock back by an hour: a request lives no longer for that,
// the card is free for the next one, and an answer is taken as before.
//
// Supports: F14, 3.5.3-3
func TestClockSetBack(t *testing.T) {
	l := newLab(t)
	l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.clock.add(2 * time.Hour) // the certificate is older than the mistake
	var run atomic.Int64
	l.o.Elapsed = func() time.Duration { return time.Duration(run.Load()) }
	pass := func(d time.Duration) {
		run.Add(int64(d))
		l.clock.add(d)
		l.e.sweepOnce(context.Background())
		l.settle()
	}
	for _, restart := range []bool{false, true} {
		l.kill()
		id := map[bool]string{false: "same process", true: "next process"}[restart]
		ctx := context.Background()
		first, err := l.e.Sign(ctx, request(id+" 1", "Pay?"))
		l.ok(err)
		second, err := l.e.Sign(ctx, request(id+" 2", "Pay again?"))
		l.ok(err)
		l.drop() // the phone is off
		l.clock.add(-time.Hour)
		if restart {
			l.kill()
			_, err := l.e.flightOf(ctx, testNumber)
			l.ok(err)
		}
		pass(79 * time.Second)
		l.want(first.ID, mssp.Waiting, 0)
		l.drop()
		pass(2 * time.Second)
		l.want(first.ID, mssp.Failed, mssp.ExpiredTransaction)
		l.want(second.ID, mssp.Waiting, 0)
		l.pump()
		l.want(second.ID, mssp.Done, mssp.Signature)
		l.clock.add(time.Hour)
	}
}
