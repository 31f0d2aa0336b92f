package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"
)

// Annex A. A-1 (NIST, to 2030): RSA from 2048, EC from 224, SHA-2. A-2 (ETSI
// TR 119 312, November 2014): PKCS#1 v1.5 with SHA-256 and 2048 bits holds
// for 6 years and is not named for 10; ECDSA-256 holds for 10. Where they
// differ the narrower one rules: curves start at P-256, and RSA has 6 years,
// because PKCS#1 v1.5 is what the cards do. Nothing here can be configured.
const (
	minRSABits = 2048
	maxRSABits = 8192 // beyond it a verification is an attack on our time
	rsaYears   = 6
	ecYears    = 10
)

// rsa2048Until is the last day for which A-1 vouches for RSA below 3072 bits.
// A certificate that outlives it is issued with a warning in the log.
func rsa2048Until() time.Time { return time.Date(2030, 12, 31, 23, 59, 59, 0, time.UTC) }

// CheckKey says whether a public key may be certified or trusted (A-1, 3.2-8):
// *rsa.PublicKey of 2048 to 8192 bits, or *ecdsa.PublicKey on P-256, P-384 or
// P-521. The error wraps ErrPolicy.
func CheckKey(pub any) error {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		switch bits := k.N.BitLen(); {
		case bits < minRSABits || bits > maxRSABits:
			return fmt.Errorf("%w: RSA needs %d to %d bits, has %d", ErrPolicy, minRSABits, maxRSABits, bits)
		case k.E < 65537 || k.E&1 == 0:
			return fmt.Errorf("%w: RSA exponent must be odd and at least 65537, is %d", ErrPolicy, k.E)
		case k.N.Bit(0) == 0:
			return fmt.Errorf("%w: RSA modulus is even", ErrPolicy)
		case roca(k.N):
			return fmt.Errorf("%w: RSA modulus is of the weak ROCA form (CVE-2017-15361), use another kind of card", ErrPolicy)
		}
		return nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return fmt.Errorf("%w: curve %s, use P-256, P-384 or P-521", ErrPolicy, k.Curve.Params().Name)
	}
	return fmt.Errorf("%w: public key of type %T, use RSA or EC", ErrPolicy, pub)
}

// CheckSignatureAlgorithm says whether a signature on a certificate or
// PKCS#10 is strong enough: SHA-256, SHA-384 or SHA-512, never SHA-1.
func CheckSignatureAlgorithm(alg x509.SignatureAlgorithm) error {
	switch alg {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return nil
	}
	return fmt.Errorf("%w: signature algorithm %v, use RSA or ECDSA with SHA-256 or better", ErrPolicy, alg)
}

// Latest is the last moment to which a certificate for that key that begins at
// notBefore may reach. The key must have passed CheckKey.
func Latest(pub any, notBefore time.Time) time.Time {
	return notBefore.AddDate(maxYears(pub), 0, 0)
}

func maxYears(pub any) int {
	if _, ok := pub.(*rsa.PublicKey); ok {
		return rsaYears
	}
	return ecYears
}

// CheckLifetime says whether a certificate for that key may have that
// lifetime. The error wraps ErrPolicy.
func CheckLifetime(pub any, notBefore, notAfter time.Time) error {
	if err := CheckKey(pub); err != nil {
		return err
	}
	if !notAfter.After(notBefore) {
		return fmt.Errorf("%w: certificate would end before it begins", ErrPolicy)
	}
	if latest := Latest(pub, notBefore); notAfter.After(latest) {
		return fmt.Errorf("%w: certificate for this key may last to %s, not to %s (ETSI TR 119 312)",
			ErrPolicy, latest.Format(time.DateOnly), notAfter.Format(time.DateOnly))
	}
	return nil
}

// outlivesPolicy reports an RSA key below 3072 bits whose certificate ends after 2030.
func outlivesPolicy(pub any, notAfter time.Time) bool {
	k, ok := pub.(*rsa.PublicKey)
	return ok && k.N.BitLen() < 3072 && notAfter.After(rsa2048Until())
}
