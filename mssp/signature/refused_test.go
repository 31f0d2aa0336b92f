package signature_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/faulttest"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/ota/sms"
)

// set makes a request of another kind, or another laboratory; it is accepted.
type set func(*enginetest.Lab, *signature.Request)

var accepted = map[string]set{
	"text": func(*enginetest.Lab, *signature.Request) {},
	"hash": func(_ *enginetest.Lab, r *signature.Request) {
		r.Content, r.Digest, r.Hash, r.AP.Octets = nil, make([]byte, 32), crypto.SHA256, []string{r.Profile.URI}
	},
	"octets": func(_ *enginetest.Lab, r *signature.Request) {
		r.MimeType, r.AP.Octets = "application/octet-stream", []string{r.Profile.URI}
		r.Content = contentTypeSet(5) // a SET of one attribute that is none of CMS
	},
	"bare octets": func(_ *enginetest.Lab, r *signature.Request) {
		r.MimeType, r.AP.Octets, r.Format = "application/octet-stream", []string{r.Profile.URI}, signature.PKCS1
		r.Content = contentTypeSet(3)
	},
	"UCS-2": func(l *enginetest.Lab, _ *signature.Request) {
		profile(l, func(p *mssp.CardProfile) { p.UTF8 = false })
	},
	"one short message": func(l *enginetest.Lab, r *signature.Request) {
		l.Sign(enginetest.Request("T", "hello")) // the first message of a key holds more
		profile(l, func(p *mssp.CardProfile) { p.MaxSegments = 1 })
		r.Content = []byte(strings.Repeat("x", 69))
	},
}

// contentTypeSet is SET { SEQUENCE { OID 1.2.840.113549.1.9.n } }: 3 is contentType,
// 4 messageDigest, 5 signingTime.
func contentTypeSet(n byte) []byte {
	return []byte{0x31, 0x0D, 0x30, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, n}
}

func profile(l *enginetest.Lab, change func(*mssp.CardProfile)) {
	p := l.Options.CardProfiles["test"]
	change(&p)
	l.Options.CardProfiles["test"] = p
}

