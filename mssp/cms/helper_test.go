package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"os/exec"
	"testing"
	"time"
)

// testTime is the present of these tests.
var testTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// party is a user with a key, a certificate and its issuers.
type party struct {
	key   crypto.Signer
	cert  *x509.Certificate
	chain [][]byte // between the user and the root
	root  *x509.Certificate
}

func (p party) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.root)
	return pool
}

// keyOfName makes a key: "RSA", "P-256", "P-384" or "P-521".
func keyOfName(t testing.TB, name string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch name {
	case "RSA":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "P-256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "P-384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newParty makes a root, an issuing CA under it and a user. The issuing CA's
// certificate sorts before the user's in DER, so that an encoder that sorts is
// found out; edit changes the user's certificate before it is signed.
func newParty(t testing.TB, kind string, edit func(*x509.Certificate)) party {
	t.Helper()
	caKey := keyOfName(t, "P-256")
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "R"},
		NotBefore: testTime.AddDate(-1, 0, 0), NotAfter: testTime.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root := signCert(t, ca, ca, caKey.Public(), caKey)
	issuingKey := keyOfName(t, "P-256")
	ca.SerialNumber, ca.Subject.CommonName = big.NewInt(2), "I"
	issuing := signCert(t, ca, root, issuingKey.Public(), caKey)
	p := party{key: keyOfName(t, kind), root: root, chain: [][]byte{issuing.Raw}}
	leaf := &x509.Certificate{
		SerialNumber: new(big.Int).Lsh(big.NewInt(0x7f), 120),
		Subject:      pkix.Name{CommonName: "Test User", SerialNumber: "SIM0000000000001"},
		NotBefore:    testTime.AddDate(0, -1, 0), NotAfter: testTime.AddDate(1, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
	}
	if edit != nil {
		edit(leaf)
	}
	p.cert = signCert(t, leaf, issuing, p.key.Public(), issuingKey)
	return p
}

func signCert(t testing.TB, tmpl, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// sign does what the card does.
func (p party) sign(t testing.TB, prep *Prepared) []byte {
	t.Helper()
	sig, err := p.key.Sign(rand.Reader, prep.Digest(), prep.Hash())
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// message runs both phases.
func (p party) message(t testing.TB, o Options) []byte {
	t.Helper()
	o.Certificate, o.Chain = p.cert.Raw, p.chain
	prep, err := Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	der, err := prep.Assemble(p.sign(t, prep))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// peer finds a program; without it the test is skipped, or fails when
// SIMSIGN_REQUIRE_PEERS=1.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}
