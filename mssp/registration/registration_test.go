package registration_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// Both flows with both kinds of key: a certificate for the key in the card,
// bound to the subscriber, usable at once for a signature; the confirmation
// travels with the first of them, the activation with the first command.
//
// Supports: 3.2-3, 3.3-4, 3.3-5, 3.5.1-2, 3.5.1-7, 3.5.1-9, 4-6, 4-7, 5-2, 5.1-4, 5.1-5, 5.1-6, 5.1-7, 5.1-8, 5.1-10
func TestEnrol(t *testing.T) {
	for _, alg := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		for _, flow := range []registration.Flow{registration.FlowA, registration.FlowB} {
			t.Run(alg.String()+" "+string(rune(flow)), func(t *testing.T) {
				l := enginetest.New(t)
				l.Registration.Quiet = false
				l.Kill()
				c := l.User(enginetest.Number)
				en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: alg, Flow: flow})
				cert := enginetest.ParseCert(t, en.Certificate)
				if cert.Subject.SerialNumber != "MIDCHE41790000001" || cert.Subject.CommonName != "Test Person" {
					t.Errorf("subject %v", cert.Subject)
				}
				spki, err := x509.MarshalPKIXPublicKey(c.Keys[1].Public())
				l.OK(err)
				if string(spki) != string(cert.RawSubjectPublicKeyInfo) || string(spki) != string(en.PublicKey) {
					t.Error("the certificate is for another key")
				}
				k := l.Key(1)
				if k.State != mssp.KeyRegistered || k.Confirmed || k.Serial != en.Serial || k.Usage != mssp.Authentication {
					t.Errorf("key row: %s, confirmed %v", k.State, k.Confirmed)
				}
				m, err := applet.Parse(c.Seen[1].Data) // the first one asked for its state
				l.OK(err)
				if m.Commands[0] != (applet.ChangeAppletStatus{To: applet.StatusActivate}) || (len(m.Commands) == 2) != (flow == registration.FlowA) {
					t.Error("the first packet that changes something must activate the applet too")
				}
				l.Engine.Sweep(context.Background())
				l.Settle()
				if len(l.Texts) != 1 {
					t.Errorf("%d text messages, want 1", len(l.Texts))
				}
				tx := l.Sign(enginetest.Request("T1", "hello"))
				l.Want(tx.ID, mssp.Done, mssp.Signature)
				if !l.Key(1).Confirmed {
					t.Error("the card has confirmed, the row has not")
				}
				l.Sign(enginetest.Request("T2", "hello"))
				if m, _ = applet.Parse(c.Seen[len(c.Seen)-1].Data); len(m.Commands) != 1 {
					t.Error("confirmed twice")
				}
			})
		}
	}
}

// The three steps one by one, as an RA with another CA takes them; each may
// be repeated.
//
// Supports: 3.5.1-8, 5.1-1, 5.1-3, 5.1-5, 5.1-6, 5.1-8
func TestThreeSteps(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation}
	step := func(f func(context.Context, registration.EnrolRequest) (registration.Enrolment, error)) registration.Enrolment {
		t.Helper()
		en, err := enginetest.Pumped(l, func() (registration.Enrolment, error) { return f(ctx, r) })
		l.OK(err)
		return en
	}
	made := step(l.Registrar.RegisterInit)
	if again := step(l.Registrar.RegisterInit); string(again.PublicKey) != string(made.PublicKey) || made.State != mssp.KeyGenerated {
		t.Error("register_init must answer with the first pair that is not registered")
	}
	_, err := l.Registrar.CertificateStatus(ctx, enginetest.Number, 1, []byte{1})
	enginetest.WantFault(t, err, mssp.RegistrationNOK) // nothing was requested yet
	asked := step(l.Registrar.RegisterComplete)
	n := c.Prompts
	if again := step(l.Registrar.RegisterComplete); string(again.CSR) != string(asked.CSR) || c.Prompts != n {
		t.Error("a repeated register_complete must not ask the user again")
	}
	req, err := x509.ParseCertificateRequest(asked.CSR)
	l.OK(err)
	l.OK(req.CheckSignature())
	_, err = l.Registrar.CertificateStatus(ctx, enginetest.Number, 1, l.CA.Certificate().Raw)
	enginetest.WantFault(t, err, mssp.ErrorCertificate) // another key
	_, err = l.Registrar.CertificateStatus(ctx, enginetest.Number, 1, []byte{1})
	enginetest.WantFault(t, err, mssp.ErrorCertificate)
	s, _, _, err := l.Store.Lookup(ctx, enginetest.Number)
	l.OK(err)
	cert, err := l.CA.Issue(ctx, asked.CSR, s, mssp.NonRepudiation)
	l.OK(err)
	done, err := l.Registrar.CertificateStatus(ctx, enginetest.Number, 1, cert.Raw)
	l.OK(err)
	if done.State != mssp.KeyRegistered {
		t.Errorf("state %s", done.State)
	}
	// A further pair goes into the next slot.
	r.Usage = mssp.Authentication
	if next := step(l.Registrar.RegisterInit); next.Slot != 2 {
		t.Errorf("slot %d, want 2", next.Slot)
	}
}

