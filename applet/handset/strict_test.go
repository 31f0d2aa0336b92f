package handset

import "testing"

// A strict phone answers what a lenient one overlooks; both answer what is whole alike.
//
// Supports: 3.1-2
func TestStrict(t *testing.T) {
	for _, c := range []struct{ name, command, lenient, strict string }{
		{"DISPLAY TEXT", "D00F 8103012100 82028102 8D0404484921", "00", "00"},
		{"a tag that must be understood", "D013 8103012100 82028102 8D0404484921 F002 0102", "00", "32"},
		{"a tag that need not be", "D013 8103012100 82028102 8D0404484921 7002 0102", "00", "00"},
		{"an icon", "D013 8103012100 82028102 8D0404484921 9E02 0001", "00", "04"},
		{"a text attribute", "D015 8103012100 82028102 8D0404484921 D004 00030000", "00", "00"},
		{"no text", "D009 8103012100 82028102", "36", "36"},
		{"no devices", "D00B 8103012100 8D0404484921", "00", "36"},
		{"MORE TIME", "D009 8103010200 82028182", "00", "00"},
		{"MORE TIME without devices", "D005 8103010200", "00", "36"},
		{"an event list", "D00C 8103010500 82028182 990104", "00", "00"},
		{"no event list", "D009 8103010500 82028182", "00", "36"},
		{"a menu", "D010 8103012500 82028182 850141 8F020142", "00", "00"},
		{"a menu without title", "D00D 8103012500 82028182 8F020142", "00", "36"},
		{"a menu without items", "D00C 8103012500 82028182 850141", "00", "36"},
		{"a menu with icons", "D015 8103012500 82028182 850141 8F020142 9F03000102", "00", "04"},
		{"an idle text", "D00E 8103012800 82028182 8D03044849", "00", "00"},
		{"no idle text", "D009 8103012800 82028182", "00", "36"},
		{"a message without TPDU", "D009 8103011300 82028183", "36", "36"},
		{"no duration", "D009 8103010300 82028182", "36", "36"},
		{"a list without items", "D009 8103012400 82028182", "32", "36"},
		{"a type that is none", "D009 8103017700 82028182", "31", "31"},
	} {
		for _, strict := range []bool{false, true} {
			want := c.lenient
			if strict {
				want = c.strict
			}
			card := newFake(t, c.command)
			start(t, Options{Card: card, Driver: &Auto{}, Strict: strict, Poll: -1})
			have := card.wait(1)
			if r := result(t, have[0]); r != want {
				t.Errorf("%s, strict %v: %s, want %s", c.name, strict, r, want)
			}
		}
	}
}

// result is the general result in a TERMINAL RESPONSE.
func result(t *testing.T, response string) string {
	t.Helper()
	for b := unhex(response); len(b) > 0; {
		tag, v, rest, err := takeTLV(b)
		if err != nil || tag == tagResult && len(v) == 0 {
			t.Fatal(response)
		}
		if tag == tagResult {
			return Result(v[0]).String()[:2]
		}
		b = rest
	}
	return ""
}
