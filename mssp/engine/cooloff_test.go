package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// unwillingLab is a lab with a user who cancels (or does not answer), and the
// limit of three.
func unwillingLab(t *testing.T) (*lab, *fakeCard) {
	l := newLab(t)
	l.o.Limits.CoolOffAfter = 0 // the default
	l.kill()
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	return l, c
}

// cancelling makes the user cancel.
func (c *fakeCard) cancelling() {
	c.say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled}}}
	}
}

// After three requests within ten minutes that a user has cancelled or left
// unanswered, nobody reaches him for a quarter of an hour; another user, the
// operator and a repeat are not held up.
//
// Supports: 3.5.6-1, 3.5.3-3
func TestCoolOff(t *testing.T) {
	l, c := unwillingLab(t)
	l.enrolled("41790000002", applet.ECDSAP256, mssp.Authentication)
	c.cancelling()
	first := l.sign(request("T1", "pay"))
	l.want(first.ID, mssp.Failed, mssp.UserCancel)
	l.sign(request("T2", "pay"))
	c.mute = true
	tx, _ := l.ask("T3")
	l.clock.add(81e9)
	l.e.sweepOnce(context.Background())
	l.settle()
	l.want(tx.ID, mssp.Failed, mssp.ExpiredTransaction)
	c.mute, c.say = false, nil

	_, err := l.e.Sign(context.Background(), request("T4", "pay"))
	wantFault(t, err, mssp.SignatureProcess)
	var f *mssp.Fault
	if until := l.clock.Now().Add(15 * time.Minute).Format(time.RFC3339); !errors.As(err, &f) || !strings.Contains(f.Detail, until) {
		t.Errorf("detail %q does not say until %s", f.Detail, until)
	}
	if again, err := l.e.Sign(context.Background(), request("T1", "pay")); err != nil || again.ID != first.ID {
		t.Errorf("a repeat: %v", err)
	}
	r := request("T5", "pay")
	r.MSISDN = "41790000002"
	other := l.sign(r)
	l.want(other.ID, mssp.Done, mssp.Signature)
	if _, err := pumped(l, func() (AppletState, error) { return l.e.QueryState(context.Background(), testNumber) }); err != nil {
		t.Errorf("the operator: %v", err)
	}
	l.clock.add(15 * time.Minute)
	after := l.sign(request("T6", "pay"))
	l.want(after.ID, mssp.Done, mssp.Signature)
}

// What does not count: cancels that are spread over more time, requests that
// never reached the phone, other ends, orders of the operator.
func TestCoolOffCounts(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	cancel := mssp.Transaction{Kind: mssp.KindSign, MSISDN: testNumber, Attempt: 1, Status: mssp.UserCancel}
	change := func(f func(*mssp.Transaction)) mssp.Transaction { tx := cancel; f(&tx); return tx }
	for name, c := range map[string]struct {
		third mssp.Transaction
		apart time.Duration
		want  bool
	}{
		"cancel":       {cancel, time.Minute, true},
		"no answer":    {change(func(tx *mssp.Transaction) { tx.Status = mssp.ExpiredTransaction }), time.Minute, true},
		"never sent":   {change(func(tx *mssp.Transaction) { tx.Status, tx.Attempt = mssp.ExpiredTransaction, 0 }), time.Minute, false},
		"signed":       {change(func(tx *mssp.Transaction) { tx.Status = mssp.Signature }), time.Minute, false},
		"not reached":  {change(func(tx *mssp.Transaction) { tx.Status = mssp.OTAError }), time.Minute, false},
		"of operator":  {change(func(tx *mssp.Transaction) { tx.Kind = mssp.KindCode }), time.Minute, false},
		"other person": {change(func(tx *mssp.Transaction) { tx.MSISDN = "41790000002" }), time.Minute, false},
		"spread":       {cancel, 5 * time.Minute, false},
	} {
		o := coolOff{after: 3, pause: time.Minute, m: map[sms.MSISDN]*unwilling{}}
		o.note(&cancel, now)
		o.note(&cancel, now.Add(c.apart))
		got := !o.note(&c.third, now.Add(2*c.apart)).IsZero()
		if held := o.check(testNumber, now.Add(2*c.apart)) != nil; got != c.want || held != c.want {
			t.Errorf("%s: %v, held up %v, want %v", name, got, held, c.want)
		}
		o.clean(now.Add(time.Hour))
		if len(o.m) != 0 {
			t.Errorf("%s: %d persons are remembered for ever", name, len(o.m))
		}
	}
}

// A request whose time is over is answered when it is a repeat, and refused
// without a trace when it is not.
func TestLateRequest(t *testing.T) {
	l := newLab(t)
	l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	first := l.sign(request("T1", "pay"))
	late := func(id, text string) SignRequest {
		r := request(id, text)
		r.Late = mssp.Faultf(mssp.ValidityExpired, "too late")
		return r
	}
	if tx, err := l.e.Sign(context.Background(), late("T1", "pay")); err != nil || tx.ID != first.ID || tx.Status != mssp.Signature {
		t.Errorf("the repeat: %+v, %v", tx, err)
	}
	_, err := l.e.Sign(context.Background(), late("T1", "pay more"))
	wantFault(t, err, mssp.WrongParam)
	_, err = l.e.Sign(context.Background(), late("T2", "pay"))
	wantFault(t, err, mssp.ValidityExpired)
	if txs, err := l.st.Transactions(context.Background(), store.TransactionFilter{AP: "http://bank.example"}); err != nil || len(txs) != 1 {
		t.Errorf("%d transactions, %v", len(txs), err)
	}
}