// Proof of Possession: the right code goes into the request, another one
// refuses it.
//
// Supports: 3.5.1-3, 5.1-6, 5.1-8
func TestPoP(t *testing.T) {
	for _, flow := range []registration.Flow{registration.FlowA, registration.FlowB} {
		l := enginetest.New(t)
		c := l.User(enginetest.Number)
		code, err := registration.NewPoPCode(8)
		l.OK(err)
		if len(code) != 8 || !luhn(code) {
			t.Fatalf("PoP code %q", code)
		}
		c.PoP = "12345678"
		r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Flow: flow, PoP: applet.PoPChecked, PoPCode: code}
		_, err = enginetest.Pumped(l, func() (registration.Enrolment, error) { return l.Registrar.Enrol(context.Background(), r) })
		enginetest.WantFault(t, err, mssp.RegistrationNOK)
		l.Pump()
		l.Settle()
		l.Pump()
		noKeys(t, l)
		m, err := applet.Parse(c.Seen[len(c.Seen)-1].Data)
		l.OK(err)
		if d, ok := m.Commands[0].(applet.SetAuthenticationHandlerData); !ok || d.Operation != applet.HandlerDelete {
			t.Error("the card must delete the pair of a refused registration")
		}
		c.PoP, c.Keys = code, map[byte]crypto.Signer{}
		if en := l.Enrol(r); en.PoP != code {
			t.Error("the entered code is not told to the RA")
		}
	}
}

// noKeys checks that no key of the user is in use.
func noKeys(t *testing.T, l *enginetest.Lab) {
	t.Helper()
	if _, _, ks, err := l.Store.Lookup(context.Background(), enginetest.Number); err != nil || len(ks) > 0 {
		t.Errorf("keys %v, %v; want none", ks, err)
	}
}

func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// Cancel, and silence until the end: the key is gone from our rows as it is
// from the card, and a new registration starts afresh, over what the card
// may still hold.
//
// Supports: 3.5.1-6, 5.1-9
func TestRegistrationAborted(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	c.Say = func(m applet.Message) applet.Answer {
		a := c.Apply(m)
		if r := &a.Results[len(a.Results)-1]; r.Tag == applet.TagSignTransaction.Result() {
			*r = applet.Result{Tag: r.Tag, Status: applet.StatusCancelled}
		}
		return a
	}
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication}
	_, err := enginetest.Pumped(l, func() (registration.Enrolment, error) { return l.Registrar.Enrol(context.Background(), r) })
	enginetest.WantFault(t, err, mssp.UserCancel)
	noKeys(t, l)
	// The card did not delete it: it is asked what it holds, and the pair whose
	// registration never ended is deleted.
	c.Say = nil
	en, err := enginetest.Pumped(l, func() (registration.Enrolment, error) { return l.Registrar.Enrol(context.Background(), r) })
	l.OK(err)
	if en.State != mssp.KeyRegistered || en.Slot != 1 {
		t.Errorf("state %s, slot %d", en.State, en.Slot)
	}
}

