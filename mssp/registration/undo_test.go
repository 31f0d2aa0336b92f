package registration_test

import (
	"context"
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
