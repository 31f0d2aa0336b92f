package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// A part of the answer is lost. Sets that others go on completing in the name of the
// user do not put off that the card is asked again.
//
// Supports: F11, I6
func TestPartsPutNothingOff(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	a := &attacker{l: l, mos: mos}
	l.Bring(mos[0], mos[2])
	for ref := range uint16(4) {
		l.Clock.Add(4 * time.Second)
		for part := range byte(3) {
			l.Bring(as(a.forged(int(part)+1), 300+ref, true, 3, part+1))
		}
		l.Engine.Sweep(context.Background())
		l.Settle()
	}
	if n := l.Tx(tx.ID).Attempt; n != 2 {
		t.Errorf("after 16 s there are %d attempts, want 2", n)
	}
	l.Bring(l.Drop()...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// Whoever sends a part again and again in the name of the user has the card asked
// again some times only: each costs the network more than his part.
//
// Supports: F11
func TestPartsAskFewTimes(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	r := enginetest.Request("T1", "Pay?")
	r.TimeOut = 5 * time.Minute
	tx, err := l.Signer.Sign(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	l.Settle()
	a := &attacker{l: l, mos: l.Drop()}
	at := []time.Duration{0}
	for now := time.Second; now < 255*time.Second; now += time.Second {
		l.Clock.Add(time.Second)
		a.send(1, 1)
		l.Engine.Sweep(context.Background())
		l.Settle()
		if l.Tx(tx.ID).Attempt > len(at) {
			at = append(at, now)
		}
	}
	if n := len(at); n < 5 || n > 6 {
		t.Errorf("asked at %v", at)
	}
	l.Bring(l.Drop()...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// However much comes in the name of a user, the log has some lines of it, across
// attempts, and the metrics count all.
//
// Supports: F11
func TestAttackersFillNoLog(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	a := &attacker{l: l, mos: mos}
	counted := func() (n float64) {
		for _, kind := range []string{"refused", "conflict", "unauthenticated", "malformed"} {
			n += l.Metric("simsign_mo_total", "result", kind)
		}
		return n
	}
	before := counted()
	broken := mos[0]
	broken.UDH = []byte{5, 0, 3, 1}
	for range 50 {
		wrong := a.forged(1)
		wrong.UD[5] ^= 1 // another application
		whole := a.forged(1)
		whole.UDH = []byte{2, 0x71, 0}
		l.Bring(broken, wrong, a.forged(1), whole)
	}
	if n := counted() - before; n < 190 {
		t.Errorf("%g are counted", n)
	}
	l.Clock.Add(16 * time.Second)
	l.Engine.Sweep(context.Background())
	l.Settle()
	a.send(50, 1)
	if n := strings.Count(l.Logs.String(), "tx="+string(tx.ID)); n > 40 {
		t.Errorf("%d lines in the log", n)
	}
	if n := strings.Count(l.Logs.String(), "more of these are only counted"); n != 1 {
		t.Errorf("%d lines say that there are more", n)
	}
	l.Bring(l.Drop()...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}
