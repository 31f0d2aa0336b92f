package applet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"
)

type ecdsaSignature struct{ R, S *big.Int }

// SignatureToASN1 turns the form of tag B3 into the one that CMS, X.509 and
// crypto/ecdsa use: DER of r and s (RFC 3279 2.2.3). An RSA signature stays as
// it is.
func (a Algorithm) SignatureToASN1(raw []byte) ([]byte, error) {
	if !a.Known() {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, a)
	}
	if len(raw) != a.SignatureLen() {
		return nil, fmt.Errorf("%w: %s has %d octets, have %d", ErrSignature, a, a.SignatureLen(), len(raw))
	}
	if a.RSA() {
		return raw, nil
	}
	n := a.fieldLen()
	return asn1.Marshal(ecdsaSignature{new(big.Int).SetBytes(raw[:n]), new(big.Int).SetBytes(raw[n:])})
}

// SignatureFromASN1 is the reverse of SignatureToASN1.
func (a Algorithm) SignatureFromASN1(der []byte) ([]byte, error) {
	if !a.Known() {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, a)
	}
	if a.RSA() {
		if len(der) != a.SignatureLen() {
			return nil, fmt.Errorf("%w: %s has %d octets, have %d", ErrSignature, a, a.SignatureLen(), len(der))
		}
		return der, nil
	}
	var s ecdsaSignature
	if rest, err := asn1.Unmarshal(der, &s); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: not the DER of r and s", ErrSignature)
	}
	n := a.fieldLen()
	if s.R.Sign() < 0 || s.S.Sign() < 0 || s.R.BitLen() > 8*n || s.S.BitLen() > 8*n {
		return nil, fmt.Errorf("%w: r or s is out of range for %s", ErrSignature, a)
	}
	raw := make([]byte, 2*n)
	s.R.FillBytes(raw[:n])
	s.S.FillBytes(raw[n:])
	return raw, nil
}

// Verify checks a signature in the form of tag B3 over a digest.
func Verify(pub crypto.PublicKey, h Hash, digest, raw []byte) error {
	a, err := AlgorithmOf(pub)
	if err != nil {
		return err
	}
	if !h.Known() || len(digest) != h.Size() {
		return fmt.Errorf("%w: digest of %d octets for %s", ErrLength, len(digest), h)
	}
	der, err := a.SignatureToASN1(raw)
	if err != nil {
		return err
	}
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if rsa.VerifyPKCS1v15(k, h.Hash(), digest, der) == nil {
			return nil
		}
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(k, digest, der) {
			return nil
		}
	}
	return fmt.Errorf("%w: it does not verify", ErrSignature)
}
