package cardcare_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardcare"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
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
	if err != nil || s.LifeCycle != applet.AppletDeactivated {
		t.Errorf("state %+v, %v", s, err)
	}
	run("delete", func() (mssp.Transaction, error) { return l.Registrar.DeleteKey(ctx, enginetest.Number, "", 1) })
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
	if c.Prompts != 1 || n != 4 {
		t.Errorf("%d prompts, %d packets", c.Prompts, n)
	}
	tx := l.Sign(enginetest.Request("T3", "hello"))
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// asked is what the card was asked for last, and the newest transaction.
func asked(t *testing.T, l *enginetest.Lab, c *enginetest.Card) ([]applet.Command, mssp.Transaction) {
	t.Helper()
	m, err := applet.Parse(c.Seen[len(c.Seen)-1].Data)
	l.OK(err)
	txs, err := l.Store.Transactions(t.Context(), store.TransactionFilter{Limit: 1})
	l.OK(err)
	return m.Commands, txs[0]
}

// Each order is the command that it names, in a transaction of its kind, and
// nothing else.
func TestOrders(t *testing.T) {
	ctx := t.Context()
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Sign(enginetest.Request("T0", "hello")) // the card has confirmed the key: nothing goes along any more
	code := func(u mssp.KeyUsage, op applet.CodeOperation) func(sms.MSISDN) (mssp.Transaction, error) {
		return func(n sms.MSISDN) (mssp.Transaction, error) { return l.Care.ManageCode(ctx, n, u, op) }
	}
	status := func(to applet.AppletStatus) func(sms.MSISDN) (mssp.Transaction, error) {
		return func(n sms.MSISDN) (mssp.Transaction, error) { return l.Care.ChangeStatus(ctx, n, to) }
	}
	data := applet.SetAppletData{Language: "fi"}
	for _, op := range []applet.CodeOperation{applet.CodeReset, applet.CodeUnblock, applet.CodeChange} {
		_, err := l.Care.ManageCode(ctx, enginetest.Number, mssp.NonRepudiation, op)
		enginetest.WantFault(t, err, mssp.NoKeyFound)
	}
	for what, o := range map[string]struct {
		do   func(sms.MSISDN) (mssp.Transaction, error)
		kind mssp.Kind
		want applet.Command
	}{
		"create of one not registered": {code(mssp.NonRepudiation, applet.CodeCreate), mssp.KindCode, applet.ManagePersonalCode{Operation: applet.CodeCreate, Code: applet.CodeNonRepudiation}},
		"reset":                        {code(mssp.Authentication, applet.CodeReset), mssp.KindCode, applet.ManagePersonalCode{Operation: applet.CodeReset, Code: applet.CodeAuthentication}},
		"unblock":                      {code(mssp.Authentication, applet.CodeUnblock), mssp.KindCode, applet.ManagePersonalCode{Operation: applet.CodeUnblock, Code: applet.CodeAuthentication}},
		"change":                       {code(mssp.Authentication, applet.CodeChange), mssp.KindCode, applet.ManagePersonalCode{Operation: applet.CodeChange, Code: applet.CodeAuthentication}},
		"activate":                     {status(applet.StatusActivate), mssp.KindApplet, applet.ChangeAppletStatus{To: applet.StatusActivate}},
		"deactivate":                   {status(applet.StatusDeactivate), mssp.KindApplet, applet.ChangeAppletStatus{To: applet.StatusDeactivate}},
		"data":                         {func(n sms.MSISDN) (mssp.Transaction, error) { return l.Care.SetAppletData(ctx, n, data) }, mssp.KindApplet, data},
	} {
		tx, err := enginetest.Pumped(l, func() (mssp.Transaction, error) { return o.do(enginetest.Number) })
		commands, row := asked(t, l, c)
		if err != nil || tx.State != mssp.Done || tx.ID != row.ID || row.Kind != o.kind || row.MSISDN != enginetest.Number || !reflect.DeepEqual(commands, []applet.Command{o.want}) {
			t.Errorf("%s: %s %s, %v; commands %+v", what, row.Kind, tx.State, err, commands)
		}
		c.Say = func(m applet.Message) applet.Answer { // the card says no
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: o.want.Tag().Result(), Status: applet.StatusNoMemory}}}
		}
		_, err = enginetest.Pumped(l, func() (mssp.Transaction, error) { return o.do(enginetest.Number) })
		enginetest.WantFault(t, err, mssp.SignatureProcess)
		c.Say = nil
		_, err = o.do("41790000088")
		enginetest.WantFault(t, err, mssp.UnknownClient)
	}
	if _, err := cardcare.New(l.Engine); err == nil {
		t.Error("two look after the same cards")
	}
}

