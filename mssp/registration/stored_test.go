package registration_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
)

// A certificate request waits in its row for a CA that was not there. One that
// somebody else has put there gets no certificate: the card signs another one,
// for its own key. The right one is used, and the card is not asked again.
//
// Supports: 5.1-8
func TestStoredRequest(t *testing.T) {
	mallory, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, mallory)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(csr []byte) []byte
		again  bool
	}{
		"as it was":             {func(csr []byte) []byte { return csr }, false},
		"of another key":        {func([]byte) []byte { return foreign }, true},
		"not signed by its key": {func(csr []byte) []byte { csr[len(csr)-1] ^= 1; return csr }, true},
		"no request":            {func(csr []byte) []byte { return csr[1:] }, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := enginetest.New(t)
			ca := l.Registration.CA
			l.Registration.CA = overtakenCA{}
			l.Kill()
			card := l.User(enginetest.Number)
			enrol := func() (registration.Enrolment, error) {
				return enginetest.Pumped(l, func() (registration.Enrolment, error) {
					return l.Registrar.Enrol(context.Background(), registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
				})
			}
			_, err := enrol()
			enginetest.WantFault(t, err, mssp.RegistrationNOK)
			all, err := l.Store.KeyPairs(context.Background(), l.Key(1).ICCID)
			l.OK(err)
			l.Meddle(`UPDATE key_pair SET csr = ?`, c.change(bytes.Clone(all[0].CSR)))
			l.Registration.CA = ca
			l.Kill()
			seen := len(card.Seen)
			en, err := enrol()
			l.OK(err)
			cert, err := x509.ParseCertificate(en.Certificate)
			l.OK(err)
			if key := l.Key(1); !bytes.Equal(cert.RawSubjectPublicKeyInfo, key.PublicKey) || !bytes.Equal(key.PublicKey, all[0].PublicKey) {
				t.Error("the certificate is of another key")
			}
			if again := registers(t, card, seen); again != c.again || strings.Contains(l.Logs.String(), "somebody has changed it") != c.again {
				t.Errorf("the card signs again: %v, want %v; log:\n%s", again, c.again, l.Logs.String())
			}
		})
	}
}

// registers reports whether a card was asked to sign a request.
func registers(t *testing.T, c *enginetest.Card, seen int) bool {
	t.Helper()
	for _, p := range c.Seen[seen:] {
		m, err := applet.Parse(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, cmd := range m.Commands {
			if _, ok := cmd.(applet.SignTransaction); ok {
				return true
			}
		}
	}
	return false
}
