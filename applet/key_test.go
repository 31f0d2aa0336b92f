package applet

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"
)

func newTestKey(t *testing.T, a Algorithm) crypto.Signer {
	t.Helper()
	var k crypto.Signer
	var err error
	if a.EC() {
		k, err = ecdsa.GenerateKey(a.Curve(), rand.Reader)
	} else {
		k, err = rsa.GenerateKey(rand.Reader, a.Bits())
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestPublicKey: the wire form has the declared length and comes back as the
// same key; a signature verifies in the wire form.
//
// Supports: 3.2-1, 3.2-4, 4-8
func TestPublicKey(t *testing.T) {
	for _, a := range []Algorithm{RSA2048, ECDSAP256, ECDSAP384, ECDSAP521} {
		k := newTestKey(t, a)
		got, wire, err := MarshalPublicKey(k.Public())
		if err != nil || got != a || len(wire) != a.PublicKeyLen() {
			t.Fatalf("%s: %s, %d octets, %v", a, got, len(wire), err)
		}
		pub, err := a.ParsePublicKey(wire)
		if err != nil {
			t.Fatal(err)
		}
		if !k.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(pub) {
			t.Errorf("%s: another key", a)
		}
		for _, h := range []Hash{SHA256, SHA384, SHA512} {
			d := make([]byte, h.Size())
			der, err := k.Sign(rand.Reader, d, h.Hash())
			if err != nil {
				t.Fatal(err)
			}
			raw, err := a.SignatureFromASN1(der)
			if err != nil || len(raw) != a.SignatureLen() {
				t.Fatalf("%s: %d octets, %v", a, len(raw), err)
			}
			if err := Verify(pub, h, d, raw); err != nil {
				t.Errorf("%s %s: %v", a, h, err)
			}
			raw[len(raw)-1] ^= 1
			if err := Verify(pub, h, d, raw); !errors.Is(err, ErrSignature) {
				t.Errorf("%s %s: forged signature: %v", a, h, err)
			}
		}
	}
}

// TestPublicKeyRefused: what is not a key of the algorithm.
func TestPublicKeyRefused(t *testing.T) {
	ec := bytes.Repeat([]byte{0xFF}, 33)
	ec[0] = 0x02
	modulus := bytes.Repeat([]byte{0xFF}, 256)
	for name, tc := range map[string]struct {
		alg Algorithm
		key []byte
		err error
	}{
		"unknown_algorithm": {0x7F, nil, ErrUnsupported},
		"short_point":       {ECDSAP256, ec[:32], ErrKey},
		"not_on_the_curve":  {ECDSAP256, ec, ErrKey},
		"uncompressed":      {ECDSAP256, append([]byte{4}, bytes.Repeat([]byte{1}, 64)...), ErrKey},
		"modulus_alone":     {RSA2048, modulus, ErrKey},
		"modulus_small":     {RSA2048, append(append([]byte{0x7F}, modulus[1:]...), 1, 0, 1), ErrKey},
		"modulus_even":      {RSA2048, append(append(bytes.Clone(modulus[:255]), 0xFE), 1, 0, 1), ErrKey},
		"exponent_3":        {RSA2048, append(bytes.Clone(modulus), 0, 0, 3), ErrKey},
	} {
		if _, err := tc.alg.ParsePublicKey(tc.key); !errors.Is(err, tc.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := MarshalPublicKey(p224.Public()); !errors.Is(err, ErrUnsupported) {
		t.Errorf("P-224: %v", err)
	}
}

// TestSignatureRefused: DER that is not r and s, and lengths that are wrong.
func TestSignatureRefused(t *testing.T) {
	for name, der := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "trailing": {0x30, 6, 2, 1, 1, 2, 1, 1, 0}, "negative": {0x30, 6, 2, 1, 0xFF, 2, 1, 1},
		"too_long": append([]byte{0x30, 38, 2, 33, 1}, append(make([]byte, 32), 2, 1, 1)...),
	} {
		if _, err := ECDSAP256.SignatureFromASN1(der); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ECDSAP256.SignatureToASN1(make([]byte, 63)); !errors.Is(err, ErrSignature) {
		t.Errorf("63 octets: %v", err)
	}
	if _, err := RSA2048.SignatureFromASN1(make([]byte, 255)); !errors.Is(err, ErrSignature) {
		t.Errorf("255 octets: %v", err)
	}
}

// TestTemplate: a real PKCS#10 is taken apart into a template and filled
// again: the same octets, and the signature over them makes a request that
// verifies.
//
// Supports: 5.1-7
func TestTemplate(t *testing.T) {
	for _, a := range []Algorithm{ECDSAP256, ECDSAP384, RSA2048} {
		k := newTestKey(t, a)
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "Test"}}, k)
		if err != nil {
			t.Fatal(err)
		}
		req, err := x509.ParseCertificateRequest(der)
		if err != nil {
			t.Fatal(err)
		}
		_, wire, err := MarshalPublicKey(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		hole, err := a.templateKey(wire)
		if err != nil || len(hole) != a.TemplateKeyLen() {
			t.Fatalf("%s: %d octets, %v", a, len(hole), err)
		}
		tbs := req.RawTBSCertificateRequest
		i := bytes.Index(tbs, hole)
		if i < 0 {
			t.Fatalf("%s: the request does not hold the key in this form", a)
		}
		tmpl := &Template{Parts: []TemplatePart{{Hole: Literal, Octets: tbs[:i]}, {Hole: HolePublicKey}, {Hole: Literal, Octets: tbs[i+len(hole):]}}}
		got, err := tmpl.Fill(nil, a, wire, "")
		if err != nil || !bytes.Equal(got, tbs) {
			t.Fatalf("%s: %v\n%X\n%X", a, err, got, tbs)
		}
		if err := req.CheckSignature(); err != nil {
			t.Fatal(err)
		}
	}
	tmpl := &Template{Parts: []TemplatePart{{Hole: Literal, Octets: []byte{0x30}}, {Hole: HolePublicKey}, {Hole: HolePoP, Digits: 8}}}
	if _, err := tmpl.Fill(nil, ECDSAP256, make([]byte, 32), "12345678"); !errors.Is(err, ErrKey) {
		t.Errorf("short key: %v", err)
	}
	_, wire, err := MarshalPublicKey(newTestKey(t, ECDSAP256).Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Fill(nil, ECDSAP256, wire, "1234567"); !errors.Is(err, ErrLength) {
		t.Errorf("short PoP code: %v", err)
	}
}

// TestNames: what the console prints.
func TestNames(t *testing.T) {
	for want, s := range map[string]interface{ String() string }{
		"RSA-2048": RSA2048, "P-521": ECDSAP521, "algorithm 7F": Algorithm(0x7F), "SHA-256": SHA256, "hash 09": Hash(9),
		"SignTransaction": TagSignTransaction, "SignTransaction result": TagSignTransaction.Result(), "tag FF": Tag(0xFF),
		"6401 user cancelled": StatusCancelled, "63C2 wrong code, 2 tries left": StatusWrongCodeTries(2), "1234 unknown": StatusWord(0x1234),
	} {
		if s.String() != want {
			t.Errorf("%q, want %q", s.String(), want)
		}
	}
	for _, a := range Algorithms() {
		if got, err := ParseAlgorithm(a.String()); got != a || err != nil {
			t.Errorf("%s: %v %v", a, got, err)
		}
	}
	if h, ok := HashOf(crypto.SHA1); ok {
		t.Errorf("SHA-1 is %s", h)
	}
	if h, ok := HashOf(crypto.SHA384); !ok || h != SHA384 {
		t.Errorf("SHA-384 is %s", h)
	}
}
