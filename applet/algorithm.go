package applet

import (
	"crypto"
	"crypto/elliptic"
	"fmt"
)

// Algorithm is a key type with its signature scheme.
type Algorithm byte

// Algorithms. RSA is PKCS#1 v1.5 (RFC 8017 8.2); ECDSA signatures are r and s
// (INT6 B3).
const (
	RSA2048   Algorithm = 0x01
	RSA3072   Algorithm = 0x02
	RSA4096   Algorithm = 0x03
	ECDSAP256 Algorithm = 0x11
	ECDSAP384 Algorithm = 0x12
	ECDSAP521 Algorithm = 0x13
)

// Algorithms is every algorithm that INT6 names.
func Algorithms() []Algorithm {
	return []Algorithm{RSA2048, RSA3072, RSA4096, ECDSAP256, ECDSAP384, ECDSAP521}
}

// Known says whether INT6 names the algorithm.
func (a Algorithm) Known() bool { return a.Bits() != 0 }

// RSA and EC tell the two families apart.
func (a Algorithm) RSA() bool { return a >= RSA2048 && a <= RSA4096 }

// EC says whether the algorithm is ECDSA.
func (a Algorithm) EC() bool { return a >= ECDSAP256 && a <= ECDSAP521 }

// Bits is the size of the modulus or of the curve; 0 when not known.
func (a Algorithm) Bits() int {
	switch a {
	case RSA2048:
		return 2048
	case RSA3072:
		return 3072
	case RSA4096:
		return 4096
	case ECDSAP256:
		return 256
	case ECDSAP384:
		return 384
	case ECDSAP521:
		return 521
	}
	return 0
}

// Curve is the curve of an EC algorithm, nil otherwise.
func (a Algorithm) Curve() elliptic.Curve {
	switch a {
	case ECDSAP256:
		return elliptic.P256()
	case ECDSAP384:
		return elliptic.P384()
	case ECDSAP521:
		return elliptic.P521()
	}
	return nil
}

// String is for example "RSA-2048" or "P-256".
func (a Algorithm) String() string {
	switch {
	case a.RSA():
		return fmt.Sprintf("RSA-%d", a.Bits())
	case a.EC():
		return fmt.Sprintf("P-%d", a.Bits())
	}
	return fmt.Sprintf("algorithm %02X", byte(a))
}

// ParseAlgorithm reads what String writes.
func ParseAlgorithm(s string) (Algorithm, error) {
	for _, a := range Algorithms() {
		if a.String() == s {
			return a, nil
		}
	}
	return 0, fmt.Errorf("must be one of %v, is %q", Algorithms(), s)
}

// SignatureLen is the length of tag B3: the modulus, or r and s of fixed width.
func (a Algorithm) SignatureLen() int {
	if a.EC() {
		return 2 * a.fieldLen()
	}
	return a.Bits() / 8
}

// PublicKeyLen is the length of tag B2: modulus and the exponent 010001, or a
// compressed point.
func (a Algorithm) PublicKeyLen() int {
	switch {
	case a.EC():
		return 1 + a.fieldLen()
	case a.RSA():
		return a.Bits()/8 + 3
	}
	return 0
}

// TemplateKeyLen is the length of the public key in a template: 00 and the
// modulus, or an uncompressed point.
func (a Algorithm) TemplateKeyLen() int {
	switch {
	case a.EC():
		return 1 + 2*a.fieldLen()
	case a.RSA():
		return 1 + a.Bits()/8
	}
	return 0
}

func (a Algorithm) fieldLen() int { return (a.Bits() + 7) / 8 }

// Hash is the hash that a signature covers.
type Hash byte

// Hashes.
const (
	SHA256 Hash = 0x01
	SHA384 Hash = 0x02
	SHA512 Hash = 0x03
)

// Known says whether INT6 names the hash.
func (h Hash) Known() bool { return h >= SHA256 && h <= SHA512 }

// Hash is the hash function; 0 when not known.
func (h Hash) Hash() crypto.Hash {
	switch h {
	case SHA256:
		return crypto.SHA256
	case SHA384:
		return crypto.SHA384
	case SHA512:
		return crypto.SHA512
	}
	return 0
}

// Size is the length of the hash in octets; 0 when not known.
func (h Hash) Size() int {
	if h.Known() {
		return h.Hash().Size()
	}
	return 0
}

// String is for example "SHA-256".
func (h Hash) String() string {
	if h.Known() {
		return h.Hash().String()
	}
	return fmt.Sprintf("hash %02X", byte(h))
}

// HashOf is the INT6 number of a hash function; ok is false when it has none.
func HashOf(h crypto.Hash) (hash Hash, ok bool) {
	switch h {
	case crypto.SHA256:
		return SHA256, true
	case crypto.SHA384:
		return SHA384, true
	case crypto.SHA512:
		return SHA512, true
	}
	return 0, false
}
