package applet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"math/big"
)

// publicExponent is the exponent of every RSA key made on a card.
const publicExponent = 65537

// AlgorithmOf is the INT6 algorithm of a public key.
func AlgorithmOf(pub crypto.PublicKey) (Algorithm, error) {
	for _, a := range Algorithms() {
		switch k := pub.(type) {
		case *rsa.PublicKey:
			if a.RSA() && k.N.BitLen() == a.Bits() && k.E == publicExponent {
				return a, nil
			}
		case *ecdsa.PublicKey:
			if a.EC() && k.Curve == a.Curve() {
				return a, nil
			}
		}
	}
	return 0, fmt.Errorf("%w: %T of this size", ErrUnsupported, pub)
}

// MarshalPublicKey is a public key in the form of tag B2 (INT6 A3).
func MarshalPublicKey(pub crypto.PublicKey) (Algorithm, []byte, error) {
	a, err := AlgorithmOf(pub)
	if err != nil {
		return 0, nil, err
	}
	if k, ok := pub.(*rsa.PublicKey); ok {
		b := make([]byte, a.PublicKeyLen())
		k.N.FillBytes(b[:a.Bits()/8])
		copy(b[a.Bits()/8:], []byte{0x01, 0x00, 0x01})
		return a, b, nil
	}
	point, err := pub.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %v", ErrKey, err)
	}
	n := a.fieldLen()
	b := append([]byte{0x02 | point[2*n]&1}, point[1:1+n]...)
	return a, b, nil
}

// ParsePublicKey reads the form of tag B2: modulus and exponent (always
// 65537), or a compressed point (RFC 5480 2.2), which must be on the curve.
func (a Algorithm) ParsePublicKey(b []byte) (crypto.PublicKey, error) {
	if !a.Known() {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, a)
	}
	if len(b) != a.PublicKeyLen() {
		return nil, fmt.Errorf("%w: public key of %s has %d octets, have %d", ErrKey, a, a.PublicKeyLen(), len(b))
	}
	if a.EC() {
		point, err := a.templateKey(b)
		if err != nil {
			return nil, err
		}
		k, err := ecdsa.ParseUncompressedPublicKey(a.Curve(), point)
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrKey, err)
		}
		return k, nil
	}
	n := a.Bits() / 8
	if b[0]&0x80 == 0 || b[n-1]&1 == 0 {
		return nil, fmt.Errorf("%w: modulus of %s must have its first and last bit set", ErrKey, a)
	}
	if b[n] != 0x01 || b[n+1] != 0x00 || b[n+2] != 0x01 {
		return nil, fmt.Errorf("%w: exponent is not 65537", ErrKey)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(b[:n]), E: publicExponent}, nil
}

// templateKey is a public key of tag B2 as it stands in a template
// (INT6, Registration).
func (a Algorithm) templateKey(b []byte) ([]byte, error) {
	if !a.Known() || len(b) != a.PublicKeyLen() {
		return nil, fmt.Errorf("%w: public key of %s has %d octets, have %d", ErrKey, a, a.PublicKeyLen(), len(b))
	}
	if a.RSA() {
		return append([]byte{0}, b[:a.Bits()/8]...), nil
	}
	x, y := elliptic.UnmarshalCompressed(a.Curve(), b)
	if x == nil {
		return nil, fmt.Errorf("%w: not a point of %s", ErrKey, a)
	}
	n := a.fieldLen()
	point := make([]byte, 1+2*n)
	point[0] = 0x04
	x.FillBytes(point[1 : 1+n])
	y.FillBytes(point[1+n:])
	return point, nil
}
