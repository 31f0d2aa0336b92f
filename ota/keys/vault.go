// Package keys keeps card keys and replay counters at rest, and says which
// counter comes next.
//
// Three levels: a root key (a file of mode 0600, or a systemd credential)
// wraps key-encryption keys, which have numbers and live in the database;
// from a key-encryption key HKDF derives a key for each row; that seals the
// fields of the row with AES-256-GCM and a random nonce. The additional data
// is table|row|field, so that a blob that was moved to another row, or an old
// one of another field, does not open: SQLite has no checksums of its own,
// this is one (rule E, F7). Each blob carries the number of its
// key-encryption key; rotation adds a new one and seals row by row anew.
//
// What everybody may read and nobody may change or move is not sealed but
// tagged (AppendTag).
//
// What is open stays so for microseconds: a packet encoder gets a key set with
// its schedules made, from a small bounded cache, and the clear octets are
// zeroed. Values that hold keys print as a name.
//
// A counter is taken in the commit that stores the sealed octets, never
// before and never twice; see NextCounter for how it survives crashes,
// restored backups and wrong clocks.
package keys

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// WrappedKEK is a key-encryption key, sealed under the root key.
type WrappedKEK struct {
	ID        uint32 // 1, 2, ...; the highest seals new blobs
	Blob      []byte
	CreatedAt time.Time
}

// KEKStore keeps the wrapped key-encryption keys. AddKEK fails when the id is taken.
type KEKStore interface {
	KEKs(ctx context.Context) ([]WrappedKEK, error)
	AddKEK(ctx context.Context, k WrappedKEK) error
}

// Errors of sealed blobs.
var (
	// ErrBlob: octets that Seal has never made.
	ErrBlob = errors.New("not a sealed field")
	// ErrOpen: a damaged blob, or one of another row or field.
	ErrOpen = errors.New("sealed field does not open: it is damaged or belongs to another row")
	// ErrKEK: sealed under a key-encryption key that is not in the database.
	ErrKEK = errors.New("unknown key-encryption key")
)

// A blob is a format octet, the number of the key-encryption key (4 octets; 0
// is the root key), a nonce (12), the ciphertext and a tag (16).
const (
	blobFormat = 1
	blobHead   = 1 + 4
	// Overhead is how much longer a blob is than what it seals.
	Overhead = blobHead + 12 + 16
)

// cached AEADs and key sets, each about 1 KB.
const cacheSize = 8192

// Vault seals and opens fields of rows. It is safe for concurrent use.
type Vault struct {
	st   KEKStore
	wrap cipher.AEAD

	mu      sync.RWMutex
	keks    map[uint32][]byte
	current uint32

	aeads   *cache[aeadKey, cipher.AEAD]
	keySets *cache[keySetKey, cachedKeySet]
	taggers *cache[tagKey, *tagger]
}

type aeadKey struct {
	kek        uint32
	table, row string
}

// Field names one sealed field of one row: the additional data of its blob.
// Table and Field must not hold "|".
type Field struct{ Table, Row, Field string }

func (f Field) aad() []byte {
	b := make([]byte, 0, 64)
	b = append(b, f.Table...)
	b = append(append(b, '|'), f.Row...)
	return append(append(b, '|'), f.Field...)
}

// OpenVault reads the key-encryption keys and makes the first one when there
// is none. ErrRoot: the root key is not the one of this database.
func OpenVault(ctx context.Context, root *Root, st KEKStore, now time.Time) (*Vault, error) {
	key, err := root.wrap()
	if err != nil {
		return nil, err
	}
	wrap, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	v := &Vault{
		st: st, wrap: wrap, keks: map[uint32][]byte{},
		aeads: newCache[aeadKey, cipher.AEAD](cacheSize), keySets: newCache[keySetKey, cachedKeySet](cacheSize),
		taggers: newCache[tagKey, *tagger](cacheSize),
	}
	if err := v.load(ctx); err != nil {
		return nil, err
	}
	if v.current == 0 {
		// Two processes may do this at once: one of them adds, both load.
		addErr := v.AddKEK(ctx, now)
		if err := v.load(ctx); err != nil {
			return nil, err
		}
		if v.current == 0 {
			return nil, addErr
		}
	}
	return v, nil
}

func (v *Vault) load(ctx context.Context) error {
	wrapped, err := v.st.KEKs(ctx)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range wrapped {
		if w.ID == 0 {
			return fmt.Errorf("%w: number 0", ErrKEK)
		}
		k, err := open(v.wrap, 0, kekField(w.ID), w.Blob)
		if err != nil {
			return fmt.Errorf("%w: it is not the root key of this database: key-encryption key %d: %w", ErrRoot, w.ID, err)
		}
		v.keks[w.ID] = k
		v.current = max(v.current, w.ID)
	}
	return nil
}

func kekField(id uint32) Field { return Field{"kek", strconv.FormatUint(uint64(id), 10), "blob"} }

