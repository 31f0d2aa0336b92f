package pki

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"
)

// rsaOf is a public key of that size; nobody has its private half.
func rsaOf(bits, e int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(15)), E: e}
}

func ecOf(c elliptic.Curve) *ecdsa.PublicKey {
	return &ecdsa.PublicKey{Curve: c, X: c.Params().Gx, Y: c.Params().Gy}
}

// The keys of Annex A: RSA from 2048, P-256 and better; the floor is code.
//
// Supports: A-1, 3.2-8
func TestCheckKey(t *testing.T) {
	even := rsaOf(2048, 65537)
	even.N = new(big.Int).Sub(even.N, big.NewInt(1))
	for name, tc := range map[string]struct {
		pub any
		ok  bool
	}{
		"rsa_2048":          {rsaOf(2048, 65537), true},
		"rsa_3072":          {rsaOf(3072, 65537), true},
		"rsa_4096":          {rsaOf(4096, 65537), true},
		"rsa_2047":          {rsaOf(2047, 65537), false},
		"rsa_1024":          {rsaOf(1024, 65537), false},
		"rsa_8192":          {rsaOf(8192, 65537), true},
		"rsa_8193":          {rsaOf(8193, 65537), false},
		"rsa_exponent_more": {rsaOf(2048, 65539), true},
		"rsa_exponent_less": {rsaOf(2048, 65535), false},
		"rsa_exponent_3":    {rsaOf(2048, 3), false},
		"rsa_exponent_even": {rsaOf(2048, 65538), false},
		"rsa_modulus_even":  {even, false},
		"p256":              {ecOf(elliptic.P256()), true},
		"p384":              {ecOf(elliptic.P384()), true},
		"p521":              {ecOf(elliptic.P521()), true},
		"p224":              {ecOf(elliptic.P224()), false},
		"ed25519":           {ed25519.PublicKey(make([]byte, 32)), false},
		"nothing":           {nil, false},
	} {
		if err := CheckKey(tc.pub); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is told says what would do.
func TestCheckKeyTells(t *testing.T) {
	for want, pub := range map[string]any{
		"RSA needs 2048 to 8192 bits, has 2047":               rsaOf(2047, 65537),
		"RSA exponent must be odd and at least 65537, is 3":   rsaOf(2048, 3),
		"curve P-224, use P-256, P-384 or P-521":              ecOf(elliptic.P224()),
		"public key of type ed25519.PublicKey, use RSA or EC": ed25519.PublicKey(make([]byte, 32)),
	} {
		if err := CheckKey(pub); err == nil || err.Error() != ErrPolicy.Error()+": "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A modulus of the ROCA form is refused: both primes are k*M + 65537^a mod M.
//
// Supports: A-1
func TestROCA(t *testing.T) {
	m := big.NewInt(1)
	for p := int64(2); p <= 167; p++ {
		if big.NewInt(p).ProbablyPrime(10) {
			m.Mul(m, big.NewInt(p))
		}
	}
	// Not primes, but of the form: the check sees the modulus only.
	weak := func(k, a int64) *big.Int {
		p := new(big.Int).Exp(big.NewInt(65537), big.NewInt(a), m)
		return p.Add(p, new(big.Int).Mul(new(big.Int).Lsh(big.NewInt(k), 790), m))
	}
	n := new(big.Int).Mul(weak(3, 1234567), weak(5, 7654321))
	n.Add(n, new(big.Int).Mul(m, new(big.Int).Lsh(big.NewInt(1), uint(2050-m.BitLen())))) // 2048 bits and more
	if err := CheckKey(&rsa.PublicKey{N: n, E: 65537}); !errors.Is(err, ErrPolicy) || n.Bit(0) == 0 {
		t.Errorf("modulus of %d bits: %v", n.BitLen(), err)
	}
	if roca(new(big.Int).Add(n, big.NewInt(2))) {
		t.Error("every modulus is of the form")
	}
}

// The table of ETSI TR 119 312, and what it says of lifetimes.
//
// Supports: A-2
func TestCheckLifetime(t *testing.T) {
	for name, tc := range map[string]struct {
		pub   any
		years int
		days  int
		ok    bool
	}{
		"rsa_2048_3_years":     {rsaOf(2048, 65537), 3, 0, true},
		"rsa_2048_6_years":     {rsaOf(2048, 65537), 6, 0, true},
		"rsa_2048_one_day_too": {rsaOf(2048, 65537), 6, 1, false},
		"rsa_2048_10_years":    {rsaOf(2048, 65537), 10, 0, false},
		"rsa_1024_1_year":      {rsaOf(1024, 65537), 1, 0, false},
		"p256_10_years":        {ecOf(elliptic.P256()), 10, 0, true},
		"p256_one_day_too":     {ecOf(elliptic.P256()), 10, 1, false},
		"p224_1_year":          {ecOf(elliptic.P224()), 1, 0, false},
		"ends_as_it_begins":    {ecOf(elliptic.P256()), 0, 0, false},
		"ends_before":          {ecOf(elliptic.P256()), 0, -1, false},
	} {
		err := CheckLifetime(tc.pub, testTime, testTime.AddDate(tc.years, 0, tc.days))
		if (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !outlivesPolicy(rsaOf(2048, 65537), time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)) ||
		outlivesPolicy(rsaOf(2048, 65537), time.Date(2030, 12, 31, 0, 0, 0, 0, time.UTC)) ||
		outlivesPolicy(rsaOf(3072, 65537), time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error("RSA below 3072 bits is vouched for to the end of 2030, others longer")
	}
}

// Every signature algorithm that Go knows, and which of them are taken.
//
// Supports: A-1
func TestCheckSignatureAlgorithm(t *testing.T) {
	taken := 0
	for alg := x509.UnknownSignatureAlgorithm; alg < x509.PureEd25519+3; alg++ {
		err := CheckSignatureAlgorithm(alg)
		if err == nil {
			taken++
		} else if !errors.Is(err, ErrPolicy) {
			t.Errorf("%v: %v", alg, err)
		}
	}
	if taken != 9 {
		t.Errorf("%d algorithms are taken, want RSA, RSA-PSS and ECDSA with three hashes", taken)
	}
	for _, alg := range []x509.SignatureAlgorithm{x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.MD5WithRSA, x509.DSAWithSHA256, x509.PureEd25519} {
		if CheckSignatureAlgorithm(alg) == nil {
			t.Errorf("%v is taken", alg)
		}
	}
}
