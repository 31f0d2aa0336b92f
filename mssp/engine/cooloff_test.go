package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// unwillingLab is a lab with a user who cancels (or does not answer), and the
// limit of three.
func unwillingLab(t *testing.T) (*enginetest.Lab, *enginetest.Card) {
	l := enginetest.New(t)
	l.Options.Limits.CoolOffAfter = 0 // the default
	l.Kill()
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	return l, c
}

// cancelling makes the user cancel.
func cancelling(c *enginetest.Card) {
	c.Say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled}}}
	}
}

// After three requests within ten minutes that a user was shown and has cancelled
// or left, their provider does not reach him for a quarter of an hour; another
// provider, another user, the operator and a repeat are not held up.
//
// Supports: 3.5.6-1, 3.5.3-3
func TestCoolOff(t *testing.T) {
	l, c := unwillingLab(t)
	l.Enrolled("41790000002", applet.ECDSAP256, mssp.Authentication)
	cancelling(c)
	first := l.Sign(enginetest.Request("T1", "pay"))
	l.Want(first.ID, mssp.Failed, mssp.UserCancel)
	l.Sign(enginetest.Request("T2", "pay"))
	c.Mute, c.First = true, true // he is asked, and leaves it
	tx, mos := l.Ask("T3")
	l.Bring(mos...)
	l.Clock.Add(81e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Want(tx.ID, mssp.Failed, mssp.ExpiredTransaction)
	c.Mute, c.First, c.Say = false, false, nil

	_, err := l.Signer.Sign(context.Background(), enginetest.Request("T4", "pay"))
	enginetest.WantFault(t, err, mssp.SignatureProcess)
	var f *mssp.Fault
	if until := l.Clock.Now().Add(15 * time.Minute).Format(time.RFC3339); !errors.As(err, &f) || !strings.Contains(f.Detail, until) {
		t.Errorf("detail %q does not say until %s", f.Detail, until)
	}
	if again, err := l.Signer.Sign(context.Background(), enginetest.Request("T1", "pay")); err != nil || again.ID != first.ID {
		t.Errorf("a repeat: %v", err)
	}
	r := enginetest.Request("T5", "pay")
	r.MSISDN = "41790000002"
	other := l.Sign(r)
	l.Want(other.ID, mssp.Done, mssp.Signature)
	r = enginetest.Request("T5", "pay")
	r.AP.ID = "http://shop.example"
	shop := l.Sign(r)
	l.Want(shop.ID, mssp.Done, mssp.Signature)
	if _, err := enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(context.Background(), enginetest.Number) }); err != nil {
		t.Errorf("the operator: %v", err)
	}
	l.Clock.Add(15 * time.Minute)
	after := l.Sign(enginetest.Request("T6", "pay"))
	l.Want(after.ID, mssp.Done, mssp.Signature)
}

// Who has cancelled what several providers showed him is left in peace by all, after
// as many as the limit for all says: one that no provider has reached alone.
//
// Supports: 3.5.6-1
func TestCoolOffOfAll(t *testing.T) {
	l, c := unwillingLab(t)
	l.Options.Limits.CoolOffAfter, l.Options.Limits.AllCoolOffAfter = 3, 2
	l.Kill()
	cancelling(c)
	for i, ap := range []mssp.APID{"http://bank.example", "http://shop.example"} {
		r := enginetest.Request("T1", "pay")
		r.AP.ID = ap
		tx := l.Sign(r)
		if l.Want(tx.ID, mssp.Failed, mssp.UserCancel); i == 1 && !strings.Contains(l.Logs.String(), "by all providers") {
			t.Error("the log does not say so")
		}
	}
	r := enginetest.Request("T1", "pay")
	r.AP.ID = "http://post.example"
	_, err := l.Signer.Sign(context.Background(), r)
	enginetest.WantFault(t, err, mssp.SignatureProcess)
}
