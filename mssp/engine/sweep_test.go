package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/bearer"
)

// live gives a lab a running sweeper on the true clock.
func live(t *testing.T) *lab {
	l := newLab(t)
	l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.ok(l.e.Stop(context.Background()))
	l.o.RetryFirst = time.Millisecond
	l.o.Registerer = nil
	e, err := New(l.o)
	l.ok(err)
	l.e = e
	l.ok(e.Start(context.Background()))
	return l
}

// The sweeper sends again what the network was too busy to take, without
// anybody asking.
func TestSweeperResubmits(t *testing.T) {
	l := live(t)
	done := make(chan struct{})
	tries := 0
	l.submit = func(bearer.Segment) error {
		if tries++; tries == 1 {
			return bearer.ErrBusy
		}
		close(done)
		return nil
	}
	tx, err := l.e.Sign(context.Background(), request("T1", "hello"))
	l.ok(err)
	l.clock.add(2 * time.Millisecond)
	l.e.poke(time.Time{})
	<-done
	got, err := pumped(l, func() (mssp.Transaction, error) { return l.e.Wait(context.Background(), tx.ID) })
	l.ok(err)
	if got.Status != mssp.Signature {
		t.Errorf("status %d", got.Status)
	}
}

// Wait ends with its context, and there are only so many.
func TestWaitEnds(t *testing.T) {
	l := newLab(t)
	l.o.Limits.Waiters = 1
	l.kill()
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.mute = true
	tx, _ := l.ask("T1")
	ctx, cancel := context.WithCancel(context.Background())
	held := make(chan error, 1)
	go func() {
		_, err := l.e.Wait(ctx, tx.ID)
		held <- err
	}()
	for {
		l.e.waiters.mu.Lock()
		n := l.e.waiters.n
		l.e.waiters.mu.Unlock()
		if n == 1 {
			break
		}
	}
	_, err := l.e.Wait(context.Background(), tx.ID)
	wantFault(t, err, mssp.UnableToProvide)
	cancel()
	if err := <-held; !errors.Is(err, context.Canceled) {
		t.Errorf("Wait ended with %v", err)
	}
	if l.e.waiters.n != 0 || len(l.e.waiters.ch) != 0 {
		t.Error("a waiter was left behind")
	}
	_, err = l.e.Wait(context.Background(), "hnosuch")
	wantFault(t, err, mssp.WrongParam)
}

// A delivery report that says "given up" ends a transaction, unless the card
// has spoken.
func TestReport(t *testing.T) {
	l := newLab(t)
	l.o.Reports = true
	l.kill()
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.mute = true
	report := bearer.Report{Bearer: "fake", MessageID: "m1", Dest: testNumber, At: l.clock.Now(), Cause: "no such subscriber"}
	tx, mos := l.ask("T1")
	l.bring(mos...)
	l.ok(l.e.Report(context.Background(), report))
	l.want(tx.ID, mssp.Prompted, 0)
	l.clock.add(81e9)
	l.e.sweepOnce(context.Background())
	l.settle()
	c.first = false
	tx, _ = l.ask("T2")
	delivered := report
	delivered.Delivered = true
	l.ok(l.e.Report(context.Background(), delivered))
	l.want(tx.ID, mssp.Waiting, 0)
	l.ok(l.e.Report(context.Background(), report))
	l.want(tx.ID, mssp.Failed, mssp.OTAError)
}
