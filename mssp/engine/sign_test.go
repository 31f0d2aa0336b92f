package engine

import (
	"context"
	"crypto"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/smallstep/pkcs7"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
)

// A text is shown and signed on the card, the signature is verified, and the
// CMS holds exactly the provider's octets, for both kinds of key and for one
// and several short messages.
//
// Supports: 1-1, 3.2-2, 3.5.3-1, 3.5.3-5, 4-5, 5-2, 5.2-1, 5.2-2, 5.2-3
func TestSignText(t *testing.T) {
	for _, alg := range []applet.Algorithm{applet.ECDSAP256, applet.ECDSAP384, applet.RSA2048} {
		t.Run(alg.String(), func(t *testing.T) {
			l := newLab(t)
			c := l.enrolled(testNumber, alg, mssp.Authentication)
			tx := l.sign(request("T1", "Sign in to Example Bank? Größe €"))
			l.want(tx.ID, mssp.Done, mssp.Signature)
			r, err := ParseResult(tx.Result)
			l.ok(err)
			p7, err := pkcs7.Parse(r.Signature)
			l.ok(err)
			l.ok(p7.Verify())
			if string(p7.Content) != "Sign in to Example Bank? Größe €" {
				t.Errorf("CMS content is %q", p7.Content)
			}
			if !parseCert(t, r.Certificate).Equal(p7.GetOnlySigner()) {
				t.Error("the CMS is not by the user's certificate")
			}
			shown := c.shown[len(c.shown)-1]
			if got, _ := shown.TextToShow.Decode(); got != "Bank" {
				t.Errorf("the frame is %q, want the provider's name", got)
			}
			if shown.Reference == "" || shown.Reference != ReferenceOf(tx) || shown.Reference != r.Reference {
				t.Errorf("reference on the device %q, at the service %q", shown.Reference, ReferenceOf(tx))
			}
			if shown.Mode != applet.ModeAuthenticate || shown.Journey != applet.JourneyTwoStep {
				t.Errorf("mode %d, journey %d", shown.Mode, shown.Journey)
			}
		})
	}
}

