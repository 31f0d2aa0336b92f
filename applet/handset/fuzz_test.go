package handset

import (
	"errors"
	"testing"
	"unicode/utf8"
)

// still is a phone whose loop does not run: the test calls it directly.
func still(t *testing.T, c *fakeCard, d Driver) *Handset {
	h, err := New(Options{Card: c, Number: number, Driver: d})
	if err != nil {
		t.Fatal(err)
	}
	h.clock.init()
	if err := h.card.boot(&h.view); err != nil {
		t.Fatal(err)
	}
	return h
}

// Whatever a card wants, the phone responds once, or waits, or begins anew.
func FuzzProactive(f *testing.F) {
	f.Add(unhex("D0028101"), false)
	f.Add(unhex("D00F8103012181820281028D0404484921"), true)
	f.Add(unhex("D0138103012304820281828D040448492191020406"), true)
	f.Add(unhex("D0168103012400820281828503534D338F0201418F020242"), true)
	f.Add(unhex("D01A8103011300820281838B0F4155048109007FF606027100010203"), false)
	f.Add(unhex("D011810301270082028182A40103A503001000"), false)
	f.Fuzz(func(t *testing.T, in []byte, auto bool) {
		if len(in) == 0 || len(in) > 256 {
			return
		}
		if _, err := parseCommand(in); err != nil && !errors.Is(err, errTLV) {
			t.Errorf("undeclared error: %v", err)
		}
		c := newFake(t)
		c.pending = [][]byte{in}
		var d Driver
		if auto {
			d = &Auto{Code: "1234"}
		}
		h := still(t, c, d)
		h.toolkit.proceed()
		answered, waits := len(c.replies), h.toolkit.waiting != waitNothing
		if answered > 1 || answered == 1 && waits {
			t.Errorf("%d responses, waits %v", answered, waits)
		}
		if answered == 0 && !waits && c.resets < 2 {
			t.Error("no response, and nothing to wait for")
		}
	})
}

// What is typed is what the card reads.
func FuzzInput(f *testing.F) {
	f.Add("1234567", true, false)
	f.Add("€[]", false, false)
	f.Add("Жук", false, true)
	f.Fuzz(func(t *testing.T, in string, packed, ucs2 bool) {
		s := Screen{Kind: KindInput, Max: 120, UCS2: ucs2}
		if s.check(Answer{Action: OK, Input: in}) != nil {
			return
		}
		b, where := appendInput(nil, in, packed, ucs2)
		tag, v, rest, err := takeTLV(b)
		if err != nil || tag != tagText || len(rest) != 0 {
			t.Fatalf("%X: %v", b, err)
		}
		if where.to != len(b) || where.from != len(b)-len(v)+1 {
			t.Errorf("secret octets %v of %X", where, b)
		}
		if out, _, _, ok := text(v); !ok || out != in {
			// A CR at the end of packed text cannot be told from filling.
			if !packed || ucs2 || in == "" || in[len(in)-1] != '\r' {
				t.Errorf("%q came back as %q", in, out)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add([]byte{0x81, 2, 8, 0x96, 'A'})
	f.Add([]byte{0x82, 2, 4, 0x10, 0x86, 'A'})
	f.Add([]byte{0x00, 0x31, 0xD9, 0x8C, 0x56, 0xB3, 0xDD, 0x1A})
	f.Fuzz(func(t *testing.T, in []byte) {
		if s, _, octets, ok := text(in); ok && (!utf8.ValidString(s) || len(octets) > len(in)) {
			t.Errorf("text %q", s)
		}
		if s := alpha(in); !utf8.ValidString(s) {
			t.Errorf("alpha %q", s)
		}
		if n := len(smscOf(in)); n > 11 {
			t.Errorf("service centre of %d octets", n)
		}
	})
}
