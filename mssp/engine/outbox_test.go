package engine_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// A segment with no answer from the network goes out again with identical
// octets; when the first copy had arrived, the card's "CNTR low" to the
// second does not fail the transaction (rule G, F10).
func TestReplayOfOurs(t *testing.T) {
	for _, lost := range []bool{false, true} {
		l := enginetest.New(t)
		c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		c.First, c.Mute = false, true // the answer comes later
		first := len(l.Sent)
		l.OnSubmit = func(bearer.Segment) error { return errors.Join(bearer.ErrUnknown, errors.New("link broke")) }
		l.Lose = lost
		tx, _ := l.Ask("T1")
		l.OnSubmit, l.Lose = nil, false
		c.Mute = !lost
		l.Clock.Add(2e9)
		l.Engine.Sweep(context.Background())
		l.Settle()
		if n := len(l.Sent) - first; n != 2 {
			t.Fatalf("%d segments left, want 2", n)
		}
		a, b := l.Sent[first], l.Sent[first+1]
		if !bytes.Equal(a.UD, b.UD) || !bytes.Equal(a.UDH, b.UDH) {
			t.Error("the copy has other octets")
		}
		l.Pump()
		if !lost {
			l.WantMO("replayed", 1)
			if n := l.Tx(tx.ID).Attempt; n != 1 {
				t.Errorf("%d attempts: the card's counter is not ahead of ours", n)
			}
			l.Want(tx.ID, mssp.Waiting, 0)
			c.Mute = false
			l.Bring(c.Send(&c.Seen[len(c.Seen)-1], ota.StatusOK, c.Memory[tx.AppletTxn])...)
		}
		l.Want(tx.ID, mssp.Done, mssp.Signature)
		if c.Prompts != 2 {
			t.Errorf("%d prompts, want 2", c.Prompts)
		}
	}
}

// A segment goes out in the name of its provider, at the first time and again: who
// sends for many lets them take turns.
func TestSegmentsHaveAName(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	for _, s := range l.Sent {
		if s.For != "" {
			t.Errorf("a segment of the registration goes out for %q", s.For)
		}
	}
	first := len(l.Sent)
	l.OnSubmit = func(bearer.Segment) error { return bearer.ErrBusy }
	tx, _ := l.Ask("T1")
	l.OnSubmit = nil
	l.Clock.Add(2e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	if len(l.Sent) < first+2 {
		t.Fatalf("%d segments", len(l.Sent)-first)
	}
	for _, s := range l.Sent[first:] {
		if s.For != string(l.Tx(tx.ID).AP) || s.For == "" {
			t.Errorf("a segment goes out for %q", s.For)
		}
	}
}

// The network is busy, then refuses.
func TestSubmitOutcomes(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	busy := 3
	l.OnSubmit = func(bearer.Segment) error {
		if busy--; busy >= 0 {
			return bearer.ErrBusy
		}
		return nil
	}
	tx, _ := l.Ask("T1")
	for range 5 {
		l.Clock.Add(8e9)
		l.Engine.Sweep(context.Background())
		l.Settle()
		l.Pump()
	}
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	l.OnSubmit = func(bearer.Segment) error { return bearer.ErrRefused }
	tx, _ = l.Ask("T2")
	l.Want(tx.ID, mssp.Failed, mssp.OTAError)
}

// A part of the answer is lost for good: the same message goes out under a
// new counter, the applet answers from memory, nobody is asked again (I5).
//
// Supports: 5.1-5
func TestMissingPart(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	l.Bring(mos[0], mos[2])
	l.Clock.Add(14e9)
	next := l.Engine.Sweep(context.Background())
	l.Settle()
	if n := len(c.Seen); c.Seen[n-1].CNTR != c.Last || l.Tx(tx.ID).Attempt != 1 {
		t.Error("asked again too early")
	}
	if wait := next.Sub(l.Clock.Now()); wait != time.Second {
		t.Errorf("the sweeper comes again in %s, want after one second: 15 since the parts", wait)
	}
	l.Clock.Add(2e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Pump()
	end := l.Want(tx.ID, mssp.Done, mssp.Signature)
	if end.Attempt != 2 || c.Prompts != 2 {
		t.Errorf("%d attempts, %d prompts", end.Attempt, c.Prompts)
	}
	n := len(c.Seen)
	if a, b := c.Seen[n-2], c.Seen[n-1]; a.CNTR == b.CNTR || !bytes.Equal(a.Data, b.Data) {
		t.Error("a new attempt needs a new counter and the same INT6 message")
	}
}

// How far a request has come is told when its time is up.
//
// Supports: 3.5.3-3
func TestExpiry(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Mute = true
	prompted, mos := l.Ask("T1")
	l.Bring(mos...)
	queued, _ := l.Ask("T2")
	l.Clock.Add(81e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	for id, want := range map[mssp.TransID]string{prompted.ID: "shown: the user was asked and has not answered", queued.ID: "never sent"} {
		if end := l.Want(id, mssp.Failed, mssp.ExpiredTransaction); !strings.Contains(end.Detail, want) {
			t.Errorf("detail %q, want %q", end.Detail, want)
		}
	}
	c.First = false
	silent, _ := l.Ask("T3")
	l.OnSubmit = func(bearer.Segment) error { return bearer.ErrBusy }
	l.Clock.Add(81e9)
	l.Engine.Sweep(context.Background())
	away, _ := l.Ask("T4")
	l.Clock.Add(81e9)
	l.Engine.Sweep(context.Background())
	for id, want := range map[mssp.TransID]string{silent.ID: "no receipts are asked for", away.ID: "never delivered"} {
		if end := l.Want(id, mssp.Failed, mssp.ExpiredTransaction); !strings.Contains(end.Detail, want) {
			t.Errorf("detail %q, want %q", end.Detail, want)
		}
	}
}
