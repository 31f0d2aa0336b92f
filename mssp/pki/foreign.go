package pki

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
)

// Errors of a Revocation.
var (
	// ErrCRL: there is no usable CRL (status 423).
	ErrCRL = errors.New("no usable CRL")
	// ErrCRLExpired: the CRL is past its nextUpdate (status 424).
	ErrCRLExpired = errors.New("CRL has expired")
)

// foreignStatus maps what is known about a foreign certificate to a verdict;
// what is not known is not valid.
func foreignStatus(ctx context.Context, r Revocation, cert *x509.Certificate, now time.Time) Verdict {
	if r == nil {
		return Verdict{Code: mssp.CRLProblem, Detail: "nothing is known about revocations of that CA", Err: ErrCRL}
	}
	revoked, err := r.Revoked(ctx, cert, now)
	switch {
	case errors.Is(err, ErrCRLExpired):
		return Verdict{Code: mssp.CRLExpired, Detail: "the CRL of the CA has expired", Err: err}
	case err != nil:
		return Verdict{Code: mssp.CRLProblem, Detail: "the CA has no usable CRL", Err: err}
	case revoked:
		return Verdict{Code: mssp.RevokedCertificate, Detail: "the certificate is revoked"}
	}
	return Verdict{Code: mssp.ValidSignature}
}

// CRLSource is a Revocation from CRLs that somebody fetches and hands in.
type CRLSource struct {
	issuer *x509.Certificate

	mu      sync.RWMutex
	number  *big.Int
	this    time.Time
	next    time.Time
	revoked map[string]struct{} // by serial number, octets; nil without a CRL
}

// NewCRLSource makes a source for the CRLs of one CA.
func NewCRLSource(issuer *x509.Certificate) *CRLSource { return &CRLSource{issuer: issuer} }

// Update takes a full CRL, DER. It must be signed by the CA with an algorithm
// of Annex A and must not be older than the present one. After an error,
// which wraps ErrCRL, the present one stays.
func (s *CRLSource) Update(der []byte) error {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrCRL, err)
	}
	if err := CheckSignatureAlgorithm(list.SignatureAlgorithm); err != nil {
		return fmt.Errorf("%w: %v", ErrCRL, err)
	}
	if err := list.CheckSignatureFrom(s.issuer); err != nil {
		return fmt.Errorf("%w: %v", ErrCRL, err)
	}
	for _, e := range list.Extensions {
		// A delta or partitioned CRL does not list everything that is revoked.
		if e.Critical {
			return fmt.Errorf("%w: critical extension %v, only full CRLs are taken", ErrCRL, e.Id)
		}
	}
	revoked := make(map[string]struct{}, len(list.RevokedCertificateEntries))
	for _, e := range list.RevokedCertificateEntries {
		revoked[string(e.SerialNumber.Bytes())] = struct{}{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revoked != nil && (list.ThisUpdate.Before(s.this) || list.Number != nil && s.number != nil && list.Number.Cmp(s.number) < 0) {
		return fmt.Errorf("%w: older than the present one", ErrCRL)
	}
	s.number, s.this, s.next, s.revoked = list.Number, list.ThisUpdate, list.NextUpdate, revoked
	return nil
}

// Revoked implements Revocation.
func (s *CRLSource) Revoked(_ context.Context, cert *x509.Certificate, now time.Time) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.revoked == nil:
		return false, ErrCRL
	case now.Before(s.this):
		return false, fmt.Errorf("%w: from the future, check the clock", ErrCRL)
	case s.next.IsZero() || now.After(s.next):
		return false, ErrCRLExpired
	}
	_, revoked := s.revoked[string(cert.SerialNumber.Bytes())]
	return revoked, nil
}
