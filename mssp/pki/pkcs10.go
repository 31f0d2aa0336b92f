package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers, whole elements.
const (
	oidChallengePassword = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07" // PKCS#9, RFC 2985 5.4.1
	oidRSAWith           = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01"     // and 0b, 0c, 0d
	oidECDSAWith         = "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03"         // and 02, 03, 04
)

// attributesTag is attributes [0] IMPLICIT SET OF Attribute (RFC 2986 4.1).
const attributesTag = asn1.Tag(0xa0)

// RequestInfo is the CertificationRequestInfo (RFC 2986 4.1) for a public key
// that the card made earlier: registration flow A. spki is a DER
// SubjectPublicKeyInfo. pop, when not empty, is the Proof of Possession code
// (3.5.1-3) and travels as challengePassword. The card signs the hash of the
// result. Errors wrap ErrSubject, ErrRequest or ErrPolicy.
func RequestInfo(s Subject, spki []byte, pop string) ([]byte, error) {
	name, err := s.der()
	if err != nil {
		return nil, err
	}
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, fmt.Errorf("%w: public key: %v", ErrRequest, err)
	}
	if err := CheckKey(pub); err != nil {
		return nil, err
	}
	if err := checkPoP(pop); err != nil {
		return nil, err
	}
	return requestInfo(name, spki, pop)
}

// requestInfo is CertificationRequestInfo ::= SEQUENCE { version v1(0),
// subject, subjectPKInfo, attributes }.
func requestInfo(name, spki []byte, pop string) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddBytes(name)
		b.AddBytes(spki)
		addAttributes(b, pop)
	})
	return b.Bytes()
}

// addAttributes adds the attributes, which are empty without a PoP code.
func addAttributes(b *cryptobyte.Builder, pop string) {
	b.AddASN1(attributesTag, func(b *cryptobyte.Builder) {
		if pop == "" {
			return
		}
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes([]byte(oidChallengePassword))
			b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.PrintableString, func(b *cryptobyte.Builder) { b.AddBytes([]byte(pop)) })
			})
		})
	})
}

// Lengths of a Proof of Possession code in digits, as in INT6.
const (
	minPoP = 4
	maxPoP = 16
)

// checkPoP takes an empty code, which means none, or one of 4 to 16 digits.
func checkPoP(pop string) error {
	if pop != "" && (len(pop) < minPoP || len(pop) > maxPoP) {
		return fmt.Errorf("%w: PoP code needs %d to %d digits, has %d", ErrRequest, minPoP, maxPoP, len(pop))
	}
	for i := range len(pop) {
		if pop[i] < '0' || pop[i] > '9' {
			return fmt.Errorf("%w: character %d of the PoP code is not a digit", ErrRequest, i+1)
		}
	}
	return nil
}

// AssembleRequest makes the PKCS#10 from what the card signed and its
// signature: the RSA octet string or the DER Ecdsa-Sig-Value over the hash of
// cri. The signature algorithm follows from the key in cri and the hash. It
// does not verify: CA.Issue does. Errors wrap ErrRequest or ErrPolicy.
func AssembleRequest(cri []byte, hash crypto.Hash, signature []byte) ([]byte, error) {
	pub, err := requestKey(cri)
	if err != nil {
		return nil, err
	}
	alg, err := signatureAlgorithm(pub, hash)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(cri)
		b.AddBytes(alg)
		b.AddASN1BitString(signature)
	})
	return b.Bytes()
}

// requestKey reads the public key of a CertificationRequestInfo.
func requestKey(cri []byte) (crypto.PublicKey, error) {
	in := cryptobyte.String(cri)
	var info, spki cryptobyte.String
	if !in.ReadASN1(&info, asn1.SEQUENCE) || !in.Empty() ||
		!info.SkipASN1(asn1.INTEGER) || !info.SkipASN1(asn1.SEQUENCE) || !info.ReadASN1Element(&spki, asn1.SEQUENCE) {
		return nil, fmt.Errorf("%w: not a CertificationRequestInfo", ErrRequest)
	}
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, fmt.Errorf("%w: public key: %v", ErrRequest, err)
	}
	return pub, nil
}

// signatureAlgorithm is the AlgorithmIdentifier of a signature by that kind of
// key over that hash (RFC 5754 3.2, RFC 5758 3.2).
func signatureAlgorithm(pub crypto.PublicKey, hash crypto.Hash) ([]byte, error) {
	var n byte
	switch hash {
	case crypto.SHA256:
		n = 0
	case crypto.SHA384:
		n = 1
	case crypto.SHA512:
		n = 2
	default:
		return nil, fmt.Errorf("%w: hash %v, use SHA-256, SHA-384 or SHA-512", ErrPolicy, hash)
	}
	switch pub.(type) {
	case *rsa.PublicKey:
		return append([]byte("\x30\x0d"+oidRSAWith), 0x0b+n, 5, 0), nil
	case *ecdsa.PublicKey:
		return append([]byte("\x30\x0a"+oidECDSAWith), 2+n), nil
	}
	return nil, fmt.Errorf("%w: public key of type %T, use RSA or EC", ErrPolicy, pub)
}

// challengePassword reads the PoP code from a parsed PKCS#10; "" when there is none.
func challengePassword(csr *x509.CertificateRequest) (string, error) {
	in := cryptobyte.String(csr.RawTBSCertificateRequest)
	var info, attrs cryptobyte.String
	if !in.ReadASN1(&info, asn1.SEQUENCE) || !info.SkipASN1(asn1.INTEGER) || !info.SkipASN1(asn1.SEQUENCE) ||
		!info.SkipASN1(asn1.SEQUENCE) || !info.ReadASN1(&attrs, attributesTag) {
		return "", fmt.Errorf("%w: attributes", ErrRequest)
	}
	pop, found := "", false
	for !attrs.Empty() {
		var attr, oid, set, value cryptobyte.String
		var tag asn1.Tag
		if !attrs.ReadASN1(&attr, asn1.SEQUENCE) || !attr.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) || !attr.ReadASN1(&set, asn1.SET) {
			return "", fmt.Errorf("%w: attribute", ErrRequest)
		}
		if string(oid) != oidChallengePassword {
			continue
		}
		if found || !set.ReadAnyASN1(&value, &tag) || !set.Empty() || tag != asn1.PrintableString && tag != asn1.UTF8String {
			return "", fmt.Errorf("%w: challengePassword", ErrRequest)
		}
		pop, found = string(value), true
	}
	return pop, nil
}
