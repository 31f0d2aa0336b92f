package registration_test

import (
	"context"
	"crypto/x509"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// step runs one step of a registration while the network delivers.
func step(l *enginetest.Lab, f func(context.Context, registration.EnrolRequest) (registration.Enrolment, error), r registration.EnrolRequest) (registration.Enrolment, error) {
	return enginetest.Pumped(l, func() (registration.Enrolment, error) { return f(context.Background(), r) })
}

// last is the last command that the card got.
func last(t *testing.T, l *enginetest.Lab, c *enginetest.Card) applet.Command {
	t.Helper()
	m, err := applet.Parse(c.Seen[len(c.Seen)-1].Data)
	l.OK(err)
	return m.Commands[len(m.Commands)-1]
}

// known is a card that has told that its applet is active.
func known(l *enginetest.Lab) { l.EditCard(func(c *mssp.Card) { c.Applet = mssp.AppletActive }) }

// What a request leaves open is filled in, and what it says is kept.
func TestDefaults(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	known(l)
	// Flow B makes no pair before the user has agreed.
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation, Algorithm: applet.RSA2048, Flow: registration.FlowB, Slot: 4}
	en, err := step(l, l.Registrar.RegisterInit, r)
	if want := (registration.Enrolment{Slot: 4, Usage: mssp.NonRepudiation, Algorithm: applet.RSA2048}); err != nil || !reflect.DeepEqual(en, want) || len(c.Seen) > 0 {
		t.Errorf("%+v, %v, %d packets", en, err, len(c.Seen))
	}
	r = registration.EnrolRequest{MSISDN: enginetest.Number, Profile: enginetest.AuthProfile.URI}
	en, err = step(l, l.Registrar.RegisterInit, r)
	if err != nil || en.Slot != 1 || en.Usage != mssp.Authentication || en.Algorithm == 0 || en.State != mssp.KeyGenerated || len(en.PublicKey) == 0 {
		t.Errorf("%+v, %v", en, err)
	}
	want := applet.SetAuthenticationHandlerData{
		Slot: applet.Slot{Number: 1, Usage: 1, Algorithm: en.Algorithm, Code: applet.CodeAuthentication}, Operation: applet.HandlerGenerate,
	}
	if got := last(t, l, c); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	k := l.Key(1)
	if k.Usage != mssp.Authentication || applet.Algorithm(k.Algorithm) != en.Algorithm || string(k.PublicKey) != string(en.PublicKey) || !k.UpdatedAt.Equal(l.Clock.Now()) || k.CSR != nil {
		t.Errorf("%+v", k)
	}
	// The text of the registration is the one that was asked for.
	r = registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Slot: 1, Display: "Register with Example?"}
	if _, err = step(l, l.Registrar.RegisterComplete, r); err != nil {
		t.Fatal(err)
	}
	if got := c.Shown[len(c.Shown)-1].TextToShow; !reflect.DeepEqual(got, applet.UTF8("Register with Example?")) {
		t.Errorf("%+v", got)
	}
}

// A registration that cannot be asked for asks nobody.
func TestCannotBeAsked(t *testing.T) {
	l := enginetest.New(t)
	p := l.Options.CardProfiles["test"]
	p.UTF8 = false // such a card shows what a terminal can
	l.Options.CardProfiles["test"] = p
	l.Kill()
	c := l.User(enginetest.Number)
	made, err := step(l, l.Registrar.RegisterInit, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication})
	l.OK(err)
	n := len(c.Seen)
	refused := func(what string, r registration.EnrolRequest, code mssp.Code, text string) {
		t.Helper()
		r.MSISDN, r.Usage = enginetest.Number, mssp.Authentication
		_, err := step(l, l.Registrar.RegisterComplete, r)
		if f, ok := errors.AsType[*mssp.Fault](err); !ok || f.Code != code || !strings.HasPrefix(f.Detail, text) || len(c.Seen) != n {
			t.Errorf("%s: %v, %d packets", what, err, len(c.Seen)-n)
		}
	}
	refused("text", registration.EnrolRequest{Slot: made.Slot, Display: "\xff"}, mssp.InappropriateData, "the text has a character that phones cannot be trusted to show")
	refused("no pair", registration.EnrolRequest{Slot: 2}, mssp.RegistrationNOK, "slot 2 has no key pair yet: register_init comes first")
	refused("slot", registration.EnrolRequest{Slot: 5}, mssp.RegistrationNOK, "the user's card has 4 key slots, there is no slot 5")
	l.EditSubscriber(func(s *mssp.Subscriber) { s.Serial = "no_underline" })
	refused("subject", registration.EnrolRequest{Slot: made.Slot}, mssp.RegistrationNOK, "the certificate request cannot be made: subject refused: serialNumber")
	refused("subject in flow B", registration.EnrolRequest{Slot: 2, Flow: registration.FlowB}, mssp.RegistrationNOK, "the certificate request cannot be made: subject refused: serialNumber")
	if k := l.Key(1); k.State != mssp.KeyGenerated {
		t.Errorf("the pair is %s", k.State)
	}
}

