package rest

import (
	"fmt"
	"strings"
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
