package signature_test

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/signature"
)

// judge is a validation authority that says what the test wants.
type judge struct {
	signature.VA
	check, certificate *pki.Verdict // nil: what is so
}

func (j *judge) Check(ctx context.Context, cert *x509.Certificate, digest, sig []byte) pki.Verdict {
	if j.check != nil {
		return *j.check
	}
	return j.VA.Check(ctx, cert, digest, sig)
}

func (j *judge) CheckCertificate(ctx context.Context, cert *x509.Certificate) pki.Verdict {
	if j.certificate != nil {
		return *j.certificate
	}
	return j.VA.CheckCertificate(ctx, cert)
}

// A signature that is none is given to nobody, and each way to be none ends the
// transaction with its own words; an authority that cannot be asked ends nothing.
//
// Supports: 5.2-2
func TestAnswersRefused(t *testing.T) {
	answer := func(change func(*applet.Result)) func(*enginetest.Card, *judge) {
		return func(c *enginetest.Card, _ *judge) {
			c.Say = func(m applet.Message) applet.Answer {
				a := c.Apply(m)
				change(&a.Results[len(a.Results)-1])
				return a
			}
		}
	}
	crl := pki.Verdict{Code: mssp.CRLExpired, Detail: "the CRL of the CA has expired", Err: errors.New("nextUpdate")}
	unsure := pki.Verdict{Code: mssp.InternalError, Detail: "cannot verify", Err: errors.New("the store is busy")}
	for name, c := range map[string]struct {
		change func(*enginetest.Card, *judge)
		state  mssp.State
		code   mssp.Code
		detail string
	}{
		"as it is":         {func(*enginetest.Card, *judge) {}, mssp.Done, mssp.Signature, ""},
		"no signature":     {answer(func(r *applet.Result) { r.Signature = nil }), mssp.Failed, mssp.SignatureProcess, "the user's card answered without a signature"},
		"no octet of it":   {answer(func(r *applet.Result) { r.Signature = []byte{} }), mssp.Failed, mssp.SignatureProcess, "the user's card answered without a signature"},
		"an octet less":    {answer(func(r *applet.Result) { r.Signature = r.Signature[1:] }), mssp.Failed, mssp.InvalidSignature, "the user's card answered with a malformed signature"},
		"one octet of it":  {answer(func(r *applet.Result) { r.Signature = r.Signature[:1] }), mssp.Failed, mssp.InvalidSignature, "the user's card answered with a malformed signature"},
		"another":          {answer(func(r *applet.Result) { r.Signature[40] ^= 1 }), mssp.Failed, mssp.InvalidSignature, "the signature does not verify"},
		"refused":          {func(_ *enginetest.Card, j *judge) { j.check = &crl }, mssp.Failed, mssp.CRLExpired, "the CRL of the CA has expired"},
		"nobody can tell":  {func(_ *enginetest.Card, j *judge) { j.check = &unsure }, mssp.Prompted, 0, ""},
		"certificate only": {func(_ *enginetest.Card, j *judge) { j.certificate = &crl }, mssp.Done, mssp.Signature, ""}, // judged before
	} {
		t.Run(name, func(t *testing.T) {
			l := enginetest.New(t)
			j := &judge{VA: l.VA}
			l.Signature.VA = j
			l.Kill()
			card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
			tx, err := l.Signer.Sign(context.Background(), enginetest.Request("T1", "hello"))
			l.OK(err)
			card.Memory = map[uint32][]byte{}
			l.Drop()
			c.change(card, j)
			card.Last = 0
			for _, mo := range card.Receive(l.Sent[len(l.Sent)-1]) {
				// What cannot be judged stays with the network; the first message says that the user is asked.
				if err := l.Engine.Deliver(context.Background(), mo); err != nil && c.state != mssp.Prompted {
					t.Error(err)
				}
			}
			got := l.Tx(tx.ID)
			if got.State != c.state || got.Status != c.code || got.Detail != c.detail || got.State != mssp.Done && got.Result != nil {
				t.Errorf("%s %d %q, %d octets\nwant %s %d %q", got.State, int(got.Status), got.Detail, len(got.Result), c.state, int(c.code), c.detail)
			}
		})
	}
}

// An authority that cannot be asked about the certificate is an accident of ours
// and no fault of the user's.
func TestCertificateUnsure(t *testing.T) {
	l := enginetest.New(t)
	l.Signature.VA = &judge{l.VA, nil, &pki.Verdict{Code: mssp.InternalError, Detail: "cannot verify", Err: errors.New("the store is busy")}}
	l.Kill()
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	_, err := l.Signer.Sign(context.Background(), enginetest.Request("T1", "hello"))
	var f *mssp.Fault
	if !errors.As(err, &f) || f.Code != mssp.InternalError || !strings.HasPrefix(f.Detail, "internal error: repeat the request") || f.Err == nil {
		t.Errorf("%v", err)
	}
}

