package registration_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
)

// A registration whose answer never came is deleted on the card with the next contact,
// also when the service was started anew in between; what the card calls registered stays.
// Until then the slot takes no certificate.
//
// Supports: 5.1-9, 5.1-16
func TestLostRegistration(t *testing.T) {
	for _, registered := range []bool{false, true} {
		l := enginetest.New(t)
		c := l.User(enginetest.Number)
		c.Offers = offers(nil) // else it is asked in each step, and would not answer that either
		r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, TimeOut: time.Minute}
		_, err := step(l, l.Registrar.RegisterInit, r)
		l.OK(err)
		c.Mute = true
		ended := make(chan error, 1)
		go func() {
			_, err := l.Registrar.RegisterComplete(context.Background(), r)
			ended <- err
		}()
		for l.Prompts(c) == 0 {
			l.Deliver()
		}
		l.Clock.Add(2 * time.Minute)
		l.Engine.Sweep(t.Context())
		l.Settle()
		enginetest.WantFault(t, <-ended, mssp.ExpiredTransaction)
		if k := l.Key(1); k.State != mssp.KeyAborted || c.Keys[1] == nil {
			t.Errorf("the pair is %s", k.State)
		}
		_, err = l.Registrar.CertificateStatus(t.Context(), enginetest.Number, 1, []byte{1})
		enginetest.WantFault(t, err, mssp.RegistrationNOK)
		l.Kill()
		c.Mute = false
		if registered {
			c.Hold(applet.Slot{Number: 1, Usage: 1, Algorithm: applet.ECDSAP256, Code: 1}, applet.SlotRegistered)
		}
		_, err = enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(t.Context(), enginetest.Number) })
		l.OK(err)
		for range 3 {
			l.Settle()
			l.Pump()
		}
		noKeys(t, l)
		if (c.Keys[1] != nil) != registered {
			t.Errorf("registered %v: the card has the pair: %v", registered, c.Keys[1] != nil)
		}
	}
}

// A registration that ends at the server while the applet is deactivated leaves nothing on
// the card, whether its deactivation is known or shows only when it refuses to delete; the
// applet stays deactivated.
//
// Supports: 5.1-9, 5.1-16
func TestAbortedWhileDeactivated(t *testing.T) {
	for _, known := range []bool{true, false} {
		l := enginetest.New(t)
		c := requested(l)
		c.Life = applet.AppletDeactivated
		if known {
			l.EditCard(func(c *mssp.Card) { c.Applet = mssp.AppletDeactivated })
		}
		_, err := l.Registrar.CertificateStatus(t.Context(), enginetest.Number, 1, nil)
		l.OK(err)
		for range 5 {
			l.Settle()
			l.Pump()
		}
		_, card, keys, err := l.Store.Lookup(t.Context(), enginetest.Number)
		l.OK(err)
		if len(keys) > 0 || c.Keys[1] != nil || c.Life != applet.AppletDeactivated || card.Applet != mssp.AppletDeactivated {
			t.Errorf("known %v: rows %+v, on the card %v, the applet is %v, here %s", known, keys, c.Keys[1] != nil, c.Life, card.Applet)
		}
	}
}

// requested is a user whose registration waits for its certificate.
func requested(l *enginetest.Lab) *enginetest.Card {
	c := l.User(enginetest.Number)
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication}
	_, err := step(l, l.Registrar.RegisterInit, r)
	l.OK(err)
	_, err = step(l, l.Registrar.RegisterComplete, r)
	l.OK(err)
	return c
}

// A card that refuses to delete for another reason is asked once, and left until the next
// contact.
func TestRefusesToDelete(t *testing.T) {
	l := enginetest.New(t)
	c := requested(l)
	c.Say = func(m applet.Message) applet.Answer {
		if x, ok := m.Commands[0].(applet.SetAuthenticationHandlerData); ok && x.Operation == applet.HandlerDelete {
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: x.Tag().Result(), Status: applet.StatusConditions}}}
		}
		return c.Apply(m)
	}
	before := len(c.Seen)
	_, err := l.Registrar.CertificateStatus(t.Context(), enginetest.Number, 1, nil)
	l.OK(err)
	for range 5 {
		l.Settle()
		l.Pump()
	}
	if n := len(c.Seen) - before; n != 2 || l.Key(1).State != mssp.KeyAborted {
		t.Errorf("%d messages, the pair is %s", n, l.Key(1).State)
	}
	c.Say = nil
	_, err = enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(t.Context(), enginetest.Number) })
	l.OK(err)
	for range 5 {
		l.Settle()
		l.Pump()
	}
	if noKeys(t, l); c.Keys[1] != nil {
		t.Error("the pair is left on the card")
	}
}

// A registration that is not accepted (the queue of the card is full, no network takes
// messages) leaves the row of its slot as it was, in both flows; the end of one whose deletion
// is not accepted is remembered, and its deletion comes with the next contact.
//
// Supports: 5.1-9
func TestNotAccepted(t *testing.T) {
	for _, flow := range []registration.Flow{registration.FlowA, registration.FlowB} {
		for _, full := range []bool{true, false} {
			l := enginetest.New(t)
			l.Options.Limits.QueuePerCard = 1
			l.Kill()
			c := l.User(enginetest.Number)
			r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Flow: flow}
			_, err := step(l, l.Registrar.RegisterInit, r)
			l.OK(err)
			var was []mssp.KeyPair
			look := func() []mssp.KeyPair {
				_, _, keys, err := l.Store.Lookup(t.Context(), enginetest.Number)
				l.OK(err)
				return keys
			}
			was = look()
			crowd := crowded(l, full)
			_, err = l.Registrar.RegisterComplete(t.Context(), r)
			if f, ok := errors.AsType[*mssp.Fault](err); !ok || f.Code == mssp.InternalError {
				t.Errorf("flow %c, full %v: %v", flow, full, err)
			}
			now := look()
			if len(now) != len(was) || len(now) > 0 && (now[0].State != mssp.KeyGenerated || string(now[0].PublicKey) != string(was[0].PublicKey)) {
				t.Errorf("flow %c, full %v: %+v, before %+v", flow, full, now, was)
			}
			crowd()
			_, err = step(l, l.Registrar.RegisterComplete, r)
			l.OK(err)
			crowd = crowded(l, full)
			_, err = l.Registrar.CertificateStatus(t.Context(), enginetest.Number, 1, nil)
			l.OK(err)
			if k := l.Key(1); k.State != mssp.KeyAborted || c.Keys[1] == nil {
				t.Errorf("the pair is %s", k.State)
			}
			crowd()
			_, err = enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(t.Context(), enginetest.Number) })
			l.OK(err)
			for range 5 {
				l.Settle()
				l.Pump()
			}
			if noKeys(t, l); c.Keys[1] != nil {
				t.Error("the pair is left on the card")
			}
		}
	}
}

// crowded fills the queue of the card, or takes the network away; the function that it
// returns ends that.
func crowded(l *enginetest.Lab, full bool) func() {
	if !full {
		l.NoNetwork = errors.New("no network")
		return func() { l.NoNetwork = nil }
	}
	target, err := l.Engine.Target(context.Background(), enginetest.Number)
	l.OK(err)
	for range 2 { // one at the card, one behind it
		l.OK(l.Care.AskState(context.Background(), target))
	}
	return func() {
		for range 5 {
			l.Settle()
			l.Pump()
		}
	}
}
