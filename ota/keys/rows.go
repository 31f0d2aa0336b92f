package keys

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/simsign/simsign/ota"
)

// KeySetField names a sealed field of a keyset row: Field is "keys" or
// "counter" (schema of mssp/store).
func KeySetField(iccid ota.ICCID, kvn byte, field string) Field {
	return Field{"keyset", string(iccid) + "|" + strconv.Itoa(int(kvn)), field}
}

// SealMaterial makes the keys blob of a keyset row.
func (v *Vault) SealMaterial(iccid ota.ICCID, m Material) ([]byte, error) {
	b, err := m.AppendBinary(make([]byte, 0, 80))
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return v.Seal(KeySetField(iccid, m.KVN, "keys"), b)
}

// OpenMaterial opens a keys blob. The caller zeroes the material after use;
// to seal and open packets take KeySet.
func (v *Vault) OpenMaterial(iccid ota.ICCID, kvn byte, blob []byte) (Material, error) {
	b, err := v.Open(KeySetField(iccid, kvn, "keys"), blob)
	if err != nil {
		return Material{}, err
	}
	defer clear(b)
	m, rest, err := ParseMaterial(b)
	if err != nil {
		return Material{}, err
	}
	if len(rest) != 0 || m.KVN != kvn {
		m.Zero()
		return Material{}, fmt.Errorf("%w: key version %d in the row of %d, %d octets left", ErrMaterial, m.KVN, kvn, len(rest))
	}
	return m, nil
}

type keySetKey struct {
	iccid ota.ICCID
	kvn   byte
}

type cachedKeySet struct {
	blob []byte
	ks   *ota.KeySet
}

// KeySet opens a keys blob and prepares its key schedules. It remembers the
// key sets that were used last; another blob for the same row is opened anew.
func (v *Vault) KeySet(iccid ota.ICCID, kvn byte, blob []byte) (*ota.KeySet, error) {
	k := keySetKey{iccid, kvn}
	if c, ok := v.keySets.get(k); ok && bytes.Equal(c.blob, blob) {
		return c.ks, nil
	}
	m, err := v.OpenMaterial(iccid, kvn, blob)
	if err != nil {
		return nil, err
	}
	defer m.Zero()
	ks, err := m.KeySet()
	if err != nil {
		return nil, err
	}
	v.keySets.put(k, cachedKeySet{bytes.Clone(blob), ks})
	return ks, nil
}

// SealCounter makes the counter blob of a keyset row: the last counter used,
// 8 octets. It is sealed so that a damaged or exchanged row cannot make a
// counter appear unused.
func (v *Vault) SealCounter(iccid ota.ICCID, kvn byte, c ota.CNTR) ([]byte, error) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(c))
	return v.Seal(KeySetField(iccid, kvn, "counter"), b[:])
}

// OpenCounter opens a counter blob.
func (v *Vault) OpenCounter(iccid ota.ICCID, kvn byte, blob []byte) (ota.CNTR, error) {
	b, err := v.Open(KeySetField(iccid, kvn, "counter"), blob)
	if err != nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, fmt.Errorf("%w: a counter needs 8 octets, has %d", ErrBlob, len(b))
	}
	c := ota.CNTR(binary.BigEndian.Uint64(b))
	if c > ota.MaxCNTR {
		return 0, fmt.Errorf("%w: a counter has 40 bits", ErrBlob)
	}
	return c, nil
}
