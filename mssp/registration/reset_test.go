package registration_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
)

// keeping is a card that keeps its code when the last pair is deleted; refuses: it does not
// go back to its initial state either.
func keeping(c *enginetest.Card, refuses bool) (resets *int) {
	set, n := true, 0
	c.Say = func(m applet.Message) applet.Answer {
		a := c.Apply(m)
		for i, cmd := range m.Commands[:len(a.Results)] {
			r := &a.Results[i]
			if x, ok := cmd.(applet.ChangeAppletStatus); ok && x.To == applet.StatusInitial {
				if n++; refuses {
					r.Status, r.State = applet.StatusOther, nil
					continue
				}
				set = false
			}
			if r.State != nil {
				k := applet.CodeState{Code: 1, MaxTries: 3, Min: 4, Max: 8}
				if set {
					k.Status, k.TriesLeft = applet.CodeSet, 3
				}
				r.State.Codes = []applet.CodeState{k}
			}
		}
		return a
	}
	return &n
}

// A registration that ends leaves the card as it was, also one that keeps the code when its
// last pair is deleted: it is sent back to its initial state, once, also when the answer that
// told of it was lost. One that refuses that is not asked again; one with a pair that was made
// beforehand keeps it.
//
// Supports: 5.1-9, 5.1-16
func TestCodesKept(t *testing.T) {
	for _, tc := range []struct {
		name                   string
		refuses, another, lost bool
		resets                 int
	}{{name: "initial", resets: 1}, {name: "refuses", refuses: true, resets: 1}, {name: "another pair", another: true}, {name: "lost", lost: true, resets: 1}} {
		t.Run(tc.name, func(t *testing.T) {
			l := enginetest.New(t)
			c := l.User(enginetest.Number)
			r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication}
			_, err := step(l, l.Registrar.RegisterComplete, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Flow: registration.FlowB})
			l.OK(err)
			if tc.another {
				c.Hold(applet.Slot{Number: 2, Usage: 2, Algorithm: applet.ECDSAP256, Code: 2}, applet.SlotGenerated)
			}
			resets := keeping(c, tc.refuses)
			c.Mute = tc.lost
			_, err = l.Registrar.CertificateStatus(t.Context(), enginetest.Number, 1, nil)
			l.OK(err)
			l.Pump()
			if tc.lost {
				l.Clock.Add(time.Hour)
				l.Engine.Sweep(t.Context())
				c.Mute = false
			}
			for range 3 { // contacts
				_, err = enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(t.Context(), enginetest.Number) })
				l.OK(err)
				for range 3 {
					l.Settle()
					l.Pump()
				}
			}
			noKeys(t, l)
			if *resets != tc.resets || (c.Keys[2] != nil) != tc.another {
				t.Errorf("%d resets, want %d; a pair in slot 2: %v", *resets, tc.resets, c.Keys[2] != nil)
			}
			_, err = step(l, l.Registrar.RegisterInit, r)
			l.OK(err)
		})
	}
}
