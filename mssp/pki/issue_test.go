package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"slices"
	"testing"

	"github.com/simsign/simsign/mssp"
)

// The certificate says what the RA's record says and nothing that the
// PKCS#10 asks for; it holds everything that verifiers in the field look for.
//
// Supports: 5.1-8, 3.5.1-2, 3.3-1, 2-1, W-5
func TestIssue(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{BaseURL: "http://pki.example/pki", Country: "CH", Organization: "Example"})
	for usage, want := range map[mssp.KeyUsage]x509.KeyUsage{
		mssp.Authentication: x509.KeyUsageDigitalSignature, mssp.NonRepudiation: x509.KeyUsageContentCommitment,
	} {
		// A request that wants to be a CA, somebody else, and a web server.
		greedy, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
			Subject: pkix.Name{CommonName: "Somebody Else", SerialNumber: "SIM9999"}, DNSNames: []string{"bank.example"},
			ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}},
		}, newTestKey(t, "P-256"))
		must(t, err)
		cert, err := b.ca.Issue(t.Context(), greedy, testSubscriber, usage)
		must(t, err)
		if s := cert.Subject.String(); s != "SERIALNUMBER=SIM0000000000001,CN=Anna Test,O=Example,C=CH" {
			t.Errorf("subject %s", s)
		}
		if cert.KeyUsage != want || cert.IsCA || !cert.BasicConstraintsValid || len(cert.DNSNames) != 0 {
			t.Errorf("%v: usage %b, CA %v, names %v", usage, cert.KeyUsage, cert.IsCA, cert.DNSNames)
		}
		if !slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection}) {
			t.Errorf("extended usage %v", cert.ExtKeyUsage)
		}
		if !slices.Equal(cert.OCSPServer, []string{"http://pki.example/pki/ocsp"}) || !slices.Equal(cert.CRLDistributionPoints, []string{"http://pki.example/pki/ca.crl"}) ||
			!slices.Equal(cert.IssuingCertificateURL, []string{"http://pki.example/pki/ca.crt"}) {
			t.Errorf("pointers %v %v %v", cert.OCSPServer, cert.CRLDistributionPoints, cert.IssuingCertificateURL)
		}
		if len(cert.SubjectKeyId) != 20 || !bytes.Equal(cert.AuthorityKeyId, b.ca.cert.SubjectKeyId) || cert.SerialNumber.BitLen() != 127 {
			t.Errorf("key identifiers or serial number: %d bits", cert.SerialNumber.BitLen())
		}
		if want := cert.NotBefore.AddDate(3, 0, 0); !cert.NotAfter.Equal(want) || cert.NotBefore.After(testTime) {
			t.Errorf("validity %v to %v", cert.NotBefore, cert.NotAfter)
		}
		row := b.store.certs[serialOf(cert)]
		if row.Status != mssp.CertValid || !bytes.Equal(row.DER, cert.Raw) || row.ICCID != testSubscriber.ICCID || !row.NotAfter.Equal(cert.NotAfter) {
			t.Errorf("record %+v", row)
		}
	}
	if len(b.store.certs) != 2 {
		t.Errorf("%d records, want 2: a serial number was used twice", len(b.store.certs))
	}
}

// Nothing is signed before it is recorded, and what is not confirmed is never valid.
//
// Supports: 5.1-8, 5.1-10
func TestRecordBeforeSign(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	csr := request(t, newTestKey(t, "P-256"), crypto.SHA256, "")
	b.store.down = errors.New("database is away")
	if _, err := b.ca.Issue(t.Context(), csr, testSubscriber, mssp.Authentication); !errors.Is(err, b.store.down) {
		t.Fatalf("issued without a record: %v", err)
	}
	b.store.down = nil
	b.store.confirm = errors.New("disk full")
	if _, err := b.ca.Issue(t.Context(), csr, testSubscriber, mssp.Authentication); !errors.Is(err, b.store.confirm) {
		t.Fatalf("given out without confirmation: %v", err)
	}
	row := b.store.only(t)
	if row.Status != mssp.CertPending || row.DER != nil {
		t.Errorf("status %s", row.Status)
	}
	if err := b.ca.Reactivate(t.Context(), row.Serial); !errors.Is(err, ErrTransition) {
		t.Errorf("a pending certificate was made valid: %v", err)
	}
}

