package pki_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// The whole life of a certificate on the real store with the real vault: made,
// issued, verified, suspended, reactivated, revoked, and all of it known after
// a restart.
//
// Supports: 2-1, 5.1-8, 5.2-2, 3.5.10-1, 3.5.11-1, W-6
func TestWithStore(t *testing.T) {
	ctx, now := t.Context(), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	root, err := keys.NewRoot()
	must(t, err)
	path := filepath.Join(t.TempDir(), "simsign.db")
	open := func() (*store.Store, *keys.Vault) {
		st, err := store.Open(ctx, store.Options{DSN: path, Clock: clock})
		must(t, err)
		vault, err := keys.OpenVault(ctx, root, st, now)
		must(t, err)
		return st, vault
	}
	load := func(st *store.Store, vault *keys.Vault) *pki.CA {
		ca, err := pki.Load(ctx, pki.Options{Store: st, Sealer: vault, Clock: clock})
		must(t, err)
		return ca
	}
	st, vault := open()
	must(t, pki.Create(ctx, st, vault, pki.CreateOptions{Name: "Example CA", Test: true, UnderRoot: true, Now: now}))
	ca := load(st, vault)
	va := pki.NewVA(pki.VAOptions{CA: ca, Clock: clock})

	key, csr := newRequest(t)
	cert, err := ca.Issue(ctx, csr, mssp.Subscriber{Name: "Anna Test", Serial: "SIM1", MSISDN: "41790000001", ICCID: "89410000000000000019"}, mssp.Authentication)
	must(t, err)
	digest := make([]byte, 32)
	sig, err := key.Sign(rand.Reader, digest, crypto.SHA256)
	must(t, err)
	serial := hex.EncodeToString(cert.SerialNumber.Bytes())
	expect := func(va *pki.VA, ca *pki.CA, code mssp.Code, status, entries int) {
		t.Helper()
		if d := va.Check(ctx, cert, digest, sig); d.Code != code {
			t.Errorf("%v (%v), want %v", d.Code, d.Err, code)
		}
		q, err := ocsp.CreateRequest(cert, ca.Certificate(), nil)
		must(t, err)
		der, _, err := ca.OCSP(ctx, q)
		must(t, err)
		r, err := ocsp.ParseResponseForCert(der, cert, ca.Certificate())
		must(t, err)
		if r.Status != status {
			t.Errorf("OCSP says %d, want %d", r.Status, status)
		}
		crl, _, err := ca.CRL(ctx)
		must(t, err)
		list, err := x509.ParseRevocationList(crl)
		must(t, err)
		if len(list.RevokedCertificateEntries) != entries {
			t.Errorf("CRL has %d entries, want %d", len(list.RevokedCertificateEntries), entries)
		}
	}
	expect(va, ca, mssp.ValidSignature, ocsp.Good, 0)
	must(t, ca.Suspend(ctx, serial))
	expect(va, ca, mssp.RevokedCertificate, ocsp.Revoked, 1)
	must(t, ca.Reactivate(ctx, serial))
	expect(va, ca, mssp.ValidSignature, ocsp.Good, 0)
	must(t, ca.Revoke(ctx, serial, pki.KeyCompromise))
	expect(va, ca, mssp.RevokedCertificate, ocsp.Revoked, 1)
	if err := ca.Reactivate(ctx, serial); !errors.Is(err, pki.ErrRevoked) {
		t.Errorf("reinstated: %v", err)
	}
	must(t, st.Close())

	st, vault = open()
	defer func() { must(t, st.Close()) }()
	ca = load(st, vault)
	expect(pki.NewVA(pki.VAOptions{CA: ca, Clock: clock}), ca, mssp.RevokedCertificate, ocsp.Revoked, 1)
	if err := pki.Create(ctx, st, vault, pki.CreateOptions{Name: "Another", Now: now}); !errors.Is(err, pki.ErrExists) {
		t.Errorf("a second CA: %v", err)
	}
}

func newRequest(t *testing.T) (crypto.Signer, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	must(t, err)
	return key, csr
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
