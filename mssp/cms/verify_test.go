package cms

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"time"
)

// What must not verify does not, and the error says which of the three is
// wrong: the content, the signature or the certificate.
//
// Supports: 5.2-2, A-1
func TestVerifyRefuses(t *testing.T) {
	p, other := newParty(t, "P-256", nil), newParty(t, "P-256", nil)
	rsaParty := newParty(t, "RSA", nil)
	ca := newParty(t, "P-256", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })
	server := newParty(t, "P-256", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	o := Options{Content: []byte(testText), Hash: crypto.SHA256}
	good := VerifyOptions{Roots: p.roots(), Time: testTime, Content: []byte(testText)}
	with := func(edit func(*VerifyOptions)) VerifyOptions {
		v := good
		edit(&v)
		return v
	}
	attrs := o
	attrs.SignedAttrs, attrs.SigningTime = true, testTime
	for name, tc := range map[string]struct {
		der  []byte
		opts VerifyOptions
		want error
	}{
		"other_content":         {p.message(t, o), with(func(v *VerifyOptions) { v.Content = []byte("else") }), ErrContent},
		"empty_content_wanted":  {p.message(t, o), with(func(v *VerifyOptions) { v.Content = []byte{} }), ErrContent},
		"other_digest":          {p.message(t, o), with(func(v *VerifyOptions) { v.Digest = make([]byte, 32) }), ErrContent},
		"other_root":            {p.message(t, o), with(func(v *VerifyOptions) { v.Roots = other.roots() }), ErrCertificate},
		"no_roots":              {p.message(t, o), with(func(v *VerifyOptions) { v.Roots = nil }), ErrCertificate},
		"no_time":               {p.message(t, o), with(func(v *VerifyOptions) { v.Time = time.Time{} }), ErrCertificate},
		"expired":               {p.message(t, o), with(func(v *VerifyOptions) { v.Time = testTime.AddDate(2, 0, 0) }), ErrCertificate},
		"not_yet_valid":         {p.message(t, o), with(func(v *VerifyOptions) { v.Time = testTime.AddDate(0, -2, 0) }), ErrCertificate},
		"encipherment_only":     {ca.message(t, o), with(func(v *VerifyOptions) { v.Roots = ca.roots() }), ErrCertificate},
		"server_certificate":    {server.message(t, o), with(func(v *VerifyOptions) { v.Roots = server.roots() }), ErrCertificate},
		"issuer_missing":        {party{p.key, p.cert, nil, p.root}.message(t, o), good, ErrCertificate},
		"signed_by_another_key": {party{other.key, p.cert, p.chain, p.root}.message(t, o), good, ErrSignature},
		"attributes_other_key":  {party{other.key, p.cert, p.chain, p.root}.message(t, attrs), good, ErrSignature},
		"attributes_dropped":    {edited(t, p.message(t, attrs), func(s *SignedData) { s.Attributes = nil }), good, ErrSignature},
		"attributes_swapped":    {edited(t, p.message(t, attrs), func(s *SignedData) { s.Attributes = attribute(attrContentType, []byte(oidData)) }), good, ErrMalformed},
		"attribute_twice": {edited(t, p.message(t, attrs), func(s *SignedData) {
			s.Attributes = append(bytes.Clone(s.Attributes), s.Attributes...)
		}), good, ErrMalformed},
		"signer_not_in_message": {edited(t, p.message(t, o), func(s *SignedData) { s.Certificates = s.Certificates[1:] }), good, ErrCertificate},
		"content_replaced":      {edited(t, p.message(t, o), func(s *SignedData) { s.Content = []byte("else") }), with(func(v *VerifyOptions) { v.Content = nil }), ErrSignature},
		"content_replaced_attrs": {
			edited(t, p.message(t, attrs), func(s *SignedData) { s.Content = []byte("else") }),
			with(func(v *VerifyOptions) { v.Content = nil }), ErrContent,
		},
		// The signed attributes of a message, passed off as the content of one
		// without attributes: the octets that were signed are the same.
		"attributes_as_content": {edited(t, p.message(t, attrs), func(s *SignedData) {
			s.Content, s.Attributes = appendElement(nil, tagSet, s.Attributes), nil
		}), with(func(v *VerifyOptions) { v.Content = nil }), ErrContent},
		"rsa_key_ecdsa_algorithm": {edited(t, rsaParty.message(t, o), func(s *SignedData) {
			suite, _ := suiteOf(crypto.SHA256)
			s.signatureAlg = suite.ecdsa
		}), with(func(v *VerifyOptions) { v.Roots = rsaParty.roots() }), ErrUnsupported},
	} {
		s, _, err := Parse(tc.der)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := s.Verify(tc.opts); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// edited changes a parsed message and writes it again.
func edited(t *testing.T, der []byte, edit func(*SignedData)) []byte {
	t.Helper()
	s, _, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	edit(s)
	out, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every hash has its length, every family its key.
//
// Supports: 3.2-1, A-1
func TestVerifyDigest(t *testing.T) {
	for _, kind := range []string{"RSA", "P-256"} {
		key := keyOfName(t, kind)
		for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			digest := hashOf(h, []byte("x"))
			sig, err := key.Sign(rand.Reader, digest, h)
			if err != nil {
				t.Fatal(err)
			}
			if err := VerifyDigest(key.Public(), h, digest, sig); err != nil {
				t.Errorf("%s %v: %v", kind, h, err)
			}
			sig[len(sig)-1] ^= 1
			if err := VerifyDigest(key.Public(), h, digest, sig); !errors.Is(err, ErrSignature) {
				t.Errorf("%s %v, flipped: %v", kind, h, err)
			}
			if err := VerifyDigest(key.Public(), h, digest[1:], sig); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s %v, short digest: %v", kind, h, err)
			}
		}
		if err := VerifyDigest(key.Public(), crypto.SHA1, make([]byte, 20), nil); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s, SHA-1: %v", kind, err)
		}
	}
	if err := VerifyDigest(ed25519.PublicKey(make([]byte, 32)), crypto.SHA256, make([]byte, 32), nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Ed25519: %v", err)
	}
}

// A digest algorithm may come with NULL for its parameters (RFC 5754 2), and
// RSA may name its hash: both verify, and come back octet for octet.
func TestForeignParameters(t *testing.T) {
	p := newParty(t, "RSA", nil)
	suite, err := suiteOf(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	der := edited(t, p.message(t, Options{Content: []byte(testText), Hash: crypto.SHA256}), func(s *SignedData) {
		s.digestAlg = append(append([]byte{0x30, 0x0d}, suite.digest[2:]...), 5, 0)
		s.signatureAlg = suite.rsa
	})
	s, _, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(VerifyOptions{Roots: p.roots(), Time: testTime, Content: []byte(testText)}); err != nil {
		t.Error(err)
	}
	if again, err := s.AppendBinary(nil); err != nil || !bytes.Equal(again, der) {
		t.Error("not the same octets again")
	}
	bad := edited(t, der, func(s *SignedData) { s.digestAlg = []byte("\x30\x07\x06\x05\x2b\x0e\x03\x02\x1a") })
	if _, _, err := Parse(bad); !errors.Is(err, ErrUnsupported) {
		t.Errorf("SHA-1: %v", err)
	}
}

func ed25519Cert(t *testing.T) []byte {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: testTime, NotAfter: testTime}
	return signCert(t, tmpl, tmpl, pub, key).Raw
}
