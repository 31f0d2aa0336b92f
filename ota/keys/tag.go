package keys

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// ErrTag: octets that nobody with the keys has written, or that stand in the
// wrong place.
var ErrTag = errors.New("tag does not fit: it was changed, or belongs elsewhere")

// A tag is the number of the key-encryption key (4 octets) and the first half
// of an HMAC-SHA-256. It is for what may be read by all and written by none:
// unlike a sealed field it costs no key of its own for each row.
const (
	tagSum = 16
	// TagLen is the length of a tag.
	TagLen = 4 + tagSum
)

// AppendTag appends a tag over parts, which may hold anything: each counts with
// its length. The purpose keeps tags of one kind from being taken for another.
func (v *Vault) AppendTag(b []byte, purpose string, parts ...[]byte) ([]byte, error) {
	v.mu.RLock()
	kek := v.current
	v.mu.RUnlock()
	t, err := v.tagger(kek, purpose)
	if err != nil {
		return nil, err
	}
	m := t.pool.Get().(*mac)
	defer t.pool.Put(m)
	b = binary.BigEndian.AppendUint32(b, kek)
	return append(b, m.over(parts)...), nil
}

// CheckTag checks a tag. The errors are ErrTag and ErrKEK.
func (v *Vault) CheckTag(tag []byte, purpose string, parts ...[]byte) error {
	if len(tag) != TagLen {
		return fmt.Errorf("%w: a tag has %d octets, this one has %d", ErrTag, TagLen, len(tag))
	}
	t, err := v.tagger(binary.BigEndian.Uint32(tag), purpose)
	if err != nil {
		return err
	}
	m := t.pool.Get().(*mac)
	defer t.pool.Put(m)
	if subtle.ConstantTimeCompare(m.over(parts), tag[4:]) != 1 {
		return ErrTag
	}
	return nil
}

type tagKey struct {
	kek     uint32
	purpose string
}

// tagger makes tags of one purpose under one key-encryption key. Its states
// are used again: making one costs as much as a tag.
type tagger struct{ pool sync.Pool }

func (v *Vault) tagger(kek uint32, purpose string) (*tagger, error) {
	k := tagKey{kek, purpose}
	if t, ok := v.taggers.get(k); ok {
		return t, nil
	}
	key, err := v.derive(kek, "simsign tag key 1|"+purpose)
	if err != nil {
		return nil, err
	}
	t := &tagger{sync.Pool{New: func() any { return &mac{h: hmac.New(sha256.New, key)} }}}
	v.taggers.put(k, t)
	return t, nil
}

// mac is a state of HMAC with the room that it needs.
type mac struct {
	h    hash.Hash
	room [sha256.Size]byte
}

func (m *mac) over(parts [][]byte) []byte {
	m.h.Reset()
	for _, p := range parts {
		binary.BigEndian.PutUint64(m.room[:8], uint64(len(p)))
		m.h.Write(m.room[:8])
		m.h.Write(p)
	}
	return m.h.Sum(m.room[:0])[:tagSum]
}
