package pki

import "math/big"

// roca reports an RSA modulus of the form that one maker's card library
// produced until 2017 (CVE-2017-15361, "ROCA"): every prime was k*M +
// (65537^a mod M) with M a product of the first primes, so the modulus is a
// power of 65537 modulo each small prime. Such keys can be factored, and SIM
// cards hold their keys for years, so it is worth the look. A good key passes
// for one by chance with a probability of about 2^-27.
func roca(n *big.Int) bool {
	rest, prime := new(big.Int), new(big.Int)
	for _, p := range []int64{
		11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
	} {
		r := rest.Mod(n, prime.SetInt64(p)).Int64()
		if !powerOf65537(r, p) {
			return false
		}
	}
	return true
}

// powerOf65537 reports whether r is in the group that 65537 generates modulo p.
func powerOf65537(r, p int64) bool {
	x := int64(1)
	for range p {
		if x == r {
			return true
		}
		x = x * 65537 % p
	}
	return false
}
