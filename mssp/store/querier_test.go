package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"
	"time"
)

// How a column is read, whatever an engine has given: what is there, or that the row
// cannot be ours. Nothing is read past its end.
func TestRowReads(t *testing.T) {
	const year9999 = 253402300799000000
	at := time.Date(2026, 3, 1, 12, 0, 0, 5000, time.UTC)
	type word string
	reads := map[string]func(r *row) any{
		"int":    func(r *row) any { return r.int() },
		"text":   func(r *row) any { return r.text() },
		"blob":   func(r *row) any { return r.blob() },
		"bool":   func(r *row) any { return r.bool() },
		"flag":   func(r *row) any { return r.flag() },
		"time":   func(r *row) any { return r.time() },
		"moment": func(r *row) any { return r.moment() },
		"num":    func(r *row) any { return r.num(3, 5) },
		"word":   func(r *row) any { return wordOf[word](r, "on", "off") },
	}
	none := func(as string) any { return reads[as](&row{v: []driver.Value{nil}}) }
	for _, c := range []struct {
		as   string
		v    any
		want any // nil: it is no such thing
	}{
		{"int", int64(-7), int64(-7)},
		{"int", nil, int64(0)},
		{"int", "7", nil},
		{"int", []byte("7"), nil},
		{"int", 1.5, nil},
		{"text", "x", "x"},
		{"text", []byte("x"), "x"},
		{"text", nil, ""},
		{"text", int64(1), nil},
		{"text", 1.5, nil},
		{"blob", []byte{1}, []byte{1}},
		{"blob", []byte{}, []byte(nil)},
		{"blob", nil, []byte(nil)},
		{"blob", "x", nil},
		{"blob", int64(1), nil},
		{"bool", int64(1), true},
		{"bool", int64(0), false},
		{"bool", int64(2), true},
		{"bool", "1", nil},
		{"flag", int64(1), true},
		{"flag", int64(0), false},
		{"flag", int64(2), nil},
		{"flag", int64(-1), nil},
		{"time", int64(0), time.Time{}},
		{"time", at.UnixMicro(), at},
		{"time", int64(-1), time.UnixMicro(-1).UTC()},
		{"time", "x", nil},
		{"moment", int64(0), time.Time{}},
		{"moment", int64(1), time.UnixMicro(1).UTC()},
		{"moment", int64(-1), nil},
		{"moment", int64(year9999), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"moment", int64(year9999 + 1), nil},
		{"num", int64(2), nil},
		{"num", int64(3), int64(3)},
		{"num", int64(5), int64(5)},
		{"num", int64(6), nil},
		{"word", "on", word("on")},
		{"word", "off", word("off")},
		{"word", "o", nil},
		{"word", nil, nil},
	} {
		r := &row{v: []driver.Value{"first", c.v}, i: 1}
		got := reads[c.as](r)
		switch {
		case c.want == nil && (!errors.Is(r.err(), ErrAltered) || r.err().Error()[:24] != "store: column 2 of a row"):
			t.Errorf("%s of %#v: %#v, error %v", c.as, c.v, got, r.err())
		case c.want != nil && (r.err() != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", c.want)):
			t.Errorf("%s of %#v: %#v, error %v, want %#v", c.as, c.v, got, r.err(), c.want)
		}
		if first := r.err(); first != nil { // the first fault stays, and nothing after it is read wrongly
			if r.int(); r.err() != first {
				t.Errorf("%s of %#v: %v, then %v", c.as, c.v, first, r.err())
			}
		}
		r = &row{v: []driver.Value{}}
		if got := reads[c.as](r); !errors.Is(r.err(), ErrAltered) || c.as != "num" && c.as != "word" && fmt.Sprint(got) != fmt.Sprint(none(c.as)) {
			t.Errorf("%s of no column: %#v, %v", c.as, got, r.err())
		}
	}
}

// How an argument becomes a column: what PostgreSQL refuses in a text is written out, no
// octets are an empty blob and never NULL, times are microseconds since 1970.
func TestArgumentsAsColumns(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 5999, time.FixedZone("x", 3600))
	for _, c := range []struct{ arg, want any }{
		{int64(-5), int64(-5)},
		{5, int64(5)},
		{byte(255), int64(255)},
		{uint16(65535), int64(65535)},
		{uint32(1<<32 - 1), int64(1<<32 - 1)},
		{true, int64(1)},
		{false, int64(0)},
		{[]byte(nil), []byte{}},
		{[]byte{1}, []byte{1}},
		{raw{nil}, nil},
		{raw{"\x00"}, "\x00"},
		{time.Time{}, int64(0)},
		{at, int64(1772362800000005)},
		{1500 * time.Microsecond, int64(1500)},
		{"", ""},
		{"Zürich 😀", "Zürich 😀"},
		{"a\x00b", `a\x00b`},
		{"\xe9t\xe9", `\xE9t\xE9`},
		{"é\xff", `é\xFF`},
		{"\ufffd", "\ufffd"},
		{"\ufffd\xff", "\ufffd\\xFF"},
		{"\xe2\x82", `\xE2\x82`},
	} {
		if got := value(c.arg); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", c.want) {
			t.Errorf("%#v is stored as %#v, want %#v", c.arg, got, c.want)
		}
	}
}

// A list leaves out rows that are not ours, and nothing else: what the database could not
// answer is an error.
func TestListThatFails(t *testing.T) {
	s, err := Open(t.Context(), Options{DSN: t.TempDir() + "/simsign.db"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.SetMeta(t.Context(), "x", nil); err != nil {
		t.Fatal(err)
	}
	scan := func(*row) (int, error) { return 1, ErrBroken }
	if list, err := readGood(t.Context(), s.db, tables[0], scan, "SELECT name FROM meta"); !errors.Is(err, ErrBroken) || list != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// What nobody has said in the options.
func TestOptionsNobodyHasSaid(t *testing.T) {
	for _, odd := range []int{0, -1} {
		o := Options{Lease: time.Duration(odd), Readers: odd, MaxParts: odd, MaxOctets: odd, MaxPending: odd, PartAge: time.Duration(odd)}
		o.defaults()
		if o.Logger == nil || o.Clock == nil || o.Clock().IsZero() {
			t.Errorf("%+v", o)
		}
		o.Logger, o.Clock = nil, nil
		want := Options{Lease: 5 * time.Second, Readers: 4, MaxParts: 8, MaxOctets: 64 << 10, MaxPending: 16 << 20, PartAge: 90 * time.Second}
		if fmt.Sprint(o) != fmt.Sprint(want) {
			t.Errorf("%+v, want %+v", o, want)
		}
	}
	said := Options{Lease: 1, Readers: 1, MaxParts: 63, MaxOctets: 1, MaxPending: 1, PartAge: 1}
	o := said
	o.defaults()
	o.Logger, o.Clock = nil, nil
	if fmt.Sprint(o) != fmt.Sprint(said) {
		t.Errorf("%+v, want %+v", o, said)
	}
	o.MaxParts = 64 // one more than there are bits for
	if o.defaults(); o.MaxParts != 8 {
		t.Errorf("%d parts", o.MaxParts)
	}
}
