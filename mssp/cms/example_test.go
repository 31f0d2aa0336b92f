package cms_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log"
	"math/big"
	"time"

	"github.com/simsign/simsign/mssp/cms"
)

// A signature in two phases. The key is on a card: it sees 32 octets, answers
// a minute later, and in between what waits for it is stored as octets.
func Example() {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	card, certificate := newCard(now)
	content := []byte("Pay 100 EUR to Alice")

	// First phase: fix everything that the signature will cover.
	prepared, err := cms.Prepare(cms.Options{
		Content: content, Hash: crypto.SHA256,
		SignedAttrs: true, SigningTime: now, Certificate: certificate.Raw,
	})
	if err != nil {
		log.Fatal(err)
	}
	stored, err := prepared.AppendBinary(nil)
	if err != nil {
		log.Fatal(err)
	}

	// The card signs a digest and nothing else.
	signature, err := card.Sign(rand.Reader, prepared.Digest(), prepared.Hash())
	if err != nil {
		log.Fatal(err)
	}

	// Second phase: put the signature in place.
	if prepared, _, err = cms.ParsePrepared(stored); err != nil {
		log.Fatal(err)
	}
	der, err := prepared.Assemble(signature)
	if err != nil {
		log.Fatal(err)
	}

	// Whoever gets it checks content, signature and certificate.
	signed, _, err := cms.Parse(der)
	if err != nil {
		log.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(certificate)
	signer, err := signed.Verify(cms.VerifyOptions{Roots: trusted, Time: now, Content: content})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signer.Certificate.Subject.CommonName, "has signed:", string(signed.Content))
	fmt.Println("at", signer.SigningTime.Format(time.RFC3339))

	_, err = signed.Verify(cms.VerifyOptions{Roots: trusted, Time: now, Content: []byte("Pay 900 EUR to Mallory")})
	fmt.Println(err)
	// Output:
	// Test User has signed: Pay 100 EUR to Alice
	// at 2026-11-22T12:00:00Z
	// content is not what was signed: attached content is another one than expected
}

// newCard is the user's key and a certificate for it; it is its own authority
// here, to keep the program short.
func newCard(now time.Time) (crypto.Signer, *x509.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test User"},
		NotBefore: now, NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return key, certificate
}
