// Package strictjson reads JSON documents that come from strangers. What two
// readers could understand differently is refused: a name that comes twice,
// octets that are not UTF-8, half of a surrogate pair, anything behind the
// document, and all that RFC 8259 does not allow. So are documents with more
// levels, members or items than anybody needs.
//
// The grammar is that of package jsontext, which becomes encoding/json/jsontext
// with Go 1.27; this package adds what a binding needs around it: limits, the
// visitor style of reading, strings that are parts of the document, and errors
// that tell a person where to look. A reader asks for what it expects,
//
//	r := strictjson.NewReader(body, strictjson.Limits{Depth: 12, Members: 32, Items: 32})
//	r.Object(func(name string) {
//		switch name {
//		case "MSSP_TransID":
//			id = r.String()
//		default:
//			r.Failf("unknown member %q", strictjson.Printable(name))
//		}
//	})
//	r.End()
//	err := r.Err()
//
// and looks for the error once: the first one stays, and after it every method
// does nothing.
package strictjson

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a document. Its size is for the caller to limit: he has it already.
type Limits struct {
	Depth   int // levels of objects and arrays
	Members int // of one object
	Items   int // of one array
}

// Reader reads one document in a single pass. The strings that it gives are
// parts of one copy of the document where nothing is escaped.
type Reader struct {
	doc    string
	src    bytes.Buffer
	dec    jsontext.Decoder
	limits Limits
	last   [2]int // octets of the value read last
	err    error
}

// NewReader reads doc, which has to stay as it is until the document is read.
// It is no longer needed then.
func NewReader(doc []byte, l Limits) *Reader {
	r := &Reader{doc: string(doc), src: *bytes.NewBuffer(doc), limits: l}
	r.dec.Reset(&r.src)
	return r
}

// Err is the first error, an *Error, or nil.
func (r *Reader) Err() error { return r.err }

// Document is the text of the document.
func (r *Reader) Document() string { return r.doc }

// Span tells which octets of the document hold the value that String has read last.
func (r *Reader) Span() (from, to int) { return r.last[0], r.last[1] }

// Kind is the first octet of the next value: one of {["0tfn, where 0 stands for
// every number; } or ] at the end of an object or array; 0 when there is no
// value, and then reading it gives the error.
func (r *Reader) Kind() byte {
	if r.err != nil {
		return 0
	}
	return byte(r.dec.PeekKind())
}

// Object reads an object and calls member for each of its members, which must
// read the value.
func (r *Reader) Object(member func(name string)) {
	r.list('{', func(n int) {
		if n > r.limits.Members {
			r.Failf("more than %d members", r.limits.Members)
			return
		}
		if name := r.raw(); r.err == nil {
			member(unquote(name))
		}
	})
}

// Array reads an array and calls item for each of its items, which must read it.
func (r *Reader) Array(item func()) {
	r.list('[', func(n int) {
		if n > r.limits.Items {
			r.Failf("more than %d items", r.limits.Items)
			return
		}
		item()
	})
}

// list reads what stands between begin and its end: next for each part.
func (r *Reader) list(begin byte, next func(n int)) {
	if r.Kind() != begin {
		r.expected("'" + string(begin) + "'")
		return
	}
	if r.dec.StackDepth() == r.limits.Depth {
		r.Failf("nested deeper than %d levels", r.limits.Depth)
		return
	}
	r.token()
	for n := 1; r.err == nil; n++ {
		if r.Kind() == begin+2 { // } follows { by two, and ] follows [
			r.token()
			return
		}
		next(n)
	}
}

// String reads a string, or a number as it is written.
func (r *Reader) String() string {
	switch k := r.Kind(); k {
	case '"', '0':
		s := r.raw()
		if r.err == nil && k == '"' {
			s = unquote(s)
		}
		return s
	}
	r.expected("a string")
	return ""
}

// Null reads null if that is next.
func (r *Reader) Null() bool {
	if r.Kind() != 'n' {
		return false
	}
	r.raw()
	return r.err == nil
}

// Skip reads any value and forgets it.
func (r *Reader) Skip() {
	switch r.Kind() {
	case '{':
		r.Object(func(string) { r.Skip() })
	case '[':
		r.Array(r.Skip)
	default:
		r.raw()
	}
}

// End refuses anything after the document.
func (r *Reader) End() {
	if r.err != nil {
		return
	}
	at := r.next(" \t\r\n")
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		r.fail(at, "", "the document has ended before this: send one JSON object")
	}
}

// token reads a bracket, the kind of which is known.
func (r *Reader) token() {
	if _, err := r.dec.ReadToken(); err != nil {
		r.wrap(err)
	}
}

// raw reads a value that has no parts, as it is written.
func (r *Reader) raw() string {
	if r.err != nil {
		return ""
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		r.wrap(err)
		return ""
	}
	end := int(r.dec.InputOffset())
	r.last = [2]int{end - len(v), end}
	return r.doc[end-len(v) : end]
}

// unquote takes a string that was read, so it is a right one.
func unquote(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	b, _ := jsontext.AppendUnquote(nil, s)
	return string(b)
}
