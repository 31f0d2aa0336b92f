package card

import (
	"crypto/subtle"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// pin is a code that the user chose (requirements 3.4-1 to 3.4-4), or the unblocking
// code. It leaves the card by no interface: an applet has uicc.PIN.
type pin struct {
	nv       *nvm
	name     string
	min, max byte // length in digits; 0 until configured
	tries    byte // wrong entries in a row that block
	left     byte
	set      bool
	value    codeValue
	fixed    bool // only the tries that are left are in memory
	strict   bool // it compares for a try only
}

// codeValue is a length and up to 16 digits, always compared whole.
type codeValue [1 + applet.MaxCodeLength]byte

func newCodeValue(digits string) (v codeValue) {
	// An entry that is too long must not be cut to fit.
	v[0] = byte(min(len(digits), 255))
	copy(v[1:], digits)
	return v
}

// unblockTries are those of the unblocking code.
const unblockTries = 10

// newPINs makes the codes of the profile: authentication, non-repudiation, unblocking. What
// is not in the memory is as installed.
func newPINs(nv *nvm, p *Profile) ([]*pin, error) {
	pins := make([]*pin, 0, len(p.Codes)+1)
	for i, k := range p.Codes {
		pins = append(pins, &pin{nv: nv, name: keyCode(i), min: k.Min, max: k.Max, tries: k.Tries, left: k.Tries})
	}
	pins = append(pins, &pin{
		nv: nv, name: keyUnblocks, tries: unblockTries, left: unblockTries, set: p.UnblockingCode != "", value: newCodeValue(p.UnblockingCode), fixed: true,
	})
	for _, k := range pins {
		k.strict = p.Strict
		if err := k.load(); err != nil {
			return nil, err
		}
	}
	return pins, nil
}

const codeLen = 5 + len(codeValue{})

func (k *pin) put() {
	if k.fixed {
		k.nv.Put(k.name, []byte{k.left})
		return
	}
	set := byte(0)
	if k.set {
		set = 1
	}
	k.nv.Put(k.name, append([]byte{k.min, k.max, k.tries, k.left, set}, k.value[:]...))
}

func (k *pin) load() error {
	b := k.nv.Get(k.name)
	switch {
	case b == nil:
		return nil
	case k.fixed && len(b) == 1:
		k.left = b[0]
		return nil
	case k.fixed || len(b) != codeLen:
		return fmt.Errorf("%w: personal code of %d octets", ErrJournal, len(b))
	}
	k.min, k.max, k.tries, k.left, k.set = b[0], b[1], b[2], b[3], b[4] == 1
	copy(k.value[:], b[5:])
	return nil
}

// Configure is uicc.PIN. Never more tries than are left: that would be an unblocking.
func (k *pin) Configure(lo, hi, tries byte) {
	k.min, k.max, k.tries = lo, hi, tries
	if !k.set {
		k.left = tries
	}
	k.left = min(k.left, tries)
	k.put()
}

// Format is uicc.PIN.
func (k *pin) Format() (lo, hi byte) { return k.min, k.max }

// Tries is uicc.PIN.
func (k *pin) Tries() byte { return k.tries }

// Left is uicc.PIN.
func (k *pin) Left() byte { return k.left }

// Set is uicc.PIN.
func (k *pin) Set() bool { return k.set }

// Check is uicc.PIN (INT6, Personal codes). The counter is decremented
// and stored before the comparison, so that cutting the power wins nothing; the
// comparison takes the same time for every entry. A right entry restores the
// counter, which becomes durable with the answer.
func (k *pin) Check(entry string) (bool, error) {
	if !k.set || k.left == 0 {
		return false, nil
	}
	k.left--
	k.put()
	if err := k.nv.Commit(); err != nil {
		return false, err
	}
	if !k.equals(entry) {
		return false, nil
	}
	k.left = k.tries
	k.put()
	return true, nil
}

// Is is uicc.PIN.
func (k *pin) Is(entry string) bool { return !k.strict && k.equals(entry) }

func (k *pin) equals(entry string) bool {
	v := newCodeValue(entry)
	defer clear(v[:])
	return subtle.ConstantTimeCompare(v[:], k.value[:]) == 1
}

// Update is uicc.PIN.
func (k *pin) Update(digits string) {
	k.value, k.set, k.left = newCodeValue(digits), true, k.tries
	k.put()
}

// Unblock is uicc.PIN.
func (k *pin) Unblock() {
	k.left = k.tries
	k.put()
}

// Remove is uicc.PIN.
func (k *pin) Remove() {
	k.set, k.value, k.left = false, codeValue{}, k.tries
	k.put()
}

var _ uicc.PIN = (*pin)(nil)
