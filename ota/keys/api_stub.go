package keys

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/ota"
)

var errStub = errors.New("not written yet")

// CounterMode says how a card checks the counter (SPI1 b5b4).
type CounterMode byte

// Counter modes.
const (
	CounterHigher CounterMode = iota // 10: process if higher than the stored one
	CounterExact                     // 11: process if exactly one higher
)

// NextCounter is the counter for the next new packet.
func NextCounter(last ota.CNTR, now time.Time, mode CounterMode) (ota.CNTR, error) {
	return 0, errStub
}

// WrappedKEK is a key-encryption key sealed under the root key.
type WrappedKEK struct {
	ID        uint32
	Blob      []byte
	CreatedAt time.Time
}

// KEKStore keeps the wrapped key-encryption keys; *store.Store is one.
type KEKStore interface {
	KEKs(ctx context.Context) ([]WrappedKEK, error)
	AddKEK(ctx context.Context, k WrappedKEK) error // store.ErrExists-like error when the id is taken
}

// Root is the root key.
type Root struct{ key [32]byte }

// CreateRoot writes 32 random octets to a new file of mode 0600.
func CreateRoot(path string) (*Root, error) { return nil, errStub }

// LoadRoot reads a root key file.
func LoadRoot(path string) (*Root, error) { return nil, errStub }

// LoadCredential reads $CREDENTIALS_DIRECTORY/name.
func LoadCredential(name string) (*Root, error) { return nil, errStub }

// NewRoot is for tests and demonstrations: a root key that lives in memory only.
func NewRoot() (*Root, error) { return nil, errStub }

// Vault seals and opens fields of rows.
type Vault struct{}

// OpenVault reads the key-encryption keys (and makes the first one).
func OpenVault(ctx context.Context, root *Root, st KEKStore, now time.Time) (*Vault, error) {
	return nil, errStub
}

// Field names one sealed field of one row: it is the additional data.
type Field struct{ Table, Row, Field string }

// Seal seals.
func (v *Vault) Seal(f Field, plaintext []byte) ([]byte, error) { return nil, errStub }

// Open opens what Seal made for the same field.
func (v *Vault) Open(f Field, blob []byte) ([]byte, error) { return nil, errStub }

// SealMaterial, OpenMaterial: the keys blob of a keyset row.
func (v *Vault) SealMaterial(iccid ota.ICCID, m Material) ([]byte, error) { return nil, errStub }

// OpenMaterial opens what SealMaterial made.
func (v *Vault) OpenMaterial(iccid ota.ICCID, kvn byte, blob []byte) (Material, error) {
	return Material{}, errStub
}

// SealCounter, OpenCounter: the counter blob of a keyset row.
func (v *Vault) SealCounter(iccid ota.ICCID, kvn byte, c ota.CNTR) ([]byte, error) {
	return nil, errStub
}

// OpenCounter opens what SealCounter made.
func (v *Vault) OpenCounter(iccid ota.ICCID, kvn byte, blob []byte) (ota.CNTR, error) {
	return 0, errStub
}
