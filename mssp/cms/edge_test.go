package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

// Of two certificates with one name and number the first is the signer's: a
// second one, by whoever, changes nothing.
func TestTwoOfOneName(t *testing.T) {
	p := newParty(t, "P-256", nil)
	o := Options{Content: []byte(testText), Hash: crypto.SHA256}
	double := keyOfName(t, "P-256")
	twin := signCert(t, p.cert, &x509.Certificate{Subject: p.cert.Issuer, RawSubject: p.cert.RawIssuer, PublicKey: double.Public()}, double.Public(), double)
	good := VerifyOptions{Roots: p.roots(), Time: testTime, Content: []byte(testText)}
	for name, tc := range map[string]struct {
		edit func(*SignedData)
		want error
	}{
		"alone":      {func(*SignedData) {}, nil},
		"twin after": {func(s *SignedData) { s.Certificates = append(s.Certificates, twin.Raw) }, nil},
		"twin first": {func(s *SignedData) { s.Certificates = append([][]byte{twin.Raw}, s.Certificates...) }, ErrSignature},
	} {
		s, _, err := Parse(edited(t, p.message(t, o), tc.edit))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Verify(good); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// Three certificates between the signer and the root, in any order.
func TestLongChain(t *testing.T) {
	p := newParty(t, "P-256", nil)
	root, key := p.root, keyOfName(t, "P-256")
	ca := func(name string, parent *x509.Certificate, by crypto.Signer, pub crypto.PublicKey) *x509.Certificate {
		tmpl := *p.root
		tmpl.Subject.CommonName, tmpl.RawSubject, tmpl.SubjectKeyId = name, nil, nil
		return signCert(t, &tmpl, parent, pub, by)
	}
	root = ca("Top", &x509.Certificate{Subject: root.Subject, PublicKey: key.Public()}, key, key.Public())
	tmpl := *root
	root = signCert(t, &tmpl, &tmpl, key.Public(), key)
	a, b, c := keyOfName(t, "P-256"), keyOfName(t, "P-256"), keyOfName(t, "P-256")
	first := ca("First", root, key, a.Public())
	second := ca("Second", first, a, b.Public())
	third := ca("Third", second, b, c.Public())
	leaf := *p.cert
	p.cert = signCert(t, &leaf, third, p.key.Public(), c)
	p.root = root
	opts := VerifyOptions{Roots: p.roots(), Time: testTime, Content: []byte(testText)}
	for name, tc := range map[string]struct {
		chain []*x509.Certificate
		want  error
	}{
		"in order":       {[]*x509.Certificate{third, second, first}, nil},
		"upside down":    {[]*x509.Certificate{first, second, third}, nil},
		"without middle": {[]*x509.Certificate{third, first}, ErrCertificate},
		"without first":  {[]*x509.Certificate{third, second}, ErrCertificate},
	} {
		p.chain = nil
		for _, c := range tc.chain {
			p.chain = append(p.chain, c.Raw)
		}
		s, _, err := Parse(p.message(t, Options{Content: []byte(testText), Hash: crypto.SHA256}))
		if err != nil {
			t.Fatal(err)
		}
		signer, err := s.Verify(opts)
		if !errors.Is(err, tc.want) || err == nil && len(signer.Chain) != 5 {
			t.Errorf("%s: %v, %v", name, signer, err)
		}
	}
}

// The octets of the signed attributes (RFC 5652 11.1 to 11.3, DER of X.690),
// whole: contentType data, signingTime, messageDigest, in DER order.
func TestAttributeOctets(t *testing.T) {
	digest := bytes.Repeat([]byte{0xD1}, 32)
	want := "3018" + "06092a864886f70d010903" + "310b" + "06092a864886f70d010701" +
		"301c" + "06092a864886f70d010905" + "310f" + "170d" + hex.EncodeToString([]byte("261129201500Z")) +
		"302f" + "06092a864886f70d010904" + "3122" + "0420" + strings.Repeat("d1", 32)
	o := &Options{SigningTime: time.Date(2026, 11, 29, 20, 15, 0, 0, time.UTC)}
	if have := hex.EncodeToString(signedAttributes(o, digest, identity{})); have != want {
		t.Errorf("have %s\nwant %s", have, want)
	}
	// From 2050 on the time has four digits of a year, before 1950 too.
	for year, want := range map[int]string{2049: "170d343930313031303030303030" + "5a", 2050: "180f3230353030313031303030303030" + "5a", 1950: "170d353030313031303030303030" + "5a", 1949: "180f3139343930313031303030303030" + "5a"} {
		if have := hex.EncodeToString(signingTime(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))); have != want {
			t.Errorf("%d: %s, want %s", year, have, want)
		}
	}
}

// A SET is content like any other unless it holds signed attributes.
func TestContentThatIsASet(t *testing.T) {
	p := newParty(t, "P-256", nil)
	attr := attribute(attrContentType, []byte(oidData))
	digest := attribute(attrMessageDigest, appendElement(nil, tagOctets, make([]byte, 32)))
	signing := attribute(attrSigningTime, signingTime(testTime))
	set := func(b ...[]byte) []byte { return appendElement(nil, tagSet, bytes.Join(b, nil)) }
	for name, tc := range map[string]struct {
		content []byte
		looks   bool
	}{
		"contentType":        {set(attr), true},
		"messageDigest":      {set(digest), true},
		"another first":      {set(signing, digest), true},
		"another alone":      {set(signing), false},
		"nothing in it":      {set(), false},
		"NULL in it":         {set([]byte{5, 0}), false},
		"an octet behind":    {append(set(attr), 0), false},
		"a sequence":         {appendElement(nil, tagSequence, attr), false},
		"a sequence of NULL": {set(appendElement(nil, tagSequence, []byte{5, 0})), false},
		"no tags at all":     {[]byte("Pay 100 EUR"), false},
	} {
		if have := looksSigned(tc.content); have != tc.looks {
			t.Errorf("%s: %v", name, have)
		}
		_, err := Prepare(Options{Content: tc.content, Hash: crypto.SHA256, Certificate: p.cert.Raw})
		if (err != nil) != tc.looks {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The content is one primitive OCTET STRING, and that is what the refusal says.
func TestContentString(t *testing.T) {
	p := newParty(t, "P-256", nil)
	der := p.message(t, Options{Content: []byte(testText), Hash: crypto.SHA256})
	at := bytes.Index(der, append([]byte{4, byte(len(testText))}, testText...))
	if at < 0 {
		t.Fatal("no content")
	}
	oid := bytes.Clone(der)
	oid[bytes.Index(der, []byte(oidData))] = 4
	if _, _, err := Parse(oid); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "eContentType") {
		t.Errorf("no type of the content: %v", err)
	}
	for tag, ok := range map[byte]bool{0x04: true, 0x24: false, 0x0C: false} {
		b := bytes.Clone(der)
		b[at] = tag
		if _, _, err := Parse(b); (err == nil) != ok || err != nil && (!errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "eContent is not one primitive OCTET STRING")) {
			t.Errorf("tag %02X: %v", tag, err)
		}
	}
}

// A field of what waits for the card has less than 16 MiB.
func TestPreparedField(t *testing.T) {
	s, err := suiteOf(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]error{1<<24 - 1: nil, 1 << 24: ErrUnsupported} {
		if _, err := (Prepared{suite: s, content: make([]byte, n)}).AppendBinary(nil); !errors.Is(err, want) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
}
