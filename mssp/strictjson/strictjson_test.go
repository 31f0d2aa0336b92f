package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

var testLimits = Limits{Depth: 4, Members: 3, Items: 3}

// read takes any document, as {"a": …} and the rest skipped.
func read(doc string, l Limits) (a string, err error) {
	r := NewReader([]byte(doc), l)
	r.Object(func(name string) {
		if name == "a" {
			a = r.String()
		} else {
			r.Skip()
		}
	})
	r.End()
	return a, r.Err()
}

// TestRefused: what is wrong, where, and in which member.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ doc, want string }{
		"empty":               {"", "JSON at line 1, character 1: expected '{', found the end"},
		"space":               {" \n ", "JSON at line 2, character 2: expected '{', found the end"},
		"other language":      {"<a/>", "character 1: expected '{', found '<'"},
		"a letter of 7 bits":  {"~", "character 1: expected '{', found '~'"},
		"delete":              {"\x7f", "character 1: expected '{', found octet 7F"},
		"byte order mark":     {"\ufeff{}", "character 1: expected '{', found octet EF"},
		"array":               {"[]", "expected '{', found '['"},
		"name twice":          {`{"b":1,"b":2}`, `JSON at line 1, character 8: member "b" comes twice`},
		"name twice, escaped": {`{"b":1,"\u0062":2}`, `member "b" comes twice`},
		"name twice, deep":    {`{"x":[{"b":1,"b":2}]}`, `in x.0: member "b" comes twice`},
		"empty name twice":    {`{"":1,"":2}`, `member "" comes twice`},
		"octets":              {"{\"a\":\"ä\xff\"}", "character 8 in a: octet FF is not UTF-8: send the document in UTF-8"},
		"octets in a name":    {"{\"\xc0\x80\":1}", "octet C0 is not UTF-8"},
		"CESU-8":              {"{\"a\":\"\xed\xa0\xbd\xed\xb2\xa9\"}", "octet ED is not UTF-8"},
		"cut character":       {"{\"a\":\"\xe2\x82\"}", "octet E2 is not UTF-8"},
		"high surrogate":      {`{"a":"\ud83d"}`, "in a: invalid surrogate pair in string"},
		"low surrogate":       {`{"a":"\udca9"}`, "in a: invalid surrogate pair in string"},
		"wrong pair":          {`{"a":"\ud83d\u0041"}`, "invalid surrogate pair in string"},
		"surrogate in a name": {`{"\ud83d":1}`, "invalid surrogate pair in string"},
		"escape":              {`{"a":"\x41"}`, "invalid escape sequence in string"},
		"tab":                 {"{\"a\":\"\t\"}", `in a: invalid character '\t' in string`},
		"second document":     {`{} {}`, "character 4: the document has ended before this"},
		"second value":        {`{}1`, "character 3: the document has ended before this"},
		"comma behind":        {`{},`, "character 3: the document has ended before this"},
		"NUL behind":          {"{}\x00", "character 3: the document has ended before this"},
		"comment":             {`{/**/}`, "invalid character '/'"},
		"trailing comma":      {`{"a":1,}`, "character 7: invalid character ','"},
		"list with a comma":   {`{"x":[1,]}`, "character 8 in x: invalid character ','"},
		"name without quotes": {`{a:1}`, "character 2: invalid character 'a'"},
		"name is a number":    {`{1:1}`, "object member name must be a string"},
		"wrong bracket":       {`{"x":[1}`, "character 8 in x: invalid character '}'"},
		"no colon":            {`{"a" "b"}`, `character 6 in a: invalid character '"' after object name (expecting ':')`},
		"no value":            {`{"a":}`, "character 6 in a: expected a string, found '}'"},
		"leading zero":        {`{"a":01}`, "invalid character '1' after object value"},
		"plus":                {`{"a":+1}`, "in a: invalid character '+'"},
		"bare point":          {`{"a":.5}`, "in a: invalid character '.'"},
		"no fraction":         {`{"a":1.}`, "in a: invalid character '}' in number"},
		"no exponent":         {`{"a":1e}`, "in a: invalid character '}' in number"},
		"hexadecimal":         {`{"a":0x1}`, "invalid character 'x' after object value"},
		"literal":             {`{"x":True}`, "in x: invalid character 'T'"},
		"cut literal":         {`{"x":tru`, "in x: the document is cut off"},
		"cut string":          {`{"a":"b`, "in a: the document is cut off"},
		"cut object":          {`{`, "character 2: the document is cut off"},
		"cut behind a colon":  {`{"a":`, "in a: the document is cut off"},
		"kind":                {`{"a":true}`, "character 6 in a: expected a string, found 't'"},
		"object for a string": {"{\n\"x\":1,\n \"a\":{}}", "JSON at line 3, character 6 in a: expected a string, found '{'"},
		"depth":               {`{"x":[[[[1]]]]}`, "character 9 in x.0.0: nested deeper than 4 levels"},
		"bomb":                {`{"x":` + strings.Repeat("[", 60_000), "nested deeper than 4 levels"},
		"members":             {`{"b":1,"c":1,"d":1,"e":1}`, "character 20 in d: more than 3 members"},
		"items":               {`{"x":[1,1,1,1]}`, "in x.2: more than 3 items"},
		"hostile name":        {"{\"q\\\"\\u202e\":1,\"q\\\"\\u202e\":1}", `member "q??" comes twice`},
	} {
		_, err := read(c.doc, testLimits)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	for doc, want := range map[string]string{
		`{"a":"b"}`:                      "b",
		" \t\r\n{ \"a\" : \"\" } \n":     "",
		`{"\u0061":"\"\\\/\b\f\n\r\t"}`:  "\"\\/\b\f\n\r\t",
		`{"a":"\u00e4ä\ud83d\udc4d👍"}`:   "ää👍👍",
		`{"a":-0.50E+1}`:                 "-0.50E+1",
		`{"a":12345678901234567890}`:     "12345678901234567890",
		`{"x":[[[1,null,false]]],"a":1}`: "1",
		`{"x":{"p":{"q":{}}},"a":"z"}`:   "z",
	} {
		if got, err := read(doc, testLimits); got != want || err != nil {
			t.Errorf("%s: %q, %v", doc, got, err)
		}
	}
}

