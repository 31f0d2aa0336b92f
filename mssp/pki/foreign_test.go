package pki

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/simsign/simsign/mssp"
)

// authority is a CA that we do not run, of as many certificates as are wanted.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// newAuthority makes a CA, by itself (nil) or by another; edit changes its certificate.
func newAuthority(t *testing.T, name string, by *authority, edit func(*x509.Certificate)) *authority {
	t.Helper()
	a := &authority{key: newTestKey(t, "P-256")}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name}, SubjectKeyId: []byte(name),
		NotBefore: testTime.AddDate(-1, 0, 0), NotAfter: testTime.AddDate(9, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if edit != nil {
		edit(tmpl)
	}
	parent, key := tmpl, crypto.Signer(a.key)
	if by != nil {
		parent, key = by.cert, by.key
	}
	a.cert = parsed(t)(x509.CreateCertificate(rand.Reader, tmpl, parent, a.key.Public(), key))
	return a
}

func parsed(t *testing.T) func([]byte, error) *x509.Certificate {
	return func(der []byte, err error) *x509.Certificate {
		t.Helper()
		must(t, err)
		cert, err := x509.ParseCertificate(der)
		must(t, err)
		return cert
	}
}

func (a *authority) person(t *testing.T, key crypto.Signer, edit func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(4711), Subject: pkix.Name{CommonName: "Anna"}, NotBefore: testTime.AddDate(0, -1, 0), NotAfter: testTime.AddDate(2, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(tmpl)
	}
	return parsed(t)(x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key))
}

func (a *authority) crl(t *testing.T, edit func(*x509.RevocationList)) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(5), ThisUpdate: testTime, NextUpdate: testTime.Add(24 * time.Hour)}
	if edit != nil {
		edit(list)
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	must(t, err)
	return der
}

// The verdicts of the path of a foreign CA, whose chain has a root and two
// certificates below it. A case changes one thing of what is valid.
//
// Supports: 5.2-2, 2-3
func TestForeignVerdicts(t *testing.T) {
	key := newTestKey(t, "P-256")
	for name, tc := range map[string]struct {
		middle  func(*x509.Certificate) // of the CA between
		person  func(*x509.Certificate)
		key     string // of the person
		without bool   // the certificate between is not known
		want    mssp.Code
		why     string
	}{
		"good":              {want: mssp.ValidSignature},
		"for_mail":          {person: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }, want: mssp.ValidSignature},
		"non_repudiation":   {person: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageContentCommitment }, want: mssp.ValidSignature},
		"no_way_to_root":    {without: true, want: mssp.ErrorCertificate, why: "unknown authority"},
		"middle_is_no_ca":   {middle: func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }, want: mssp.ErrorCertificate, why: "cannot sign this kind"},
		"middle_is_over":    {middle: func(c *x509.Certificate) { c.NotAfter = testTime.Add(-time.Second) }, want: mssp.ErrorCertificate, why: "expired"},
		"middle_is_to_come": {middle: func(c *x509.Certificate) { c.NotBefore = testTime.Add(time.Second) }, want: mssp.ErrorCertificate, why: "not yet valid"},
		"path_too_long":     {middle: func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true }, want: mssp.ErrorCertificate, why: "too many intermediates"},
		"server":            {person: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, want: mssp.ErrorCertificate, why: "incompatible key usage"},
		"for_ciphering":     {person: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, want: mssp.ErrorCertificate, why: "not for signatures of a person"},
		"is_a_ca":           {person: func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }, want: mssp.ErrorCertificate, why: "not for signatures of a person"},
		"p224":              {key: "P-224", want: mssp.ErrorCertificate, why: "P-224"},
		"expired":           {person: func(c *x509.Certificate) { c.NotAfter = testTime.Add(-time.Second) }, want: mssp.ErrorCertificate},
		"last_second":       {person: func(c *x509.Certificate) { c.NotAfter = testTime }, want: mssp.ValidSignature},
		"not_yet":           {person: func(c *x509.Certificate) { c.NotBefore = testTime.Add(time.Second) }, want: mssp.ErrorCertificate},
		"revoked":           {person: func(c *x509.Certificate) { c.SerialNumber = big.NewInt(666) }, want: mssp.RevokedCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			root := newAuthority(t, "Root", nil, nil)
			middle := newAuthority(t, "Middle", root, tc.middle)
			issuer := newAuthority(t, "Issuer", middle, nil)
			k := key
			if tc.key != "" {
				k = newTestKey(t, tc.key)
			}
			cert := issuer.person(t, k, tc.person)
			source := NewCRLSource(issuer.cert)
			must(t, source.Update(issuer.crl(t, func(l *x509.RevocationList) {
				l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(666), RevocationTime: testTime}}
			})))
			foreign := ForeignCA{Issuer: issuer.cert, Chain: []*x509.Certificate{middle.cert}, Root: root.cert, Revocation: source}
			if tc.without {
				foreign.Chain = nil
			}
			va := NewVA(VAOptions{Foreign: []ForeignCA{foreign}, Clock: func() time.Time { return testTime }})
			for range 2 { // cold and warm
				d := va.CheckCertificate(t.Context(), cert)
				if d.Code != tc.want || (d.Code != mssp.ValidSignature) != (d.Detail != "") {
					t.Errorf("%v (%s, %v), want %v", d.Code, d.Detail, d.Err, tc.want)
				}
				if tc.why != "" && (d.Err == nil || !strings.Contains(d.Err.Error(), tc.why)) {
					t.Errorf("%v does not say %q", d.Err, tc.why)
				}
			}
		})
	}
}

