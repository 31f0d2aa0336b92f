package rest

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp"
)

// Limits of a document. What real clients send stays far below them.
const (
	maxDepth   = 12
	maxMembers = 32 // of one object
	maxItems   = 32 // of one array
)

// lexer reads one JSON document (RFC 8259) in a single pass over a string.
// The values it gives are parts of that string where nothing is escaped, so
// a whole request costs one allocation for its text. The first fault stays:
// after it every method does nothing, and the caller looks once at the end.
type lexer struct {
	s     string
	i     int
	depth int
	path  [maxDepth]string // names of the members that we are in
	fault *mssp.Fault
}

// fail keeps the first fault, with its position and the path to it.
func (l *lexer) fail(code mssp.Code, format string, args ...any) {
	if l.fault != nil {
		return
	}
	where := ""
	for _, name := range l.path[:min(l.depth, maxDepth)] {
		if name != "" {
			where += "." + name
		}
	}
	if where != "" {
		where = " in " + short(where[1:])
	}
	i := min(l.i, len(l.s))
	line := 1 + strings.Count(l.s[:i], "\n")
	column := 1 + utf8.RuneCountInString(l.s[strings.LastIndexByte(l.s[:i], '\n')+1:i])
	l.fault = mssp.Faultf(code, "JSON at line %d, character %d%s: %s", line, column, where, fmt.Sprintf(format, args...))
}

// short is a name from the request, harmless in a detail.
func short(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7E || r == '"' {
			return '?'
		}
		return r
	}, s)
}

func (l *lexer) space() {
	for l.i < len(l.s) {
		switch l.s[l.i] {
		case ' ', '\t', '\n', '\r':
			l.i++
		default:
			return
		}
	}
}

// next skips space and returns the octet there, 0 at the end.
func (l *lexer) next() byte {
	l.space()
	if l.i < len(l.s) {
		return l.s[l.i]
	}
	return 0
}

func (l *lexer) expect(c byte) bool {
	if l.fault != nil {
		return false
	}
	if l.next() == c && l.i < len(l.s) {
		l.i++
		return true
	}
	l.fail(mssp.WrongParam, "expected '%c', found %s", c, l.found())
	return false
}

// found describes what stands at the present position.
func (l *lexer) found() string {
	if l.i >= len(l.s) {
		return "the end"
	}
	if c := l.s[l.i]; c > 0x20 && c < 0x7F {
		return fmt.Sprintf("'%c'", c)
	}
	return fmt.Sprintf("octet %02X", l.s[l.i])
}

// enter goes one level down.
func (l *lexer) enter() bool {
	if l.depth++; l.depth > maxDepth {
		l.fail(mssp.WrongParam, "nested deeper than %d levels", maxDepth)
		return false
	}
	l.path[l.depth-1] = ""
	return true
}

// object reads an object and calls member for each of its members, which
// must read the value. A name that comes twice is refused: two readers of
// one document must not see two requests.
func (l *lexer) object(member func(name string)) {
	if !l.expect('{') || !l.enter() {
		return
	}
	var names [maxMembers]string
	n := 0
	if l.next() == '}' {
		l.i++
		l.depth--
		return
	}
	for {
		l.path[l.depth-1] = ""
		l.space()
		at := l.i
		name := l.text()
		if l.fault != nil {
			return
		}
		for _, have := range names[:n] {
			if have == name {
				l.i = at
				l.fail(mssp.WrongParam, "member %q comes twice", short(name))
				return
			}
		}
		if n == maxMembers {
			l.fail(mssp.WrongParam, "more than %d members", maxMembers)
			return
		}
		names[n] = name
		n++
		if !l.expect(':') {
			return
		}
		l.path[l.depth-1] = name
		member(name)
		if l.fault != nil {
			return
		}
		if l.next() == ',' {
			l.i++
			continue
		}
		if l.expect('}') {
			l.depth--
		}
		return
	}
}

// array reads an array and calls item for each of its items, which must read it.
func (l *lexer) array(item func()) {
	if !l.expect('[') || !l.enter() {
		return
	}
	if l.next() == ']' {
		l.i++
		l.depth--
		return
	}
	for n := 1; ; n++ {
		if n > maxItems {
			l.fail(mssp.WrongParam, "more than %d items", maxItems)
			return
		}
		item()
		if l.fault != nil {
			return
		}
		if l.next() == ',' {
			l.i++
			continue
		}
		if l.expect(']') {
			l.depth--
		}
		return
	}
}

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

// number reads a number and returns it as it is written.
func (l *lexer) number() string {
	start := l.i
	digits := func() bool {
		at := l.i
		for l.i < len(l.s) && l.s[l.i] >= '0' && l.s[l.i] <= '9' {
			l.i++
		}
		return l.i > at
	}
	at := func(set string) bool { return l.i < len(l.s) && strings.IndexByte(set, l.s[l.i]) >= 0 }
	if at("-") {
		l.i++
	}
	ok := true
	if at("0") {
		l.i++
	} else {
		ok = digits()
	}
	if ok && at(".") {
		l.i++
		ok = digits()
	}
	if ok && at("eE") {
		l.i++
		if at("+-") {
			l.i++
		}
		ok = digits()
	}
	if !ok {
		l.fail(mssp.WrongParam, "expected a value, found %s", l.found())
	}
	return l.s[start:l.i]
}

// word reads one of the literal names.
func (l *lexer) word(w string) bool {
	if strings.HasPrefix(l.s[l.i:], w) {
		l.i += len(w)
		return true
	}
	return false
}

// skip reads any value and forgets it.
func (l *lexer) skip() {
	switch l.next() {
	case '{':
		l.object(func(string) { l.skip() })
	case '[':
		l.array(l.skip)
	case '"':
		l.text()
	default:
		if !l.word("true") && !l.word("false") && !l.word("null") {
			l.number()
		}
	}
}

// end refuses anything after the document.
func (l *lexer) end() {
	if l.fault == nil && (l.next() != 0 || l.i < len(l.s)) {
		l.fail(mssp.WrongParam, "the document has ended before this: send one JSON object")
	}
}
