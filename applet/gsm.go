package applet

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Decode is the text in characters. It refuses octets that its coding does
// not have: bits above a septet, an escape that leads nowhere, half a UCS-2
// unit or a surrogate, bytes that are not UTF-8.
func (t Text) Decode() (string, error) {
	switch t.Coding {
	case TextPacked:
		return decodeGSM(unpack(t.Octets))
	case TextGSM:
		return decodeGSM(t.Octets)
	case TextUCS2:
		return decodeUCS2(t.Octets)
	case TextUTF8:
		if !utf8.Valid(t.Octets) {
			return "", fmt.Errorf("%w: text is not UTF-8", ErrValue)
		}
		return string(t.Octets), nil
	}
	return "", fmt.Errorf("%w: text coding %02X is not 00, 04, 08 or F8", ErrUnsupported, byte(t.Coding))
}

// ScreenText is a text as a terminal takes it: GSM 8-bit when the whole of it
// is in the GSM alphabet, UCS-2 otherwise. ok is false when a character is in
// neither (outside the basic plane).
func ScreenText(s string) (t Text, ok bool) {
	if b, ok := encodeGSM(s); ok {
		return Text{TextGSM, b}, true
	}
	b := make([]byte, 0, 2*len(s))
	for _, r := range s {
		if r > 0xFFFF || utf16.IsSurrogate(r) {
			return Text{}, false
		}
		b = append(b, byte(r>>8), byte(r))
	}
	return Text{TextUCS2, b}, true
}

func decodeUCS2(b []byte) (string, error) {
	if len(b)%2 != 0 {
		return "", fmt.Errorf("%w: UCS-2 needs an even number of octets, have %d", ErrLength, len(b))
	}
	var s strings.Builder
	s.Grow(len(b))
	for i := 0; i < len(b); i += 2 {
		r := rune(b[i])<<8 | rune(b[i+1])
		if utf16.IsSurrogate(r) {
			return "", fmt.Errorf("%w: surrogate in UCS-2", ErrValue)
		}
		s.WriteRune(r)
	}
	return s.String(), nil
}

// unpack gives the septets of packed text. When seven bits are spare at the
// end they hold CR, which is not part of the text (TS 23.038 6.1.2.3.1).
func unpack(b []byte) []byte {
	out := make([]byte, 0, len(b)*8/7)
	var acc uint
	var bits uint
	for _, o := range b {
		acc |= uint(o) << bits
		bits += 8
		for bits >= 7 {
			out = append(out, byte(acc&0x7F))
			acc >>= 7
			bits -= 7
		}
	}
	if n := len(out); n > 0 && n%8 == 0 && out[n-1] == '\r' {
		out = out[:n-1]
	}
	return out
}

const escape = 0x1B

// gsmAlphabet is the default alphabet of TS 23.038 6.2.1; position is code.
const gsmAlphabet = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ" +
	" !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
	"¿abcdefghijklmnopqrstuvwxyzäöñüà"

// gsmExtension is the table behind the escape (TS 23.038 6.2.1.1): pairs of code and character.
const gsmExtension = "\n\f\x14^({)}/\\<[=~>]@|e€"

func decodeGSM(b []byte) (string, error) {
	var s strings.Builder
	s.Grow(len(b))
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c > 0x7F {
			return "", fmt.Errorf("%w: octet %02X is not in the GSM alphabet", ErrValue, c)
		}
		if c != escape {
			s.WriteRune(gsmRune(c))
			continue
		}
		if i++; i == len(b) {
			return "", fmt.Errorf("%w: escape at the end of a text", ErrValue)
		}
		r, ok := extensionRune(b[i])
		if !ok {
			return "", fmt.Errorf("%w: escape before %02X", ErrValue, b[i])
		}
		s.WriteRune(r)
	}
	return s.String(), nil
}

// gsmRune is fast for the codes that are ASCII, which are nearly all.
func gsmRune(c byte) rune {
	if asciiSame(c) {
		return rune(c)
	}
	i := byte(0)
	for _, r := range gsmAlphabet {
		if i == c {
			return r
		}
		i++
	}
	return utf8.RuneError
}

func extensionRune(c byte) (rune, bool) {
	code := rune(-1)
	for _, r := range gsmExtension {
		if code < 0 {
			code = r
			continue
		}
		if code == rune(c) {
			return r, true
		}
		code = -1
	}
	return 0, false
}

func encodeGSM(s string) ([]byte, bool) {
	b := make([]byte, 0, len(s)+8)
	for _, r := range s {
		if r < 0x80 && asciiSame(byte(r)) {
			b = append(b, byte(r))
			continue
		}
		var ok bool
		if b, ok = appendGSM(b, r); !ok {
			return nil, false
		}
	}
	return b, true
}

func appendGSM(b []byte, want rune) ([]byte, bool) {
	i := byte(0)
	for _, r := range gsmAlphabet {
		if r == want && i != escape {
			return append(b, i), true
		}
		i++
	}
	code := rune(-1)
	for _, r := range gsmExtension {
		if code < 0 {
			code = r
			continue
		}
		if r == want {
			return append(b, escape, byte(code)), true
		}
		code = -1
	}
	return b, false
}

// asciiSame says whether an octet means the same in ASCII and in the GSM alphabet.
func asciiSame(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '%' && c <= '?', c == ' ', c == '!', c == '"', c == '#', c == '\n', c == '\r':
		return true
	}
	return false
}
