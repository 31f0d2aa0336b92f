package cardcare_test

import (
	"context"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota/sms"
)

// Code management and applet data go through the same queue and carry no code.
//
// Supports: 3.4-1, 3.5.4-2, 3.5.5-1, 3.5.11-1, 4-2, 4-3, 4-4, 4-10, 5.3-1, 5.4-1
func TestManage(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.EditCard(func(c *mssp.Card) { c.Blocked[0] = true })
	run := func(name string, f func() (mssp.Transaction, error)) {
		t.Helper()
		tx, err := enginetest.Pumped(l, f)
		if err != nil || tx.State != mssp.Done || tx.Status != mssp.RequestOK {
			t.Errorf("%s: %s %d, %v", name, tx.State, tx.Status, err)
		}
	}
	run("unblock", func() (mssp.Transaction, error) {
		return l.Care.ManageCode(ctx, enginetest.Number, mssp.Authentication, applet.CodeUnblock)
	})
	if _, card, _, err := l.Store.Lookup(ctx, enginetest.Number); err != nil || card.Blocked[0] {
		t.Error("still blocked in our rows")
	}
	run("reset", func() (mssp.Transaction, error) {
		return l.Care.ManageCode(ctx, enginetest.Number, mssp.Authentication, applet.CodeReset)
	})
	_, err := l.Care.ManageCode(ctx, enginetest.Number, mssp.NonRepudiation, applet.CodeReset)
	enginetest.WantFault(t, err, mssp.NoKeyFound)
	run("data", func() (mssp.Transaction, error) {
		return l.Care.SetAppletData(ctx, enginetest.Number, applet.SetAppletData{Language: "fi", Strings: []applet.StringUpdate{{ID: 1, Text: applet.UTF8("Tunnusluku?")}}})
	})
	_, err = l.Care.SetAppletData(ctx, enginetest.Number, applet.SetAppletData{Language: "Finnish"})
	enginetest.WantFault(t, err, mssp.WrongParam)
	run("deactivate", func() (mssp.Transaction, error) {
		return l.Care.ChangeStatus(ctx, enginetest.Number, applet.StatusDeactivate)
	})
	s, err := enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(ctx, enginetest.Number) })
	if err != nil || s.LifeCycle != applet.AppletActive {
		t.Errorf("state %+v, %v", s, err)
	}
	run("delete", func() (mssp.Transaction, error) { return l.Registrar.DeleteKey(ctx, enginetest.Number, 1) })
	_, err = l.Signer.Sign(ctx, enginetest.Request("T1", "hello"))
	enginetest.WantFault(t, err, mssp.NoKeyFound)
	for _, p := range c.Seen {
		if strings.Contains(string(p.Data), "1234") {
			t.Error("a code travels")
		}
	}
	_, err = l.Care.QueryState(ctx, sms.MSISDN("41790000088"))
	enginetest.WantFault(t, err, mssp.UnknownClient)
	c.Say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagManagePersonalCode.Result(), Status: applet.StatusCancelled}}}
	}
	_, err = enginetest.Pumped(l, func() (mssp.Transaction, error) {
		return l.Care.ManageCode(ctx, enginetest.Number, mssp.Authentication, applet.CodeCreate)
	})
	enginetest.WantFault(t, err, mssp.UserCancel)
}

// A user unblocks his code on the device: the next request is refused, but
// makes us ask the card, and the one after it is served.
//
// Supports: 3.5.4-3
func TestUnblockedOnDevice(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.EditCard(func(c *mssp.Card) { c.Blocked[0] = true })
	c.Say = func(m applet.Message) applet.Answer {
		a := c.Apply(m)
		for i := range a.Results {
			if s := a.Results[i].State; s != nil {
				s.Codes = []applet.CodeState{{Code: applet.CodeAuthentication, Status: applet.CodeSet, TriesLeft: 3, MaxTries: 3, Min: 4, Max: 8}}
			}
		}
		return a
	}
	for _, id := range []string{"T1", "T2"} { // asked once a minute only
		_, err := l.Signer.Sign(context.Background(), enginetest.Request(id, "hello"))
		enginetest.WantFault(t, err, mssp.PINBlocked)
	}
	l.Settle()
	n := len(c.Seen)
	l.Pump()
	if c.Prompts != 1 || n != 3 {
		t.Errorf("%d prompts, %d packets", c.Prompts, n)
	}
	tx := l.Sign(enginetest.Request("T3", "hello"))
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}
