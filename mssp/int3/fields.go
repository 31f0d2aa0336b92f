package int3

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/simsign/simsign/mssp/strictjson"
)

// kind is what a member of a message holds.
type kind string

const (
	text   kind = "text"
	number kind = "number" // a whole number that is not negative
	octets kind = "octets" // base64
)

// field is a member of a message.
type field struct {
	name  string
	kind  kind
	must  bool
	words []string // that it may hold; nil: any
	most  int      // characters of a text, value of a number
	about string
}

// message is a message as it was sent, by the names of its members: string, int or []byte.
type message map[string]any

func (m message) text(name string) string   { s, _ := m[name].(string); return s }
func (m message) number(name string) int    { n, _ := m[name].(int); return n }
func (m message) octets(name string) []byte { b, _ := m[name].([]byte); return b }

// limits of a message: one flat object.
var limits = strictjson.Limits{Depth: 1, Members: 24, Items: 1}

// read takes a message out of its octets. An error: it is no JSON that everybody reads
// alike. wrong: it is, and says something that the operation does not take.
func read(doc []byte, fields []field) (m message, wrong string, err error) {
	m = message{}
	tell := func(format string, args ...any) {
		if wrong == "" {
			wrong = fmt.Sprintf(format, args...)
		}
	}
	r := strictjson.NewReader(doc, limits)
	r.Object(func(name string) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			tell("there is no member %q in this message", strictjson.Printable(name))
			r.Skip()
			return
		}
		v, fault := one(r, &fields[i])
		if fault != "" {
			tell("%s: %s", name, fault)
			return
		}
		m[name] = v
	})
	r.End()
	if err := r.Err(); err != nil {
		return nil, "", err
	}
	for _, f := range fields {
		if _, ok := m[f.name]; !ok && f.must {
			tell("%s is missing", f.name)
		}
	}
	return m, wrong, nil
}

// one reads the value of a member.
func one(r *strictjson.Reader, f *field) (v any, wrong string) {
	k := r.Kind()
	switch {
	case f.kind == number && k == '0':
		s := r.String()
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > f.most {
			return nil, fmt.Sprintf("must be a whole number from 0 to %d", f.most)
		}
		return n, ""
	case (f.kind == text || f.kind == octets) && k == '"':
		return textOf(f, r.String())
	}
	r.Skip()
	return nil, "must be " + map[kind]string{text: "a text", number: "a number", octets: "a text in base64"}[f.kind]
}

func textOf(f *field, s string) (v any, wrong string) {
	switch {
	case len(s) > f.most:
		return nil, fmt.Sprintf("has %d octets, at most %d are taken", len(s), f.most)
	case f.words != nil && !slices.Contains(f.words, s):
		return nil, "must be one of " + strings.Join(f.words, ", ")
	case f.must && s == "":
		return nil, "is empty"
	case f.kind == octets:
		b, err := base64.StdEncoding.Strict().DecodeString(s)
		if err != nil {
			return nil, "is no base64"
		}
		return b, ""
	}
	return s, ""
}

// meaning is the message in one way of writing, without the members that are about the
// call itself.
func (m message) meaning() string {
	var b strings.Builder
	names := make([]string, 0, len(m))
	for name := range m {
		if name != "request" && name != "wait" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s=%s;", name, hex.EncodeToString(fmt.Append(nil, m[name])))
	}
	return b.String()
}
