package pki

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Profile is the registration authority's side of a certificate: everything
// that does not come from the PKCS#10.
type Profile struct {
	Subject Subject
	Usage   mssp.KeyUsage
	ICCID   ota.ICCID
	MSISDN  sms.MSISDN
	// PublicKey, when set, is the SubjectPublicKeyInfo that the PKCS#10 must hold.
	PublicKey []byte
	// PoP, when set, is the Proof of Possession code that it must hold (3.5.1-3).
	PoP string
	// Years of validity; 0 takes the CA's default. More than Annex A permits
	// is refused when asked for, and cut when it is the default.
	Years int
}

// Issue issues a certificate for a subscriber's key (INT11): IssueProfile
// with the subscriber's record.
func (c *CA) Issue(ctx context.Context, csr []byte, sub mssp.Subscriber, usage mssp.KeyUsage) (*x509.Certificate, error) {
	return c.IssueProfile(ctx, csr, Profile{Subject: SubjectOf(sub), Usage: usage, ICCID: sub.ICCID, MSISDN: sub.MSISDN})
}

// IssueProfile verifies a PKCS#10 (DER), records the certificate, signs it and
// confirms the record, in this order (5.1-8). After an error the record, if it
// was made at all, stays pending, which is never valid. Errors wrap
// ErrRequest, ErrPolicy, ErrSubject, ErrExpired, or are the store's.
//
// A key has one certificate (3.3-1). Who asks again for what was issued, after
// an accident say, gets the same certificate; another subject or usage, and a
// certificate that is suspended or revoked, make an *IssuedError. Of two who
// ask at the same moment one may find that the other has taken the key over
// (ErrOvertaken).
func (c *CA) IssueProfile(ctx context.Context, csr []byte, p Profile) (*x509.Certificate, error) {
	req, err := checkRequest(csr, p)
	if err != nil {
		return nil, err
	}
	now := c.o.Clock()
	if err := c.checkTime(now); err != nil {
		return nil, err
	}
	tmpl, err := c.userTemplate(req.PublicKey, p, now)
	if err != nil {
		return nil, err
	}
	serial := hex.EncodeToString(tmpl.SerialNumber.Bytes())
	record := mssp.Certificate{
		Serial: serial, ICCID: p.ICCID, MSISDN: p.MSISDN, Subject: tmpl.Subject.String(),
		Status: mssp.CertPending, NotBefore: tmpl.NotBefore, NotAfter: tmpl.NotAfter, KeyHash: keyHash(req.RawSubjectPublicKeyInfo),
	}
	err = c.o.Store.AddCertificate(ctx, record)
	if there, ok := errors.AsType[*store.Existing[mssp.Certificate]](err); ok && there.Row.Serial != serial {
		return c.issuedBefore(&there.Row, &record, tmpl)
	}
	if err != nil {
		return nil, fmt.Errorf("record certificate: %w", err)
	}
	der, err := x509.CreateCertificate(c.o.Rand, tmpl, c.cert, req.PublicKey, c.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	err = c.o.Store.ConfirmCertificate(ctx, serial, der)
	if errors.Is(err, store.ErrChanged) {
		return nil, fmt.Errorf("confirm certificate: %w", ErrOvertaken)
	}
	if err != nil {
		return nil, fmt.Errorf("confirm certificate: %w", err)
	}
	c.metrics.issued.Inc()
	c.o.Logger.InfoContext(ctx, "certificate issued", "serial", serial, "usage", p.Usage.String(), "until", tmpl.NotAfter)
	if outlivesPolicy(req.PublicKey, tmpl.NotAfter) {
		c.o.Logger.WarnContext(ctx, "certificate outlives what NIST vouches for: RSA below 3072 bits after 2030", "serial", serial)
	}
	return cert, nil
}

// issuedBefore is the certificate that the key has, when it is what is asked for.
func (c *CA) issuedBefore(have, want *mssp.Certificate, tmpl *x509.Certificate) (*x509.Certificate, error) {
	if have.Status == mssp.CertValid && have.Subject == want.Subject && have.ICCID == want.ICCID && have.MSISDN == want.MSISDN {
		cert, err := x509.ParseCertificate(have.DER)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", have.Serial, err)
		}
		if cert.KeyUsage == tmpl.KeyUsage && bytes.Equal(cert.AuthorityKeyId, tmpl.AuthorityKeyId) {
			return cert, nil
		}
	}
	return nil, &IssuedError{Have: *have}
}

