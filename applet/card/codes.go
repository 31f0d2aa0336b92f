package card

import (
	"crypto/subtle"
	"fmt"

	"github.com/simsign/simsign/applet"
)

// personalCode is a code that the user chose (requirements 3.4-1 to 3.4-4).
// It leaves this package by no interface.
type personalCode struct {
	min, max byte // length in digits; 0 until configured
	tries    byte // wrong entries in a row that block
	left     byte
	set      bool
	value    codeValue
}

// codeValue is a length and up to 16 digits, always compared whole.
type codeValue [1 + applet.MaxCodeLength]byte

func newCodeValue(digits string) (v codeValue) {
	v[0] = byte(len(digits))
	copy(v[1:], digits)
	return v
}

// Lengths of a code when nobody configured one before it was chosen.
const (
	defaultMinCode = 4
	defaultMaxCode = 8
	unblockTries   = 10
)

func (k *personalCode) status() applet.CodeStatus {
	switch {
	case !k.set:
		return applet.CodeNotSet
	case k.left == 0:
		return applet.CodeBlocked
	}
	return applet.CodeSet
}

const codeLen = 5 + len(codeValue{})

func (k *personalCode) encode() []byte {
	set := byte(0)
	if k.set {
		set = 1
	}
	return append([]byte{k.min, k.max, k.tries, k.left, set}, k.value[:]...)
}

func (k *personalCode) decode(b []byte) error {
	if len(b) != codeLen {
		return fmt.Errorf("%w: personal code of %d octets", ErrJournal, len(b))
	}
	k.min, k.max, k.tries, k.left, k.set = b[0], b[1], b[2], b[3], b[4] == 1
	copy(k.value[:], b[5:])
	return nil
}

// codeStore is the personal codes and the tries of the unblocking code in the
// memory of the card.
type codeStore struct {
	nv       *nvm
	profile  *Profile
	count    int             // how many there are
	codes    [2]personalCode // authentication, non-repudiation
	unblocks byte            // tries left of the unblocking code
}

// install sets the codes to what installation left: none, with the formats of
// the profile.
func (s *codeStore) install() {
	for i, k := range s.profile.Codes {
		s.codes[i] = personalCode{min: k.Min, max: k.Max, tries: k.Tries, left: k.Tries}
	}
	s.unblocks = unblockTries
}

func (s *codeStore) load() error {
	if b := s.nv.get(keyUnblocks); len(b) == 1 {
		s.unblocks = b[0]
	}
	for i := range s.codes {
		if b := s.nv.get(keyCode(i)); b != nil {
			if err := s.codes[i].decode(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *codeStore) putAll() {
	for i := range s.codes {
		s.put(applet.CodeRef(i + 1))
	}
	s.putUnblocks()
}

func (s *codeStore) put(ref applet.CodeRef) {
	s.nv.put(keyCode(int(ref-1)), s.get(ref).encode())
}

func (s *codeStore) putUnblocks() { s.nv.put(keyUnblocks, []byte{s.unblocks}) }

// get gives a code by its reference.
func (s *codeStore) get(ref applet.CodeRef) *personalCode { return &s.codes[ref-1] }

// report is the codes as INT6 tells them. Nothing of it is secret.
func (s *codeStore) report() []applet.CodeState {
	out := make([]applet.CodeState, 0, s.count)
	for i := range s.count {
		k := &s.codes[i]
		out = append(out, applet.CodeState{
			Code: applet.CodeRef(i + 1), Status: k.status(), TriesLeft: k.left, MaxTries: k.tries, Min: k.min, Max: k.max,
		})
	}
	return out
}

// verify compares an entry (INT6, Personal codes). The counter is decremented
// and stored before the comparison, so that cutting the power wins nothing; the
// comparison takes the same time for every entry. A right entry restores the
// counter, which becomes durable with the answer.
func (s *codeStore) verify(ref applet.CodeRef, entry string) (bool, error) {
	k := s.get(ref)
	k.left--
	s.put(ref)
	if err := s.nv.commit(); err != nil {
		return false, err
	}
	// An entry that is too long must not be cut to fit.
	v := newCodeValue(entry[:min(len(entry), applet.MaxCodeLength)])
	v[0] = byte(min(len(entry), 255))
	if subtle.ConstantTimeCompare(v[:], k.value[:]) != 1 {
		clear(v[:])
		return false, nil
	}
	clear(v[:])
	k.left = k.tries
	s.put(ref)
	return true, nil
}

// format is the permitted length in digits.
func (k *personalCode) format() (lo, hi byte) {
	if k.min == 0 {
		return defaultMinCode, defaultMaxCode
	}
	return k.min, k.max
}

// set stores a code that the user chose; it fixes the length (3.4-4).
func (s *codeStore) set(ref applet.CodeRef, digits string) {
	k := s.get(ref)
	k.min, k.max = k.format()
	k.value, k.set, k.left = newCodeValue(digits), true, k.tries
	s.put(ref)
}

// chosen says whether the digits are the present value of a code, or of the other one:
// the two codes differ, and a new code differs from the old one. An OwnerPIN cannot
// be compared without spending a try, which only the code that is replaced gets back, and
// a blocked one not at all.
func (s *codeStore) chosen(ref applet.CodeRef, digits string, other bool) bool {
	v, found := newCodeValue(digits), 0
	for i := range s.codes {
		if k := &s.codes[i]; k.set && (other || applet.CodeRef(i+1) == ref && k.left > 0) {
			found |= subtle.ConstantTimeCompare(v[:], k.value[:])
		}
	}
	return found == 1
}

// verifyUnblocking is verify for the unblocking code.
func (s *codeStore) verifyUnblocking(entry string) (bool, error) {
	s.unblocks--
	s.putUnblocks()
	if err := s.nv.commit(); err != nil {
		return false, err
	}
	if subtle.ConstantTimeCompare([]byte(entry), []byte(s.profile.UnblockingCode)) != 1 {
		return false, nil
	}
	s.unblocks = unblockTries
	s.putUnblocks()
	return true, nil
}
