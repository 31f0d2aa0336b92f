package modem

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func split(chunks ...string) (lines []string, s *splitter, ok bool) {
	s, ok = &splitter{}, true
	for _, c := range chunks {
		ok = s.feed([]byte(c), func(l []byte) { lines = append(lines, string(l)) }) && ok
	}
	return lines, s, ok
}

func TestSplit(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"answer":        {"\r\n+CSQ: 20,99\r\n\r\nOK\r\n", "+CSQ: 20,99|OK"},
		"no line feeds": {"AT\r\rOK\r", "AT|OK"},
		"numeric":       {"0\r", "0"},
		"prompt":        {"\r\n> ", ">"},
		"bare prompt":   {"\r\n>\r\n", ">"},
		"no space":      {"\r\n>", ">"},
		"prompt, echo":  {"> 0011\x1a\r\n+CMGS: 1\r\n", ">|0011|+CMGS: 1"},
		"NULs":          {"\x00\x00O\x00K\x00\r\n", "OK"},
		"noise":         {"\xff\xfe\x80OK\r\n", "OK"},
		"spaces":        {"  OK  \r\n   \r\n", "OK"},
		"too long":      {strings.Repeat("A", maxLine+1) + "\r\nOK\r\n", "OK"},
		"just fits":     {strings.Repeat("A", maxLine) + "\r\n", strings.Repeat("A", maxLine)},
	} {
		if lines, _, ok := split(tc.in); strings.Join(lines, "|") != tc.want || !ok {
			t.Errorf("%s: %q, %v", name, lines, ok)
		}
	}
	if _, s, ok := split(strings.Repeat("\x00", maxNoise), "x"); ok || cap(s.line) > 2*maxLine {
		t.Errorf("64 kB without a line end are taken, %d held", cap(s.line))
	}
}

// FuzzSplit: the lines do not depend on how the octets arrive, are never
// longer than maxLine and hold nothing but text.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("\r\n+CMT: ,20\r\n0791\r\n> \r\nOK\r\n"), 3)
	f.Add(bytes.Repeat([]byte{'A', 0}, 2*maxLine), 1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		whole, _, _ := split(string(b))
		var parts []string
		for c := range slices.Chunk(b, max(1, n&0xFF)) {
			parts = append(parts, string(c))
		}
		cut, s, _ := split(parts...)
		if !slices.Equal(whole, cut) {
			t.Fatalf("%q and %q", whole, cut)
		}
		if len(s.line) > maxLine {
			t.Fatalf("%d octets held", len(s.line))
		}
		for _, l := range whole {
			if len(l) == 0 || len(l) > maxLine || strings.ContainsFunc(l, func(r rune) bool { return r < 0x20 || r > 0x7E }) {
				t.Fatalf("line %q", l)
			}
		}
	})
}
