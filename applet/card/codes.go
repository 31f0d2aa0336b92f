package card

import (
	"crypto/subtle"
	"fmt"
	"strings"

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

func (c *Card) putCode(i int) { c.nv.put(keyCode(i), c.codes[i].encode()) }

// code gives a code by its reference.
func (c *Card) code(ref applet.CodeRef) *personalCode { return &c.codes[ref-1] }

// verifyCode compares an entry. The counter is decremented and stored before
// the comparison, so that cutting the power wins nothing; the comparison
// takes the same time for every entry. A right entry restores the counter,
// which becomes durable with the answer.
func (c *Card) verifyCode(ref applet.CodeRef, entry string) (bool, error) {
	k := c.code(ref)
	k.left--
	c.putCode(int(ref - 1))
	if err := c.nv.commit(); err != nil {
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
	c.putCode(int(ref - 1))
	return true, nil
}

// format is the permitted length in digits.
func (k *personalCode) format() (lo, hi byte) {
	if k.min == 0 {
		return defaultMinCode, defaultMaxCode
	}
	return k.min, k.max
}

// setCode stores a code that the user chose; it fixes the length (3.4-4).
func (c *Card) setCode(ref applet.CodeRef, digits string) {
	k := c.code(ref)
	k.min, k.max = k.format()
	k.value, k.set, k.left = newCodeValue(digits), true, k.tries
	c.putCode(int(ref - 1))
}

// weak finds codes that are tried first: all digits equal, an ascending or
// descending row, two digits repeated, and the PoP code or a piece of it.
func weak(digits, pop string) bool {
	up, down, same, pair := true, true, true, true
	for i := 1; i < len(digits); i++ {
		d := (digits[i] - digits[i-1] + 10) % 10
		up = up && d == 1
		down = down && d == 9
		same = same && d == 0
		pair = pair && (i < 2 || digits[i] == digits[i-2])
	}
	return up || down || same || pair || pop != "" && strings.Contains(pop, digits)
}

// WeakCode says whether the applet refuses digits as a new personal code
// because they are tried first: 1111, 1234, 4321, 1212 and the like.
func WeakCode(digits string) bool { return weak(digits, "") }

// chosen says whether the digits are the present value of one of the codes:
// the two codes differ, and a new code differs from the old one.
func (c *Card) chosen(digits string) bool {
	v, found := newCodeValue(digits), 0
	for i := range c.codes {
		if k := &c.codes[i]; k.set {
			found |= subtle.ConstantTimeCompare(v[:], k.value[:])
		}
	}
	return found == 1
}

// luhn checks the last digit of a PoP code.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// verifyUnblocking is verifyCode for the unblocking code.
func (c *Card) verifyUnblocking(entry string) (bool, error) {
	c.unblocks--
	c.putUnblocks()
	if err := c.nv.commit(); err != nil {
		return false, err
	}
	if subtle.ConstantTimeCompare([]byte(entry), []byte(c.opt.UnblockingCode)) != 1 {
		return false, nil
	}
	c.unblocks = unblockTries
	c.putUnblocks()
	return true, nil
}
