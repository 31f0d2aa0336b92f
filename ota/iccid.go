package ota

import (
	"errors"
	"fmt"
	"log/slog"
)

// ICCID is the number printed on a card (ITU-T E.118): 18 to 20 decimal
// digits. It names the card in key storage and counters; the MSISDN that
// reaches the card may change, the ICCID does not.
type ICCID string

// ErrICCID means that a text is not an ICCID.
var ErrICCID = errors.New("ICCID needs 18 to 20 decimal digits")

// ParseICCID accepts 18 to 20 decimal digits and nothing else.
func ParseICCID(s string) (ICCID, error) {
	if len(s) < 18 || len(s) > 20 {
		return "", fmt.Errorf("%w, have %d characters", ErrICCID, len(s))
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return "", fmt.Errorf("%w, character %d is not a digit", ErrICCID, i+1)
		}
	}
	return ICCID(s), nil
}

// String is the whole number. For logs use the value itself: LogValue masks it.
func (i ICCID) String() string { return string(i) }

// AppendEF appends the ten octets of EF_ICCID: digits two to an octet, the first in the
// low half, F as filler (TS 102 221 13.2).
func (i ICCID) AppendEF(b []byte) []byte {
	const filler = 0xF
	digit := func(at int) byte {
		if at < len(i) {
			return i[at] - '0'
		}
		return filler
	}
	for at := 0; at < 20; at += 2 {
		b = append(b, digit(at+1)<<4|digit(at))
	}
	return b
}

// LogValue shows only the last four digits.
func (i ICCID) LogValue() slog.Value {
	if len(i) < 8 {
		return slog.StringValue("****")
	}
	return slog.StringValue("****" + string(i[len(i)-4:]))
}
