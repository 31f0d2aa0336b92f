package engine

import (
	"context"
	"crypto"
	"crypto/x509"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
)

// Both flows with both kinds of key: a certificate for the key in the card,
// bound to the subscriber, usable at once for a signature; the confirmation
// travels with the first of them, the activation with the first command.
//
// Supports: 3.2-3, 3.3-4, 3.3-5, 3.5.1-2, 3.5.1-7, 3.5.1-9, 4-6, 4-7, 5-2, 5.1-4, 5.1-5, 5.1-6, 5.1-7, 5.1-8, 5.1-10
func TestEnrol(t *testing.T) {
	for _, alg := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		for _, flow := range []Flow{FlowA, FlowB} {
			t.Run(alg.String()+" "+string(rune(flow)), func(t *testing.T) {
				l := newLab(t)
				l.o.QuietRegistration = false
				l.kill()
				c := l.user(testNumber)
				en := l.enrol(EnrolRequest{MSISDN: testNumber, Usage: mssp.Authentication, Algorithm: alg, Flow: flow})
				cert := parseCert(t, en.Certificate)
				if cert.Subject.SerialNumber != "MIDCHE41790000001" || cert.Subject.CommonName != "Test Person" {
					t.Errorf("subject %v", cert.Subject)
				}
				spki, err := x509.MarshalPKIXPublicKey(c.keys[1].Public())
				l.ok(err)
				if string(spki) != string(cert.RawSubjectPublicKeyInfo) || string(spki) != string(en.PublicKey) {
					t.Error("the certificate is for another key")
				}
				k := l.key(1)
				if k.State != mssp.KeyRegistered || k.Confirmed || k.Serial != en.Serial || k.Usage != mssp.Authentication {
					t.Errorf("key row: %s, confirmed %v", k.State, k.Confirmed)
				}
				m, err := applet.Parse(c.seen[0].Data)
				l.ok(err)
				if len(m.Commands) != 2 || m.Commands[0].Tag() != applet.TagChangeAppletStatus {
					t.Error("the first packet must activate the applet too")
				}
				l.e.sweepOnce(context.Background())
				l.settle()
				if len(l.texts) != 1 {
					t.Errorf("%d text messages, want 1", len(l.texts))
				}
				tx := l.sign(request("T1", "hello"))
				l.want(tx.ID, mssp.Done, mssp.Signature)
				if !l.key(1).Confirmed {
					t.Error("the card has confirmed, the row has not")
				}
				l.sign(request("T2", "hello"))
				if m, _ = applet.Parse(c.seen[len(c.seen)-1].Data); len(m.Commands) != 1 {
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
	l := newLab(t)
	c := l.user(testNumber)
	r := EnrolRequest{MSISDN: testNumber, Usage: mssp.NonRepudiation}
	step := func(f func(context.Context, EnrolRequest) (Enrolment, error)) Enrolment {
		t.Helper()
		en, err := pumped(l, func() (Enrolment, error) { return f(ctx, r) })
		l.ok(err)
		return en
	}
	made := step(l.e.RegisterInit)
	if again := step(l.e.RegisterInit); string(again.PublicKey) != string(made.PublicKey) || made.State != mssp.KeyGenerated {
		t.Error("register_init must answer with the first pair that is not registered")
	}
	_, err := l.e.CertificateStatus(ctx, testNumber, 1, []byte{1})
	wantFault(t, err, mssp.RegistrationNOK) // nothing was requested yet
	asked := step(l.e.RegisterComplete)
	n := c.prompts
	if again := step(l.e.RegisterComplete); string(again.CSR) != string(asked.CSR) || c.prompts != n {
		t.Error("a repeated register_complete must not ask the user again")
	}
	req, err := x509.ParseCertificateRequest(asked.CSR)
	l.ok(err)
	l.ok(req.CheckSignature())
	_, err = l.e.CertificateStatus(ctx, testNumber, 1, l.ca.Certificate().Raw)
	wantFault(t, err, mssp.ErrorCertificate) // another key
	_, err = l.e.CertificateStatus(ctx, testNumber, 1, []byte{1})
	wantFault(t, err, mssp.ErrorCertificate)
	s, _, _, err := l.st.Lookup(ctx, testNumber)
	l.ok(err)
	cert, err := l.ca.Issue(ctx, asked.CSR, s, mssp.NonRepudiation)
	l.ok(err)
	done, err := l.e.CertificateStatus(ctx, testNumber, 1, cert.Raw)
	l.ok(err)
	if done.State != mssp.KeyRegistered {
		t.Errorf("state %s", done.State)
	}
	// A further pair goes into the next slot.
	r.Usage = mssp.Authentication
	if next := step(l.e.RegisterInit); next.Slot != 2 {
		t.Errorf("slot %d, want 2", next.Slot)
	}
}

// Proof of Possession: the right code goes into the request, another one
// refuses it.
//
// Supports: 3.5.1-3, 5.1-6, 5.1-8
func TestPoP(t *testing.T) {
	for _, flow := range []Flow{FlowA, FlowB} {
		l := newLab(t)
		c := l.user(testNumber)
		code, err := NewPoPCode(8)
		l.ok(err)
		if len(code) != 8 || !luhn(code) {
			t.Fatalf("PoP code %q", code)
		}
		c.pop = "12345678"
		r := EnrolRequest{MSISDN: testNumber, Usage: mssp.Authentication, Flow: flow, PoP: applet.PoPChecked, PoPCode: code}
		_, err = pumped(l, func() (Enrolment, error) { return l.e.Enrol(context.Background(), r) })
		wantFault(t, err, mssp.RegistrationNOK)
		l.noKeys()
		l.pump()
		m, err := applet.Parse(c.seen[len(c.seen)-1].Data)
		l.ok(err)
		if d, ok := m.Commands[0].(applet.SetAuthenticationHandlerData); !ok || d.Operation != applet.HandlerDelete {
			t.Error("the card must delete the pair of a refused registration")
		}
		c.pop, c.keys = code, map[byte]crypto.Signer{}
		if en := l.enrol(r); en.PoP != code {
			t.Error("the entered code is not told to the RA")
		}
	}
}

// noKeys checks that no key of the user is in use.
func (l *lab) noKeys() {
	l.t.Helper()
	if _, _, ks, err := l.st.Lookup(context.Background(), testNumber); err != nil || len(ks) > 0 {
		l.t.Errorf("keys %v, %v; want none", ks, err)
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
	l := newLab(t)
	c := l.user(testNumber)
	c.say = func(m applet.Message) applet.Answer {
		a := c.apply(m)
		if r := &a.Results[len(a.Results)-1]; r.Tag == applet.TagSignTransaction.Result() {
			*r = applet.Result{Tag: r.Tag, Status: applet.StatusCancelled}
		}
		return a
	}
	r := EnrolRequest{MSISDN: testNumber, Usage: mssp.Authentication}
	_, err := pumped(l, func() (Enrolment, error) { return l.e.Enrol(context.Background(), r) })
	wantFault(t, err, mssp.UserCancel)
	l.noKeys()
	// The card did not delete it: it calls the slot in use.
	inUse := true
	c.say = func(m applet.Message) applet.Answer {
		if s, ok := m.Commands[len(m.Commands)-1].(applet.SetAuthenticationHandlerData); ok && inUse {
			inUse = s.Operation != applet.HandlerGenerate
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{
				{Tag: applet.TagChangeAppletStatus.Result(), Status: applet.StatusOK},
				{Tag: applet.TagSetAuthenticationHandlerData.Result(), Status: applet.StatusSlotInUse},
			}}
		} else if ok {
			return c.applyReplace(m)
		}
		return c.apply(m)
	}
	inUse = true
	en, err := pumped(l, func() (Enrolment, error) { return l.e.Enrol(context.Background(), r) })
	l.ok(err)
	if en.State != mssp.KeyRegistered {
		t.Errorf("state %s", en.State)
	}
}

// applyReplace makes a pair whatever was there.
func (c *fakeCard) applyReplace(m applet.Message) applet.Answer {
	for i, x := range m.Commands {
		if s, ok := x.(applet.SetAuthenticationHandlerData); ok {
			s.Operation = applet.HandlerGenerate
			m.Commands[i] = s
		}
	}
	return c.apply(m)
}

// A public key that comes in parts is read to its end.
//
// Supports: 4-8, 5.1-5
func TestPublicKeyInParts(t *testing.T) {
	l := newLab(t)
	c := l.user(testNumber)
	var key []byte
	c.say = func(m applet.Message) applet.Answer {
		a := c.apply(m)
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
	en := l.enrol(EnrolRequest{MSISDN: testNumber, Usage: mssp.Authentication, Algorithm: applet.RSA2048})
	if parseCert(t, en.Certificate).PublicKey == nil || len(c.seen) < 4 {
		t.Errorf("%d packets", len(c.seen))
	}
}

// Who cannot be registered, and why.
//
// Supports: 5.1-2, 5.1-1
func TestNotEligible(t *testing.T) {
	for name, c := range map[string]struct {
		code   mssp.Code
		change func(*lab, *EnrolRequest)
	}{
		"no usage":        {mssp.WrongParam, func(_ *lab, r *EnrolRequest) { r.Usage = 0 }},
		"no such profile": {mssp.UnsupportedProfile, func(_ *lab, r *EnrolRequest) { r.Usage, r.Profile = 0, "http://example.com/none" }},
		"slot by profile": {mssp.RegistrationNOK, func(_ *lab, r *EnrolRequest) { r.Usage, r.Profile, r.Slot = 0, authProfile.URI, 1 }},
		"unknown number":  {mssp.UnknownClient, func(_ *lab, r *EnrolRequest) { r.MSISDN = "41790000077" }},
		"algorithm":       {mssp.RegistrationNOK, func(_ *lab, r *EnrolRequest) { r.Algorithm = applet.ECDSAP521 }},
		"slot":            {mssp.RegistrationNOK, func(_ *lab, r *EnrolRequest) { r.Slot = 5 }},
		"slot in use":     {mssp.RegistrationNOK, func(_ *lab, r *EnrolRequest) { r.Slot = 1 }},
		"flow":            {mssp.WrongParam, func(_ *lab, r *EnrolRequest) { r.Flow = 'C' }},
		"blocked":         {mssp.PINBlocked, func(l *lab, _ *EnrolRequest) { l.card(func(c *mssp.Card) { c.Blocked[0] = true }) }},
		"no serial":       {mssp.RegistrationNOK, func(l *lab, _ *EnrolRequest) { l.subscriber(func(s *mssp.Subscriber) { s.Serial = "" }) }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
			r := EnrolRequest{MSISDN: testNumber, Usage: mssp.Authentication}
			c.change(l, &r)
			sent := len(l.sent)
			_, err := l.e.Enrol(context.Background(), r)
			wantFault(t, err, c.code)
			if len(l.sent) != sent {
				t.Error("something was sent")
			}
		})
	}
}

// Renewal: a second pair of the same usage takes over, the first still stands.
//
// Supports: 3.5.13-1, 5.12-1
func TestRenewal(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.sign(request("T1", "hello"))
	l.clock.add(3600e9)
	en := l.enrol(EnrolRequest{MSISDN: testNumber, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
	if en.Slot != 2 || string(en.PublicKey) == string(l.key(1).PublicKey) {
		t.Errorf("slot %d", en.Slot)
	}
	l.sign(request("T2", "hello"))
	if got := c.shown[len(c.shown)-1].Slot.Number; got != 2 {
		t.Errorf("signed with slot %d, want the new one", got)
	}
	l.ok(l.ca.Revoke(context.Background(), en.Serial, 1))
	l.sign(request("T3", "hello"))
	if got := c.shown[len(c.shown)-1].Slot.Number; got != 1 {
		t.Errorf("signed with slot %d, want the one that is valid", got)
	}
}
