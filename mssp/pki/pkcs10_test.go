package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
)

// Flow A gives a standard PKCS#10 for every algorithm: Go and OpenSSL take it
// and verify it.
//
// Supports: 5.1-6, 3.5.1-7, W-5, 4-7
func TestRequestFlowA(t *testing.T) {
	for _, tc := range []struct {
		kind string
		hash crypto.Hash
		pop  string
	}{
		{"RSA", crypto.SHA256, ""},
		{"RSA", crypto.SHA512, "12345674"},
		{"P-256", crypto.SHA256, ""},
		{"P-256", crypto.SHA256, "12345674"},
		{"P-384", crypto.SHA384, ""},
		{"P-521", crypto.SHA512, "1234"},
	} {
		t.Run(tc.kind+" "+tc.pop, func(t *testing.T) {
			key := newTestKey(t, tc.kind)
			takeRequest(t, request(t, key, tc.hash, tc.pop), key, tc.pop)
		})
	}
}

// CertificationRequestInfo, RFC 2986 4.1, octet for octet: version 0, subject, key,
// and the attributes as [0], which are empty or the challengePassword of RFC 2985 5.4.1.
func TestRequestInfoOctets(t *testing.T) {
	name, spki := []byte("\x30\x02\x31\x00"), []byte("\x30\x03\x03\x01\x00")
	for pop, want := range map[string]string{
		"":     "\x30\x0e" + "\x02\x01\x00" + "\x30\x02\x31\x00" + "\x30\x03\x03\x01\x00" + "\xa0\x00",
		"1234": "\x30\x23" + "\x02\x01\x00" + "\x30\x02\x31\x00" + "\x30\x03\x03\x01\x00" + "\xa0\x15\x30\x13\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07\x31\x06\x13\x041234",
	} {
		if got, err := requestInfo(name, spki, pop); err != nil || string(got) != want {
			t.Errorf("%q: %x, %v\nwant %x", pop, got, err, want)
		}
	}
}

// takeRequest has Go and OpenSSL read and verify a PKCS#10.
func takeRequest(t *testing.T, csr []byte, key crypto.Signer, pop string) {
	t.Helper()
	req, err := x509.ParseCertificateRequest(csr)
	must(t, err)
	must(t, req.CheckSignature())
	if !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(req.PublicKey) {
		t.Error("another public key")
	}
	if req.Subject.CommonName != testSubscriber.Name || req.Subject.SerialNumber != testSubscriber.Serial {
		t.Errorf("subject %v", req.Subject)
	}
	if have, err := challengePassword(req); err != nil || have != pop {
		t.Errorf("challengePassword of %d digits, want %d, %v", len(have), len(pop), err)
	}
	out, err := openssl(t, map[string][]byte{"csr": csr}, "req", "-inform", "DER", "-in", "csr", "-noout", "-verify", "-text")
	if err != nil || !strings.Contains(out, "verify OK") || !strings.Contains(out, testSubscriber.Serial) {
		t.Errorf("openssl: %v\n%s", err, out)
	}
	if pop != "" && !strings.Contains(out, "challengePassword") {
		t.Error("openssl sees no challengePassword")
	}
}

