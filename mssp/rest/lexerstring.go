package rest

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp"
)

// text reads a string.
func (l *lexer) text() string {
	if !l.expect('"') {
		return ""
	}
	start := l.i
	for l.i < len(l.s) {
		switch c := l.s[l.i]; {
		case c == '"':
			l.i++
			return l.s[start : l.i-1]
		case c == '\\':
			return l.escaped(start)
		case c < 0x20:
			l.fail(mssp.WrongParam, "control character %02X inside a string: write it as \\u%04X", c, c)
			return ""
		case c < utf8.RuneSelf:
			l.i++
		default:
			if !l.rune() {
				return ""
			}
		}
	}
	l.fail(mssp.WrongParam, "the string is not closed")
	return ""
}

// rune steps over one character outside ASCII.
func (l *lexer) rune() bool {
	r, n := utf8.DecodeRuneInString(l.s[l.i:])
	if r == utf8.RuneError && n == 1 {
		l.fail(mssp.WrongParam, "octet %02X is not UTF-8: send the document in UTF-8", l.s[l.i])
		return false
	}
	l.i += n
	return true
}

// escaped reads the rest of a string that began at start and has an escape
// at the present position.
func (l *lexer) escaped(start int) string {
	b := make([]byte, 0, 2*(l.i-start)+32)
	b = append(b, l.s[start:l.i]...)
	for l.i < len(l.s) {
		c := l.s[l.i]
		switch {
		case c == '"':
			l.i++
			return string(b)
		case c == '\\':
			if b = l.escape(b); b == nil {
				return ""
			}
		case c < 0x20:
			l.fail(mssp.WrongParam, "control character %02X inside a string: write it as \\u%04X", c, c)
			return ""
		case c < utf8.RuneSelf:
			b = append(b, c)
			l.i++
		default:
			at := l.i
			if !l.rune() {
				return ""
			}
			b = append(b, l.s[at:l.i]...)
		}
	}
	l.fail(mssp.WrongParam, "the string is not closed")
	return ""
}

// escape reads one escape sequence; nil after a fault.
func (l *lexer) escape(b []byte) []byte {
	if l.i+1 < len(l.s) {
		if k := strings.IndexByte(`"\/bfnrt`, l.s[l.i+1]); k >= 0 {
			l.i += 2
			return append(b, "\"\\/\b\f\n\r\t"[k])
		}
	}
	r, ok := l.hex4(l.i)
	if ok {
		l.i += 6
		if !utf16.IsSurrogate(r) {
			return utf8.AppendRune(b, r)
		}
		low, ok := l.hex4(l.i)
		if p := utf16.DecodeRune(r, low); ok && p != utf8.RuneError {
			l.i += 6
			return utf8.AppendRune(b, p)
		}
		l.i -= 6
	}
	l.fail(mssp.WrongParam, "not an escape sequence of JSON, or half of a surrogate pair")
	return nil
}

// hex4 reads \uXXXX at i.
func (l *lexer) hex4(i int) (rune, bool) {
	if i+6 > len(l.s) || l.s[i] != '\\' || l.s[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(l.s[i+2 : i+6]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