// The words of the card in those of a registration: what is about the user or
// his phone is told as ever, all else is 407.
func TestKeyFaults(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	for _, x := range []struct {
		word applet.StatusWord
		code mssp.Code
		text string
	}{
		{0x63C0, 407, "the user entered too many wrong Proof of Possession codes"},
		{0x63C2, 407, "the user entered a wrong code; 2 tries are left"},
		{0x6401, 401, "the user cancelled"},
		{0x6402, 208, "time is up: shown: the user was asked and has not answered"},
		{0x6403, 407, "the user's phone was busy with another screen: try again"},
		{0x6982, 209, "the user's card asks for a higher security level: its profile must be corrected"},
		{0x6983, 402, "the user's code is blocked after wrong entries: they must have it unblocked"},
		{0x6985, 407, "the user has chosen no personal code, or key or applet are not ready for a registration"},
		{0x6A80, 407, "the user's card did not understand the command"},
		{0x6A81, 407, "the user's card does not support what was asked for"},
		{0x6A84, 407, "the user's card has no memory left"},
		{0x6A88, 407, "the user's card has no key in that slot: they must register again"},
		{0x6F00, 407, "the user's card failed: status 6F00"},
	} {
		l.EditCard(func(c *mssp.Card) { c.Blocked = [2]bool{} })
		c.Say = func(m applet.Message) applet.Answer {
			a := applet.Answer{Transaction: m.Transaction}
			for _, cmd := range m.Commands {
				a.Results = append(a.Results, applet.Result{Tag: cmd.Tag().Result(), Status: applet.StatusOK})
			}
			a.Results[len(a.Results)-1].Status = x.word
			return a
		}
		_, err := step(l, l.Registrar.RegisterComplete, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Flow: registration.FlowB})
		if f, ok := errors.AsType[*mssp.Fault](err); !ok || f.Code != x.code || f.Detail != x.text {
			t.Errorf("%04X: %v", uint16(x.word), err)
		}
		noKeys(t, l)
	}
}

// A code that the RA does not know is what the user enters; one that it knows
// is asked for although nobody said so.
//
// Supports: 3.5.1-3
func TestPoPModes(t *testing.T) {
	for _, flow := range []registration.Flow{registration.FlowA, registration.FlowB} {
		l := enginetest.New(t)
		c := l.User(enginetest.Number)
		c.PoP = "87654321"
		if en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Flow: flow, PoP: applet.PoPAsk}); en.PoP != "87654321" {
			t.Errorf("flow %c: code %q", flow, en.PoP)
		}
		c.PoP = "1234"
		en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation, Flow: flow, PoPCode: "1234"})
		if en.PoP != "1234" || c.Shown[len(c.Shown)-1].PoP != applet.PoPAsk {
			t.Errorf("flow %c: code %q, asked in mode %v", flow, en.PoP, c.Shown[len(c.Shown)-1].PoP)
		}
		c.PoP = "1235"
		_, err := step(l, l.Registrar.Enrol, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation, Flow: flow, PoPCode: "1234", Slot: 3})
		enginetest.WantFault(t, err, mssp.RegistrationNOK)
	}
}