// A person's certificate is worth nothing after the end, or before the begin,
// of any certificate above it, also when the path was good before.
func TestForeignChainEnds(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	middle := newAuthority(t, "Middle", root, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = testTime.Add(-time.Hour), testTime.Add(time.Hour)
	})
	issuer := newAuthority(t, "Issuer", middle, nil)
	cert := issuer.person(t, newTestKey(t, "P-256"), nil)
	source := NewCRLSource(issuer.cert)
	must(t, source.Update(issuer.crl(t, func(l *x509.RevocationList) { l.ThisUpdate = testTime.AddDate(0, -1, 0) })))
	now := testTime
	va := NewVA(VAOptions{Foreign: []ForeignCA{{Issuer: issuer.cert, Chain: []*x509.Certificate{middle.cert}, Root: root.cert, Revocation: source}}, Clock: func() time.Time { return now }})
	for _, tc := range []struct {
		at   time.Duration
		want mssp.Code
	}{{0, mssp.ValidSignature}, {time.Hour, mssp.ValidSignature}, {time.Hour + time.Second, mssp.ErrorCertificate}, {-time.Hour, mssp.ValidSignature}, {-time.Hour - time.Second, mssp.ErrorCertificate}} {
		now = testTime.Add(tc.at)
		if d := va.CheckCertificate(t.Context(), cert); d.Code != tc.want {
			t.Errorf("%s: %v (%s), want %v", tc.at, d.Code, d.Detail, tc.want)
		}
	}
	// A certificate whose issuer nobody named, of whoever it is.
	stranger := newAuthority(t, "Stranger", root, nil)
	now = testTime
	if d := va.CheckCertificate(t.Context(), stranger.person(t, newTestKey(t, "P-256"), nil)); d.Code != mssp.ErrorCertificate || d.Err == nil || d.Err.Error() != "issuer is not known" {
		t.Errorf("by another CA below the same root: %v, %v", d.Code, d.Err)
	}
	// Another CA of the same name has another key.
	double := newAuthority(t, "Issuer", nil, nil)
	if d := va.CheckCertificate(t.Context(), double.person(t, newTestKey(t, "P-256"), nil)); d.Code != mssp.ErrorCertificate || d.Err == nil || !strings.HasPrefix(d.Err.Error(), "chain: ") {
		t.Errorf("by another CA of that name: %v, %v", d.Code, d.Err)
	}
}

