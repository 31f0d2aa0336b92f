package signature

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/faulttest"
)

// What the user would see decides whether the request is served: each case changes
// one thing of a request that passes, and every rule of Screen has one.
//
// Supports: 3.5.3-5
func TestScreen(t *testing.T) {
	const uri = "urn:p"
	text := func() Request {
		return Request{
			AP: mssp.AP{Name: "Bank"}, Profile: mssp.SignatureProfile{URI: uri, Aliases: []string{"urn:alias"}},
			MimeType: "text/plain", Content: []byte("Pay?"), Display: "Pay?",
		}
	}
	alone := func() Request {
		r := text()
		r.Display = ""
		return r
	}
	both := func() Request {
		r := text()
		r.AP.OtherDisplay, r.Profile.OtherDisplay, r.Display = true, true, "Log in?\n"
		return r
	}
	hash := func() Request {
		r := text()
		r.AP.Octets, r.Digest, r.Content, r.MimeType, r.Display = []string{"urn:alias"}, make([]byte, 32), nil, "application/x-sha256", "Contract"
		return r
	}
	octets := func() Request {
		r := text()
		r.AP.Octets, r.MimeType, r.Display = []string{uri}, "application/octet-stream", ""
		return r
	}
	other := func(who string) string {
		return "DataToBeDisplayed is not the text that is signed, and " + who + " under SignatureProfile urn:p: leave DataToBeDisplayed out, or send the same text in it"
	}
	unread := func(what, uri string) string {
		return "DataToBeSigned is " + what + ", which no user can read, and this AP_ID may not have that signed under SignatureProfile " + uri + ": send the text as text/plain, or ask the operator of the service for the permission"
	}
	over := "text is 1 character too long: 214 of 240 (GSM) are left beside the provider's name and the reference code"
	rules := faulttest.Read(t, "screen.go")
	for name, c := range map[string]struct {
		from      func() Request
		change    func(*Request)
		code, sub mssp.Code
		detail    string
	}{
		"another display":     {text, func(r *Request) { r.Display = "Log in?" }, 101, 1015, other("this AP_ID may not show another one")},
		"another text":        {text, func(r *Request) { r.Content = []byte("Pay 1?") }, 101, 1015, other("this AP_ID may not show another one")},
		"not the provider":    {both, func(r *Request) { r.AP.OtherDisplay = false }, 101, 1015, other("this AP_ID may not show another one")},
		"not the profile":     {both, func(r *Request) { r.Profile.OtherDisplay = false }, 101, 1015, other("nobody may show another one")},
		"a hash":              {hash, func(r *Request) { r.AP.Octets[0] = "urn:other" }, 101, 1015, unread("a hash", uri)},
		"another profile":     {hash, func(r *Request) { r.Profile.Aliases[0] = "urn:other" }, 101, 1015, unread("a hash", uri)},
		"octets":              {octets, func(r *Request) { r.AP.Octets = nil }, 101, 1016, unread("octets", uri)},
		"octets of a text":    {text, func(r *Request) { r.MimeType = "application/octet-stream" }, 101, 1015, unread("octets", uri)},
		"a hash of a text":    {text, func(r *Request) { r.Digest = make([]byte, 32) }, 101, 1015, unread("a hash", uri)},
		"control of a text":   {alone, func(r *Request) { r.Content = []byte("a\x07") }, 107, 0, "DataToBeSigned: character 2 (U+0007) is a control character: remove it"},
		"too long a text":     {alone, func(r *Request) { r.Content = []byte(strings.Repeat("a", 215)) }, 103, 0, "DataToBeSigned: " + over},
		"hidden control":      {both, func(r *Request) { r.Content = []byte("a\x07") }, 107, 0, "DataToBeSigned: character 2 (U+0007) is a control character: remove it"},
		"shown control":       {both, func(r *Request) { r.Display = "a\x07" }, 107, 0, "DataToBeDisplayed: character 2 (U+0007) is a control character: remove it"},
		"control of a hash":   {hash, func(r *Request) { r.Display = "a\x07" }, 107, 0, "DataToBeDisplayed: character 2 (U+0007) is a control character: remove it"},
		"only together":       {both, func(r *Request) { r.Content = []byte("\nPay?") }, 107, 0, "DataToBeDisplayed and DataToBeSigned, one below the other: character 10 (U+000A) pushes the text away from its frame: send at most 2 line feeds in a row, and one at the beginning or the end"},
		"too long for both":   {both, func(r *Request) { r.Content = []byte(strings.Repeat("a", 215-len("Log in?\n\n"))) }, 103, 0, "DataToBeDisplayed and DataToBeSigned, one below the other: " + over},
		"too long for a hash": {hash, func(r *Request) { r.Display = strings.Repeat("a", 215) }, 103, 0, "DataToBeDisplayed: " + over},
	} {
		base, r := c.from(), c.from()
		if _, f := base.Screen(); f != nil {
			t.Errorf("%s: refused as it is: %v", name, f)
		}
		c.change(&r)
		if d := faulttest.Differences(base, r); len(d) != 1 {
			t.Errorf("%s: it differs in %q", name, d)
		}
		if _, f := r.Screen(); f == nil || f.Code != c.code || f.Sub != c.sub || f.Detail != c.detail {
			t.Errorf("%s: %v\nwant %d/%d %s", name, f, int(c.code), int(c.sub), c.detail)
		}
		rules.Met(c.detail)
	}
	for _, r := range rules.Unmet() {
		t.Errorf("no case meets %s", r)
	}
	r := octets()
	r.AP.Octets, r.ProfileURI = nil, "urn:asked"
	if _, f := r.Screen(); f == nil || f.Detail != unread("octets", "urn:asked") {
		t.Errorf("the profile is named as it was asked for: %v", f)
	}
	for mime, shown := range map[string]string{"": "Pay?", "TEXT/plain": "Pay?", "application/octet-stream": ""} {
		r := octets()
		r.MimeType = mime
		if f, fault := r.Screen(); fault != nil || f.Text != shown {
			t.Errorf("%q shows %q, %v", mime, f.Text, fault)
		}
	}
	r = text()
	r.EventID, r.Language = "A123", "fi"
	if f, fault := r.Screen(); fault != nil || f.Above() != "Bank\nTapahtumatunnus: A123" {
		t.Errorf("the event in the language that was asked for: %q, %v", f.Above(), fault)
	}
	r = both()
	if f, fault := r.Screen(); fault != nil || f.Text != "Log in?\n\nPay?" || f.AP != "Bank" {
		t.Errorf("both texts: %+v, %v", f, fault)
	}
}

