package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
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

// slow is a network that holds up one name.
type slow struct {
	*enginetest.Lab
	began chan<- string
	hold  <-chan struct{}
}

func (n slow) Submit(_ context.Context, s bearer.Segment) (bearer.Receipt, error) {
	n.began <- s.For
	if s.For == "ap:noisy" {
		<-n.hold
	}
	return bearer.Receipt{}, nil
}

// When one provider has all the places that it may have, the retry of another goes
// out, and the sweeper does not run in circles for what must wait: who leaves a place
// wakes it.
func TestPlacesOfNames(t *testing.T) {
	l := enginetest.New(t)
	l.Engine.SetPlaces(4)
	hold := make(chan struct{})
	began := make(chan string, 8)
	l.Engine.SetRoute(func(bearer.Destination) bearer.Bearer { return slow{l, began, hold} })
	noisy := make([]bearer.Segment, 0, 6)
	for i := range 6 {
		noisy = append(noisy, bearer.Segment{Dest: sms.MSISDN(fmt.Sprint("4179000001", i)), UD: []byte("x"), For: "ap:noisy"})
	}
	_, err := l.Store.EnqueueText(context.Background(), noisy)
	l.OK(err)
	next := l.Engine.Sweep(context.Background())
	for range 2 {
		<-began
	}
	if due := l.Clock.Now().Add(engine.LookAround); !next.Equal(due) {
		t.Errorf("the sweeper comes again at %v, want %v", next, due)
	}
	_, err = l.Store.EnqueueText(context.Background(), []bearer.Segment{{Dest: enginetest.Number, UD: []byte("y"), For: "ap:bank"}})
	l.OK(err)
	soon := l.Clock.Now().Add(time.Second)
	l.Meddle("UPDATE segment SET next_at = ? WHERE ap = 'ap:bank'", soon.UnixMicro())
	if next := l.Engine.Sweep(context.Background()); !next.Equal(soon) {
		t.Errorf("the sweeper comes again at %v, want %v, when another's is due", next, soon)
	}
	l.Clock.Add(time.Second)
	l.Engine.Sweep(context.Background())
	if who := <-began; who != "ap:bank" {
		t.Errorf("the place that is left is for %q", who)
	}
	close(hold)
	l.Settle()
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Engine.Sweep(context.Background())
	l.Settle()
	if n := len(began); n != 4 {
		t.Errorf("%d of the others left, want 4", n)
	}
}

// A text to a phone does not wait for the end of another name's to the same one.
func TestTextsOfNames(t *testing.T) {
	l := enginetest.New(t)
	hold := make(chan struct{})
	began := make(chan string, 2)
	l.Engine.SetRoute(func(bearer.Destination) bearer.Bearer { return slow{l, began, hold} })
	_, err := l.Store.EnqueueText(context.Background(), []bearer.Segment{
		{Dest: enginetest.Number, UD: []byte("x"), For: "ap:noisy"}, {Dest: enginetest.Number, UD: []byte("y"), For: "ap:bank"},
	})
	l.OK(err)
	l.Engine.Sweep(context.Background())
	if a, b := <-began, <-began; a == b {
		t.Errorf("two of %s left", a)
	}
	close(hold)
	l.Settle()
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
