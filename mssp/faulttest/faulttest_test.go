package faulttest

import (
	"slices"
	"testing"
	"time"
)

func TestDifferences(t *testing.T) {
	type inner struct{ A, B string }
	type seen struct {
		In inner
		P  *inner
		L  []inner
		O  []byte
		At time.Time
		N  int
	}
	whole := func() seen {
		return seen{inner{"a", "b"}, &inner{"c", "d"}, []inner{{"e", "f"}}, []byte{1, 2}, time.Unix(1, 0).UTC(), 7}
	}
	for name, c := range map[string]struct {
		change func(*seen)
		want   []string
	}{
		"nothing":      {func(*seen) {}, nil},
		"a member":     {func(s *seen) { s.In.B = "x" }, []string{".In.B"}},
		"two members":  {func(s *seen) { s.In.B, s.N = "x", 8 }, []string{".In.B", ".N"}},
		"pointed at":   {func(s *seen) { s.P.A = "x" }, []string{".P.A"}},
		"no pointer":   {func(s *seen) { s.P = nil }, []string{".P"}},
		"an element":   {func(s *seen) { s.L[0].A = "x" }, []string{".L[0].A"}},
		"one more":     {func(s *seen) { s.L = append(s.L, inner{"x", "y"}) }, []string{".L[1]"}},
		"none":         {func(s *seen) { s.L = nil }, []string{".L[0]"}},
		"octets":       {func(s *seen) { s.O[1] = 9 }, []string{".O"}},
		"another time": {func(s *seen) { s.At = s.At.Add(1) }, []string{".At"}},
	} {
		a, b := whole(), whole()
		c.change(&b)
		if got := Differences(a, b); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRules(t *testing.T) {
	rs := Rules{newRule("a", "%s: %v"), newRule("b", "Mode %s is unknown: send (one)"), newRule("c", "Mode %s is old"), newRule("d", "Mode %s is old")}
	for detail, want := range map[string]bool{"Mode \"x\ny\" is unknown: send (one)": true, "Mode x is older": false, "Mode x is old": true} {
		if rs.Met(detail) != want {
			t.Errorf("%q: met %v", detail, !want)
		}
	}
	if got := rs.Unmet(); !slices.Equal(got, []string{`a: "%s: %v"`}) {
		t.Errorf("unmet: %q", got)
	}
	found := Read(t, "../service/mesh.go")
	if len(found) != 2 || !found.Met("MobileUser.HomeMSSP names another service, and this one forwards nothing: leave it out, or send the URI http://us") {
		t.Errorf("%d rules found", len(found))
	}
}
