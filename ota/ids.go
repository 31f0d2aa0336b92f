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

// Taken is what the standard gives a TAR to, so that no applet can have it (TS 101 220
// annex D); "" when an applet can.
func (t TAR) Taken() string {
	switch {
	case t == TAR{}:
		return "the security domain of the issuer"
	case t[0] == 0xB0:
		return "remote file management"
	}
	return ""
}

// String is the TAR in upper-case hexadecimal.
func (t TAR) String() string { return strings.ToUpper(hex.EncodeToString(t[:])) }

// CNTR is the replay counter of a packet: 40 bits, five octets on the wire
// (TS 102 225 5.1.4).
type CNTR uint64

// MaxCNTR blocks a card for good when it arrives there: never send it.
const MaxCNTR CNTR = 1<<40 - 1

// String is the counter in ten hexadecimal digits, as on the wire.
func (c CNTR) String() string { return fmt.Sprintf("%010X", uint64(c)) }

// SPI is the Security Parameter Indicator: two octets that say how a command
// packet is protected (SPI1) and what is wanted of its answer (SPI2).
// TS 102 225 5.1.1.
type SPI [2]byte

// LimitCNTR is where a gateway stops: 2^16 counters before the end. A card
// that is left alone there can still be reached by hand.
const LimitCNTR CNTR = 1<<40 - 1<<16

// ErrCNTR means that a text is not a counter.
var ErrCNTR = errors.New("CNTR needs 1 to 10 hexadecimal digits")

// ParseCNTR reads 1 to 10 hexadecimal digits, the first the most significant.
func ParseCNTR(s string) (CNTR, error) {
	if len(s) < 1 || len(s) > 10 {
		return 0, fmt.Errorf("%w, have %d characters", ErrCNTR, len(s))
	}
	var c CNTR
	for i := range len(s) {
		d := strings.IndexByte("0123456789abcdef", s[i]|0x20)
		if d < 0 || s[i] < '0' {
			return 0, fmt.Errorf("%w: character %d is not one", ErrCNTR, i+1)
		}
		c = c<<4 | CNTR(d)
	}
	return c, nil
}

// put writes the five octets of the counter.
func (c CNTR) put(b []byte) {
	_ = b[4]
	b[0], b[1], b[2], b[3], b[4] = byte(c>>32), byte(c>>24), byte(c>>16), byte(c>>8), byte(c)
}

// getCNTR reads the five octets of a counter.
func getCNTR(b []byte) CNTR {
	_ = b[4]
	return CNTR(b[0])<<32 | CNTR(b[1])<<24 | CNTR(b[2])<<16 | CNTR(b[3])<<8 | CNTR(b[4])
}