// A public key that comes in parts is read to its end.
//
// Supports: 4-8, 5.1-5
func TestPublicKeyInParts(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	var key []byte
	c.Say = func(m applet.Message) applet.Answer {
		a := c.Apply(m)
		for i, x := range m.Commands {
			r := &a.Results[i]
			switch x := x.(type) {
			case applet.SetAuthenticationHandlerData:
				key, r.PublicKey = r.PublicKey, nil
				r.Part = &applet.Part{Total: uint16(len(key)), Octets: key[:100]}
			case applet.GetAuthenticationHandlerData:
				r.Part = &applet.Part{Offset: x.Part.Offset, Total: uint16(len(key)), Octets: key[x.Part.Offset:][:x.Part.Length]}
			}
		}
		return a
	}
	en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.RSA2048})
	if enginetest.ParseCert(t, en.Certificate).PublicKey == nil || len(c.Seen) < 4 {
		t.Errorf("%d packets", len(c.Seen))
	}
}

// Who cannot be registered, and why.
//
// Supports: 5.1-2, 5.1-1
func TestNotEligible(t *testing.T) {
	for name, c := range map[string]struct {
		code   mssp.Code
		change func(*enginetest.Lab, *registration.EnrolRequest)
	}{
		"no usage": {mssp.WrongParam, func(_ *enginetest.Lab, r *registration.EnrolRequest) { r.Usage = 0 }},
		"no such profile": {mssp.UnsupportedProfile, func(_ *enginetest.Lab, r *registration.EnrolRequest) {
			r.Usage, r.Profile = 0, "http://example.com/none"
		}},
		"slot by profile": {mssp.RegistrationNOK, func(_ *enginetest.Lab, r *registration.EnrolRequest) {
			r.Usage, r.Profile, r.Slot = 0, enginetest.AuthProfile.URI, 1
		}},
		"unknown number": {mssp.UnknownClient, func(_ *enginetest.Lab, r *registration.EnrolRequest) { r.MSISDN = "41790000077" }},
		"algorithm":      {mssp.RegistrationNOK, func(_ *enginetest.Lab, r *registration.EnrolRequest) { r.Algorithm = applet.ECDSAP521 }},
		"slot":           {mssp.RegistrationNOK, func(_ *enginetest.Lab, r *registration.EnrolRequest) { r.Slot = 5 }},
		"slot in use":    {mssp.RegistrationNOK, func(_ *enginetest.Lab, r *registration.EnrolRequest) { r.Slot = 1 }},
		"flow":           {mssp.WrongParam, func(_ *enginetest.Lab, r *registration.EnrolRequest) { r.Flow = 'C' }},
		"blocked": {mssp.PINBlocked, func(l *enginetest.Lab, _ *registration.EnrolRequest) {
			l.EditCard(func(c *mssp.Card) { c.Blocked[0] = true })
		}},
		"no serial": {mssp.RegistrationNOK, func(l *enginetest.Lab, _ *registration.EnrolRequest) {
			l.EditSubscriber(func(s *mssp.Subscriber) { s.Serial = "" })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := enginetest.New(t)
			l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
			r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication}
			c.change(l, &r)
			sent := len(l.Sent)
			_, err := l.Registrar.Enrol(context.Background(), r)
			enginetest.WantFault(t, err, c.code)
			if len(l.Sent) != sent {
				t.Error("something was sent")
			}
		})
	}
}