// The state that a query gives is the one that the applet says; an applet that
// says none, or no, gives none.
func TestQueryState(t *testing.T) {
	ctx := t.Context()
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	want := applet.State{LifeCycle: applet.AppletDeactivated, Language: "fi"}
	said := applet.Result{Tag: applet.TagChangeAppletStatus.Result(), Status: applet.StatusOK, State: &want}
	c.Say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{said}}
	}
	query := func() (applet.State, error) {
		return enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(ctx, enginetest.Number) })
	}
	got, err := query()
	if err != nil || got.LifeCycle != want.LifeCycle || got.Language != "fi" {
		t.Errorf("%+v, %v", got, err)
	}
	if commands, _ := asked(t, l, c); !reflect.DeepEqual(commands, []applet.Command{applet.ChangeAppletStatus{To: applet.StatusReport}}) {
		t.Errorf("asked for %+v", commands)
	}
	said.State = nil
	_, err = query()
	enginetest.WantFault(t, err, mssp.OTAError)
	said.Status = applet.StatusCancelled
	_, err = query()
	enginetest.WantFault(t, err, mssp.UserCancel)
	over, cancel := context.WithCancel(ctx)
	cancel()
	target, err := l.Engine.Target(ctx, enginetest.Number)
	l.OK(err)
	if err := l.Care.AskState(over, target); err == nil {
		t.Error("nothing was accepted, and nobody was told")
	}
}

// An order that was given before a restart is understood after it.
func TestOrdersAfterRestart(t *testing.T) {
	ctx := t.Context()
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	for what, do := range map[string]func(context.Context) error{
		"code": func(ctx context.Context) error {
			_, err := l.Care.ManageCode(ctx, enginetest.Number, mssp.Authentication, applet.CodeUnblock)
			return err
		},
		"applet": func(ctx context.Context) error {
			_, err := l.Care.ChangeStatus(ctx, enginetest.Number, applet.StatusReport)
			return err
		},
	} {
		l.EditCard(func(c *mssp.Card) { c.Blocked[0] = true })
		gone, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- do(gone) }()
		var id mssp.TransID
		for id == "" {
			txs, err := l.Store.Transactions(ctx, store.TransactionFilter{Open: true, Limit: 1})
			l.OK(err)
			if len(txs) > 0 {
				id = txs[0].ID
			}
			runtime.Gosched()
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
		l.Settle()
		said := l.Drop()
		l.Kill()
		l.Bring(said...)
		tx := l.Want(id, mssp.Done, mssp.RequestOK)
		_, card, _, err := l.Store.Lookup(ctx, enginetest.Number)
		l.OK(err)
		if r, err := cardcare.ParseResult(&tx); err != nil || (r.State != nil) != (what == "applet") || card.Blocked[0] != (what == "applet") {
			t.Errorf("%s: %+v, %v, blocked %v", what, r, err, card.Blocked[0])
		}
	}
}

// Only a transaction that is done has a result, and a damaged one is told.
func TestParseResult(t *testing.T) {
	good := mssp.Transaction{State: mssp.Done, Result: []byte(`{"state":{"LifeCycle":2,"Language":"fi"}}`)}
	if r, err := cardcare.ParseResult(&good); err != nil || r.State == nil || r.State.Language != "fi" {
		t.Errorf("%+v, %v", r, err)
	}
	for what, change := range map[string]func(*mssp.Transaction){
		"failed":  func(tx *mssp.Transaction) { tx.State = mssp.Failed },
		"waiting": func(tx *mssp.Transaction) { tx.State = mssp.Waiting },
		"none":    func(tx *mssp.Transaction) { tx.Result = nil },
	} {
		tx := good
		change(&tx)
		if r, err := cardcare.ParseResult(&tx); err != nil || r.State != nil {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
	}
	good.Result = []byte(`{"state":`)
	if r, err := cardcare.ParseResult(&good); err == nil || r.State != nil || !strings.HasPrefix(err.Error(), "transaction result: ") {
		t.Errorf("%+v, %v", r, err)
	}
}

// A user who chooses no code within his attempts is not one without a key: customer care
// hears what happened.
//
// Supports: 5.4-1, 3.5.5-1
func TestNoCodeChosen(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagManagePersonalCode.Result(), Status: applet.StatusConditions}}}
	}
	for op, want := range map[applet.CodeOperation]mssp.Code{
		applet.CodeReset: mssp.SignatureProcess, applet.CodeChange: mssp.SignatureProcess, applet.CodeCreate: mssp.SignatureProcess, applet.CodeUnblock: mssp.NoKeyFound,
	} {
		_, err := enginetest.Pumped(l, func() (mssp.Transaction, error) {
			return l.Care.ManageCode(context.Background(), enginetest.Number, mssp.Authentication, op)
		})
		enginetest.WantFault(t, err, want)
		if says := strings.Contains(err.Error(), "no new code was chosen"); says != (want == mssp.SignatureProcess) {
			t.Errorf("%v: %v", op, err)
		}
	}
}
