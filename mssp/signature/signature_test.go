package signature_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/signature"
)

// A text is shown and signed on the card, the signature is verified, and the
// CMS holds exactly the provider's octets, for both kinds of key and for one
// and several short messages.
//
// Supports: 1-1, 3.2-2, 3.5.3-1, 3.5.3-5, 4-5, 5-2, 5.2-1, 5.2-2, 5.2-3
func TestSignText(t *testing.T) {
	for _, alg := range []applet.Algorithm{applet.ECDSAP256, applet.ECDSAP384, applet.RSA2048} {
		t.Run(alg.String(), func(t *testing.T) {
			l := enginetest.New(t)
			c := l.Enrolled(enginetest.Number, alg, mssp.Authentication)
			tx := l.Sign(enginetest.Request("T1", "Sign in to Example Bank? Größe €"))
			l.Want(tx.ID, mssp.Done, mssp.Signature)
			r, err := signature.ParseResult(&tx)
			l.OK(err)
			p7, err := pkcs7.Parse(r.Signature)
			l.OK(err)
			l.OK(p7.Verify())
			if string(p7.Content) != "Sign in to Example Bank? Größe €" {
				t.Errorf("CMS content is %q", p7.Content)
			}
			if !enginetest.ParseCert(t, r.Certificate).Equal(p7.GetOnlySigner()) {
				t.Error("the CMS is not by the user's certificate")
			}
			shown := c.Shown[len(c.Shown)-1]
			if got, _ := shown.TextToShow.Decode(); got != "Bank" {
				t.Errorf("the frame is %q, want the provider's name", got)
			}
			if shown.Reference == "" || shown.Reference != l.Signer.ReferenceOf(tx) || shown.Reference != r.Reference {
				t.Errorf("reference on the device %q, at the service %q", shown.Reference, l.Signer.ReferenceOf(tx))
			}
			if r.Slot != 1 || !r.SignedAt.Equal(l.Clock.Now()) || r.Format != signature.CMS || r.ValidationStatus != mssp.ValidSignature {
				t.Errorf("what is kept of it: slot %d, at %s, %s, %d", r.Slot, r.SignedAt, r.Format, int(r.ValidationStatus))
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
		change func(*signature.Request)
		status mssp.Code
		check  func(*testing.T, *enginetest.Lab, applet.SignTransaction, signature.Result)
	}{
		"signed attributes": {
			func(r *signature.Request) { r.Profile.SignedAttributes = true }, mssp.Signature,
			func(t *testing.T, l *enginetest.Lab, c applet.SignTransaction, r signature.Result) {
				if len(c.Digest) != 32 {
					t.Error("the card must sign the hash of the attributes")
				}
				if got, _ := c.TextToShow.Decode(); got != "Bank: hello" {
					t.Errorf("shown: %q", got)
				}
				p7, err := pkcs7.Parse(r.Signature)
				l.OK(err)
				l.OK(p7.Verify())
				var at time.Time
				if err := p7.UnmarshalSignedAttribute(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}, &at); err != nil || !at.Equal(l.Clock.Now()) {
					t.Errorf("signed at %s, %v", at, err)
				}
			},
		},
		"hash": {
			func(r *signature.Request) {
				r.Content, r.Digest, r.Hash, r.Display = nil, sum[:], crypto.SHA256, "Sign the contract?"
				r.AP.Octets = []string{r.Profile.URI}
			}, mssp.Signature,
			func(t *testing.T, l *enginetest.Lab, c applet.SignTransaction, r signature.Result) {
				if string(c.Digest) != string(sum[:]) {
					t.Error("the card must get the provider's hash")
				}
				p7, err := pkcs7.Parse(r.Signature)
				l.OK(err)
				p7.Content = []byte("a document")
				l.OK(p7.Verify())
			},
		},
		"bare hash": {
			func(r *signature.Request) {
				r.Content, r.Digest, r.Hash, r.Format = nil, sum[:], crypto.SHA256, signature.PKCS1
				r.AP.Octets = []string{r.Profile.URI}
			}, mssp.Signature,
			func(t *testing.T, l *enginetest.Lab, c applet.SignTransaction, r signature.Result) {
				if v := l.VA.Check(context.Background(), enginetest.ParseCert(t, r.Certificate), sum[:], r.Signature); v.Code != mssp.ValidSignature {
					t.Errorf("signature: %d", v.Code)
				}
			},
		},
		"bare text": {
			func(r *signature.Request) { r.Format = signature.PKCS1 }, mssp.Signature,
			func(t *testing.T, l *enginetest.Lab, c applet.SignTransaction, r signature.Result) {
				hello := sha256.Sum256([]byte("hello"))
				if v := l.VA.Check(context.Background(), enginetest.ParseCert(t, r.Certificate), hello[:], r.Signature); v.Code != mssp.ValidSignature || r.Format != signature.PKCS1 {
					t.Errorf("signature: %d, %s", v.Code, r.Format)
				}
				if string(c.TextToSign.Octets) != "hello" {
					t.Errorf("the card signs %q", c.TextToSign.Octets)
				}
			},
		},
		"no name": {
			func(r *signature.Request) { r.AP.Name = "" }, mssp.Signature,
			func(t *testing.T, l *enginetest.Lab, c applet.SignTransaction, r signature.Result) {
				if string(c.TextToSign.Octets) != "hello" || len(c.TextToShow.Octets) != 0 {
					t.Errorf("shown: %q, signed %q", c.TextToShow.Octets, c.TextToSign.Octets)
				}
			},
		},
		"validated": {func(r *signature.Request) { r.Validate = true }, mssp.ValidSignature, func(*testing.T, *enginetest.Lab, applet.SignTransaction, signature.Result) {}},
		"octets": {
			func(r *signature.Request) {
				r.MimeType, r.Display, r.AP.Octets = "application/octet-stream", "Sign the file?", []string{r.Profile.URI}
			}, mssp.Signature,
			func(t *testing.T, l *enginetest.Lab, c applet.SignTransaction, r signature.Result) {
				if got, _ := c.TextToShow.Decode(); got != "Bank: Sign the file?" || len(c.Digest) == 0 {
					t.Errorf("shown: %q", got)
				}
			},
		},
		"another text": {
			func(r *signature.Request) {
				r.Display, r.AP.OtherDisplay, r.Profile.OtherDisplay = "Log in?", true, true
			}, mssp.Signature,
			func(t *testing.T, l *enginetest.Lab, c applet.SignTransaction, r signature.Result) {
				if got, _ := c.TextToShow.Decode(); got != "Bank: Log in?\nhello" || len(c.TextToSign.Octets) != 0 {
					t.Errorf("shown: %q", got)
				}
				p7, err := pkcs7.Parse(r.Signature)
				l.OK(err)
				if l.OK(p7.Verify()); string(p7.Content) != "hello" {
					t.Errorf("signed: %q", p7.Content)
				}
			},
		},
		"event id": {
			func(r *signature.Request) { r.EventID = "A123" }, mssp.Signature,
			func(t *testing.T, l *enginetest.Lab, c applet.SignTransaction, r signature.Result) {
				if c.Reference == "A123" || c.Reference == "" || r.Reference != c.Reference {
					t.Errorf("the reference code is the provider's own word: %q, %q", c.Reference, r.Reference)
				}
				if got, _ := c.TextToShow.Decode(); got != "Bank\nEvent ID: A123" {
					t.Errorf("shown: %q", got)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := enginetest.New(t)
			card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
			r := enginetest.Request("T1", "hello")
			c.change(&r)
			tx := l.Sign(r)
			l.Want(tx.ID, mssp.Done, c.status)
			res, err := signature.ParseResult(&tx)
			l.OK(err)
			c.check(t, l, card.Shown[len(card.Shown)-1], res)
		})
	}
}

// A repeat is the same transaction, before and after its end and whatever has
// changed since; with another content it is refused. Nobody is asked twice
// (I12), and nobody else sees it (I2).
//
// Supports: 5.2-3
func TestSignTwice(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	first, err := l.Signer.Sign(ctx, enginetest.Request("T1", "hello"))
	l.OK(err)
	again, err := l.Signer.Sign(ctx, enginetest.Request("T1", "hello"))
	l.OK(err)
	l.Pump()
	l.EditCard(func(c *mssp.Card) { c.Blocked[0] = true })
	late, err := l.Signer.Sign(ctx, enginetest.Request("T1", "hello"))
	l.OK(err)
	if again.ID != first.ID || late.ID != first.ID || late.State != mssp.Done {
		t.Errorf("repeats are %s and %s (%s), want %s", again.ID, late.ID, late.State, first.ID)
	}
	_, err = l.Signer.Sign(ctx, enginetest.Request("T1", "something else"))
	enginetest.WantFault(t, err, mssp.WrongParam)
	if card.Prompts != 2 { // one was the registration
		t.Errorf("%d prompts, want 2", card.Prompts)
	}
	_, err = l.Engine.Status(ctx, "http://other.example", first.ID)
	enginetest.WantFault(t, err, mssp.WrongParam)
	tx, err := l.Engine.Status(ctx, "http://bank.example", first.ID)
	l.OK(err)
	if tx.Status != mssp.Signature {
		t.Errorf("status %d", tx.Status)
	}
}

// One at the card, others in order behind it, no more of one provider than half of
// the places that others leave, and no more of all than the limit.
//
// Supports: 3.5.3-4
func TestQueue(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Options.Limits.QueuePerCard = 4
	l.Kill()
	card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	before := len(card.Seen)
	var ids []mssp.TransID
	for _, id := range []string{"T1", "T2", "T3"} {
		tx, err := l.Signer.Sign(ctx, enginetest.Request(id, "text of "+id))
		l.OK(err)
		ids = append(ids, tx.ID)
	}
	_, err := l.Signer.Sign(ctx, enginetest.Request("T4", "one too many"))
	enginetest.WantFault(t, err, mssp.SignatureProcess)
	if !strings.Contains(err.Error(), "2 of your requests to this user are waiting already") {
		t.Errorf("the provider hears: %v", err)
	}
	_, err = l.Signer.Sign(ctx, enginetest.Request("T4", "one too many")) // the same answer again
	if err != nil {
		t.Errorf("repeat of a refused request: %v", err)
	}
	if n := len(card.Seen) - before; n != 1 {
		t.Fatalf("%d packets at the card, want 1 (I4)", n)
	}
	for _, ap := range []mssp.APID{"http://shop.example", "http://post.example", "http://late.example"} {
		r := enginetest.Request("T5", "text of T"+string(rune('1'+len(ids))))
		r.AP.ID = ap
		tx, err := l.Signer.Sign(ctx, r)
		if ap == "http://late.example" {
			if enginetest.WantFault(t, err, mssp.SignatureProcess); !strings.Contains(err.Error(), "too many requests to this user are waiting") {
				t.Errorf("a provider without requests hears: %v", err)
			}
			break
		}
		l.OK(err)
		ids = append(ids, tx.ID)
	}
	l.Pump()
	for i, id := range ids {
		l.Want(id, mssp.Done, mssp.Signature)
		if got := string(card.Shown[i+1].TextToSign.Octets); got != "text of T"+string(rune('1'+i)) {
			t.Errorf("prompt %d shows %q", i+1, got)
		}
	}
}

// Too many prompts a minute are refused, a repeat is not counted.
func TestPromptRate(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Options.Limits.PromptsPerMinute = 2
	l.Kill()
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Sign(enginetest.Request("T1", "a"))
	l.Sign(enginetest.Request("T1", "a"))
	l.Sign(enginetest.Request("T2", "b"))
	_, err := l.Signer.Sign(ctx, enginetest.Request("T3", "c"))
	enginetest.WantFault(t, err, mssp.SignatureProcess)
	l.Clock.Add(61e9)
	l.Sign(enginetest.Request("T4", "d"))
}
