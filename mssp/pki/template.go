package pki

import (
	"crypto"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/simsign/simsign/applet"
)

// rsaExponent is INTEGER 65537, which ends every RSAPublicKey made in a card.
const rsaExponent = "\x02\x03\x01\x00\x01"

// NewTemplate is the CertificationRequestInfo for a key that does not exist
// yet: registration flow B (5.1-7). The card puts its public key and, when
// popDigits is not 0, the PoP code that the user enters into the holes, and
// signs the hash of the whole: so the code is bound by the signature
// (3.5.1-3), and the length of every element is known beforehand. Errors wrap
// ErrSubject, ErrRequest or ErrPolicy.
func NewTemplate(s Subject, alg applet.Algorithm, popDigits int) (*applet.Template, error) {
	name, err := s.der()
	if err != nil {
		return nil, err
	}
	// Zeros stand where the holes will be.
	pop := strings.Repeat("0", max(popDigits, 0))
	if err := checkPoP(pop); err != nil {
		return nil, err
	}
	spki, err := spkiAround(alg, make([]byte, alg.TemplateKeyLen()))
	if err != nil {
		return nil, err
	}
	cri, err := requestInfo(name, spki, pop)
	if err != nil {
		return nil, err
	}
	// The key hole is found from the end: the key ends the SPKI, but for the
	// exponent, and the attributes end the whole.
	keyEnd := len(cri) - attributesLen(popDigits)
	if alg.RSA() {
		keyEnd -= len(rsaExponent)
	}
	keyStart := keyEnd - alg.TemplateKeyLen()
	t := &applet.Template{Parts: []applet.TemplatePart{
		{Hole: applet.Literal, Octets: cri[:keyStart]},
		{Hole: applet.HolePublicKey},
		{Hole: applet.Literal, Octets: cri[keyEnd : len(cri)-popDigits]},
	}}
	if popDigits > 0 {
		t.Parts = append(t.Parts, applet.TemplatePart{Hole: applet.HolePoP, Digits: byte(popDigits)})
	}
	return t, nil
}

// CompleteTemplate makes the PKCS#10 from a template and what the card
// answered: the public key (INT6 tag B2), the PoP code as entered, and the
// signature (tag B3). It does not verify: CA.Issue does. Errors wrap
// ErrRequest or ErrPolicy.
func CompleteTemplate(t *applet.Template, alg applet.Algorithm, hash crypto.Hash, key []byte, pop string, signature []byte) ([]byte, error) {
	cri, err := t.Fill(nil, alg, key, pop)
	if err != nil {
		return nil, fmt.Errorf("%w: template: %v", ErrRequest, err)
	}
	if err := checkPoP(pop); err != nil {
		return nil, err
	}
	der, err := alg.SignatureToASN1(signature)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRequest, err)
	}
	return AssembleRequest(cri, hash, der)
}

// attributesLen is the length of the whole attributes element.
func attributesLen(popDigits int) int {
	if popDigits == 0 {
		return 2
	}
	// [0], SEQUENCE, SET and PrintableString with two octets of header each.
	return 2 + 2 + len(oidChallengePassword) + 2 + 2 + popDigits
}

// spkiAround writes a SubjectPublicKeyInfo around a key in template form: an
// uncompressed point (RFC 5480 2), or 00 and an RSA modulus (RFC 3279 2.3.1).
func spkiAround(alg applet.Algorithm, key []byte) ([]byte, error) {
	id, err := keyAlgorithm(alg)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes([]byte(id))
		b.AddASN1(asn1.BIT_STRING, func(b *cryptobyte.Builder) {
			b.AddUint8(0) // no unused bits
			if alg.EC() {
				b.AddBytes(key)
				return
			}
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(key) })
				b.AddBytes([]byte(rsaExponent))
			})
		})
	})
	return b.Bytes()
}

// keyAlgorithm is the AlgorithmIdentifier of a SubjectPublicKeyInfo.
func keyAlgorithm(alg applet.Algorithm) (string, error) {
	const ecPublicKey = "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
	switch alg {
	case applet.RSA2048, applet.RSA3072, applet.RSA4096:
		return "\x30\x0d" + oidRSAWith + "\x01\x05\x00", nil
	case applet.ECDSAP256:
		return "\x30\x13" + ecPublicKey + "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", nil
	case applet.ECDSAP384:
		return "\x30\x10" + ecPublicKey + "\x06\x05\x2b\x81\x04\x00\x22", nil
	case applet.ECDSAP521:
		return "\x30\x10" + ecPublicKey + "\x06\x05\x2b\x81\x04\x00\x23", nil
	}
	return "", fmt.Errorf("%w: %v", ErrPolicy, alg)
}