// Flow B: the card fills the holes of the template and signs; the result is
// as good a PKCS#10 as that of flow A, and has the very same octets.
//
// Supports: 5.1-7, 3.5.1-3, W-5
func TestRequestFlowB(t *testing.T) {
	for _, tc := range []struct {
		kind string
		alg  applet.Algorithm
		hash crypto.Hash
		pop  string
	}{
		{"P-256", applet.ECDSAP256, crypto.SHA256, ""},
		{"P-256", applet.ECDSAP256, crypto.SHA256, "12345674"},
		{"P-384", applet.ECDSAP384, crypto.SHA384, "1234"},
		{"P-521", applet.ECDSAP521, crypto.SHA512, "1234567890123456"},
		{"RSA", applet.RSA2048, crypto.SHA256, ""},
		{"RSA", applet.RSA2048, crypto.SHA384, "12345674"},
		{"RSA-3072", applet.RSA3072, crypto.SHA256, "12345674"},
	} {
		t.Run(tc.kind+" "+tc.pop, func(t *testing.T) {
			tmpl, err := NewTemplate(SubjectOf(testSubscriber), tc.alg, len(tc.pop))
			must(t, err)
			// The card: a new key, the holes, the signature.
			key := newTestKey(t, tc.kind)
			_, wire, err := applet.MarshalPublicKey(key.Public())
			must(t, err)
			signed, err := tmpl.Fill(nil, tc.alg, wire, tc.pop)
			must(t, err)
			sig, err := key.Sign(rand.Reader, digest(tc.hash, signed), tc.hash)
			must(t, err)
			raw, err := tc.alg.SignatureFromASN1(sig)
			must(t, err)
			// The server again.
			csr, err := CompleteTemplate(tmpl, tc.alg, tc.hash, wire, tc.pop, raw)
			must(t, err)
			takeRequest(t, csr, key, tc.pop)
			spki, err := x509.MarshalPKIXPublicKey(key.Public())
			must(t, err)
			if a, err := RequestInfo(SubjectOf(testSubscriber), spki, tc.pop); err != nil || string(a) != string(signed) {
				t.Errorf("flows A and B differ, %v", err)
			}
		})
	}
}

// The template goes through INT6 to the card: it must be one that INT6 takes.
//
// Supports: 5.1-7
func TestTemplateTravels(t *testing.T) {
	tmpl, err := NewTemplate(SubjectOf(testSubscriber), applet.ECDSAP256, 8)
	must(t, err)
	msg := applet.Message{Transaction: 7, Commands: []applet.Command{&applet.SignTransaction{
		Slot: applet.Slot{Number: 1}, Mode: applet.ModeRegister, Template: tmpl, PoP: applet.PoPAsk,
	}}}
	b, err := msg.AppendBinary(nil)
	must(t, err)
	if len(b) > 242 {
		t.Errorf("the command has %d octets, two SMS hold 242", len(b))
	}
	if _, err := applet.Parse(b); err != nil {
		t.Error(err)
	}
}

