package cms

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// identity is what a SignerInfo says about its signer, read from the
// certificate without parsing all of it: Prepare is on the path of every
// request and a full parse costs more than all the rest.
type identity struct {
	issuer []byte // Name, whole element
	serial []byte // INTEGER, whole element
	kind   keyKind
	// modulus is the length in octets of an RSA modulus, and so of every
	// signature with that key.
	modulus int
}

// identityOf reads a certificate (RFC 5280 4.1) as far as its public key.
func identityOf(der []byte) (identity, error) {
	bad := func(field string) (identity, error) {
		return identity{}, fmt.Errorf("%w: certificate: %s", ErrMalformed, field)
	}
	cert, ok := whole(der, asn1.SEQUENCE)
	if !ok {
		return bad("not one SEQUENCE")
	}
	var tbs, serial, issuer, spki cryptobyte.String
	if !cert.ReadASN1(&tbs, asn1.SEQUENCE) || !tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) {
		return bad("tbsCertificate")
	}
	if !tbs.ReadASN1Element(&serial, asn1.INTEGER) {
		return bad("serialNumber")
	}
	if !tbs.SkipASN1(asn1.SEQUENCE) || !tbs.ReadASN1Element(&issuer, asn1.SEQUENCE) {
		return bad("signature or issuer")
	}
	var validity, subject cryptobyte.String // of no concern here
	if !tbs.ReadASN1(&validity, asn1.SEQUENCE) || !tbs.ReadASN1(&subject, asn1.SEQUENCE) || !tbs.ReadASN1(&spki, asn1.SEQUENCE) {
		return bad("validity, subject or subjectPublicKeyInfo")
	}
	id := identity{issuer: issuer, serial: serial}
	var err error
	id.kind, id.modulus, err = keyOf(spki)
	return id, err
}

// keyOf reads the content of a SubjectPublicKeyInfo.
func keyOf(spki cryptobyte.String) (keyKind, int, error) {
	const (
		oidRSA = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
		oidEC  = "\x2a\x86\x48\xce\x3d\x02\x01"
	)
	var alg, oid, bits, key, modulus cryptobyte.String
	if !spki.ReadASN1(&alg, asn1.SEQUENCE) || !alg.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) ||
		!spki.ReadASN1(&bits, asn1.BIT_STRING) || !bits.Skip(1) {
		return 0, 0, fmt.Errorf("%w: certificate: subjectPublicKeyInfo", ErrMalformed)
	}
	switch string(oid) {
	case oidEC:
		return keyEC, 0, nil
	case oidRSA:
		if !bits.ReadASN1(&key, asn1.SEQUENCE) || !key.ReadASN1(&modulus, asn1.INTEGER) {
			return 0, 0, fmt.Errorf("%w: certificate: RSAPublicKey", ErrMalformed)
		}
		if len(modulus) > 0 && modulus[0] == 0 {
			modulus = modulus[1:]
		}
		return keyRSA, len(modulus), nil
	}
	return 0, 0, fmt.Errorf("%w: certificate key is neither RSA nor EC", ErrUnsupported)
}
