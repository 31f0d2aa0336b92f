package operator

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/simsign/simsign/mssp/pki"
)

// InitCA makes the CA. When there is one already, that is CAExists.
func (s *Service) InitCA(ctx context.Context, r CARequest) (CAInfo, error) {
	err := pki.Create(ctx, s.Store, s.Vault, pki.CreateOptions{
		Name: r.Name, Organization: r.Organization, Country: r.Country, Key: pki.KeySpec(r.Key),
		Test: r.Test, UnderRoot: r.UnderRoot, Now: s.Clock(),
	})
	switch {
	case errors.Is(err, pki.ErrExists):
		return CAInfo{}, &Refusal{Reason: CAExists, Detail: err.Error(), err: err}
	case errors.Is(err, pki.ErrSubject), errors.Is(err, pki.ErrPolicy):
		return CAInfo{}, bad(err)
	case err != nil:
		return CAInfo{}, err
	}
	ca, err := pki.Load(ctx, pki.Options{Store: s.Store, Sealer: s.Vault, Clock: s.Clock})
	if err != nil {
		return CAInfo{}, err
	}
	return caInfo(ca.Certificate(), ca.Root(), s.Engine != nil), nil
}

func caInfo(cert, root *x509.Certificate, running bool) CAInfo {
	info := CAInfo{Subject: cert.Subject.String(), NotAfter: cert.NotAfter, Certificate: cert.Raw, Restart: running}
	if !root.Equal(cert) {
		info.Root = root.Raw
	}
	return info
}

// PEM is what somebody who verifies signatures trusts: the CA's certificate
// and, as OpenSSL wants the chain to its end, that of the root above it.
func (c CAInfo) PEM() []byte {
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate})
	if c.Root != nil {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Root})...)
	}
	return out
}
