package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota/bearer"
)

// live gives a lab a running sweeper on the true clock.
func live(t *testing.T) *enginetest.Lab {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.OK(l.Engine.Stop(context.Background()))
	l.Options.RetryFirst = time.Millisecond
	l.Options.Registerer = nil
	l.Make()
	l.OK(l.Engine.Start(context.Background()))
	return l
}

// The sweeper sends again what the network was too busy to take, without
// anybody asking.
func TestSweeperResubmits(t *testing.T) {
	l := live(t)
	done := make(chan struct{})
	tries := 0
	l.OnSubmit = func(bearer.Segment) error {
		if tries++; tries == 1 {
			return bearer.ErrBusy
		}
		close(done)
		return nil
	}
	tx, err := l.Signer.Sign(context.Background(), enginetest.Request("T1", "hello"))
	l.OK(err)
	l.Clock.Add(2 * time.Millisecond)
	l.Engine.Poke(time.Time{})
	<-done
	got, err := enginetest.Pumped(l, func() (mssp.Transaction, error) { return l.Engine.Wait(context.Background(), tx.ID) })
	l.OK(err)
	if got.Status != mssp.Signature {
		t.Errorf("status %d", got.Status)
	}
}

// Wait ends with its context, and there are only so many.
func TestWaitEnds(t *testing.T) {
	l := enginetest.New(t)
	l.Options.Limits.Waiters = 1
	l.Kill()
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Mute = true
	tx, _ := l.Ask("T1")
	ctx, cancel := context.WithCancel(context.Background())
	held := make(chan error, 1)
	go func() {
		_, err := l.Engine.Wait(ctx, tx.ID)
		held <- err
	}()
	for {
		if l.Engine.Waiting() == 1 {
			break
		}
	}
	_, err := l.Engine.Wait(context.Background(), tx.ID)
	enginetest.WantFault(t, err, mssp.UnableToProvide)
	cancel()
	if err := <-held; !errors.Is(err, context.Canceled) {
		t.Errorf("Wait ended with %v", err)
	}
	if l.Engine.Waiting() != 0 {
		t.Error("a waiter was left behind")
	}
	_, err = l.Engine.Wait(context.Background(), "hnosuch")
	enginetest.WantFault(t, err, mssp.WrongParam)
}

// A delivery report that says "given up" ends a transaction, unless the card
// has spoken.
func TestReport(t *testing.T) {
	l := enginetest.New(t)
	l.Options.Reports = true
	l.Kill()
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Mute = true
	report := bearer.Report{Bearer: "fake", MessageID: "m1", Dest: enginetest.Number, At: l.Clock.Now(), Cause: "no such subscriber"}
	tx, mos := l.Ask("T1")
	l.Bring(mos...)
	l.OK(l.Engine.Report(context.Background(), report))
	l.Want(tx.ID, mssp.Prompted, 0)
	l.Clock.Add(81e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	c.First = false
	tx, _ = l.Ask("T2")
	delivered := report
	delivered.Delivered = true
	l.OK(l.Engine.Report(context.Background(), delivered))
	l.Want(tx.ID, mssp.Waiting, 0)
	l.OK(l.Engine.Report(context.Background(), report))
	l.Want(tx.ID, mssp.Failed, mssp.OTAError)
}