// Without random numbers there is no reference code, and no request without one.
//
// Supports: 3.5.3-5
func TestNoRandomNumbers(t *testing.T) {
	l := enginetest.New(t)
	l.Signature.Rand = iotest.ErrReader(errors.New("no entropy"))
	l.Kill()
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	_, err := l.Signer.Sign(context.Background(), enginetest.Request("T1", "hello"))
	enginetest.WantFault(t, err, mssp.InternalError)
}

// Of two keys the younger signs; when it cannot, the older does, and when none can,
// the user hears of the younger.
//
// Supports: 5.12-1
func TestWhichKey(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	old := l.Key(1)
	second := old
	second.Slot, second.UpdatedAt = 2, old.UpdatedAt.Add(time.Minute)
	l.OK(l.Store.PutKeyPairs(ctx, []mssp.KeyPair{second}))
	slot := func() (slots []byte) {
		for _, c := range l.Cards[enginetest.Number].Shown {
			slots = append(slots, c.Slot.Number)
		}
		return slots[1:] // the first was the registration
	}
	card := l.Cards[enginetest.Number]
	card.Keys[2], card.Algorithms[2] = card.Keys[1], card.Algorithms[1]
	l.Sign(enginetest.Request("T1", "hello"))
	broken := l.Key(2)
	broken.Serial, broken.UpdatedAt = "", second.UpdatedAt
	l.OK(l.Store.PutKeyPairs(ctx, []mssp.KeyPair{broken}))
	l.Sign(enginetest.Request("T2", "hello"))
	if got := slot(); !slices.Equal(got, []byte{2, 1}) {
		t.Errorf("slots %v have signed", got)
	}
	l.OK(l.CA.Revoke(ctx, old.Serial, 1))
	_, err := l.Signer.Sign(ctx, enginetest.Request("T3", "hello"))
	enginetest.WantFault(t, err, mssp.NoCertFound)
}

// A pair that was renewed does not sign again because it was suspended meanwhile and is
// active again, which makes its row the younger one.
//
// Supports: 5.12-1
func TestSuccessorSigns(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Clock.Add(time.Hour)
	l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
	l.Clock.Add(time.Hour)
	old := l.Key(1)
	l.OK(l.CA.Suspend(ctx, old.Serial))
	l.OK(l.CA.Reactivate(ctx, old.Serial))
	old = l.Key(1)
	old.UpdatedAt = l.Clock.Now()
	l.OK(l.Store.PutKeyPairs(ctx, []mssp.KeyPair{old}))
	l.Sign(enginetest.Request("T1", "hello"))
	if got := card.Shown[len(card.Shown)-1].Slot.Number; got != 2 {
		t.Errorf("slot %d has signed", got)
	}
}

// The first message of a key says first that it is registered, in the same packet;
// the next ones do not.
//
// Supports: 5-2
func TestConfirmsOnce(t *testing.T) {
	l := enginetest.New(t)
	card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	for id, want := range []int{2, 1} {
		l.Sign(enginetest.Request("T"+string(rune('1'+id)), "hello"))
		m, err := applet.Parse(card.Seen[len(card.Seen)-1].Data)
		l.OK(err)
		if len(m.Commands) != want {
			t.Fatalf("message %d has %d commands, want %d", id+1, len(m.Commands), want)
		}
		if c, ok := m.Commands[0].(applet.SetAuthenticationHandlerData); want == 2 && (!ok || c.Slot.Number != 1 || c.Operation != applet.HandlerConfirm) {
			t.Errorf("it begins with %+v", m.Commands[0])
		}
	}
}

// What a provider asks for is what the row says and what a watching operator sees.
func TestAskedFor(t *testing.T) {
	l := enginetest.New(t)
	var seen []engine.TraceEvent
	l.Options.Trace = func(e engine.TraceEvent) {
		if e.Layer == engine.LayerRequest || e.Layer == engine.LayerVerify {
			seen = append(seen, e)
		}
	}
	l.Kill()
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	seen = nil
	r := enginetest.Request("T1", "hello")
	r.ProfileURI, r.TimeOut, r.AP.UniqueIDs = "urn:alias", 70*time.Second, true
	tx := l.Sign(r)
	if !tx.Deadline.Equal(tx.CreatedAt.Add(70*time.Second)) || tx.Profile != "urn:alias" || !tx.Once || tx.Mode != mssp.Synch || tx.Instant != 1 || tx.APTransID != "T1" {
		t.Errorf("the row says %+v", tx)
	}
	want := []engine.Field{
		{Name: "AP_ID", Value: "http://bank.example"},
		{Name: "AP_TransID", Value: "T1"},
		{Name: "SignatureProfile", Value: "urn:alias"},
		{Name: "MSS_Format", Value: "CMS"},
		{Name: "MimeType", Value: "text/plain"},
		{Name: "reference", Value: l.Signer.ReferenceOf(tx)},
	}
	if len(seen) != 2 || !slices.Equal(seen[0].Fields, want) || string(seen[0].Octets) != "hello" || seen[0].Summary != "signature asked for by Bank" || seen[1].Summary != "signature verified: VALID_SIGNATURE" {
		t.Errorf("an operator sees %+v", seen)
	}
	plain := l.Sign(enginetest.Request("T2", "hello"))
	if plain.Profile != enginetest.AuthProfile.URI || plain.Deadline.Sub(plain.CreatedAt) != 80*time.Second {
		t.Errorf("without a wish: %s, %s", plain.Profile, plain.Deadline.Sub(plain.CreatedAt))
	}
}

