package strictjson

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Error says what is wrong with a document, and where. It tells names of
// members and no values.
type Error struct {
	Line, Character int      // from 1; characters, not octets
	Path            []string // names of the members, from outside
	Reason          string
}

func (e *Error) Error() string {
	in := ""
	if len(e.Path) > 0 {
		in = " in " + Printable(strings.Join(e.Path, "."))
	}
	return fmt.Sprintf("JSON at line %d, character %d%s: %s", e.Line, e.Character, in, e.Reason)
}

// Failf keeps the first error, at the value that is next.
func (r *Reader) Failf(format string, args ...any) {
	if r.err == nil {
		r.fail(r.next(between), r.dec.StackPointer(), fmt.Sprintf(format, args...))
	}
}

// expected says that something else is next, or what the grammar has against it.
func (r *Reader) expected(what string) {
	if r.Kind() == 0 && r.dec.InputOffset() > 0 {
		r.raw()
	}
	r.Failf("expected %s, found %s", what, r.found())
}

// found describes what is next in the document.
func (r *Reader) found() string {
	i := r.next(between)
	if i >= len(r.doc) {
		return "the end"
	}
	if c := r.doc[i]; c > 0x20 && c < 0x7F {
		return fmt.Sprintf("'%c'", c)
	}
	return fmt.Sprintf("octet %02X", r.doc[i])
}

// between are the octets that stand between two values.
const between = " \t\r\n,:"

// next is where something else than the octets of skip begins.
func (r *Reader) next(skip string) int {
	i := int(r.dec.InputOffset())
	for i < len(r.doc) && strings.IndexByte(skip, r.doc[i]) >= 0 {
		i++
	}
	return i
}

// wrap keeps an error of the grammar.
func (r *Reader) wrap(err error) {
	var s *jsontext.SyntacticError
	if !errors.As(err, &s) { // io.EOF before the first octet
		r.Failf("the document is cut off")
		return
	}
	at, path, reason := int(s.ByteOffset), s.JSONPointer, s.Err.Error()
	switch c, n := utf8.DecodeRuneInString(r.doc[min(at, len(r.doc)):]); {
	case errors.Is(err, jsontext.ErrDuplicateName):
		path, reason = path.Parent(), fmt.Sprintf("member %q comes twice", Printable(path.LastToken()))
	case errors.Is(err, io.ErrUnexpectedEOF):
		reason = "the document is cut off"
	case c == utf8.RuneError && n == 1:
		reason = fmt.Sprintf("octet %02X is not UTF-8: send the document in UTF-8", r.doc[at])
	default: // an escape sequence that is none is quoted: it may be part of a password
		if before, rest, ok := strings.Cut(reason, " `"); ok {
			reason = before + rest[strings.LastIndexByte(rest, '`')+1:]
		}
	}
	r.fail(at, path, reason)
}

func (r *Reader) fail(at int, path jsontext.Pointer, reason string) {
	before := r.doc[:min(at, len(r.doc))]
	e := &Error{Line: 1 + strings.Count(before, "\n"), Reason: reason}
	e.Character = 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	for name := range path.Tokens() {
		e.Path = append(e.Path, name)
	}
	r.err = e
}

// Printable makes a name of the document harmless in the text of an error: it
// keeps 80 octets and of those what ASCII prints, but for quotes.
func Printable(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7E || r == '"' {
			return '?'
		}
		return r
	}, s)
}
