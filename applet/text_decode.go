package applet

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/simsign/simsign/ota/sms"
)

// Decode is the text in characters. It refuses octets that its coding does
// not have: bits above a septet, an escape that leads nowhere, half a UCS-2
// unit or half a surrogate pair, octets that are not UTF-8.
func (t Text) Decode() (string, error) {
	switch t.Coding {
	case TextPacked:
		return decodeGSM(unpack(t.Octets))
	case TextGSM:
		return decodeGSM(t.Octets)
	case TextUCS2:
		s, err := sms.DecodeUCS2(t.Octets)
		if err != nil {
			return "", fmt.Errorf("%w: UCS-2 needs an even number of octets, have %d", ErrLength, len(t.Octets))
		}
		// What cannot be written back was not a character.
		if b, err := sms.AppendUCS2(nil, s); err != nil || !bytes.Equal(b, t.Octets) {
			return "", fmt.Errorf("%w: half a surrogate pair", ErrValue)
		}
		return s, nil
	case TextUTF8:
		if !utf8.Valid(t.Octets) {
			return "", fmt.Errorf("%w: text is not UTF-8", ErrValue)
		}
		return string(t.Octets), nil
	}
	return "", fmt.Errorf("%w: text coding %02X is not 00, 04, 08 or F8", ErrUnsupported, byte(t.Coding))
}

func decodeGSM(septets []byte) (string, error) {
	s := sms.DecodeGSM(septets)
	if b, err := sms.AppendGSM(make([]byte, 0, len(septets)), s); err != nil || !bytes.Equal(b, septets) {
		return "", fmt.Errorf("%w: octets that are not of the GSM alphabet", ErrValue)
	}
	return s, nil
}

// unpack gives the septets of packed text. When seven bits are spare at the
// end they hold CR, which is not part of the text (TS 23.038 6.1.2.3.1).
func unpack(b []byte) []byte {
	out := sms.UnpackSeptets(nil, b, 0, len(b)*8/7)
	if n := len(out); n > 0 && n%8 == 0 && out[n-1] == '\r' {
		out = out[:n-1]
	}
	return out
}

// ScreenText is a text as a terminal takes it (TS 102 223 8.15): GSM 8-bit when
// the whole of it is in the GSM alphabet, UCS-2 otherwise. ok is false when s
// is not UTF-8.
func ScreenText(s string) (t Text, ok bool) {
	if b, err := sms.AppendGSM(make([]byte, 0, len(s)+8), s); err == nil {
		return Text{TextGSM, b}, utf8.ValidString(s)
	}
	b, err := sms.AppendUCS2(make([]byte, 0, 2*len(s)), s)
	return Text{TextUCS2, b}, err == nil
}