// keyHash is how a record names the key that it certifies.
func keyHash(spki []byte) string {
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

// checkRequest parses a PKCS#10 and checks all that it can prove: possession
// of the private key, a fitting algorithm, the expected key, the PoP code.
func checkRequest(csr []byte, p Profile) (*x509.CertificateRequest, error) {
	req, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return nil, fmt.Errorf("%w: PKCS#10: %v", ErrRequest, err)
	}
	if err := CheckKey(req.PublicKey); err != nil {
		return nil, err
	}
	if err := CheckSignatureAlgorithm(req.SignatureAlgorithm); err != nil {
		return nil, err
	}
	if err := req.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: its own signature does not verify", ErrRequest)
	}
	if p.PublicKey != nil && subtle.ConstantTimeCompare(p.PublicKey, req.RawSubjectPublicKeyInfo) != 1 {
		return nil, fmt.Errorf("%w: public key is not the one that the card gave", ErrRequest)
	}
	if p.PoP == "" {
		return req, nil
	}
	pop, err := challengePassword(req)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(p.PoP), []byte(pop)) != 1 {
		return nil, fmt.Errorf("%w: wrong Proof of Possession code", ErrRequest)
	}
	return req, nil
}

// userTemplate is the certificate of a user without its signature.
func (c *CA) userTemplate(pub any, p Profile, now time.Time) (*x509.Certificate, error) {
	if p.Subject.Country == "" {
		p.Subject.Country = c.o.Country
	}
	if p.Subject.Organization == "" {
		p.Subject.Organization = c.o.Organization
	}
	if err := p.Subject.Check(); err != nil {
		return nil, err
	}
	usage, err := keyUsage(p.Usage)
	if err != nil {
		return nil, err
	}
	ski, err := keyID(pub)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial(c.o.Rand)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: p.Subject.name(), SubjectKeyId: ski,
		AuthorityKeyId: c.cert.SubjectKeyId, KeyUsage: usage, BasicConstraintsValid: true,
		// Verifiers in the field check for one or the other.
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
		NotBefore:   now.UTC().Truncate(time.Second).Add(-backdate),
	}
	if c.o.BaseURL != "" {
		t.OCSPServer = []string{c.o.BaseURL + pathOCSP}
		t.IssuingCertificateURL = []string{c.o.BaseURL + pathCertificate}
		t.CRLDistributionPoints = []string{c.o.BaseURL + pathCRL}
	}
	years := p.Years
	if years == 0 {
		years = min(c.o.LifetimeYears, maxYears(pub))
	}
	t.NotAfter = t.NotBefore.AddDate(years, 0, 0)
	if err := CheckLifetime(pub, t.NotBefore, t.NotAfter); err != nil {
		return nil, err
	}
	if t.NotAfter.After(c.cert.NotAfter) {
		t.NotAfter = c.cert.NotAfter // never beyond its issuer
	}
	return t, nil
}

// keyUsage is the one usage of a key (3.3-1) as RFC 5280 4.2.1.3 names it.
func keyUsage(u mssp.KeyUsage) (x509.KeyUsage, error) {
	switch u {
	case mssp.Authentication:
		return x509.KeyUsageDigitalSignature, nil
	case mssp.NonRepudiation:
		return x509.KeyUsageContentCommitment, nil
	}
	return 0, fmt.Errorf("%w: key usage %d, use authentication (1) or non-repudiation (2)", ErrRequest, u)
}