// What Annex A or common sense forbids is refused before anything is recorded.
//
// Supports, 3.2-8, 3.5.1-3, 5.1-8
func TestIssueRefuses(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	ec, rsa := newTestKey(t, "P-256"), newTestKey(t, "RSA")
	csr := request(t, ec, crypto.SHA256, "12345674")
	spki, err := x509.MarshalPKIXPublicKey(rsa.Public())
	must(t, err)
	foreign, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, newTestKey(t, "P-224"))
	must(t, err)
	flipped := bytes.Clone(csr)
	flipped[len(flipped)-1] ^= 1
	// The request of one with the key of another: no possession is proved.
	stolen := bytes.Clone(csr)
	copy(stolen[bytes.Index(stolen, []byte("Anna")):], "Otto")
	good := Profile{Subject: SubjectOf(testSubscriber), Usage: mssp.Authentication}
	with := func(edit func(*Profile)) Profile {
		p := good
		edit(&p)
		return p
	}
	for name, tc := range map[string]struct {
		csr  []byte
		p    Profile
		want error
	}{
		"empty":               {nil, good, ErrRequest},
		"cut":                 {csr[:len(csr)-1], good, ErrRequest},
		"trailing":            {append(bytes.Clone(csr), 0), good, ErrRequest},
		"signature_flipped":   {flipped, good, ErrRequest},
		"subject_changed":     {stolen, good, ErrRequest},
		"curve_p224":          {foreign, good, ErrPolicy},
		"other_public_key":    {csr, with(func(p *Profile) { p.PublicKey = spki }), ErrRequest},
		"other_pop_code":      {csr, with(func(p *Profile) { p.PoP = "12345675" }), ErrRequest},
		"pop_code_missing":    {request(t, ec, crypto.SHA256, ""), with(func(p *Profile) { p.PoP = "12345674" }), ErrRequest},
		"no_usage":            {csr, with(func(p *Profile) { p.Usage = 0 }), ErrRequest},
		"both_usages":         {csr, with(func(p *Profile) { p.Usage = 3 }), ErrRequest},
		"no_serial_in_record": {csr, with(func(p *Profile) { p.Subject.SerialNumber = "" }), ErrSubject},
		"ec_11_years":         {csr, with(func(p *Profile) { p.Years = 11 }), ErrPolicy},
		"rsa_7_years":         {request(t, rsa, crypto.SHA256, ""), with(func(p *Profile) { p.Years = 7 }), ErrPolicy},
		"minus_1_year":        {csr, with(func(p *Profile) { p.Years = -1 }), ErrPolicy},
	} {
		if _, err := b.ca.IssueProfile(t.Context(), tc.csr, tc.p); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if len(b.store.certs) != 0 {
		t.Errorf("%d certificates recorded", len(b.store.certs))
	}
	if _, err := b.ca.IssueProfile(t.Context(), csr, with(func(p *Profile) { p.PoP = "12345674" })); err != nil {
		t.Errorf("the right code: %v", err)
	}
}

// A certificate reaches neither beyond the table nor beyond its issuer.
//
// Supports: A-2, 3.5.13-1
func TestValidity(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{LifetimeYears: 10})
	rsa, err := b.ca.Issue(t.Context(), request(t, newTestKey(t, "RSA"), crypto.SHA256, ""), testSubscriber, mssp.Authentication)
	must(t, err)
	if want := rsa.NotBefore.AddDate(6, 0, 0); !rsa.NotAfter.Equal(want) {
		t.Errorf("RSA-2048 to %v, want %v", rsa.NotAfter, want)
	}
	b.clock.now = testTime.AddDate(8, 0, 0)
	ec, err := b.ca.Issue(t.Context(), request(t, newTestKey(t, "P-256"), crypto.SHA256, ""), testSubscriber, mssp.Authentication)
	must(t, err)
	if !ec.NotAfter.Equal(b.ca.cert.NotAfter) {
		t.Errorf("to %v, its issuer to %v", ec.NotAfter, b.ca.cert.NotAfter)
	}
	b.clock.now = testTime.AddDate(11, 0, 0)
	if _, err := b.ca.Issue(t.Context(), request(t, newTestKey(t, "P-256"), crypto.SHA256, ""), testSubscriber, mssp.Authentication); !errors.Is(err, ErrExpired) {
		t.Errorf("issued by an expired CA: %v", err)
	}
}
