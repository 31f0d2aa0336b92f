package cms

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// VerifyOptions says what a signature is checked against.
type VerifyOptions struct {
	// Roots are the trusted authorities. Required: without them nothing verifies.
	Roots *x509.CertPool
	// Time at which the certificates must be valid. Required. A signing time
	// in the message is the signer's own word and decides nothing.
	Time time.Time
	// Content, when not nil, must be what was signed: always give it where
	// it is known. Without it detached content needs Digest.
	Content []byte
	// Digest of detached content of which only the hash is known.
	Digest []byte
}

// Signer is who signed, after Verify.
type Signer struct {
	Certificate *x509.Certificate
	Chain       []*x509.Certificate // from Certificate to a root, both included
	SigningTime time.Time           // as claimed in the signed attributes; zero without
}

// Verify checks content, signature and the path of the signer's certificate to
// a root. Whether the certificate was revoked is not looked at: the service
// has done so before it replied. Errors: ErrContent, ErrSignature,
// ErrCertificate, ErrMalformed, ErrUnsupported.
func (s *SignedData) Verify(o VerifyOptions) (*Signer, error) {
	digest, err := s.contentDigest(o)
	if err != nil {
		return nil, err
	}
	cert, others, err := s.signer()
	if err != nil {
		return nil, err
	}
	signer := &Signer{Certificate: cert}
	if s.Attributes != nil {
		if signer.SigningTime, err = s.checkAttributes(digest); err != nil {
			return nil, err
		}
		digest = hashOf(s.Hash, appendElement(nil, tagSet, s.Attributes))
	}
	if err := s.checkKind(cert); err != nil {
		return nil, err
	}
	if err := VerifyDigest(cert.PublicKey, s.Hash, digest, s.Signature); err != nil {
		return nil, err
	}
	if o.Roots == nil || o.Time.IsZero() {
		return nil, fmt.Errorf("%w: nothing to check it against, give roots and a time", ErrCertificate)
	}
	paths, err := cert.Verify(x509.VerifyOptions{
		Roots: o.Roots, Intermediates: others, CurrentTime: o.Time,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrCertificate, err)
	}
	signer.Chain = paths[0]
	return signer, nil
}

// contentDigest is the hash of the content, attached or given.
func (s *SignedData) contentDigest(o VerifyOptions) ([]byte, error) {
	content := s.Content
	switch {
	case s.Detached && o.Content == nil && o.Digest == nil:
		return nil, fmt.Errorf("%w: it is detached, give the content or its digest", ErrContent)
	case s.Detached && o.Content == nil:
		if len(o.Digest) != s.Hash.Size() {
			return nil, fmt.Errorf("%w: %v digest needs %d octets, have %d", ErrContent, s.Hash, s.Hash.Size(), len(o.Digest))
		}
		return o.Digest, nil
	case s.Detached:
		content = o.Content
	case o.Content != nil && !bytes.Equal(o.Content, content):
		return nil, fmt.Errorf("%w: attached content is another one than expected", ErrContent)
	}
	if s.Attributes == nil && looksSigned(content) {
		return nil, fmt.Errorf("%w: it is a set of CMS attributes", ErrContent)
	}
	digest := hashOf(s.Hash, content)
	if o.Digest != nil && subtle.ConstantTimeCompare(digest, o.Digest) != 1 {
		return nil, fmt.Errorf("%w: content does not have the expected digest", ErrContent)
	}
	return digest, nil
}

// signer finds the signer's certificate; the others help to build the path.
func (s *SignedData) signer() (*x509.Certificate, *x509.CertPool, error) {
	others := x509.NewCertPool()
	var cert *x509.Certificate
	for i, der := range s.Certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: certificate %d: %v", ErrMalformed, i+1, err)
		}
		id, err := identityOf(der)
		if err == nil && cert == nil && bytes.Equal(id.issuer, s.Issuer) && bytes.Equal(id.serial, s.Serial) {
			cert = c
			continue
		}
		others.AddCert(c)
	}
	if cert == nil {
		return nil, nil, fmt.Errorf("%w: not in the message", ErrCertificate)
	}
	if cert.KeyUsage != 0 && cert.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return nil, nil, fmt.Errorf("%w: its key usage is not for signatures", ErrCertificate)
	}
	return cert, others, nil
}

// checkKind refuses a signature algorithm of another family than the key.
func (s *SignedData) checkKind(cert *x509.Certificate) error {
	switch cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if s.kind == keyRSA {
			return nil
		}
	case *ecdsa.PublicKey:
		if s.kind == keyEC {
			return nil
		}
	}
	return fmt.Errorf("%w: signature algorithm does not go with the key of the certificate", ErrUnsupported)
}

// checkAttributes checks that contentType and messageDigest are there once
// each and right (RFC 5652 5.6, 11), and returns the signing time.
func (s *SignedData) checkAttributes(digest []byte) (time.Time, error) {
	var signed time.Time
	seen := make(map[string]bool)
	in := cryptobyte.String(s.Attributes)
	for !in.Empty() {
		var attr, oid, values cryptobyte.String
		if !in.ReadASN1(&attr, asn1.SEQUENCE) || !attr.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) ||
			!attr.ReadASN1(&values, asn1.SET) || !attr.Empty() {
			return signed, fmt.Errorf("%w: signed attribute", ErrMalformed)
		}
		if seen[string(oid)] {
			return signed, fmt.Errorf("%w: signed attribute appears twice", ErrMalformed)
		}
		seen[string(oid)] = true
		ok := true
		switch string(oid) {
		case attrContentType:
			ok = string(values) == oidData
		case attrMessageDigest:
			value, one := whole(values, asn1.OCTET_STRING)
			if !one || subtle.ConstantTimeCompare(value, digest) != 1 {
				return signed, fmt.Errorf("%w: message digest differs", ErrContent)
			}
		case attrSigningTime:
			signed, ok = parseTime(values)
		}
		if !ok {
			return signed, fmt.Errorf("%w: value of a signed attribute", ErrMalformed)
		}
	}
	if !seen[attrContentType] || !seen[attrMessageDigest] {
		return signed, fmt.Errorf("%w: signed attributes without contentType or messageDigest", ErrMalformed)
	}
	return signed, nil
}

// parseTime reads Time (RFC 5652 11.3).
func parseTime(values cryptobyte.String) (time.Time, bool) {
	var t time.Time
	read := values.ReadASN1GeneralizedTime
	if values.PeekASN1Tag(asn1.UTCTime) {
		read = values.ReadASN1UTCTime
	}
	ok := read(&t) && values.Empty() // before the return: Go does not say when a return reads t
	return t, ok
}