// How long a request lives: what it asks for, or else its profile, or else two
// minutes; never longer than the profile permits.
func TestLife(t *testing.T) {
	for _, c := range []struct{ asked, profile, most, want time.Duration }{
		{0, 0, 0, 2 * time.Minute},
		{0, 80 * time.Second, 0, 80 * time.Second},
		{30 * time.Second, 80 * time.Second, 0, 30 * time.Second},
		{30 * time.Second, 80 * time.Second, 30 * time.Second, 30 * time.Second},
		{31 * time.Second, 80 * time.Second, 30 * time.Second, 30 * time.Second},
		{0, 0, time.Minute, time.Minute},
		{time.Millisecond, 0, 0, time.Second},
		{-time.Second, 80 * time.Second, 0, 80 * time.Second},
	} {
		r := Request{TimeOut: c.asked, Profile: mssp.SignatureProfile{TimeOut: c.profile, MaxTimeOut: c.most}}
		if got := r.Life(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// What the row keeps says what the card has signed, also to somebody who has only
// that: the hash of the text, or the hash that was sent.
func TestSigned(t *testing.T) {
	const hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // SHA-256 of "hello"
	for name, c := range map[string]struct{ stored, digest, hash, fault string }{
		"a text":         {`{"format":"PKCS1","hash":5,"content":"aGVsbG8="}`, hello, "sha256", ""},
		"a hash":         {`{"format":"PKCS1","hash":6,"digest":"AQID"}`, "010203", "sha384", ""},
		"no hash":        {`{"format":"PKCS1","hash":1,"content":"aGVsbG8="}`, "", "", "stored request: hash 1 is none that a card makes"},
		"no JSON":        {`{"format":`, "", "", "stored request: unexpected end of JSON input"},
		"no certificate": {`{"format":"CMS","hash":5,"content":"aGVsbG8="}`, "", "", "stored request: cannot prepare CMS: no signer certificate"},
	} {
		digest, hash, err := Signed([]byte(c.stored), nil, nil)
		if hex.EncodeToString(digest) != c.digest || hash != c.hash || (err == nil) != (c.fault == "") || err != nil && err.Error() != c.fault {
			t.Errorf("%s: %x, %q, %v", name, digest, hash, err)
		}
	}
	if _, err := new(Signer).decode([]byte(`{"hash":1}`)); err == nil {
		t.Error("a hash that no card makes is read")
	}
}

// A result is that of a transaction that is done, and of no other.
func TestParseResult(t *testing.T) {
	b, err := json.Marshal(Result{Format: CMS, Signature: []byte{1}, Reference: "ABCD"})
	if err != nil {
		t.Fatal(err)
	}
	for state, want := range map[mssp.State]string{mssp.Done: "ABCD", mssp.Failed: "", mssp.Waiting: ""} {
		if r, err := ParseResult(&mssp.Transaction{State: state, Result: b}); err != nil || r.Reference != want {
			t.Errorf("%s: %+v, %v", state, r, err)
		}
	}
	if r, err := ParseResult(&mssp.Transaction{State: mssp.Done}); err != nil || r.Signature != nil {
		t.Errorf("nothing: %+v, %v", r, err)
	}
	if _, err := ParseResult(&mssp.Transaction{State: mssp.Done, Result: b[:9]}); err == nil || !strings.HasPrefix(err.Error(), "transaction result: ") {
		t.Errorf("half of it: %v", err)
	}
}

// What is remembered of certificates is bounded.
func TestCertsAreBounded(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c := certs{m: map[string]*x509.Certificate{}}
	for i := range maxCerts + 9 {
		if got, err := c.parse(strconv.Itoa(i), der); err != nil || !bytes.Equal(got.Raw, der) {
			t.Fatal(err)
		}
	}
	if len(c.m) != maxCerts {
		t.Errorf("%d are remembered", len(c.m))
	}
	// Another certificate under the same number is another one.
	tmpl.SerialNumber = big.NewInt(2)
	other, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.parse("9", other); err != nil || !bytes.Equal(got.Raw, other) {
		t.Errorf("the first one is given, %v", err)
	}
}