// Revocation lists: each differs in one thing from one that is taken, and
// after each that is refused the present one still counts.
func TestCRLUpdateRefuses(t *testing.T) {
	issuer, other := newAuthority(t, "Issuer", nil, nil), newAuthority(t, "Issuer", nil, nil)
	noCRL := newAuthority(t, "Issuer", nil, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign })
	gone := issuer.person(t, newTestKey(t, "P-256"), nil)
	base := func(l *x509.RevocationList) {
		l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: gone.SerialNumber, RevocationTime: testTime}}
	}
	fresh := func(edit func(*x509.RevocationList)) []byte {
		return issuer.crl(t, func(l *x509.RevocationList) {
			l.Number, l.ThisUpdate = big.NewInt(6), testTime.Add(time.Minute)
			if edit != nil {
				edit(l)
			}
		})
	}
	flipped := func(der []byte, from int) []byte {
		der = bytes.Clone(der)
		der[len(der)-from] ^= 1
		return der
	}
	extension := func(critical bool) []byte {
		return fresh(func(l *x509.RevocationList) {
			l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: critical, Value: []byte{2, 1, 1}}}
		})
	}
	for name, tc := range map[string]struct {
		der []byte
		why string // "": it is taken
	}{
		"newer":                      {fresh(nil), ""},
		"the same again":             {issuer.crl(t, base), ""},
		"the same number":            {fresh(func(l *x509.RevocationList) { l.Number = big.NewInt(5) }), ""},
		"the same time":              {fresh(func(l *x509.RevocationList) { l.ThisUpdate = testTime }), ""},
		"a lower number":             {fresh(func(l *x509.RevocationList) { l.Number = big.NewInt(4) }), "older than the present one"},
		"an earlier time":            {fresh(func(l *x509.RevocationList) { l.ThisUpdate = testTime.Add(-time.Second) }), "older than the present one"},
		"a bit of its signature":     {flipped(fresh(nil), 1), "verification"},
		"signed by another key":      {other.crl(t, func(l *x509.RevocationList) { l.Number, l.ThisUpdate = big.NewInt(6), testTime.Add(time.Minute) }), "verification"},
		"cut":                        {fresh(nil)[:150], "malformed"},
		"nothing":                    {nil, "malformed"},
		"a critical extension":       {extension(true), "critical extension 2.5.29.27"},
		"the same, but not critical": {extension(false), ""},
	} {
		s := NewCRLSource(issuer.cert)
		must(t, s.Update(issuer.crl(t, base)))
		err := s.Update(tc.der)
		if tc.why == "" != (err == nil) || err != nil && (!errors.Is(err, ErrCRL) || !strings.Contains(err.Error(), tc.why)) {
			t.Errorf("%s: %v, want %q", name, err, tc.why)
		}
		revoked, err2 := s.Revoked(t.Context(), gone, testTime.Add(time.Hour))
		if err != nil && (!revoked || err2 != nil) {
			t.Errorf("%s: the present list is gone: %v, %v", name, revoked, err2)
		}
	}
	if err := NewCRLSource(noCRL.cert).Update(noCRLs(t, noCRL)); !errors.Is(err, ErrCRL) {
		t.Errorf("by a CA that may not sign lists: %v", err)
	}
	checkCRLTimes(t, issuer, gone, base)
}

// noCRLs is a list by a CA whose certificate does not permit it to sign one.
func noCRLs(t *testing.T, a *authority) []byte {
	t.Helper()
	may := *a.cert
	may.KeyUsage |= x509.KeyUsageCRLSign
	return (&authority{&may, a.key}).crl(t, nil)
}

// The life of a list to the second, and one without an end.
func checkCRLTimes(t *testing.T, issuer *authority, gone *x509.Certificate, base func(*x509.RevocationList)) {
	t.Helper()
	s := NewCRLSource(issuer.cert)
	if revoked, err := s.Revoked(t.Context(), gone, testTime); revoked || !errors.Is(err, ErrCRL) {
		t.Errorf("without a list: %v, %v", revoked, err)
	}
	must(t, s.Update(issuer.crl(t, base)))
	for at, want := range map[time.Duration]error{-time.Second: ErrCRL, 0: nil, 24 * time.Hour: nil, 24*time.Hour + time.Second: ErrCRLExpired} {
		if revoked, err := s.Revoked(t.Context(), gone, testTime.Add(at)); !errors.Is(err, want) || revoked != (want == nil) {
			t.Errorf("%s: %v, %v", at, revoked, err)
		}
	}
}

