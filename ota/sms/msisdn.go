package sms

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// MSISDN is a telephone number in international form (ITU-T E.164) without
// the plus sign: 3 to 15 decimal digits, the first not 0. It is comparable
// and is the only form in which numbers are stored.
type MSISDN string

// ErrMSISDN means that a text is not an international telephone number.
var ErrMSISDN = errors.New("MSISDN needs the international form, for example +41791234567")

// ParseMSISDN accepts an international number with or without a leading "+".
// Spaces, "00" prefixes and national forms are refused: guessing a country
// sends a signature request to a stranger.
func ParseMSISDN(s string) (MSISDN, error) {
	d := strings.TrimPrefix(s, "+")
	if len(d) < 3 || len(d) > 15 {
		return "", fmt.Errorf("%w: 3 to 15 digits, have %d characters", ErrMSISDN, len(d))
	}
	if d[0] == '0' {
		return "", fmt.Errorf("%w: it must not begin with 0", ErrMSISDN)
	}
	for i := range len(d) {
		if d[i] < '0' || d[i] > '9' {
			return "", fmt.Errorf("%w: character %d is not a digit", ErrMSISDN, i+1)
		}
	}
	return MSISDN(d), nil
}

// String is the number with its plus sign. For logs use the value itself.
func (m MSISDN) String() string { return "+" + string(m) }

// LogValue shows the first three and the last two digits: enough to see the
// country and to compare two lines, not enough to call somebody.
func (m MSISDN) LogValue() slog.Value {
	if len(m) < 8 {
		return slog.StringValue("+****")
	}
	return slog.StringValue("+" + string(m[:3]) + "****" + string(m[len(m)-2:]))
}