// TestPath is for programs: the names, from outside.
func TestPath(t *testing.T) {
	_, err := read(`{"x":{"y/~":[0,{"z":"\x"}]}}`, testLimits)
	var e *Error
	if !errors.As(err, &e) || !slices.Equal(e.Path, []string{"x", "y/~", "1", "z"}) {
		t.Errorf("%+v", e)
	}
}

// TestNull: null is read as null and nothing else is; Span gives the place of a value.
func TestNull(t *testing.T) {
	r := NewReader([]byte(`{"n":null,"s":"nul","w": "geheim" }`), testLimits)
	r.Object(func(name string) {
		if r.Null() != (name == "n") {
			t.Errorf("%s: null, or not", name)
		}
		if name == "n" {
			return
		}
		s := r.String()
		if from, to := r.Span(); r.Document()[from:to] != `"`+s+`"` {
			t.Errorf("%s is at %d to %d", s, from, to)
		}
	})
	if r.End(); r.Err() != nil {
		t.Error(r.Err())
	}
}

// TestFirst: the first error stays, and nothing is read after it.
func TestFirst(t *testing.T) {
	r := NewReader([]byte(`{"a":1,"b":2}`), testLimits)
	r.Object(func(name string) {
		if name != "a" {
			t.Error("read on after the error")
		}
		r.Failf("no %s today", Printable(name))
	})
	r.Failf("later")
	if r.Object(nil); r.String() != "" || r.Null() || r.Kind() != 0 {
		t.Error("read on after the error")
	}
	r.Skip()
	r.End()
	if err := r.Err(); err == nil || err.Error() != "JSON at line 1, character 6 in a: no a today" {
		t.Error(err)
	}
}

// TestNothingTold: an error quotes no value.
func TestNothingTold(t *testing.T) {
	const secret = "geheim"
	for _, tail := range []string{`\x`, `\ud83d`, `\udc4d`, "\n", "\xff", `\u00`, `\`, ``, "`\\x"} {
		for _, head := range []string{"", `\u0041`} {
			_, err := read(`{"a":"`+secret+head+tail+secret, testLimits)
			if err == nil || strings.Contains(err.Error(), secret[:2]) {
				t.Errorf("%q: %v", tail, err)
			}
		}
	}
}

// FuzzRead: what is taken is JSON for encoding/json too and means the same
// there, and what is refused has a place in the document.
func FuzzRead(f *testing.F) {
	f.Add(`{"a":"x\u20ac","b":[1,{"c":null}]}`)
	f.Add("{\"a\":\"\xff\"}")
	f.Fuzz(func(t *testing.T, doc string) {
		a, err := read(doc, testLimits)
		var e *Error
		switch {
		case errors.As(err, &e):
			if e.Line < 1 || e.Character < 1 || e.Line > 1+strings.Count(doc, "\n") || e.Character > 1+len(doc) || e.Reason == "" {
				t.Fatalf("%+v", e)
			}
			return
		case err != nil:
			t.Fatalf("undeclared error %v", err)
		}
		var ref struct {
			A any `json:"a"`
		}
		if err := json.Unmarshal([]byte(doc), &ref); err != nil {
			t.Fatalf("taken, and encoding/json says %v: %q", err, doc)
		}
		if s, ok := ref.A.(string); ok && s != a && !strings.Contains(doc, "A") { // encoding/json takes "A" for a
			t.Fatalf("%q, encoding/json has %q", a, s)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	doc := []byte(`{"x":{"p":"` + strings.Repeat("a", 100) + `","q":{"r":1,"s":null}},"y":["b","c"],"a":"d"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read(string(doc), testLimits); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleReader() {
	r := NewReader([]byte(`{"MSSP_TransID": "h1", "AP_Inf": {}}`), Limits{Depth: 12, Members: 32, Items: 32})
	r.Object(func(name string) {
		switch name {
		case "MSSP_TransID":
			fmt.Println(r.String())
		default:
			r.Failf("unknown member %q", Printable(name))
		}
	})
	r.End()
	fmt.Println(r.Err())
	// Output:
	// h1
	// JSON at line 1, character 34 in AP_Inf: unknown member "AP_Inf"
}

// What stands in a document is harmless in the text of an error, and short.
func TestPrintable(t *testing.T) {
	long := strings.Repeat("a", 80)
	for in, want := range map[string]string{
		"": "", "AP_ID": "AP_ID", "a b~": "a b~", "\x1f\x20\x7e\x7f": "? ~?", `a"b\`: `a?b\`, "é\n": "??", long: long, long + "b": long + "...",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