// A request with a nonce never gets an answer that was made for somebody
// else, and its own is kept for nobody.
func TestNonceMeetsCache(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	u := b.enrol(t, "P-256")
	plain := b.question(t, u.cert, crypto.SHA1)
	withNonce := func(nonce string) []byte {
		ext := derTLV(0xa2, derTLV(0x30, derTLV(0x30, append([]byte(oidNonce), derTLV(4, derTLV(4, []byte(nonce)))...))))
		return derTLV(0x30, derTLV(0x30, append(bytes.Clone(plain[4:]), ext...)))
	}
	answer := func(q []byte) ([]byte, time.Time) {
		t.Helper()
		der, next, err := b.ca.OCSP(t.Context(), q)
		must(t, err)
		return der, next
	}
	first, next := answer(plain) // cached
	if next.IsZero() || bytes.Contains(first, []byte(oidNonce)) {
		t.Fatalf("the plain answer is kept until %v", next)
	}
	for _, nonce := range []string{"nonce one", "nonce two", "nonce one"} {
		der, next := answer(withNonce(nonce))
		if !bytes.Contains(der, []byte(nonce)) || !next.IsZero() {
			t.Errorf("%s: the answer has no such nonce, or is kept until %v", nonce, next)
		}
	}
	if again, _ := answer(plain); !bytes.Equal(again, first) {
		t.Error("an answer with a nonce took the place of the plain one")
	}
	two := derTLV(0x30, derTLV(0x30, derTLV(0x30, bytes.Repeat(plain[6:], 2))))
	if _, next := answer(two); !next.IsZero() {
		t.Errorf("an answer about two certificates is kept until %v", next)
	}
}