// The forms of a signature: signed attributes, a hash of the provider, a
// bare signature, octets with a display text.
//
// Supports: 3.2-2, 4-5, 3.5.3-5
func TestSignForms(t *testing.T) {
	sum := sha256.Sum256([]byte("a document"))
	for name, c := range map[string]struct {
		change func(*SignRequest)
		status mssp.Code
		check  func(*testing.T, *lab, applet.SignTransaction, Result)
	}{
		"signed attributes": {
			func(r *SignRequest) { r.Profile.SignedAttributes = true }, mssp.Signature,
			func(t *testing.T, l *lab, c applet.SignTransaction, r Result) {
				if len(c.Digest) != 32 {
					t.Error("the card must sign the hash of the attributes")
				}
				if got, _ := c.TextToShow.Decode(); got != "Bank: hello" {
					t.Errorf("shown: %q", got)
				}
				p7, err := pkcs7.Parse(r.Signature)
				l.ok(err)
				l.ok(p7.Verify())
			},
		},
		"hash": {
			func(r *SignRequest) {
				r.Content, r.Digest, r.Hash, r.Display = nil, sum[:], crypto.SHA256, "Sign the contract?"
			}, mssp.Signature,
			func(t *testing.T, l *lab, c applet.SignTransaction, r Result) {
				if string(c.Digest) != string(sum[:]) {
					t.Error("the card must get the provider's hash")
				}
				p7, err := pkcs7.Parse(r.Signature)
				l.ok(err)
				p7.Content = []byte("a document")
				l.ok(p7.Verify())
			},
		},
		"bare hash": {
			func(r *SignRequest) { r.Content, r.Digest, r.Hash, r.Format = nil, sum[:], crypto.SHA256, PKCS1 }, mssp.Signature,
			func(t *testing.T, l *lab, c applet.SignTransaction, r Result) {
				if v := l.o.VA.Check(context.Background(), parseCert(t, r.Certificate), sum[:], r.Signature); v.Code != mssp.ValidSignature {
					t.Errorf("signature: %d", v.Code)
				}
			},
		},
		"validated": {func(r *SignRequest) { r.Validate = true }, mssp.ValidSignature, func(*testing.T, *lab, applet.SignTransaction, Result) {}},
		"octets": {
			func(r *SignRequest) { r.MimeType, r.Display = "application/octet-stream", "Sign the file?" }, mssp.Signature,
			func(t *testing.T, l *lab, c applet.SignTransaction, r Result) {
				if got, _ := c.TextToShow.Decode(); got != "Bank: Sign the file?" || len(c.Digest) == 0 {
					t.Errorf("shown: %q", got)
				}
			},
		},
		"event id": {
			func(r *SignRequest) { r.Reference = "A123" }, mssp.Signature,
			func(t *testing.T, l *lab, c applet.SignTransaction, r Result) {
				if c.Reference != "A123" || r.Reference != "A123" {
					t.Errorf("reference %q, %q", c.Reference, r.Reference)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			card := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
			r := request("T1", "hello")
			c.change(&r)
			tx := l.sign(r)
			l.want(tx.ID, mssp.Done, c.status)
			res, err := ParseResult(tx.Result)
			l.ok(err)
			c.check(t, l, card.shown[len(card.shown)-1], res)
		})
	}
}

// What is refused before anything is stored or sent, each with its own code.
//
// Supports: 1-2, 3.5.2-1, 3.5.4-1, 3.5.12-1, 5.2-1, W-6
func TestSignRefused(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		code   mssp.Code
		change func(*lab, *SignRequest)
	}{
		"unknown user":     {mssp.UnknownClient, func(_ *lab, r *SignRequest) { r.MSISDN = "41790000099" }},
		"other usage":      {mssp.NoKeyFound, func(_ *lab, r *SignRequest) { r.Profile.Usage = mssp.NonRepudiation }},
		"click OK":         {mssp.UnsupportedProfile, func(_ *lab, r *SignRequest) { r.Profile.LoA = 3 }},
		"no usage":         {mssp.UnsupportedProfile, func(_ *lab, r *SignRequest) { r.Profile.Usage = 0 }},
		"nothing to sign":  {mssp.MissingParam, func(_ *lab, r *SignRequest) { r.Content = nil }},
		"short hash":       {mssp.WrongParam, func(_ *lab, r *SignRequest) { r.Content, r.Digest, r.Hash = nil, make([]byte, 20), crypto.SHA1 }},
		"too long to show": {mssp.WrongDataLength, func(_ *lab, r *SignRequest) { r.Content = []byte(strings.Repeat("x", 240)) }},
		"too long for card": {mssp.WrongDataLength, func(l *lab, r *SignRequest) {
			p := l.o.CardProfiles["test"]
			p.MaxSegments = 1
			l.o.CardProfiles["test"] = p
			r.Content = []byte(strings.Repeat("x", 100))
		}},
		"code blocked":   {mssp.PINBlocked, func(l *lab, _ *SignRequest) { l.card(func(c *mssp.Card) { c.Blocked[0] = true }) }},
		"card suspended": {mssp.CardBlocked, func(l *lab, _ *SignRequest) { l.card(func(c *mssp.Card) { c.State = mssp.CardSuspended }) }},
		"service suspended": {mssp.CardBlocked, func(l *lab, _ *SignRequest) {
			l.subscriber(func(s *mssp.Subscriber) { s.State = mssp.SubscriberSuspended })
		}},
		"left": {mssp.UnknownClient, func(l *lab, _ *SignRequest) {
			l.subscriber(func(s *mssp.Subscriber) { s.State = mssp.SubscriberRemoved })
		}},
		"no profile":          {mssp.UnsupportedProfile, func(l *lab, _ *SignRequest) { l.card(func(c *mssp.Card) { c.Profile = "other" }) }},
		"certificate revoked": {mssp.RevokedCertificate, func(l *lab, _ *SignRequest) { l.ok(l.ca.Revoke(ctx, l.key(1).Serial, 1)) }},
		"certificate expired": {mssp.ErrorCertificate, func(l *lab, _ *SignRequest) { l.clock.add(4 * 365 * 24 * 3600e9) }},
		"no certificate": {mssp.NoCertFound, func(l *lab, _ *SignRequest) {
			k := l.key(1)
			k.CertDER = nil
			l.ok(l.st.PutKeyPairs(ctx, []mssp.KeyPair{k}))
		}},
		"not registered": {mssp.NoKeyFound, func(l *lab, _ *SignRequest) {
			k := l.key(1)
			k.State = mssp.KeyRequested
			l.ok(l.st.PutKeyPairs(ctx, []mssp.KeyPair{k}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			card := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
			r := request("T1", "hello")
			c.change(l, &r)
			sent, prompts := len(l.sent), card.prompts
			_, err := l.e.Sign(ctx, r)
			wantFault(t, err, c.code)
			l.settle()
			if name == "code blocked" {
				sent++ // the card is asked whether it still is; the user is not
			}
			if len(l.sent) != sent || card.prompts != prompts {
				t.Error("something was sent all the same")
			}
		})
	}
}

func (l *lab) card(f func(*mssp.Card)) {
	l.t.Helper()
	_, c, _, err := l.st.Lookup(context.Background(), testNumber)
	l.ok(err)
	f(&c)
	l.ok(l.st.PutCard(context.Background(), c))
}

func (l *lab) subscriber(f func(*mssp.Subscriber)) {
	l.t.Helper()
	s, _, _, err := l.st.Lookup(context.Background(), testNumber)
	l.ok(err)
	f(&s)
	l.ok(l.st.PutSubscriber(context.Background(), s))
}

func (l *lab) key(slot byte) mssp.KeyPair {
	l.t.Helper()
	_, _, ks, err := l.st.Lookup(context.Background(), testNumber)
	l.ok(err)
	for _, k := range ks {
		if k.Slot == slot {
			return k
		}
	}
	l.t.Fatalf("no key in slot %d", slot)
	return mssp.KeyPair{}
}

// A repeat is the same transaction, before and after its end and whatever has
// changed since; with another content it is refused. Nobody is asked twice
// (I12), and nobody else sees it (I2).
//
// Supports: 5.2-3
func TestSignTwice(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	card := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	first, err := l.e.Sign(ctx, request("T1", "hello"))
	l.ok(err)
	again, err := l.e.Sign(ctx, request("T1", "hello"))
	l.ok(err)
	l.pump()
	l.card(func(c *mssp.Card) { c.Blocked[0] = true })
	late, err := l.e.Sign(ctx, request("T1", "hello"))
	l.ok(err)
	if again.ID != first.ID || late.ID != first.ID || late.State != mssp.Done {
		t.Errorf("repeats are %s and %s (%s), want %s", again.ID, late.ID, late.State, first.ID)
	}
	_, err = l.e.Sign(ctx, request("T1", "something else"))
	wantFault(t, err, mssp.WrongParam)
	if card.prompts != 2 { // one was the registration
		t.Errorf("%d prompts, want 2", card.prompts)
	}
	_, err = l.e.Status(ctx, "http://other.example", first.ID)
	wantFault(t, err, mssp.WrongParam)
	tx, err := l.e.Status(ctx, "http://bank.example", first.ID)
	l.ok(err)
	if tx.Status != mssp.Signature {
		t.Errorf("status %d", tx.Status)
	}
}

// One at the card, others in order behind it, and no more than the limit.
//
// Supports: 3.5.3-4
func TestQueue(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	l.o.Limits.QueuePerCard = 2
	l.kill()
	card := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	before := len(card.seen)
	var ids []mssp.TransID
	for _, id := range []string{"T1", "T2", "T3"} {
		tx, err := l.e.Sign(ctx, request(id, "text of "+id))
		l.ok(err)
		ids = append(ids, tx.ID)
	}
	_, err := l.e.Sign(ctx, request("T4", "one too many"))
	wantFault(t, err, mssp.SignatureProcess)
	_, err = l.e.Sign(ctx, request("T4", "one too many")) // the same answer again
	if err != nil {
		t.Errorf("repeat of a refused request: %v", err)
	}
	if n := len(card.seen) - before; n != 1 {
		t.Fatalf("%d packets at the card, want 1 (I4)", n)
	}
	l.pump()
	for i, id := range ids {
		l.want(id, mssp.Done, mssp.Signature)
		if got := string(card.shown[i+1].TextToSign.Octets); got != "text of T"+string(rune('1'+i)) {
			t.Errorf("prompt %d shows %q", i+1, got)
		}
	}
}

// Too many prompts a minute are refused, a repeat is not counted.
func TestPromptRate(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	l.o.Limits.PromptsPerMinute = 2
	l.kill()
	l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.sign(request("T1", "a"))
	l.sign(request("T1", "a"))
	l.sign(request("T2", "b"))
	_, err := l.e.Sign(ctx, request("T3", "c"))
	wantFault(t, err, mssp.SignatureProcess)
	l.clock.add(61e9)
	l.sign(request("T4", "d"))
}

// The reference code has no letters that look alike, and the nonce changes it.
//
// Supports: 3.5.3-5
func TestReference(t *testing.T) {
	seen := map[string]bool{}
	zeros := strings.NewReader(strings.Repeat("\x00", 16))
	for i := range 200 {
		r := zeros
		r.Seek(0, 0)
		code, err := reference(r, []byte{byte(i)}, []byte("text"))
		if err != nil || len(code) != 4 || strings.ContainsAny(code, "01OIL") {
			t.Fatalf("reference %q, %v", code, err)
		}
		seen[code] = true
	}
	if len(seen) < 195 {
		t.Errorf("only %d of 200 codes differ", len(seen))
	}
}