// Renewal: a second pair of the same usage takes over, the first still stands.
//
// Supports: 3.5.13-1, 5.12-1
func TestRenewal(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Sign(enginetest.Request("T1", "hello"))
	l.Clock.Add(3600e9)
	en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
	if en.Slot != 2 || string(en.PublicKey) == string(l.Key(1).PublicKey) {
		t.Errorf("slot %d", en.Slot)
	}
	l.Sign(enginetest.Request("T2", "hello"))
	if got := c.Shown[len(c.Shown)-1].Slot.Number; got != 2 {
		t.Errorf("signed with slot %d, want the new one", got)
	}
	l.OK(l.CA.Revoke(context.Background(), en.Serial, 1))
	l.Sign(enginetest.Request("T3", "hello"))
	if got := c.Shown[len(c.Shown)-1].Slot.Number; got != 1 {
		t.Errorf("signed with slot %d, want the one that is valid", got)
	}
}

// The confirmation in a packet of its own, when the option says so.
//
// Supports: 5.1-10
func TestConfirmAtOnce(t *testing.T) {
	l := enginetest.New(t)
	l.Registration.ConfirmAtOnce = true
	l.Kill()
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	if !l.Key(1).Confirmed {
		t.Error("not confirmed")
	}
}

// A card that wants the user's certificate gets it.
//
// Supports: 3.3-6, 4-9
func TestStoresCertificate(t *testing.T) {
	l := enginetest.New(t)
	p := l.Options.CardProfiles["test"]
	p.StoresCert = true
	l.Options.CardProfiles["test"] = p
	c := l.User(enginetest.Number)
	en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
	var got []byte
	for _, s := range c.Seen {
		m, err := applet.Parse(s.Data)
		l.OK(err)
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

// A registration whose request was not signed by its key ends, and its key
// is of no use.
//
// Supports: 5.1-8, 5.1-9
func TestRequestNotSignedByItsKey(t *testing.T) {
	for _, flow := range []registration.Flow{registration.FlowA, registration.FlowB} {
		l := enginetest.New(t)
		c := l.User(enginetest.Number)
		c.Say = func(m applet.Message) applet.Answer {
			a := c.Apply(m)
			for i := range a.Results {
				if s := a.Results[i].Signature; len(s) > 0 {
					s[len(s)-1] ^= 1
				}
			}
			return a
		}
		_, err := enginetest.Pumped(l, func() (registration.Enrolment, error) {
			return l.Registrar.Enrol(context.Background(), registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Flow: flow})
		})
		enginetest.WantFault(t, err, mssp.RegistrationNOK)
		_, _, ks, err := l.Store.Lookup(context.Background(), enginetest.Number)
		l.OK(err)
		for _, k := range ks {
			if k.State == mssp.KeyRequested || k.State == mssp.KeyRegistered || len(k.CSR) > 0 {
				t.Errorf("flow %c: key is %s", flow, k.State)
			}
		}
		if _, err := l.Signer.Sign(context.Background(), enginetest.Request("T1", "hello")); err == nil {
			t.Errorf("flow %c: the key signs", flow)
		}
	}
}

// A registration whose turn comes too late leaves no key that registers.
//
// Supports: 5.1-9
func TestRegistrationAfterDeadline(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Mute = true
	l.Ask("T1")
	l.Drop()
	k := l.Key(1)
	k.Slot, k.State, k.Usage = 2, mssp.KeyGenerated, mssp.NonRepudiation
	l.OK(l.Store.PutKeyPairs(ctx, []mssp.KeyPair{k}))
	ended := make(chan error, 1)
	go func() {
		_, err := l.Registrar.RegisterComplete(ctx, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation, TimeOut: time.Minute})
		ended <- err
	}()
	for {
		txs, err := l.Store.Transactions(ctx, store.TransactionFilter{ICCID: k.ICCID, Open: true, Limit: 3})
		l.OK(err)
		if len(txs) == 2 {
			break
		}
		runtime.Gosched()
	}
	if got := l.Key(2).State; got != mssp.KeyRegistering {
		t.Errorf("key is %s while it waits", got)
	}
	l.Clock.Add(81 * time.Second)
	l.Engine.Sweep(ctx)
	l.Settle()
	enginetest.WantFault(t, <-ended, mssp.ExpiredTransaction)
	ks, err := l.Store.KeyPairs(ctx, k.ICCID)
	l.OK(err)
	if ks[1].State != mssp.KeyAborted { // the card has not said yet that it is gone
		t.Errorf("key is %s", ks[1].State)
	}
}

