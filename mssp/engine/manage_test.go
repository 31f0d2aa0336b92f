package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// The confirmation in a packet of its own, when the option says so.
//
// Supports: 5.1-10
func TestConfirmAtOnce(t *testing.T) {
	l := newLab(t)
	l.o.ConfirmAtOnce = true
	l.kill()
	l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	if !l.key(1).Confirmed {
		t.Error("not confirmed")
	}
}

// Code management and applet data go through the same queue and carry no code.
//
// Supports: 3.4-1, 3.5.4-2, 3.5.5-1, 3.5.11-1, 4-2, 4-3, 4-4, 4-10, 5.3-1, 5.4-1
func TestManage(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.card(func(c *mssp.Card) { c.Blocked[0] = true })
	run := func(name string, f func() (mssp.Transaction, error)) {
		t.Helper()
		tx, err := pumped(l, f)
		if err != nil || tx.State != mssp.Done || tx.Status != mssp.RequestOK {
			t.Errorf("%s: %s %d, %v", name, tx.State, tx.Status, err)
		}
	}
	run("unblock", func() (mssp.Transaction, error) {
		return l.e.ManageCode(ctx, testNumber, mssp.Authentication, applet.CodeUnblock)
	})
	if _, card, _, err := l.st.Lookup(ctx, testNumber); err != nil || card.Blocked[0] {
		t.Error("still blocked in our rows")
	}
	run("reset", func() (mssp.Transaction, error) {
		return l.e.ManageCode(ctx, testNumber, mssp.Authentication, applet.CodeReset)
	})
	_, err := l.e.ManageCode(ctx, testNumber, mssp.NonRepudiation, applet.CodeReset)
	wantFault(t, err, mssp.NoKeyFound)
	run("data", func() (mssp.Transaction, error) {
		return l.e.SetAppletData(ctx, testNumber, AppletData{Language: "fi", Strings: []applet.StringUpdate{{ID: 1, Text: applet.UTF8("Tunnusluku?")}}})
	})
	_, err = l.e.SetAppletData(ctx, testNumber, AppletData{Language: "Finnish"})
	wantFault(t, err, mssp.WrongParam)
	run("deactivate", func() (mssp.Transaction, error) { return l.e.ChangeStatus(ctx, testNumber, applet.StatusDeactivate) })
	s, err := pumped(l, func() (AppletState, error) { return l.e.QueryState(ctx, testNumber) })
	if err != nil || s.LifeCycle != applet.AppletActive {
		t.Errorf("state %+v, %v", s, err)
	}
	run("delete", func() (mssp.Transaction, error) { return l.e.DeleteKey(ctx, testNumber, 1) })
	_, err = l.e.Sign(ctx, request("T1", "hello"))
	wantFault(t, err, mssp.NoKeyFound)
	for _, p := range c.seen {
		if strings.Contains(string(p.Data), "1234") {
			t.Error("a code travels")
		}
	}
	_, err = l.e.QueryState(ctx, sms.MSISDN("41790000088"))
	wantFault(t, err, mssp.UnknownClient)
	c.say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagManagePersonalCode.Result(), Status: applet.StatusCancelled}}}
	}
	_, err = pumped(l, func() (mssp.Transaction, error) {
		return l.e.ManageCode(ctx, testNumber, mssp.Authentication, applet.CodeCreate)
	})
	wantFault(t, err, mssp.UserCancel)
}

// A user unblocks his code on the device: the next request is refused, but
// makes us ask the card, and the one after it is served.
//
// Supports: 3.5.4-3
func TestUnblockedOnDevice(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.card(func(c *mssp.Card) { c.Blocked[0] = true })
	c.say = func(m applet.Message) applet.Answer {
		a := c.apply(m)
		for i := range a.Results {
			if s := a.Results[i].State; s != nil {
				s.Codes = []applet.CodeState{{Code: applet.CodeAuthentication, Status: applet.CodeSet, TriesLeft: 3, MaxTries: 3, Min: 4, Max: 8}}
			}
		}
		return a
	}
	for _, id := range []string{"T1", "T2"} { // asked once a minute only
		_, err := l.e.Sign(context.Background(), request(id, "hello"))
		wantFault(t, err, mssp.PINBlocked)
	}
	l.settle()
	n := len(c.seen)
	l.pump()
	if c.prompts != 1 || n != 3 {
		t.Errorf("%d prompts, %d packets", c.prompts, n)
	}
	tx := l.sign(request("T3", "hello"))
	l.want(tx.ID, mssp.Done, mssp.Signature)
}

// A card that wants the user's certificate gets it.
//
// Supports: 3.3-6, 4-9
func TestStoresCertificate(t *testing.T) {
	l := newLab(t)
	p := l.o.CardProfiles["test"]
	p.StoresCert = true
	l.o.CardProfiles["test"] = p
	c := l.user(testNumber)
	en := l.enrol(EnrolRequest{MSISDN: testNumber, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
	var got []byte
	for _, s := range c.seen {
		m, err := applet.Parse(s.Data)
		l.ok(err)
		if d, ok := m.Commands[0].(applet.SetAuthenticationHandlerData); ok && d.Operation == applet.HandlerImportCertificate {
			if d.Part == nil || int(d.Part.Offset) != len(got) || int(d.Part.Length) != len(en.Certificate) {
				t.Errorf("part %+v after %d octets", d.Part, len(got))
			}
			got = append(got, d.Certificate...)
		}
	}
	if string(got) != string(en.Certificate) {
		t.Errorf("the card got %d octets of %d", len(got), len(en.Certificate))
	}
}