// A registration that was under way at a restart goes on after it, with all that
// it is to check; then the user is not asked a second time.
//
// Supports: 5.1-6
func TestRegistrationAcrossRestart(t *testing.T) {
	for _, flow := range []registration.Flow{registration.FlowA, registration.FlowB} {
		for code, want := range map[string]mssp.KeyState{"1234": mssp.KeyRequested, "4321": mssp.KeyAborted} {
			l := enginetest.New(t)
			c := l.User(enginetest.Number)
			c.PoP = code
			known(l)
			r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation, Flow: flow, PoPCode: "1234", Slot: 1, Algorithm: applet.ECDSAP384}
			_, err := step(l, l.Registrar.RegisterInit, r)
			l.OK(err)
			gone, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := l.Registrar.RegisterComplete(gone, r)
				ended <- err
			}()
			for {
				txs, err := l.Store.Transactions(t.Context(), store.TransactionFilter{Open: true, Limit: 1})
				l.OK(err)
				if len(txs) > 0 {
					break
				}
				runtime.Gosched()
			}
			if k := l.Key(1); k.State != mssp.KeyRegistering || k.Usage != mssp.NonRepudiation || applet.Algorithm(k.Algorithm) != applet.ECDSAP384 {
				t.Errorf("flow %c: while it waits %+v", flow, k)
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("flow %c: %v", flow, err)
			}
			l.Settle()
			said := l.Drop()
			l.Kill()
			l.Bring(said...)
			ks, err := l.Store.KeyPairs(t.Context(), l.Tx(newest(t, l)).ICCID)
			l.OK(err)
			if k := ks[0]; k.State != want || (len(k.CSR) > 0) != (want == mssp.KeyRequested) || k.Usage != mssp.NonRepudiation || applet.Algorithm(k.Algorithm) != applet.ECDSAP384 || !k.UpdatedAt.Equal(l.Clock.Now()) {
				t.Errorf("flow %c, code %s: %+v", flow, code, k)
			}
			if n := c.Prompts; want == mssp.KeyRequested {
				en, err := step(l, l.Registrar.RegisterComplete, r)
				if err != nil || string(en.CSR) != string(ks[0].CSR) || c.Prompts != n {
					t.Errorf("flow %c: %v, %d prompts", flow, err, c.Prompts-n)
				}
			}
		}
	}
}

// deleted checks that the card is told to delete the pair in slot 1, and that no key is
// in use.
func deleted(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
	t.Helper()
	l.Settle()
	m, err := applet.Parse(c.Seen[len(c.Seen)-1].Data)
	l.OK(err)
	want := applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerDelete}
	if !reflect.DeepEqual(m.Commands[0], want) {
		t.Errorf("%+v", m.Commands)
	}
	l.Pump()
	l.Settle()
	noKeys(t, l)
}

// A pair that was being made at a restart is in our rows after it.
func TestGenerateAcrossRestart(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	known(l)
	gone, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := l.Registrar.RegisterInit(gone, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
		ended <- err
	}()
	for {
		txs, err := l.Store.Transactions(t.Context(), store.TransactionFilter{Open: true, Limit: 1})
		l.OK(err)
		if len(txs) > 0 {
			break
		}
		runtime.Gosched()
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	l.Settle()
	said := l.Drop()
	l.Kill()
	l.Bring(said...)
	spki, err := x509.MarshalPKIXPublicKey(c.Keys[1].Public())
	l.OK(err)
	if k := l.Key(1); k.State != mssp.KeyGenerated || string(k.PublicKey) != string(spki) || !k.UpdatedAt.Equal(l.Clock.Now()) {
		t.Errorf("%+v", k)
	}
}

func newest(t *testing.T, l *enginetest.Lab) mssp.TransID {
	t.Helper()
	txs, err := l.Store.Transactions(t.Context(), store.TransactionFilter{Limit: 1})
	l.OK(err)
	return txs[0].ID
}

// A pair is deleted at the card and in our row, and its slot is free again.
//
// Supports: 4-10
func TestDeleteKey(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Clock.Add(1e9)
	tx, err := enginetest.Pumped(l, func() (mssp.Transaction, error) { return l.Registrar.DeleteKey(t.Context(), enginetest.Number, "", 1) })
	if err != nil || tx.State != mssp.Done || tx.Status != mssp.RequestOK || tx.Kind != mssp.KindHandler {
		t.Errorf("%+v, %v", tx, err)
	}
	want := applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerDelete}
	if got := last(t, l, c); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	ks, err := l.Store.KeyPairs(t.Context(), tx.ICCID)
	if err != nil || ks[0].State != mssp.KeyDeleted || !ks[0].UpdatedAt.Equal(l.Clock.Now()) {
		t.Errorf("%+v, %v", ks, err)
	}
	r, err := registration.ParseResult(&tx)
	if err != nil || r.Slot != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	// A slot of which we know nothing may hold what a lost registration left.
	if _, err = enginetest.Pumped(l, func() (mssp.Transaction, error) { return l.Registrar.DeleteKey(t.Context(), enginetest.Number, "", 3) }); err != nil {
		t.Error(err)
	}
	if ks, err = l.Store.KeyPairs(t.Context(), tx.ICCID); err != nil || len(ks) != 1 {
		t.Errorf("%+v, %v", ks, err)
	}
	_, err = l.Registrar.DeleteKey(t.Context(), "41790000088", "", 1)
	enginetest.WantFault(t, err, mssp.UnknownClient)
}

