package signature

import (
	"cmp"
	"context"
	"crypto/x509"
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
)

// signingKey picks the key that signs: of that usage, registered, with a
// certificate that is valid now (5.2-1). Of several the youngest wins, so that
// a renewed key takes over while the old one still works (5.12-1).
func (s *Signer) signingKey(ctx context.Context, t *engine.Target, u mssp.KeyUsage) (*mssp.KeyPair, *x509.Certificate, error) {
	if t.Blocked(u) {
		s.recheck(t)
		return nil, nil, mssp.Faultf(mssp.PINBlocked, "the user's %s code is blocked: they must have it unblocked", u)
	}
	keys := s.youngestFirst(t.Keys)
	fault := mssp.Faultf(mssp.NoKeyFound, "the user has no registered %s key", u)
	for i := range keys {
		k := &keys[i]
		if k.Usage != u {
			continue
		}
		if f := stopped(k); f != nil && fault.Code == mssp.NoKeyFound {
			fault = f
		}
		if k.State != mssp.KeyRegistered {
			continue
		}
		cert, f, err := s.certificate(ctx, k)
		if err != nil {
			return nil, nil, err
		}
		if f == nil {
			return k, cert, nil
		}
		if fault.Code == mssp.NoKeyFound {
			fault = f
		}
	}
	return nil, nil, fault
}

// youngestFirst are key pairs in the order in which their certificates began, the last
// one first. When a row was written says nothing of that: an older pair that was suspended
// and is active again does not take over from its successor.
func (s *Signer) youngestFirst(keys []mssp.KeyPair) []mssp.KeyPair {
	if len(keys) < 2 {
		return keys
	}
	keys, began := slices.Clone(keys), map[byte]time.Time{}
	for i := range keys {
		if k := &keys[i]; len(k.CertDER) > 0 {
			if cert, err := s.certs.parse(k.Serial, k.CertDER); err == nil {
				began[k.Slot] = cert.NotBefore
			}
		}
	}
	slices.SortStableFunc(keys, func(a, b mssp.KeyPair) int {
		return cmp.Or(began[b.Slot].Compare(began[a.Slot]), b.UpdatedAt.Compare(a.UpdatedAt))
	})
	return keys
}

// stopped is why a pair with a certificate signs no more; nil when it does.
func stopped(k *mssp.KeyPair) *mssp.Fault {
	switch k.State {
	case mssp.KeySuspended:
		return mssp.Faultf(mssp.RevokedCertificate, "the user's certificate cannot be used: the certificate is suspended")
	case mssp.KeyRevoking:
		return mssp.Faultf(mssp.RevokedCertificate, "the user's certificate cannot be used: its revocation was asked for, the user must register again")
	case mssp.KeyRevoked:
		return mssp.Faultf(mssp.RevokedCertificate, "the user's certificate cannot be used: the certificate is revoked, the user must register again")
	}
	return nil
}

// certificate finds the certificate of a key, or the fault that says why it
// cannot be used.
func (s *Signer) certificate(ctx context.Context, k *mssp.KeyPair) (*x509.Certificate, *mssp.Fault, error) {
	if k.Serial == "" || len(k.CertDER) == 0 {
		return nil, mssp.Faultf(mssp.NoCertFound, "the user's key has no certificate: the registration must be completed"), nil
	}
	cert, err := s.certs.parse(k.Serial, k.CertDER)
	if err != nil {
		return nil, nil, s.engine.Internal("parsing a user certificate", err)
	}
	v := s.o.VA.CheckCertificate(ctx, cert) // 3.5.12-1: expired is not valid
	switch {
	case v.Code == mssp.ValidSignature:
		return cert, nil, nil
	case v.Code == mssp.InternalError:
		return nil, nil, s.engine.Internal("asking the validation authority", v.Err)
	}
	return nil, &mssp.Fault{Code: v.Code, Detail: "the user's certificate cannot be used: " + v.Detail, Err: v.Err}, nil
}