// What is refused before anything is stored or sent: the request has been accepted
// in the same laboratory and differs in one thing, or one row does, and the fault is
// compared whole.
//
// Supports: 1-2, 3.5.2-1, 3.5.4-1, 3.5.12-1, 5.2-1, W-6
func TestSignRefused(t *testing.T) {
	ctx := context.Background()
	const cannot = "the user's certificate cannot be used: "
	ask := func(change func(*signature.Request)) set {
		return func(_ *enginetest.Lab, r *signature.Request) { change(r) }
	}
	card := func(change func(*mssp.Card)) set {
		return func(l *enginetest.Lab, _ *signature.Request) { l.EditCard(change) }
	}
	user := func(st mssp.SubscriberState) set {
		return func(l *enginetest.Lab, _ *signature.Request) {
			l.EditSubscriber(func(s *mssp.Subscriber) { s.State = st })
		}
	}
	key := func(change func(*mssp.KeyPair)) set {
		return func(l *enginetest.Lab, _ *signature.Request) {
			k := l.Key(1)
			change(&k)
			l.OK(l.Store.PutKeyPairs(ctx, []mssp.KeyPair{k}))
		}
	}
	rules := faulttest.Read(t, "compose.go", "key.go", "sign.go", "../engine/target.go")
	for _, c := range []struct {
		from, name string
		change     set
		code       mssp.Code
		detail     string
	}{
		{"text", "unknown user", ask(func(r *signature.Request) { r.MSISDN = "41790000099" }), 105, "no user with this MSISDN is registered here"},
		{"text", "left", user(mssp.SubscriberRemoved), 105, "no user with this MSISDN is registered here"},
		{"text", "service suspended", user(mssp.SubscriberSuspended), 403, "the service of this user is suspended"},
		{"text", "card suspended", card(func(c *mssp.Card) { c.State = mssp.CardSuspended }), 403, "the user's card is suspended after security errors: the operator must release it"},
		{"text", "card profile", card(func(c *mssp.Card) { c.Profile = "other" }), 109, "the configuration has no card profile other, which this user's card needs"},
		{"text", "other usage", ask(func(r *signature.Request) { r.Profile.Usage = mssp.NonRepudiation }), 404, "the user has no registered non-repudiation key"},
		{"text", "no usage", ask(func(r *signature.Request) { r.Profile.Usage = 0 }), 109, "SignatureProfile " + enginetest.AuthProfile.URI + " names no key usage"},
		{"text", "click OK", ask(func(r *signature.Request) { r.Profile.LoA = 3 }), 109, "SignatureProfile " + enginetest.AuthProfile.URI + " asks for LoA3: only LoA4 is served"},
		{"text", "code blocked", card(func(c *mssp.Card) { c.Blocked[0] = true }), 402, "the user's authentication code is blocked: they must have it unblocked"},
		{"text", "not registered", key(func(k *mssp.KeyPair) { k.State = mssp.KeyRequested }), 404, "the user has no registered authentication key"},
		{"text", "no certificate", key(func(k *mssp.KeyPair) { k.CertDER = nil }), 422, "the user's key has no certificate: the registration must be completed"},
		{"text", "no serial number", key(func(k *mssp.KeyPair) { k.Serial = "" }), 422, "the user's key has no certificate: the registration must be completed"},
		{"text", "damaged certificate", key(func(k *mssp.KeyPair) { k.CertDER = k.CertDER[:9] }), 900, "internal error: repeat the request with the same AP_TransID; if it stays, give the operator the time and the AP_TransID"},
		{"text", "certificate revoked", func(l *enginetest.Lab, _ *signature.Request) { l.OK(l.CA.Revoke(ctx, l.Key(1).Serial, 1)) }, 501, cannot + "the certificate is revoked, the user must register again"},
		{"text", "certificate suspended", func(l *enginetest.Lab, _ *signature.Request) { l.OK(l.CA.Suspend(ctx, l.Key(1).Serial)) }, 501, cannot + "the certificate is suspended"},
		{"text", "revocation asked for", key(func(k *mssp.KeyPair) { k.State = mssp.KeyRevoking }), 501, cannot + "its revocation was asked for, the user must register again"},
		{"text", "certificate expired", func(l *enginetest.Lab, _ *signature.Request) { l.Clock.Add(4 * 365 * 24 * time.Hour) }, 425, cannot + "the certificate has expired on 2029-11-22, the user must register again"},
		{"text", "nothing to sign", ask(func(r *signature.Request) { r.Content = nil }), 102, "there is nothing to sign: DataToBeSigned is empty"},
		{"hash", "an octet less", ask(func(r *signature.Request) { r.Digest = r.Digest[:31] }), 101, "the hash to be signed must be SHA-256 (32 octets), SHA-384 (48) or SHA-512 (64), have 31 octets"},
		{"hash", "of another length", ask(func(r *signature.Request) { r.Hash = crypto.SHA384 }), 101, "the hash to be signed must be SHA-256 (32 octets), SHA-384 (48) or SHA-512 (64), have 32 octets"},
		{"hash", "that no card makes", ask(func(r *signature.Request) { r.Hash = crypto.SHA3_256 }), 101, "the hash to be signed must be SHA-256 (32 octets), SHA-384 (48) or SHA-512 (64), have 32 octets"},
		{"octets", "attributes", ask(func(r *signature.Request) { r.Content = contentTypeSet(3) }), 101, "what is to be signed cannot go into a CMS: cannot prepare CMS: the content is a set of CMS attributes, sign it with signed attributes"},
		{"bare octets", "attributes in CMS", ask(func(r *signature.Request) { r.Format = "" }), 101, "what is to be signed cannot go into a CMS: cannot prepare CMS: the content is a set of CMS attributes, sign it with signed attributes"},
		{"UCS-2", "a name that is no UTF-8", ask(func(r *signature.Request) { r.AP.Name = "Bank\xFF" }), 107, "what is to be shown is not UTF-8: the provider's registered name must be corrected by the operator"},
		{"one short message", "a character more", ask(func(r *signature.Request) { r.Content = append(r.Content, 'x') }), 103, "the text is 1 characters too long for the user's card, which takes 1 short messages"},
	} {
		t.Run(c.from+"/"+c.name, func(t *testing.T) {
			l := enginetest.New(t)
			card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
			base := enginetest.Request("T0", "hello")
			accepted[c.from](l, &base)
			if _, err := l.Signer.Sign(ctx, base); err != nil {
				t.Fatalf("refused as it is: %v", err)
			}
			l.Pump()
			base.APTransID = "T1"
			r := base
			r.Digest, r.Content = bytes.Clone(base.Digest), bytes.Clone(base.Content)
			c.change(l, &r)
			if d := faulttest.Differences(base, r); len(d) > 1 {
				t.Errorf("it differs in %d things: %q", len(d), d)
			}
			sent, prompts := len(l.Sent), card.Prompts
			_, err := l.Signer.Sign(ctx, r)
			var f *mssp.Fault
			if !errors.As(err, &f) || f.Code != c.code || f.Detail != c.detail {
				t.Errorf("%v\nwant %d %s", err, int(c.code), c.detail)
			}
			rules.Met(c.detail)
			l.Settle()
			if c.name == "code blocked" {
				sent++ // the card is asked whether it still is; the user is not
			}
			if len(l.Sent) != sent || card.Prompts != prompts {
				t.Error("something was sent all the same")
			}
		})
	}
	for _, r := range rules.Unmet() {
		t.Errorf("no case meets %s", r)
	}
}

// Who asks for a signature of somebody who was a user once hears the same as of a
// number that nobody ever had.
//
// Supports: 5.2-1
func TestGoneIsUnknown(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	ask := func(n sms.MSISDN) *mssp.Fault {
		r := enginetest.Request("T0", "hello")
		r.MSISDN = n
		_, err := l.Signer.Sign(t.Context(), r)
		var f *mssp.Fault
		if !errors.As(err, &f) {
			t.Fatalf("%s: %v", n, err)
		}
		return f
	}
	l.EditSubscriber(func(s *mssp.Subscriber) { s.State = mssp.SubscriberRemoved })
	if gone, unknown := ask(enginetest.Number), ask("41790000099"); !reflect.DeepEqual(gone, unknown) {
		t.Errorf("%#v\nof a number that nobody has: %#v", gone, unknown)
	}
}