// A public key is read whole where the card gives it whole, and in parts where it
// does not; what is no answer to the question, or no key, is refused.
//
// Supports: 4-8
func TestReadPublicKey(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	l.Sign(enginetest.Request("T0", "hello")) // the confirmation is with the card
	spki, err := x509.MarshalPKIXPublicKey(c.Keys[1].Public())
	l.OK(err)
	_, raw, err := applet.MarshalPublicKey(c.Keys[1].Public())
	l.OK(err)
	var asked []*applet.Range
	for what, x := range map[string]struct {
		say  func(*applet.Result, *applet.Range)
		n    int
		want string
	}{
		"whole": {func(r *applet.Result, _ *applet.Range) { r.PublicKey = raw }, 1, ""},
		"in parts": {func(r *applet.Result, p *applet.Range) {
			if p == nil {
				p = &applet.Range{Length: 90}
			}
			r.Part = &applet.Part{Offset: p.Offset, Total: uint16(len(raw)), Octets: raw[p.Offset:][:p.Length]}
		}, 4, ""},
		"another part": {func(r *applet.Result, _ *applet.Range) {
			r.Part = &applet.Part{Offset: 1, Total: uint16(len(raw)), Octets: raw[1:81]}
		}, 1, "the user's card answered with another part of the public key than was asked for"},
		"nothing":   {func(*applet.Result, *applet.Range) {}, 1, "the user's card answered with another part of the public key than was asked for"},
		"no key":    {func(r *applet.Result, _ *applet.Range) { r.PublicKey = make([]byte, len(raw)) }, 1, "the public key of the user's card is refused"},
		"no memory": {func(r *applet.Result, _ *applet.Range) { r.Status = applet.StatusNoMemory }, 1, "the user's card has no memory left"},
	} {
		asked = nil
		c.Say = func(m applet.Message) applet.Answer {
			get := m.Commands[0].(applet.GetAuthenticationHandlerData)
			if get.Slot != 1 || get.What != applet.WhatPublicKey || len(m.Commands) != 1 {
				t.Errorf("%s: %+v", what, m.Commands)
			}
			asked = append(asked, get.Part)
			r := applet.Result{Tag: get.Tag().Result(), Status: applet.StatusOK}
			x.say(&r, get.Part)
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{r}}
		}
		got, err := enginetest.Pumped(l, func() ([]byte, error) { return l.Registrar.ReadPublicKey(t.Context(), enginetest.Number, 1) })
		f, refused := errors.AsType[*mssp.Fault](err)
		if x.want == "" && (err != nil || string(got) != string(spki)) || x.want != "" && (!refused || f.Code != mssp.RegistrationNOK || !strings.HasPrefix(f.Detail, x.want)) || len(asked) != x.n {
			t.Errorf("%s: %d octets, %v, %d questions", what, len(got), err, len(asked))
		}
		if asked[0] != nil || what == "in parts" && (*asked[1] != applet.Range{Offset: 90, Length: 80} || *asked[3] != applet.Range{Offset: 250, Length: uint16(len(raw) - 250)}) {
			t.Errorf("%s: asked for %+v", what, asked)
		}
	}
	_, err = l.Registrar.ReadPublicKey(t.Context(), enginetest.Number, 2)
	enginetest.WantFault(t, err, mssp.NoKeyFound)
	_, err = l.Registrar.ReadPublicKey(t.Context(), "41790000088", 1)
	enginetest.WantFault(t, err, mssp.UnknownClient)
}