// AddKEK makes a new key-encryption key, which seals everything from now on.
// Older blobs open as before; Rewrap seals them anew.
func (v *Vault) AddKEK(ctx context.Context, now time.Time) error {
	v.mu.RLock()
	id := v.current + 1
	v.mu.RUnlock()
	key := make([]byte, 32)
	rand.Read(key) // never fails
	blob := seal(v.wrap, 0, kekField(id), key)
	if err := v.st.AddKEK(ctx, WrappedKEK{ID: id, Blob: blob, CreatedAt: now}); err != nil {
		clear(key)
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keks[id] = key
	v.current = max(v.current, id)
	return nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	defer clear(key)
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

// aead is the key of one row under one key-encryption key.
func (v *Vault) aead(kek uint32, f Field) (cipher.AEAD, error) {
	k := aeadKey{kek, f.Table, f.Row}
	if a, ok := v.aeads.get(k); ok {
		return a, nil
	}
	dek, err := v.derive(kek, "simsign row key 1|"+f.Table+"|"+f.Row)
	if err != nil {
		return nil, err
	}
	a, err := newAEAD(dek)
	if err == nil {
		v.aeads.put(k, a)
	}
	return a, err
}

// derive is a key of 32 octets for one use, made from a key-encryption key
// (RFC 5869).
func (v *Vault) derive(kek uint32, use string) ([]byte, error) {
	v.mu.RLock()
	secret, ok := v.keks[kek]
	v.mu.RUnlock()
	if !ok {
		return nil, fmt.Errorf("%w: number %d", ErrKEK, kek)
	}
	return hkdf.Key(sha256.New, secret, nil, use, sha256.Size)
}

func seal(a cipher.AEAD, kek uint32, f Field, plaintext []byte) []byte {
	b := make([]byte, blobHead, Overhead+len(plaintext))
	b[0] = blobFormat
	binary.BigEndian.PutUint32(b[1:], kek)
	return a.Seal(b, nil, plaintext, f.aad())
}

// kekOf reads the head of a blob.
func kekOf(blob []byte) (uint32, error) {
	if len(blob) < Overhead {
		return 0, fmt.Errorf("%w: it needs %d octets, has %d", ErrBlob, Overhead, len(blob))
	}
	if blob[0] != blobFormat {
		return 0, fmt.Errorf("%w: format %d", ErrBlob, blob[0])
	}
	return binary.BigEndian.Uint32(blob[1:]), nil
}

func open(a cipher.AEAD, kek uint32, f Field, blob []byte) ([]byte, error) {
	if id, err := kekOf(blob); err != nil {
		return nil, err
	} else if id != kek {
		return nil, fmt.Errorf("%w: number %d", ErrKEK, id)
	}
	p, err := a.Open(nil, nil, blob[blobHead:], f.aad())
	if err != nil {
		return nil, fmt.Errorf("%w (%s, %s)", ErrOpen, f.Table, f.Field)
	}
	return p, nil
}

// Seal seals a field under the current key-encryption key.
func (v *Vault) Seal(f Field, plaintext []byte) ([]byte, error) {
	if strings.Contains(f.Table, "|") || strings.Contains(f.Field, "|") {
		return nil, fmt.Errorf("%w: a name must not hold |", ErrBlob)
	}
	v.mu.RLock()
	kek := v.current
	v.mu.RUnlock()
	a, err := v.aead(kek, f)
	if err != nil {
		return nil, err
	}
	return seal(a, kek, f, plaintext), nil
}

// Open opens what Seal has made for the same field. The errors are ErrBlob,
// ErrOpen and ErrKEK; none of them says anything about the content. The
// caller zeroes the octets after use.
func (v *Vault) Open(f Field, blob []byte) ([]byte, error) {
	kek, err := kekOf(blob)
	if err != nil {
		return nil, err
	}
	a, err := v.aead(kek, f)
	if err != nil {
		return nil, err
	}
	return open(a, kek, f, blob)
}

// Rewrap seals a field anew when an older key-encryption key sealed it;
// changed is false, and the blob the same, when it was the current one.
func (v *Vault) Rewrap(f Field, blob []byte) (out []byte, changed bool, err error) {
	kek, err := kekOf(blob)
	if err != nil {
		return nil, false, err
	}
	v.mu.RLock()
	current := v.current
	v.mu.RUnlock()
	if kek == current {
		return blob, false, nil
	}
	p, err := v.Open(f, blob)
	if err != nil {
		return nil, false, err
	}
	defer clear(p)
	out, err = v.Seal(f, p)
	return out, err == nil, err
}

// String shows no key.
func (v *Vault) String() string { return "vault" }

// GoString is String.
func (v *Vault) GoString() string { return v.String() }

// LogValue hides the keys.
func (v *Vault) LogValue() slog.Value { return slog.StringValue(v.String()) }
