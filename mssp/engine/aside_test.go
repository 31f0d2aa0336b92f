package engine_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// A transaction whose row turns out to be changed when its answer comes has ended
// for everybody: who waits hears it, an operator does, it is counted, and its card goes
// on to the next one.
//
// Supports: 3.5.3-6
func TestSetAsideAtItsAnswer(t *testing.T) {
	l := enginetest.New(t)
	alerts := &noted{}
	l.Options.Alerts = alerts
	l.Kill()
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	victim, mos := l.Ask("T1")
	next, _ := l.Ask("T2")
	var armed atomic.Bool
	l.OK(l.Restart(forger{l.EngineStore(), func(tx *mssp.Transaction) {
		if armed.Load() && tx.ID == victim.ID {
			tx.AP = "http://evil.example"
		}
	}}))
	ended := make(chan mssp.Transaction)
	go func() {
		tx, err := l.Engine.Wait(t.Context(), victim.ID)
		if err != nil {
			t.Error(err)
		}
		ended <- tx
	}()
	for l.Engine.Waiting() != 1 {
		runtime.Gosched()
	}
	armed.Store(true)
	l.Bring(mos...)
	if tx := <-ended; tx.ID != victim.ID || tx.Status != mssp.InternalError || tx.AP != victim.AP {
		t.Errorf("who waits hears %s, %d, of %s", tx.ID, int(tx.Status), tx.AP)
	}
	if got := alerts.of("transaction " + string(victim.ID)); !strings.HasPrefix(got, "was set aside: the stored request is not the one that was accepted") {
		t.Errorf("the operator is told %q", got)
	}
	l.Pump()
	l.Want(next.ID, mssp.Done, mssp.Signature)
}

// A queue that is full says to its provider how many of his own wait, and to another
// one nothing of them.
//
// Supports: 3.5.3-4
func TestTurnedAway(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Options.Limits.QueuePerCard = 2
	l.Kill()
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	ask := func(id string, ap mssp.APID) *mssp.Fault {
		r := enginetest.Request(id, "hello")
		r.AP.ID = ap
		_, err := l.Signer.Sign(ctx, r)
		var f *mssp.Fault
		if err != nil && !errors.As(err, &f) {
			t.Fatal(err)
		}
		return f
	}
	for i, c := range []struct {
		ap     mssp.APID
		detail string
	}{
		{"http://bank.example", ""}, // at the card
		{"http://bank.example", ""},
		{"http://bank.example", "1 of your requests to this user are waiting already: try again when they are answered"},
		{"http://shop.example", ""},
		{"http://post.example", "too many requests to this user are waiting: try again in a minute"},
	} {
		f := ask("T"+string(rune('1'+i)), c.ap)
		switch {
		case c.detail == "" && f != nil, c.detail != "" && f == nil:
			t.Errorf("request %d: %v", i+1, f)
		case f != nil && (f.Code != mssp.SignatureProcess || f.Detail != c.detail):
			t.Errorf("request %d: %v", i+1, f)
		}
	}
}

// An answer that finds its transaction ended though memory has it at the card is late
// as any other: its user is told that it was in vain.
//
// Supports: 3.5.3-3
func TestLateToAStaleFlight(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	f := l.Engine.FlightOf(enginetest.Number)
	_, err := l.Engine.Cancel(context.Background(), tx.ID, "anna")
	l.OK(err)
	l.Engine.PutFlight(f)
	told := len(l.Texts)
	l.Bring(mos...)
	l.Engine.Sweep(context.Background())
	l.Settle()
	if end := l.Want(tx.ID, mssp.Failed, mssp.ExpiredTransaction); end.Late != "the user has signed, the signature was given to nobody" {
		t.Errorf("the row says %q", end.Late)
	}
	if len(l.Texts) != told+1 {
		t.Errorf("%d messages to the user", len(l.Texts)-told)
	}
	l.Bring(mos...) // the same again
	l.Engine.Sweep(context.Background())
	if l.Settle(); len(l.Texts) != told+1 {
		t.Error("he is told twice")
	}
}