// A card that cannot keep the certificate, or does not confirm, hinders nothing.
func TestRegisteredAllTheSame(t *testing.T) {
	l := enginetest.New(t)
	p := l.Options.CardProfiles["test"]
	p.StoresCert = true
	l.Options.CardProfiles["test"] = p
	l.Registration.ConfirmAtOnce = true
	l.Kill()
	c := l.User(enginetest.Number)
	var operations []applet.HandlerOperation
	c.Say = func(m applet.Message) applet.Answer {
		a := c.Apply(m)
		if s, ok := m.Commands[len(m.Commands)-1].(applet.SetAuthenticationHandlerData); ok && s.Operation != applet.HandlerGenerate {
			operations = append(operations, s.Operation)
			a.Results[len(a.Results)-1] = applet.Result{Tag: s.Tag().Result(), Status: applet.StatusNoMemory}
		}
		return a
	}
	en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
	if en.State != mssp.KeyRegistered || l.Key(1).Confirmed || !reflect.DeepEqual(operations, []applet.HandlerOperation{applet.HandlerConfirm, applet.HandlerImportCertificate}) {
		t.Errorf("%s, %v", en.State, operations) // and after one part that was refused there is no second one
	}
	for _, said := range []string{"confirmation to the card failed: it goes with the next command", "storing the certificate in the card failed"} {
		if !strings.Contains(l.Logs.String(), said) {
			t.Errorf("nobody is told: %s", said)
		}
	}
}

// A certificate that is refused takes its pair out of use, here and at the card.
//
// Supports: 5.1-9
func TestCertificateRefused(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication}
	_, err := step(l, l.Registrar.RegisterInit, r)
	l.OK(err)
	asked, err := step(l, l.Registrar.RegisterComplete, r)
	l.OK(err)
	if asked.Slot != 1 || asked.Usage != mssp.Authentication || asked.Algorithm == 0 || asked.State != mssp.KeyRequested || len(asked.PublicKey) == 0 || asked.TransID == "" {
		t.Errorf("%+v", asked)
	}
	for _, slot := range []byte{0, 2} {
		_, err = l.Registrar.CertificateStatus(t.Context(), enginetest.Number, slot, nil)
		enginetest.WantFault(t, err, mssp.RegistrationNOK)
	}
	_, err = l.Registrar.CertificateStatus(t.Context(), "41790000088", 1, nil)
	enginetest.WantFault(t, err, mssp.UnknownClient)
	en, err := l.Registrar.CertificateStatus(t.Context(), enginetest.Number, 1, nil)
	if err != nil || en.State != mssp.KeyAborted || en.Slot != 1 || en.Usage != mssp.Authentication || en.Algorithm != asked.Algorithm {
		t.Errorf("%+v, %v", en, err)
	}
	l.Settle()
	deleted(t, l, c)
}

// The applet is activated with the first command to a card without keys, and not
// again.
//
// Supports: 5.1-4
func TestActivatedOnce(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Sign(enginetest.Request("T0", "hello")) // the confirmation is with the card
	_, err := step(l, l.Registrar.RegisterInit, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation})
	l.OK(err)
	for i, want := range map[int][]applet.Tag{
		0:               {applet.TagChangeAppletStatus}, // it is asked how it is
		1:               {applet.TagChangeAppletStatus, applet.TagSetAuthenticationHandlerData},
		len(c.Seen) - 1: {applet.TagSetAuthenticationHandlerData},
	} {
		m, err := applet.Parse(c.Seen[i].Data)
		l.OK(err)
		var got []applet.Tag
		for _, x := range m.Commands {
			got = append(got, x.Tag())
		}
		if !slices.Equal(got, want) {
			t.Errorf("packet %d: %v", i, got)
		}
	}
}