// The reference code is known while the transaction is open and when it has
// failed, and there is none of a transaction whose row cannot be read.
//
// Supports: 3.5.3-5
func TestReferenceOf(t *testing.T) {
	l := enginetest.New(t)
	card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	tx, err := l.Signer.Sign(context.Background(), enginetest.Request("T1", "hello"))
	l.OK(err)
	if got := l.Signer.ReferenceOf(tx); got == "" || got != card.Shown[1].Reference {
		t.Errorf("open: %q, the card shows %q", got, card.Shown[1].Reference)
	}
	if got := l.Signer.Progress(context.Background(), tx); got == "" || got != l.Engine.Progress(context.Background(), &tx) {
		t.Errorf("progress %q", got)
	}
	if tx.Request = tx.Request[1:]; l.Signer.ReferenceOf(tx) != "" {
		t.Error("a request that cannot be read has a code")
	}
}

// A signer of which only the necessary is said serves.
func TestSignerDefaults(t *testing.T) {
	l := enginetest.New(t)
	l.Options.Registerer = nil
	e, err := engine.New(l.Options)
	l.OK(err)
	s, err := signature.New(signature.Options{Engine: e, Store: l.Store, VA: l.VA})
	l.OK(err)
	_, err = s.Sign(context.Background(), enginetest.Request("T1", "hello"))
	enginetest.WantFault(t, err, mssp.UnknownClient)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.EditCard(func(c *mssp.Card) { c.Blocked[0] = true })
	_, err = s.Sign(context.Background(), enginetest.Request("T1", "hello")) // nobody asks the card then
	enginetest.WantFault(t, err, mssp.PINBlocked)
	l.OK(e.Stop(context.Background()))
	if strings.Contains(l.Logs.String(), "the program has failed") {
		t.Error("the program has failed")
	}
	if _, err := signature.New(signature.Options{Engine: e, Store: l.Store, VA: l.VA}); err == nil {
		t.Error("two of them with one engine")
	}
}

// A repeat is told by all that makes it one.
//
// Supports: I12
func TestRepeatIsTheSame(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	r := enginetest.Request("T1", "hello")
	tx := l.Sign(r)
	for name, c := range map[string]struct {
		change func(*signature.Request)
		found  bool
		code   mssp.Code
	}{
		"the same":         {func(*signature.Request) {}, true, 0},
		"another meaning":  {func(r *signature.Request) { r.RequestHash = make([]byte, 32) }, true, mssp.WrongParam},
		"another Instant":  {func(r *signature.Request) { r.Instant = 2 }, false, 0},
		"another id":       {func(r *signature.Request) { r.APTransID = "T2" }, false, 0},
		"another provider": {func(r *signature.Request) { r.AP.ID = "http://shop.example" }, false, 0},
	} {
		again := r
		c.change(&again)
		got, found, err := l.Signer.Repeat(ctx, again)
		if c.code != 0 {
			enginetest.WantFault(t, err, c.code)
		} else if err != nil || found != c.found || found && got.ID != tx.ID {
			t.Errorf("%s: %s, %v, %v", name, got.ID, found, err)
		}
	}
	r.AP.UniqueIDs, r.Instant = true, 2
	_, _, err := l.Signer.Repeat(ctx, r)
	enginetest.WantFault(t, err, mssp.WrongParam)
}

// asker counts how often a card is asked for its state, and fails.
type asker struct{ asked int }

func (a *asker) AskState(context.Context, *engine.Target) error {
	a.asked++
	return errors.New("no network")
}

// A blocked code makes the service ask the card whether it still is, once a minute;
// that this fails is told.
//
// Supports: 3.5.4-3
func TestRecheck(t *testing.T) {
	l := enginetest.New(t)
	a := &asker{}
	l.Signature.Care = a
	l.Kill()
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Cards[enginetest.Number].Say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusBlocked, TriesGiven: true}}}
	}
	l.Want(l.Sign(enginetest.Request("T0", "hello")).ID, mssp.Failed, mssp.PINBlocked)
	for i, want := range []int{1, 1, 2} {
		l.Clock.Add([]time.Duration{0, 59 * time.Second, time.Second}[i])
		_, err := l.Signer.Sign(context.Background(), enginetest.Request("T1", "hello"))
		enginetest.WantFault(t, err, mssp.PINBlocked)
		l.Settle()
		if a.asked != want {
			t.Errorf("request %d: the card was asked %d times, want %d", i+1, a.asked, want)
		}
	}
	if n := strings.Count(l.Logs.String(), "no network"); n != 2 {
		t.Errorf("two failures are told %d times", n)
	}
}
