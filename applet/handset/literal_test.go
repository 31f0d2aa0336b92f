package handset

import (
	"encoding/hex"
	"errors"
	"testing"
	"time"
)

// Octets of the standards and what a phone makes of them: alpha identifiers
// (TS 102 221 annex A), swapped digits (TS 31.102 4.2.2), times of a timer
// (TS 102 223 8.38).
func TestLiterals(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "",
		"48656c6c6f":        "Hello",
		"8000480069":        "Hi",
		"800048006900":      "Hi",
		"8103134cd2d3":      "L" + string(rune(0x13<<7+0x52)) + string(rune(0x13<<7+0x53)),
		"81021380" + "41":   string(rune(0x13<<7)) + "A",
		"810113" + "4142":   "A",
		"82020530" + "2d82": "-" + string(rune(0x532)),
		"82010530" + "8241": string(rune(0x532)),
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if have := alpha(b); have != want {
			t.Errorf("%s: %q, want %q", text, have, want)
		}
	}
	for text, want := range map[string]string{"": "", "21": "12", "2143f5": "12345", "f1": "1", "0f": "", "09": "90", "a1": "1", "99": "99"} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if have := swappedDigits(b); have != want {
			t.Errorf("%s: %q, want %q", text, have, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "000000", -time.Second: "000000", 59 * time.Second: "000095", time.Minute: "001000", 61 * time.Minute: "101000",
		12*time.Hour + 34*time.Minute + 56*time.Second: "214365",
	} {
		have := timerOctets(d)
		if hex.EncodeToString(have) != want {
			t.Errorf("%s: %x, want %s", d, have, want)
		}
		if back, ok := timerDuration(have); ok != (d > 0) || ok && back != d {
			t.Errorf("%x: %s, %v", have, back, ok)
		}
	}
}

// What can be typed: characters and lengths at both of their borders.
func TestInputBorders(t *testing.T) {
	digits, text, ucs2 := &Screen{Digits: true, Min: 4, Max: 8}, &Screen{Min: 1, Max: 5}, &Screen{UCS2: true, Min: 1, Max: 2}
	for _, tc := range []struct {
		s  *Screen
		in string
		ok bool
	}{
		{digits, "1234", true},
		{digits, "12345678", true},
		{digits, "0*#+9", true},
		{digits, "123", false},
		{digits, "123456789", false},
		{digits, "123/", false},
		{digits, "123:", false},
		{digits, "12a4", false},
		{digits, "123\xff", false},
		{text, "a", true},
		{text, "Hello", true},
		{text, "", false},
		{text, "Hello!", false},
		{text, "{}", true},
		{text, "{}{", false},
		{text, "Ж", false},
		{ucs2, "ЖЖ", true},
		{ucs2, "ЖЖЖ", false},
		{ucs2, "\uffff", true},
		{ucs2, "😀", false},
	} {
		if err := tc.s.checkInput(tc.in); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrInput) {
			t.Errorf("%q into %+v: %v", tc.in, tc.s, err)
		}
	}
}
