package pki

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
)

// Errors that callers act on; others wrap what went wrong below.
var (
	// ErrPolicy: key, hash or lifetime is refused by Annex A.
	ErrPolicy = errors.New("refused by the algorithm policy")
	// ErrRequest: a PKCS#10, a part of one, or an OCSP request is malformed,
	// or its own signature does not verify.
	ErrRequest = errors.New("certificate request refused")
	// ErrSubject: the record of the registration authority makes no subject.
	ErrSubject = errors.New("subject refused")
	// ErrRevoked: the certificate is revoked, and stays so (W-6).
	ErrRevoked = errors.New("certificate is revoked for good, the user registers again")
	// ErrTransition: that change of status is not possible from the present one.
	ErrTransition = errors.New("certificate status does not permit that")
	// ErrIssued: the key has a certificate already.
	ErrIssued = errors.New("the key has a certificate")
	// ErrOvertaken: another request for the same key, at the same moment, has
	// got the certificate or is about to; ask again.
	ErrOvertaken = errors.New("another request for the same key came first")
	// ErrExists: there is a CA already.
	ErrExists = errors.New("CA exists already")
	// ErrTestCA: a CA marked TEST was loaded for production.
	ErrTestCA = errors.New("the CA is marked TEST and serves no production")
	// ErrDamaged: what is stored of the CA cannot be read, or does not fit together.
	ErrDamaged = errors.New("the stored CA is damaged")
	// ErrExpired: the CA's own certificate is expired or not yet valid.
	ErrExpired = errors.New("CA certificate is not valid now")
)

// StatusError is why the status of a certificate was not changed, and what the
// status is: ErrRevoked, or ErrTransition.
type StatusError struct {
	Have mssp.Certificate
	To   mssp.CertStatus
}

func (e *StatusError) Error() string {
	if e.Have.Status == mssp.CertRevoked {
		return fmt.Sprintf("certificate %s: %v (since %s, reason %d)", e.Have.Serial, ErrRevoked, e.Have.RevokedAt.UTC().Format(time.RFC3339), e.Have.Reason)
	}
	return fmt.Sprintf("certificate %s: %v: %s to %s", e.Have.Serial, ErrTransition, e.Have.Status, e.To)
}

// Unwrap is the kind.
func (e *StatusError) Unwrap() error {
	if e.Have.Status == mssp.CertRevoked {
		return ErrRevoked
	}
	return ErrTransition
}

// IssuedError is ErrIssued with the certificate that the key has.
type IssuedError struct{ Have mssp.Certificate }

func (e *IssuedError) Error() string {
	return fmt.Sprintf("%v: %s, %s, until %s", ErrIssued, e.Have.Serial, e.Have.Status, e.Have.NotAfter.UTC().Format(time.DateOnly))
}

// Unwrap makes it ErrIssued.
func (e *IssuedError) Unwrap() error { return ErrIssued }

// ExistsError is ErrExists with the CA that is there.
type ExistsError struct {
	Subject  string
	NotAfter time.Time
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("%v: %s, until %s", ErrExists, e.Subject, e.NotAfter.UTC().Format(time.DateOnly))
}

// Unwrap makes it ErrExists.
func (e *ExistsError) Unwrap() error { return ErrExists }

// exists tells of the CA in a stored document; ErrExists alone when it cannot
// be read.
func exists(stored []byte) error {
	var doc document
	if err := json.Unmarshal(stored, &doc); err != nil || len(doc.Chain) == 0 {
		return ErrExists
	}
	cert, err := x509.ParseCertificate(doc.Chain[0])
	if err != nil {
		return ErrExists
	}
	return &ExistsError{Subject: cert.Subject.String(), NotAfter: cert.NotAfter}
}