// What cannot become a request is refused before the card is asked.
//
// Supports: A-1, 3.5.1-3
func TestRequestRefuses(t *testing.T) {
	good := SubjectOf(testSubscriber)
	spkiOf := func(kind string) []byte {
		b, err := x509.MarshalPKIXPublicKey(newTestKey(t, kind).Public())
		must(t, err)
		return b
	}
	p256 := spkiOf("P-256")
	for name, tc := range map[string]struct {
		subject Subject
		spki    []byte
		pop     string
		want    error
	}{
		"no_serial":         {Subject{CommonName: "x"}, p256, "", ErrSubject},
		"no_name":           {Subject{SerialNumber: "x"}, p256, "", ErrSubject},
		"name_65":           {Subject{CommonName: strings.Repeat("x", 65), SerialNumber: "x"}, p256, "", ErrSubject},
		"name_control":      {Subject{CommonName: "a\nb", SerialNumber: "x"}, p256, "", ErrSubject},
		"name_bidi":         {Subject{CommonName: "a\u202eb", SerialNumber: "x"}, p256, "", ErrSubject},
		"name_not_utf8":     {Subject{CommonName: "a\xff", SerialNumber: "x"}, p256, "", ErrSubject},
		"serial_not_ascii":  {Subject{CommonName: "x", SerialNumber: "ä"}, p256, "", ErrSubject},
		"serial_asterisk":   {Subject{CommonName: "x", SerialNumber: "a*"}, p256, "", ErrSubject},
		"country_lower":     {Subject{CommonName: "x", SerialNumber: "x", Country: "ch"}, p256, "", ErrSubject},
		"key_p224":          {good, spkiOf("P-224"), "", ErrPolicy},
		"key_cut":           {good, p256[:len(p256)-1], "", ErrRequest},
		"key_empty":         {good, nil, "", ErrRequest},
		"pop_3_digits":      {good, p256, "123", ErrRequest},
		"pop_17_digits":     {good, p256, "12345678901234567", ErrRequest},
		"pop_with_a_letter": {good, p256, "1234567a", ErrRequest},
	} {
		if _, err := RequestInfo(tc.subject, tc.spki, tc.pop); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	for name, tc := range map[string]struct {
		alg    applet.Algorithm
		digits int
		want   error
	}{
		"unknown_algorithm": {0x77, 0, ErrPolicy}, "3_digits": {applet.ECDSAP256, 3, ErrRequest},
		"17_digits": {applet.ECDSAP256, 17, ErrRequest}, "255_digits": {applet.ECDSAP256, 255, ErrRequest},
	} {
		if _, err := NewTemplate(good, tc.alg, tc.digits); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// The pieces of a PKCS#10 that do not belong together are refused.
func TestAssembleRequestRefuses(t *testing.T) {
	spki, err := x509.MarshalPKIXPublicKey(newTestKey(t, "P-256").Public())
	must(t, err)
	cri, err := RequestInfo(SubjectOf(testSubscriber), spki, "")
	must(t, err)
	for name, tc := range map[string]struct {
		cri  []byte
		hash crypto.Hash
		want error
	}{
		"cut":   {cri[:len(cri)-1], crypto.SHA256, ErrRequest},
		"more":  {append(cri[:len(cri):len(cri)], 0), crypto.SHA256, ErrRequest},
		"empty": {nil, crypto.SHA256, ErrRequest},
		"sha1":  {cri, crypto.SHA1, ErrPolicy},
	} {
		if _, err := AssembleRequest(tc.cri, tc.hash, []byte{1}); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	tmpl, err := NewTemplate(SubjectOf(testSubscriber), applet.ECDSAP256, 8)
	must(t, err)
	_, wire, err := applet.MarshalPublicKey(newTestKey(t, "P-256").Public())
	must(t, err)
	for name, tc := range map[string]struct {
		key, sig []byte
		pop      string
	}{
		"pop_too_short":  {wire, make([]byte, 64), "1234567"},
		"pop_not_digits": {wire, make([]byte, 64), "1234567x"},
		"key_cut":        {wire[:32], make([]byte, 64), "12345674"},
		"signature_cut":  {wire, make([]byte, 63), "12345674"},
		"not_on_curve":   {append([]byte{2}, make([]byte, 32)...)[:33], make([]byte, 64), "1234567"},
	} {
		if _, err := CompleteTemplate(tmpl, applet.ECDSAP256, crypto.SHA256, tc.key, tc.pop, tc.sig); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzAssembleRequest: what a card or a caller hands in never panics, and
// every error is a declared one.
func FuzzAssembleRequest(f *testing.F) {
	key := newTestKey(f, "P-256")
	csr := request(f, key, crypto.SHA256, "12345674")
	var whole struct {
		CRI asn1.RawValue
		Alg asn1.RawValue
		Sig asn1.BitString
	}
	if _, err := asn1.Unmarshal(csr, &whole); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.CRI.FullBytes, whole.Sig.Bytes)
	f.Fuzz(func(t *testing.T, cri, sig []byte) {
		out, err := AssembleRequest(cri, crypto.SHA256, sig)
		if err != nil {
			if !errors.Is(err, ErrRequest) && !errors.Is(err, ErrPolicy) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		req, err := x509.ParseCertificateRequest(out)
		if err != nil {
			return // version or attributes that Go does not take; Issue refuses it so
		}
		if _, err := challengePassword(req); err != nil && !errors.Is(err, ErrRequest) {
			t.Fatalf("undeclared error %v", err)
		}
	})
}
