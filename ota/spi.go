package ota

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrSPI means that a text is not an SPI.
var ErrSPI = errors.New("SPI needs 4 hexadecimal digits, for example 1639")

// Usual octets of an SPI: CC, ciphering and a counter that must rise, with
// an answer that has CC and ciphering too.
const (
	SPI1Default       byte = 0x16 // counter higher than the last, ciphered, CC
	SPI2Submit        byte = 0x39 // PoR always, CC, ciphered, by SMS-SUBMIT
	SPI2DeliverReport byte = 0x19 // the same in the SMS-DELIVER-REPORT
)

// CounterMode says what the card does with CNTR. TS 102 225 5.1.1, SPI1 b5b4.
type CounterMode byte

// The counter modes.
const (
	CounterNone      CounterMode = 0 // no counter; CNTR is sent as zeros
	CounterUnchecked CounterMode = 1 // a counter is there, nobody compares it
	CounterHigher    CounterMode = 2 // must be higher than the last
	CounterNext      CounterMode = 3 // must be exactly one higher than the last
)

// Integrity is the kind of check value. TS 102 225 5.1.1, SPI1 b2b1 and SPI2 b4b3.
type Integrity byte

// The kinds of check value.
const (
	IntegrityNone Integrity = 0
	IntegrityRC   Integrity = 1 // redundancy check: CRC-16 or CRC-32, no key
	IntegrityCC   Integrity = 2 // cryptographic checksum: CBC-MAC or CMAC
	IntegrityDS   Integrity = 3 // digital signature: not supported
)

// PoR says when the card answers. TS 102 225 5.1.1, SPI2 b2b1.
type PoR byte

// When a proof of receipt is sent.
const (
	PoRNever    PoR = 0
	PoRAlways   PoR = 1
	PoROnError  PoR = 2
	PoRReserved PoR = 3
)

// ParseSPI reads 4 hexadecimal digits. Every value is an SPI; whether it is
// strong enough is for Security to say.
func ParseSPI(s string) (SPI, error) {
	var v SPI
	if len(s) != 4 {
		return v, fmt.Errorf("%w, have %d characters", ErrSPI, len(s))
	}
	if _, err := hex.Decode(v[:], []byte(s)); err != nil {
		return SPI{}, fmt.Errorf("%w: %v", ErrSPI, err)
	}
	return v, nil
}

// String is the SPI in 4 upper-case hexadecimal digits.
func (s SPI) String() string { return strings.ToUpper(hex.EncodeToString(s[:])) }

// Counter is SPI1 b5b4.
func (s SPI) Counter() CounterMode { return CounterMode(s[0] >> 3 & 3) }

// Ciphered is SPI1 b3: the command is ciphered from CNTR on.
func (s SPI) Ciphered() bool { return s[0]&0x04 != 0 }

// Integrity is SPI1 b2b1: the check value of the command.
func (s SPI) Integrity() Integrity { return Integrity(s[0] & 3) }

// PoR is SPI2 b2b1.
func (s SPI) PoR() PoR { return PoR(s[1] & 3) }

// PoRIntegrity is SPI2 b4b3: the check value of the answer.
func (s SPI) PoRIntegrity() Integrity { return Integrity(s[1] >> 2 & 3) }

// PoRCiphered is SPI2 b5: the answer is ciphered from CNTR on.
func (s SPI) PoRCiphered() bool { return s[1]&0x10 != 0 }

// PoRSubmit is SPI2 b6: the answer comes in an SMS-SUBMIT of its own and not
// in the SMS-DELIVER-REPORT.
func (s SPI) PoRSubmit() bool { return s[1]&0x20 != 0 }

// PlainPoR is the same SPI with an answer in clear and without a check value.
// It is what a card uses that cannot protect its error answer.
func (s SPI) PlainPoR() SPI { return SPI{s[0], s[1] &^ 0x1C} }

// Describe spells out the bits for people, for example
// "counter higher, ciphered, CC; PoR always, ciphered, CC, by SMS-SUBMIT".
func (s SPI) Describe() string {
	counters := [...]string{"no counter", "counter unchecked", "counter higher", "counter exactly one higher"}
	cipher := map[bool]string{false: "in clear", true: "ciphered"}
	path := map[bool]string{false: "SMS-DELIVER-REPORT", true: "SMS-SUBMIT"}
	d := fmt.Sprintf("%s, %s, %s; ", counters[s.Counter()], cipher[s.Ciphered()], s.Integrity())
	if s.PoR() == PoRNever {
		return d + "no PoR"
	}
	return d + fmt.Sprintf("PoR %s, %s, %s, by %s", s.PoR(), cipher[s.PoRCiphered()], s.PoRIntegrity(), path[s.PoRSubmit()])
}

// String is "RC", "CC", "DS" or "no check value".
func (i Integrity) String() string {
	return [...]string{"no check value", "RC", "CC", "DS"}[i&3]
}

// String says when the answer comes.
func (p PoR) String() string {
	return [...]string{"never", "always", "on error", "reserved"}[p&3]
}