// quicker is a store in which somebody writes between a read and the next write.
type quicker struct {
	*store.Store
	write func()
}

func (q *quicker) KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error) {
	ks, err := q.Store.KeyPairs(ctx, iccid)
	if f := q.write; f != nil {
		q.write = nil
		f()
	}
	return ks, err
}

// Of two registrations that want one slot at the same moment one goes on; the
// other is told so, and neither the card nor the user hears of it.
func TestTwoRegistrationsOfASlot(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	q := &quicker{Store: l.Store}
	l.Registration.Store = q
	l.Kill()
	c := l.User(enginetest.Number)
	known(l)
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Flow: registration.FlowB}
	overtaken := func(what string) {
		t.Helper()
		sent := len(c.Seen)
		en, err := enginetest.Pumped(l, func() (registration.Enrolment, error) { return l.Registrar.RegisterComplete(ctx, r) })
		enginetest.WantFault(t, err, mssp.RegistrationNOK)
		if err == nil || !strings.Contains(err.Error(), "another registration works on slot 1 (authentication key, registering)") || len(c.Seen) != sent || en.CSR != nil {
			t.Errorf("%s: %v, %d packets", what, err, len(c.Seen)-sent)
		}
	}
	_, card, _, err := l.Store.Lookup(ctx, enginetest.Number)
	l.OK(err)
	other := mssp.KeyPair{
		ICCID: card.ICCID, Slot: 1, Usage: mssp.Authentication, Algorithm: byte(applet.ECDSAP256), State: mssp.KeyRegistering, Version: store.Absent,
	}
	put := func(k mssp.KeyPair) { // not in the goroutine of the test, which alone may be ended
		if err := l.Store.PutKeyPairs(ctx, []mssp.KeyPair{k}); err != nil {
			t.Error(err)
		}
	}
	q.write = func() { put(other) }
	overtaken("an empty slot")
	q.write = func() { other.Version = 1; put(other) }
	overtaken("a slot that both have read")

	// The card says that its slot is in use, and by now the row says why.
	r.Usage, r.Flow = mssp.NonRepudiation, registration.FlowA
	c.Say = func(m applet.Message) applet.Answer {
		made := mssp.KeyPair{ICCID: card.ICCID, Slot: 2, Usage: mssp.NonRepudiation, Algorithm: byte(applet.ECDSAP256), State: mssp.KeyGenerated, PublicKey: []byte{4}}
		put(made)
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSetAuthenticationHandlerData.Result(), Status: applet.StatusSlotInUse}}}
	}
	_, err = enginetest.Pumped(l, func() (registration.Enrolment, error) { return l.Registrar.RegisterInit(ctx, r) })
	enginetest.WantFault(t, err, mssp.RegistrationNOK)
	if k := l.Key(2); k.Version != 1 || len(k.PublicKey) != 1 {
		t.Errorf("the pair of the other one was replaced: %+v", k)
	}
}

// overtakenCA has just given the key's certificate to somebody else.
type overtakenCA struct{}

func (overtakenCA) Issue(context.Context, []byte, mssp.Subscriber, mssp.KeyUsage) (*x509.Certificate, error) {
	return nil, fmt.Errorf("issue: %w", pki.ErrOvertaken)
}

// The pair that two registrations share is not deleted by the one that comes second.
func TestOvertakenAtTheCA(t *testing.T) {
	l := enginetest.New(t)
	l.Registration.CA = overtakenCA{}
	l.Kill()
	l.User(enginetest.Number)
	_, err := enginetest.Pumped(l, func() (registration.Enrolment, error) {
		return l.Registrar.Enrol(context.Background(), registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication})
	})
	enginetest.WantFault(t, err, mssp.RegistrationNOK)
	l.Settle()
	if k := l.Key(1); k.State != mssp.KeyRequested {
		t.Errorf("the pair is %s", k.State)
	}
}
