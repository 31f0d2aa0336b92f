package engine

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// A segment with no answer from the network goes out again with identical
// octets; when the first copy had arrived, the card's "CNTR low" to the
// second does not fail the transaction (rule G, F10).
func TestReplayOfOurs(t *testing.T) {
	for _, lost := range []bool{false, true} {
		l := newLab(t)
		c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
		c.first, c.mute = false, true // the answer comes later
		first := len(l.sent)
		l.submit = func(bearer.Segment) error { return errors.Join(bearer.ErrUnknown, errors.New("link broke")) }
		l.lose = lost
		tx, _ := l.ask("T1")
		l.submit, l.lose = nil, false
		c.mute = !lost
		l.clock.add(2e9)
		l.e.sweepOnce(context.Background())
		l.settle()
		if n := len(l.sent) - first; n != 2 {
			t.Fatalf("%d segments left, want 2", n)
		}
		a, b := l.sent[first], l.sent[first+1]
		if !bytes.Equal(a.UD, b.UD) || !bytes.Equal(a.UDH, b.UDH) {
			t.Error("the copy has other octets")
		}
		l.pump()
		if !lost {
			l.mo("replayed", 1)
			if n := l.tx(tx.ID).Attempt; n != 1 {
				t.Errorf("%d attempts: the card's counter is not ahead of ours", n)
			}
			l.want(tx.ID, mssp.Waiting, 0)
			c.mute = false
			l.bring(c.send(&c.seen[len(c.seen)-1], ota.StatusOK, c.memory[tx.AppletTxn])...)
		}
		l.want(tx.ID, mssp.Done, mssp.Signature)
		if c.prompts != 2 {
			t.Errorf("%d prompts, want 2", c.prompts)
		}
	}
}

// The network is busy, then refuses.
func TestSubmitOutcomes(t *testing.T) {
	l := newLab(t)
	l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	busy := 3
	l.submit = func(bearer.Segment) error {
		if busy--; busy >= 0 {
			return bearer.ErrBusy
		}
		return nil
	}
	tx, _ := l.ask("T1")
	for range 5 {
		l.clock.add(8e9)
		l.e.sweepOnce(context.Background())
		l.settle()
		l.pump()
	}
	l.want(tx.ID, mssp.Done, mssp.Signature)
	l.submit = func(bearer.Segment) error { return bearer.ErrRefused }
	tx, _ = l.ask("T2")
	l.want(tx.ID, mssp.Failed, mssp.OTAError)
}

// A part of the answer is lost for good: the same message goes out under a
// new counter, the applet answers from memory, nobody is asked again (I5).
//
// Supports: 5.1-5
func TestMissingPart(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.RSA2048, mssp.Authentication)
	c.first = false
	tx, mos := l.ask("T1")
	l.bring(mos[0], mos[2])
	l.clock.add(10e9)
	l.e.sweepOnce(context.Background())
	l.settle()
	if n := len(c.seen); c.seen[n-1].CNTR != c.last || l.tx(tx.ID).Attempt != 1 {
		t.Error("asked again too early")
	}
	l.clock.add(6e9)
	l.e.sweepOnce(context.Background())
	l.settle()
	l.pump()
	end := l.want(tx.ID, mssp.Done, mssp.Signature)
	if end.Attempt != 2 || c.prompts != 2 {
		t.Errorf("%d attempts, %d prompts", end.Attempt, c.prompts)
	}
	n := len(c.seen)
	if a, b := c.seen[n-2], c.seen[n-1]; a.CNTR == b.CNTR || !bytes.Equal(a.Data, b.Data) {
		t.Error("a new attempt needs a new counter and the same INT6 message")
	}
}

// How far a request has come is told when its time is up.
//
// Supports: 3.5.3-3
func TestExpiry(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.mute = true
	prompted, mos := l.ask("T1")
	l.bring(mos...)
	queued, _ := l.ask("T2")
	l.clock.add(81e9)
	l.e.sweepOnce(context.Background())
	l.settle()
	for id, want := range map[mssp.TransID]string{prompted.ID: "no answer from the user", queued.ID: "never sent"} {
		if end := l.want(id, mssp.Failed, mssp.ExpiredTransaction); !strings.Contains(end.Detail, want) {
			t.Errorf("detail %q, want %q", end.Detail, want)
		}
	}
	c.first = false
	silent, _ := l.ask("T3")
	l.submit = func(bearer.Segment) error { return bearer.ErrBusy }
	l.clock.add(81e9)
	l.e.sweepOnce(context.Background())
	away, _ := l.ask("T4")
	l.clock.add(81e9)
	l.e.sweepOnce(context.Background())
	for id, want := range map[mssp.TransID]string{silent.ID: "no sign", away.ID: "never delivered"} {
		if end := l.want(id, mssp.Failed, mssp.ExpiredTransaction); !strings.Contains(end.Detail, want) {
			t.Errorf("detail %q, want %q", end.Detail, want)
		}
	}
}
