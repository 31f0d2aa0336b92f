package carriage

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
)

// CardKey is K0, the one key of an applet on a card, from which the others come. It
// is not printed. Each card has another.
type CardKey [16]byte

// ErrCardKey: octets that are no key of a card.
var ErrCardKey = errors.New("not a key of an applet")

// purpose is what a key that comes from K0 is for; its value is an octet of the
// derivation.
type purpose byte

const (
	requestCipher purpose = iota + 1
	requestCheck
	answerCipher
	answerCheck
	wrapCipher
	wrapCheck
)

// NewCardKey is a random one.
func NewCardKey() (k CardKey) {
	rand.Read(k[:]) // never fails
	return k
}

// DeriveCardKey is the key of a card under a master key of the operator (16 octets):
// AES-CMAC(master, "INT6K" generation ICCID). Each installation of the applet
// takes a new generation (1 to 255), since its counters begin at 0.
func DeriveCardKey(master []byte, generation byte, iccid ota.ICCID) (CardKey, error) {
	if len(master) != len(CardKey{}) {
		return CardKey{}, fmt.Errorf("%w: a master key has 16 octets, have %d", ErrCardKey, len(master))
	}
	if generation == 0 {
		return CardKey{}, fmt.Errorf("%w: the generation must be 1 to 255", ErrCardKey)
	}
	b := append([]byte("INT6K"), generation)
	return ota.CMAC(master, iccid.AppendEF(b))
}

// derive is AES-CMAC(K0, 01 "INT6" purpose set).
func (k CardKey) derive(p purpose, set byte) ([16]byte, error) {
	return ota.CMAC(k[:], []byte{0x01, 'I', 'N', 'T', '6', byte(p), set})
}

// Derived are the six keys of a set, in the order of INT6: request cipher and check,
// answer cipher and check, wrap and its check. It is for whoever writes or tests an applet.
func (k CardKey) Derived(set byte) (all [6][16]byte, err error) {
	if set < 1 || set > 15 {
		return all, fmt.Errorf("%w: key set %d, it must be 1 to 15", ErrCardKey, set)
	}
	for p := requestCipher; p <= wrapCheck && err == nil; p++ {
		all[p-requestCipher], err = k.derive(p, set)
	}
	return all, err
}

// Request is the key set, 1 to 15, under which requests of carriage own are sealed.
func (k CardKey) Request(set byte) (*ota.KeySet, error) {
	return k.keySet(set, requestCipher, requestCheck)
}

// Answer is the key set under which the applet seals its answers.
func (k CardKey) Answer(set byte) (*ota.KeySet, error) {
	return k.keySet(set, answerCipher, answerCheck)
}

func (k CardKey) keySet(set byte, cipher, check purpose) (*ota.KeySet, error) {
	if set < 1 || set > 15 {
		return nil, fmt.Errorf("%w: key set %d, it must be 1 to 15", ErrCardKey, set)
	}
	c, err := k.derive(cipher, set)
	if err != nil {
		return nil, err
	}
	m, err := k.derive(check, set)
	if err != nil {
		return nil, err
	}
	defer clear(c[:])
	defer clear(m[:])
	return ota.NewKeySet(set, ota.Key{Alg: ota.AES128, Octets: c[:]}, ota.Key{Alg: ota.AES128, Octets: m[:]}, 8)
}

// Wrap wraps a new key for set next under the key k of the set in use, for the message
// with this transaction number (INT6 A7).
func (k CardKey) Wrap(set byte, transaction uint32, next byte, fresh CardKey) (applet.WrappedKey, error) {
	w := applet.WrappedKey{Set: next}
	if next < 1 || next > 15 || next == set {
		return w, fmt.Errorf("%w: new key set %d, it must be 1 to 15 and not %d, which is in use", ErrCardKey, next, set)
	}
	block, err := k.wrapCipher(set)
	if err != nil {
		return w, err
	}
	block.Encrypt(w.Key[:], fresh[:])
	w.Check, err = k.wrapSum(set, transaction, &w)
	return w, err
}

// Unwrap is what the applet does with it. An error is 6A80 and changes nothing.
func (k CardKey) Unwrap(set byte, transaction uint32, w *applet.WrappedKey) (fresh CardKey, err error) {
	want, err := k.wrapSum(set, transaction, w)
	if err != nil {
		return fresh, err
	}
	if subtle.ConstantTimeCompare(want[:], w.Check[:]) != 1 {
		return fresh, fmt.Errorf("%w: the check value of a wrapped key is wrong", ErrCardKey)
	}
	block, err := k.wrapCipher(set)
	if err == nil {
		block.Decrypt(fresh[:], w.Key[:])
	}
	return fresh, err
}

func (k CardKey) wrapCipher(set byte) (cipher.Block, error) {
	key, err := k.derive(wrapCipher, set)
	if err != nil {
		return nil, err
	}
	defer clear(key[:])
	return aes.NewCipher(key[:])
}

// wrapSum is the first 8 octets of CMAC(wrap check, transaction number, new set, wrapped key).
func (k CardKey) wrapSum(set byte, transaction uint32, w *applet.WrappedKey) (check [8]byte, err error) {
	key, err := k.derive(wrapCheck, set)
	if err != nil {
		return check, err
	}
	defer clear(key[:])
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 21), transaction)
	mac, err := ota.CMAC(key[:], append(append(b, w.Set), w.Key[:]...))
	copy(check[:], mac[:])
	return check, err
}

// String shows no key.
func (CardKey) String() string { return "key of an applet" }

// GoString is String.
func (k CardKey) GoString() string { return k.String() }

// LogValue hides the key.
func (k CardKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText hides the key.
func (k CardKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
