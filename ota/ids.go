package ota

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// TAR is a Toolkit Application Reference: three octets that name the applet
// which a secured packet is for (TS 101 220).
type TAR [3]byte

// ErrTAR means that a text is not a TAR.
var ErrTAR = errors.New("TAR needs 6 hexadecimal digits")

// ParseTAR reads 6 hexadecimal digits.
func ParseTAR(s string) (TAR, error) {
	var t TAR
	if len(s) != 6 {
		return t, fmt.Errorf("%w, have %d characters", ErrTAR, len(s))
	}
	if _, err := hex.Decode(t[:], []byte(s)); err != nil {
		return TAR{}, fmt.Errorf("%w: %v", ErrTAR, err)
	}
	return t, nil
}

// String is the TAR in upper-case hexadecimal.
func (t TAR) String() string { return strings.ToUpper(hex.EncodeToString(t[:])) }

// CNTR is the replay counter of a packet: 40 bits, five octets on the wire
// (TS 102 225 5.1.3).
type CNTR uint64

// MaxCNTR blocks a card for good when it arrives there: never send it.
const MaxCNTR CNTR = 1<<40 - 1

// String is the counter in ten hexadecimal digits, as on the wire.
func (c CNTR) String() string { return fmt.Sprintf("%010X", uint64(c)) }

// SPI is the Security Parameter Indicator: two octets that say how a command
// packet is protected (SPI1) and what is wanted of its answer (SPI2).
// TS 102 225 5.1.1.
type SPI [2]byte
