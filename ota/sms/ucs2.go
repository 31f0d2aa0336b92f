package sms

import (
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendUCS2 appends a text as 16-bit units, most significant octet first.
// Characters beyond the first plane become surrogate pairs: phones read UTF-16
// where the standard says UCS2. A text that is not UTF-8 is ErrText.
func AppendUCS2(dst []byte, text string) ([]byte, error) {
	if !utf8.ValidString(text) {
		return dst, fmt.Errorf("%w: not UTF-8", ErrText)
	}
	var units [2]uint16
	for _, r := range text {
		for _, u := range utf16.AppendRune(units[:0], r) {
			dst = binary.BigEndian.AppendUint16(dst, u)
		}
	}
	return dst, nil
}

// UCS2Len is the number of 16-bit units of a text.
func UCS2Len(text string) int {
	n := 0
	for _, r := range text {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// DecodeUCS2 reads 16-bit units. A surrogate without its partner becomes
// U+FFFD; an odd number of octets is ErrText.
func DecodeUCS2(b []byte) (string, error) {
	if len(b)%2 != 0 {
		return "", fmt.Errorf("%w: UCS2 with %d octets, needs an even number", ErrText, len(b))
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units)), nil
}
