package sms

import (
	"fmt"
	"time"
)

// ValidityFormat is TP-VPF. TS 23.040 9.2.3.3.
type ValidityFormat byte

// The formats of a validity period, with their length in octets.
const (
	ValidityNone     ValidityFormat = 0 // 0
	ValidityEnhanced ValidityFormat = 1 // 7
	ValidityRelative ValidityFormat = 2 // 1
	ValidityAbsolute ValidityFormat = 3 // 7
)

// Validity says how long the network may try. Which field counts is told by
// Format. TS 23.040 9.2.3.12.
type Validity struct {
	Format   ValidityFormat
	Relative byte
	Absolute Timestamp
	Enhanced [7]byte
}

// ValidFor is the relative validity period that is no shorter than d: 5
// minutes to 63 weeks, in steps that grow. 0 or less leaves it to the network.
func ValidFor(d time.Duration) Validity {
	if d <= 0 {
		return Validity{}
	}
	const day = 24 * time.Hour
	up := func(d, step time.Duration) int { return int((d + step - 1) / step) }
	v := 255
	switch {
	case d <= 12*time.Hour:
		v = up(d, 5*time.Minute) - 1
	case d <= day:
		v = 143 + up(d-12*time.Hour, 30*time.Minute)
	case d <= 30*day:
		v = 166 + up(d, day)
	case d <= 63*7*day:
		v = 192 + max(up(d, 7*day), 5)
	}
	return Validity{Format: ValidityRelative, Relative: byte(v)}
}

// Duration is the period where the format is relative, or enhanced with a
// length; ok is false where it is absolute or absent.
func (v Validity) Duration() (d time.Duration, ok bool) {
	switch v.Format {
	case ValidityRelative:
		return relative(v.Relative), true
	case ValidityEnhanced:
		return v.enhanced()
	}
	return 0, false
}

func relative(v byte) time.Duration {
	n := time.Duration(v)
	switch {
	case v <= 143:
		return (n + 1) * 5 * time.Minute
	case v <= 167:
		return 12*time.Hour + (n-143)*30*time.Minute
	case v <= 196:
		return (n - 166) * 24 * time.Hour
	}
	return (n - 192) * 7 * 24 * time.Hour
}

// enhanced reads the low bits of the first octet: 1 relative, 2 seconds, 3
// hours, minutes and seconds in swapped digits.
func (v Validity) enhanced() (time.Duration, bool) {
	e := v.Enhanced
	if e[0]&0x80 != 0 { // an extension that nobody defined
		return 0, false
	}
	switch e[0] & 7 {
	case 1:
		return relative(e[1]), true
	case 2:
		return time.Duration(e[1]) * time.Second, true
	case 3:
		s := 0
		for _, o := range e[1:4] {
			if o&15 > 9 || o>>4 > 9 {
				return 0, false
			}
			s = s*60 + int(o&15)*10 + int(o>>4)
		}
		return time.Duration(s) * time.Second, true
	}
	return 0, false
}

func (v Validity) appendBinary(dst []byte) []byte {
	switch v.Format {
	case ValidityRelative:
		return append(dst, v.Relative)
	case ValidityAbsolute:
		return append(dst, v.Absolute[:]...)
	case ValidityEnhanced:
		return append(dst, v.Enhanced[:]...)
	}
	return dst
}

func parseValidity(f ValidityFormat, b []byte) (Validity, []byte, error) {
	v := Validity{Format: f}
	n := [...]int{0, 7, 1, 7}[f&3]
	if len(b) < n {
		return v, nil, fmt.Errorf("%w: validity period needs %d octets, have %d", ErrTPDU, n, len(b))
	}
	switch f {
	case ValidityRelative:
		v.Relative = b[0]
	case ValidityAbsolute:
		v.Absolute = Timestamp(b[:7])
	case ValidityEnhanced:
		v.Enhanced = [7]byte(b[:7])
	}
	return v, b[n:], nil
}