// Extensions of a request that are no extensions.
func TestNonceRefuses(t *testing.T) {
	nonce := append([]byte(oidNonce), 4, 2, 4, 0)
	one := derTLV(0x30, nonce)
	for name, tc := range map[string]struct {
		der []byte
		ok  bool
	}{
		"a nonce":               {derTLV(0x30, one), true},
		"no extension":          {derTLV(0x30, nil), true},
		"an octet behind":       {append(derTLV(0x30, one), 0), false},
		"no list":               {one[:len(one)-1], false},
		"no sequence in it":     {derTLV(0x30, nonce), false},
		"an octet in it":        {derTLV(0x30, derTLV(0x30, append(bytes.Clone(nonce), 0))), false},
		"critical unknown":      {derTLV(0x30, derTLV(0x30, []byte("\x06\x01\x2a\x01\x01\xff\x04\x00"))), false},
		"unknown, not critical": {derTLV(0x30, derTLV(0x30, []byte("\x06\x01\x2a\x04\x00"))), true},
	} {
		if _, err := parseNonce(tc.der); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Names of people and CAs at their borders.
func TestSubjectBorders(t *testing.T) {
	good := Subject{Country: "CH", Organization: "O", CommonName: "A", SerialNumber: "'()+,-./:=? azAZ09"}
	must(t, good.Check())
	for name, edit := range map[string]func(*Subject){
		"64 characters":    func(s *Subject) { s.CommonName = strings.Repeat("é", 64) },
		"no organization":  func(s *Subject) { s.Organization = "" },
		"64 of an organ":   func(s *Subject) { s.Organization = strings.Repeat("o", 64) },
		"no country":       func(s *Subject) { s.Country = "" },
		"the last letters": func(s *Subject) { s.Country = "AZ" },
		"Z first":          func(s *Subject) { s.Country = "ZA" },
	} {
		s := good
		edit(&s)
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, edit := range map[string]func(*Subject){
		"65 characters":       func(s *Subject) { s.CommonName = strings.Repeat("é", 65) },
		"no name":             func(s *Subject) { s.CommonName = "" },
		"no serial number":    func(s *Subject) { s.SerialNumber = "" },
		"65 of a serial":      func(s *Subject) { s.SerialNumber = strings.Repeat("1", 65) },
		"65 of an organ":      func(s *Subject) { s.Organization = strings.Repeat("o", 65) },
		"no UTF-8":            func(s *Subject) { s.CommonName = "\xff" },
		"a control character": func(s *Subject) { s.CommonName = "A\nB" },
		"country of 3":        func(s *Subject) { s.Country = "CHE" },
		"small letters":       func(s *Subject) { s.Country = "ch" },
		"below A":             func(s *Subject) { s.Country = "@A" },
		"above Z":             func(s *Subject) { s.Country = "A[" },
		"below A behind":      func(s *Subject) { s.Country = "A@" },
		"above Z in front":    func(s *Subject) { s.Country = "[A" },
	} {
		s := good
		edit(&s)
		if err := s.Check(); !errors.Is(err, ErrSubject) {
			t.Errorf("%s: %v", name, err)
		}
	}
	printables := " '()+,-./0123456789:=?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" // X.680 41.4
	for c := range 256 {
		if have, want := printable(byte(c)), strings.IndexByte(printables, byte(c)) >= 0; have != want {
			t.Errorf("%q: printable %v", byte(c), have)
		}
	}
}

// A list may be signed with the algorithms of Annex A and with no other.
func TestCRLAlgorithm(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Ed"}, SubjectKeyId: []byte("Ed"), NotBefore: testTime, NotAfter: testTime.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert := parsed(t)(x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key))
	list := (&authority{cert, key}).crl(t, nil)
	if err := NewCRLSource(cert).Update(list); !errors.Is(err, ErrCRL) || !strings.Contains(err.Error(), ErrPolicy.Error()) {
		t.Errorf("by Ed25519: %v", err)
	}
}

// A serial number has at most 20 octets and a leading zero (RFC 5280 4.1.2.2).
func TestCertIDBorders(t *testing.T) {
	id := func(serial []byte) cryptobyte.String {
		alg := derTLV(0x30, []byte("\x06\x05\x2b\x0e\x03\x02\x1a"))
		return derTLV(0x30, slices.Concat(alg, derTLV(4, make([]byte, 20)), derTLV(4, make([]byte, 20)), derTLV(2, serial)))
	}
	for n, want := range map[int]error{0: ErrRequest, 1: nil, 20: nil, 21: nil, 22: ErrRequest} {
		if _, err := parseCertID(id(bytes.Repeat([]byte{1}, n))); !errors.Is(err, want) {
			t.Errorf("serial number of %d octets: %v", n, err)
		}
	}
}

// The end of the CA is that of its chain's first certificate to end.
func TestEnds(t *testing.T) {
	b := newBench(t, CreateOptions{UnderRoot: true}, Options{})
	end, err := Ends(t.Context(), b.store)
	must(t, err)
	if !end.Equal(b.ca.Certificate().NotAfter) && !end.Equal(b.ca.Root().NotAfter) || end.After(b.ca.Certificate().NotAfter) || end.After(b.ca.Root().NotAfter) {
		t.Errorf("ends %v; the certificates on %v and %v", end, b.ca.Certificate().NotAfter, b.ca.Root().NotAfter)
	}
	for name, stored := range map[string]string{"no document": "?", "no chain": `{}`, "an empty chain": `{"chain":[]}`} {
		s := newMemStore()
		must(t, s.AddMeta(t.Context(), metaName, []byte(stored)))
		if end, err := Ends(t.Context(), s); err == nil || !end.IsZero() {
			t.Errorf("%s: %v, %v", name, end, err)
		}
	}
	if _, err := Ends(t.Context(), newMemStore()); err == nil {
		t.Error("no CA has an end")
	}
}

// The CA's own certificates in their words: names, lengths of paths, numbers.
func TestOwnCertificates(t *testing.T) {
	b := newBench(t, CreateOptions{UnderRoot: true, Test: true}, Options{})
	c, root := b.ca.Certificate(), b.ca.Root()
	if c.Subject.CommonName != "TEST Example CA" || root.Subject.CommonName != "TEST Example CA Root" || c.Subject.SerialNumber != "" ||
		len(c.Subject.OrganizationalUnit) != 1 || len(root.Subject.OrganizationalUnit) != 1 {
		t.Errorf("%s below %s", c.Subject, root.Subject)
	}
	if !c.IsCA || c.MaxPathLen != 0 || !c.MaxPathLenZero || !root.IsCA || root.MaxPathLen != 1 || c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("path lengths %d and %d, usage %b", c.MaxPathLen, root.MaxPathLen, c.KeyUsage)
	}
	for _, x := range []*x509.Certificate{c, root} {
		if n := x.SerialNumber.BitLen(); n != 127 || len(x.SubjectKeyId) != 20 {
			t.Errorf("serial number of %d bits, key identifier of %d octets", n, len(x.SubjectKeyId))
		}
	}
	if c.SerialNumber.Cmp(root.SerialNumber) == 0 {
		t.Error("two certificates have one number")
	}
	plain := newBench(t, CreateOptions{}, Options{}).ca.Certificate()
	if plain.Subject.CommonName != "Example CA" || plain.Subject.OrganizationalUnit != nil {
		t.Errorf("a CA that is no test: %s", plain.Subject)
	}
	first, err := newSerial(bytes.NewReader(make([]byte, 16)))
	must(t, err)
	last, err := newSerial(bytes.NewReader(bytes.Repeat([]byte{0xFF}, 16)))
	must(t, err)
	if first.Text(16) != "40000000000000000000000000000000" || last.Text(16) != "7fffffffffffffffffffffffffffffff" {
		t.Errorf("serial numbers from %x to %x", first, last)
	}
	if n, err := newSerial(bytes.NewReader(make([]byte, 15))); err == nil {
		t.Errorf("15 octets made %x", n)
	}
	for spec, ok := range map[KeySpec]bool{P256: true, P384: true, "P-521": false, "RSA-2048": false} {
		if _, err := newKey(spec, rand.Reader); (err == nil) != ok || err != nil && !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// A line of the list for each status, the reason of a suspension (RFC 5280
// 5.3.1: 6) whatever the row says.
func TestCRLEntries(t *testing.T) {
	at := testTime.Add(-time.Hour)
	for name, tc := range map[string]struct {
		row    mssp.Certificate
		reason int
		at     time.Time
	}{
		"revoked":        {mssp.Certificate{Serial: "4f", Status: mssp.CertRevoked, Reason: KeyCompromise, RevokedAt: at}, 1, at},
		"suspended":      {mssp.Certificate{Serial: "4f", Status: mssp.CertSuspended, RevokedAt: at}, 6, at},
		"without a time": {mssp.Certificate{Serial: "4f", Status: mssp.CertRevoked}, 0, testTime},
		"no hexadecimal": {mssp.Certificate{Serial: "4g", Status: mssp.CertRevoked}, -1, at},
		"negative":       {mssp.Certificate{Serial: "-4f", Status: mssp.CertRevoked}, -1, at},
		"no number":      {mssp.Certificate{Status: mssp.CertRevoked}, -1, at},
	} {
		e, err := crlEntry(tc.row, testTime)
		if (err != nil) != (tc.reason < 0) || err == nil && (e.ReasonCode != tc.reason || !e.RevocationTime.Equal(tc.at) || e.SerialNumber.Int64() != 0x4f) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	b := newBench(t, CreateOptions{}, Options{})
	u := b.enrol(t, "P-256")
	must(t, b.ca.Suspend(t.Context(), serialOf(u.cert)))
	if r := b.store.certs[serialOf(u.cert)].Reason; r != 6 {
		t.Errorf("a suspended row has the reason %d", r)
	}
	b.store.certs["4g"] = mssp.Certificate{Serial: "4g", Status: mssp.CertRevoked} // somebody has put it there
	der, _, err := b.ca.CRL(t.Context())
	must(t, err)
	if crl, err := x509.ParseRevocationList(der); err != nil || len(crl.RevokedCertificateEntries) != 1 {
		t.Errorf("beside a row that cannot be listed: %v, %v", crl, err)
	}
	for reason, ok := range map[int]bool{-1: false, 2: false, 6: false, 7: false, 8: false, 10: false, 9: true} {
		if err := b.ca.Revoke(t.Context(), serialOf(u.cert), reason); (err == nil) != ok || err != nil && !ok && !errors.Is(err, ErrTransition) {
			t.Errorf("reason %d: %v", reason, err)
		}
	}
}
