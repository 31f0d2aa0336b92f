package ota

import (
	"fmt"
	"log/slog"
	"strings"
)

// Algorithm names a cipher with its key length and mode. As KIc it ciphers a
// packet; as KID it makes the cryptographic checksum (CBC-MAC for the DES
// family, CMAC for AES). TS 102 225 5.1.2 and 5.1.3.
type Algorithm byte

// The algorithms. The number in KIc and KID (low nibble) is behind each; the
// key length of AES is not signalled there and comes with the key.
const (
	NoAlgorithm Algorithm = iota // no key
	DES                          // 1: DES in CBC mode, 8 octets
	DESECB                       // D: DES in ECB mode, 8 octets, KIc only
	TripleDES2                   // 5: 3DES in outer CBC mode, K1 K2 K1, 16 octets
	TripleDES3                   // 9: 3DES in outer CBC mode, K1 K2 K3, 24 octets
	AES128                       // 2: AES in CBC mode, 16 octets
	AES192                       // 2: 24 octets
	AES256                       // 2: 32 octets
)

// algorithms is a table that nobody writes, in the order of the constants.
var algorithms = [...]struct {
	name   string
	key    int  // octets of a key
	block  int  // octets of a block
	nibble byte // low nibble of KIc and KID
}{
	NoAlgorithm: {"none", 0, 0, 0x0},
	DES:         {"DES", 8, 8, 0x1},
	DESECB:      {"DES-ECB", 8, 8, 0xD},
	TripleDES2:  {"3DES2", 16, 8, 0x5},
	TripleDES3:  {"3DES3", 24, 8, 0x9},
	AES128:      {"AES128", 16, 16, 0x2},
	AES192:      {"AES192", 24, 16, 0x2},
	AES256:      {"AES256", 32, 16, 0x2},
}

// String is the name that ParseAlgorithm reads, for example "3DES2".
func (a Algorithm) String() string {
	if int(a) < len(algorithms) {
		return algorithms[a].name
	}
	return fmt.Sprintf("algorithm %d", byte(a))
}

// KeyLen is the length of a key in octets.
func (a Algorithm) KeyLen() int { return algorithms[a].key }

// BlockLen is the length of a block in octets: 8 or 16, 0 without algorithm.
func (a Algorithm) BlockLen() int { return algorithms[a].block }

// Nibble is the low nibble of KIc or KID.
func (a Algorithm) Nibble() byte { return algorithms[a].nibble }

// AES reports whether the checksum is a CMAC, 4 or 8 octets long.
func (a Algorithm) AES() bool { return a >= AES128 && a <= AES256 }

// ParseAlgorithm reads a name; case and hyphens do not matter.
func ParseAlgorithm(s string) (Algorithm, error) {
	plain := func(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "-", "")) }
	for a := NoAlgorithm; a <= AES256; a++ {
		if plain(a.String()) == plain(s) {
			return a, nil
		}
	}
	return NoAlgorithm, fmt.Errorf("%w: %q; the names are DES, DES-ECB, 3DES2, 3DES3, AES128, AES192, AES256", ErrAlgorithm, s)
}

// AlgorithmOf finds the algorithm that the low nibble of a KIc or KID octet
// and the length of the key name together. Nibble 0 (known implicitly) and 3
// (proprietary) say nothing, and are ErrAlgorithm; a wrong length is ErrKey.
func AlgorithmOf(octet byte, keyLen int) (Algorithm, error) {
	n := octet & 0x0F
	known := false
	for a := DES; a <= AES256; a++ {
		if a.Nibble() != n {
			continue
		}
		known = true
		if a.KeyLen() == keyLen {
			return a, nil
		}
	}
	if known {
		return NoAlgorithm, fmt.Errorf("%w: %d octets do not fit algorithm %X of octet %02X", ErrKey, keyLen, n, octet)
	}
	return NoAlgorithm, fmt.Errorf("%w: low nibble %X of octet %02X is implicit or proprietary", ErrAlgorithm, n, octet)
}

// UnmarshalText lets a configuration file hold the name.
func (a *Algorithm) UnmarshalText(b []byte) error {
	v, err := ParseAlgorithm(string(b))
	if err == nil {
		*a = v
	}
	return err
}

// MarshalText is String.
func (a Algorithm) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Key is a key with its algorithm. It prints as the algorithm only.
type Key struct {
	Alg    Algorithm
	Octets []byte
}

// Check reports a key whose length does not fit its algorithm (ErrKey). The
// zero Key is no key, and right.
func (k Key) Check() error {
	if k.Alg > AES256 {
		return fmt.Errorf("%w: number %d", ErrAlgorithm, k.Alg)
	}
	if len(k.Octets) != k.Alg.KeyLen() {
		return fmt.Errorf("%w: %s needs %d octets, have %d", ErrKey, k.Alg, k.Alg.KeyLen(), len(k.Octets))
	}
	return nil
}

// String hides the octets.
func (k Key) String() string { return k.Alg.String() + " key" }

// GoString hides the octets from %#v.
func (k Key) GoString() string { return k.String() }

// LogValue hides the octets.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
