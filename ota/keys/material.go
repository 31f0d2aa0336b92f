package keys

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/simsign/simsign/ota"
)

// Material is one key set of a card in the clear. It exists between Open and
// the key schedule and is zeroed after it; its String and LogValue show no key.
type Material struct {
	KVN      byte    // key set number, 1 to 15 (TS 102 225 5.1.2)
	KIc, KID ota.Key // cipher and checksum key
	CMACLen  int     // octets of an AES CMAC, 4 or 8; 8 with the DES family
}

// ErrMaterial: octets or fields that are not a key set.
var ErrMaterial = errors.New("not a key set")

const materialVersion = 1

// Check reports what keeps the material from being a usable key set; the
// error is ErrMaterial or one of package ota.
func (m Material) Check() error {
	if m.KVN < 1 || m.KVN > 15 {
		return fmt.Errorf("%w: key version %d, it must be 1 to 15", ErrMaterial, m.KVN)
	}
	if m.CMACLen != 4 && m.CMACLen != 8 {
		return fmt.Errorf("%w: checksum length %d, it must be 4 or 8 octets", ErrMaterial, m.CMACLen)
	}
	if err := m.KIc.Check(); err != nil {
		return fmt.Errorf("%w: KIc: %w", ErrMaterial, err)
	}
	if err := m.KID.Check(); err != nil {
		return fmt.Errorf("%w: KID: %w", ErrMaterial, err)
	}
	return nil
}

// AppendBinary appends version, KVN, CMAC length, and for KIc and KID each
// the algorithm, the length and the octets of the key.
func (m Material) AppendBinary(b []byte) ([]byte, error) {
	if err := m.Check(); err != nil {
		return b, err
	}
	b = append(b, materialVersion, m.KVN, byte(m.CMACLen))
	for _, k := range [...]ota.Key{m.KIc, m.KID} {
		b = append(b, byte(k.Alg), byte(len(k.Octets)))
		b = append(b, k.Octets...)
	}
	return b, nil
}

// ParseMaterial reads what AppendBinary wrote and returns what is behind it.
// The keys are copies: the caller zeroes b, and the material with Zero.
func ParseMaterial(b []byte) (Material, []byte, error) {
	if len(b) < 3 {
		return Material{}, nil, fmt.Errorf("%w: the head needs 3 octets, have %d", ErrMaterial, len(b))
	}
	if b[0] != materialVersion {
		return Material{}, nil, fmt.Errorf("%w: version %d, this program knows %d", ErrMaterial, b[0], materialVersion)
	}
	m := Material{KVN: b[1], CMACLen: int(b[2])}
	b = b[3:]
	for _, k := range [...]*ota.Key{&m.KIc, &m.KID} {
		if len(b) < 2 || len(b)-2 < int(b[1]) {
			return Material{}, nil, fmt.Errorf("%w: a key runs past the end, have %d octets", ErrMaterial, len(b))
		}
		k.Alg = ota.Algorithm(b[0])
		if n := int(b[1]); n > 0 {
			k.Octets = append([]byte(nil), b[2:2+n]...)
		}
		b = b[2+int(b[1]):]
	}
	if err := m.Check(); err != nil {
		m.Zero()
		return Material{}, nil, err
	}
	return m, b, nil
}

// KeySet prepares the key schedules.
func (m Material) KeySet() (*ota.KeySet, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	return ota.NewKeySet(m.KVN, m.KIc, m.KID, m.CMACLen)
}

// Zero overwrites the keys.
func (m *Material) Zero() {
	clear(m.KIc.Octets)
	clear(m.KID.Octets)
}

// String names the key set without its keys.
func (m Material) String() string {
	return fmt.Sprintf("key set %d (KIc %s, KID %s)", m.KVN, m.KIc.Alg, m.KID.Alg)
}

// GoString is String: %#v must not show a key either.
func (m Material) GoString() string { return m.String() }

// LogValue hides the keys.
func (m Material) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText hides the keys where JSON is made of a list of them, as in a
// log: a key set is stored sealed (Vault), never as text.
func (m Material) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