// Only a transaction that is done has a result, and a damaged one is told.
func TestParseResult(t *testing.T) {
	good := mssp.Transaction{State: mssp.Done, Result: []byte(`{"slot":2,"pop":"1234"}`)}
	if r, err := registration.ParseResult(&good); err != nil || r.Slot != 2 || r.PoP != "1234" {
		t.Errorf("%+v, %v", r, err)
	}
	for what, change := range map[string]func(*mssp.Transaction){
		"failed": func(tx *mssp.Transaction) { tx.State = mssp.Failed }, "none": func(tx *mssp.Transaction) { tx.Result = nil },
	} {
		tx := good
		change(&tx)
		if r, err := registration.ParseResult(&tx); err != nil || r.Slot != 0 {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
	}
	good.Result = []byte(`{"slot":2`)
	if r, err := registration.ParseResult(&good); err == nil || r.Slot != 0 || !strings.HasPrefix(err.Error(), "transaction result: ") {
		t.Errorf("%+v, %v", r, err)
	}
}

// The store fails while a step is prepared: the step says so, asks nobody, and
// goes on from where it was when it is asked for again.
//
// Supports: 5.1-3
func TestStoreFails(t *testing.T) {
	l := enginetest.New(t)
	st := &failing{Store: l.Store}
	l.Registration.Store = st
	l.Kill()
	c := l.User(enginetest.Number)
	known(l)
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256, Slot: 1}
	var cert []byte
	certificate := func(ctx context.Context, r registration.EnrolRequest) (registration.Enrolment, error) {
		return l.Registrar.CertificateStatus(ctx, r.MSISDN, r.Slot, cert)
	}
	for _, x := range []struct {
		do    func(context.Context, registration.EnrolRequest) (registration.Enrolment, error)
		calls int64
		state mssp.KeyState
	}{{l.Registrar.RegisterInit, 1, mssp.KeyGenerated}, {l.Registrar.RegisterComplete, 2, mssp.KeyRequested}, {certificate, 2, mssp.KeyRegistered}} {
		for n := int64(1); n <= x.calls; n++ {
			l.Settle() // what follows from the end of the transaction before reads key pairs too, and would take the failure
			st.at.Store(n)
			sent := len(c.Seen)
			_, err := step(l, x.do, r)
			enginetest.WantFault(t, err, mssp.InternalError)
			if len(c.Seen) != sent {
				t.Errorf("before %s, call %d: the card was asked", x.state, n)
			}
		}
		en, err := step(l, x.do, r)
		if err != nil || en.State != x.state || l.Key(1).State != x.state || l.Key(1).Confirmed {
			t.Fatalf("%s: %+v, %v", x.state, en, err)
		}
		if x.state == mssp.KeyRequested {
			sub, _, _, err := l.Store.Lookup(t.Context(), enginetest.Number)
			l.OK(err)
			issued, err := l.CA.Issue(t.Context(), en.CSR, sub, mssp.Authentication)
			l.OK(err)
			cert = issued.Raw
		}
	}
	txs, err := l.Store.Transactions(t.Context(), store.TransactionFilter{})
	l.OK(err)
	var kinds []mssp.Kind
	for i := range txs {
		kinds = append(kinds, txs[i].Kind)
	}
	if !reflect.DeepEqual(kinds, []mssp.Kind{mssp.KindRegister, mssp.KindHandler}) {
		t.Errorf("transactions %v", kinds)
	}
}

// failing is a store whose call number at fails.
type failing struct {
	*store.Store
	at atomic.Int64
}

var errDisk = errors.New("the disk is gone")

func (f *failing) fails() bool { return f.at.Add(-1) == 0 }

func (f *failing) KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error) {
	if f.fails() {
		return nil, errDisk
	}
	return f.Store.KeyPairs(ctx, iccid)
}

func (f *failing) TellOfKeyPair(ctx context.Context, k mssp.KeyPair, n ...store.Notice) ([]store.Outbound, error) {
	if f.fails() {
		return nil, errDisk
	}
	return f.Store.TellOfKeyPair(ctx, k, n...)
}

// A pair that the card does not make, or whose request it does not sign as it
// should, ends there, and the RA hears which it was.
func TestNoPair(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	known(l)
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256}
	for what, x := range map[string]struct {
		say  func(*applet.Result)
		code mssp.Code
		text string
	}{
		"no memory": {func(r *applet.Result) { r.PublicKey, r.Status = nil, applet.StatusNoMemory }, 407, "the user's card has no memory left"},
		"cancelled": {func(r *applet.Result) { r.PublicKey, r.Status = nil, applet.StatusCancelled }, 401, "the user cancelled"},
		"no point":  {func(r *applet.Result) { r.PublicKey = make([]byte, len(r.PublicKey)) }, 407, "the public key of the user's card is refused: "},
	} {
		c.Say = func(m applet.Message) applet.Answer {
			a := c.Apply(m)
			x.say(&a.Results[len(a.Results)-1])
			return a
		}
		clear(c.Keys)
		sent := len(c.Seen)
		_, err := step(l, l.Registrar.RegisterInit, r)
		if f, ok := errors.AsType[*mssp.Fault](err); !ok || f.Code != x.code || !strings.HasPrefix(f.Detail, x.text) || len(c.Seen) != sent+1 {
			t.Errorf("%s: %v, %d packets", what, err, len(c.Seen)-sent)
		}
		noKeys(t, l)
	}
	c.Say = nil
	clear(c.Keys)
	_, err := step(l, l.Registrar.RegisterInit, r)
	l.OK(err)
	for what, x := range map[string]struct {
		say  func(*applet.Result)
		text string
	}{
		"an octet less":      {func(r *applet.Result) { r.Signature = r.Signature[1:] }, "the answer of the user's card makes no certificate request"},
		"a signature broken": {func(r *applet.Result) { r.Signature[5] ^= 1 }, "the certificate request that the user's card signed does not verify"},
		"no signature":       {func(r *applet.Result) { r.Signature = nil }, "the user's card answered without a signature"},
	} {
		c.Say = nil
		made, err := step(l, l.Registrar.RegisterInit, r)
		l.OK(err)
		c.Say = func(m applet.Message) applet.Answer {
			a := c.Apply(m)
			if a.Results[len(a.Results)-1].Tag == applet.TagSignTransaction.Result() {
				x.say(&a.Results[len(a.Results)-1])
			}
			return a
		}
		r := r
		r.Slot = made.Slot
		_, err = step(l, l.Registrar.RegisterComplete, r)
		if f, ok := errors.AsType[*mssp.Fault](err); !ok || f.Code != mssp.RegistrationNOK || f.Detail != x.text {
			t.Errorf("%s: %v", what, err)
		}
		deleted(t, l, c)
	}
}

// refusing is a CA that issues nothing.
type refusing struct{}

func (refusing) Issue(context.Context, []byte, mssp.Subscriber, mssp.KeyUsage) (*x509.Certificate, error) {
	return nil, errors.New("no more serial numbers")
}

// What the CA refuses is out of use, here and at the card; without a CA nothing
// begins.
//
// Supports: 5.1-9
func TestRefusedByTheCA(t *testing.T) {
	l := enginetest.New(t)
	l.Registration.CA = refusing{}
	l.Kill()
	c := l.User(enginetest.Number)
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication}
	_, err := step(l, l.Registrar.Enrol, r)
	if f, ok := errors.AsType[*mssp.Fault](err); !ok || f.Code != mssp.RegistrationNOK || f.Detail != "the CA refused the request: no more serial numbers" {
		t.Errorf("%v", err)
	}
	l.Settle()
	deleted(t, l, c)
	l.Registration.CA = nil
	l.Kill()
	n := len(c.Seen)
	_, err = step(l, l.Registrar.Enrol, r)
	if enginetest.WantFault(t, err, mssp.RegistrationNOK); len(c.Seen) != n {
		t.Error("the card was asked")
	}
}
