package sms

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
)

// Both tables there and back: 127 characters of one septet, 10 of two.
func TestAlphabet(t *testing.T) {
	seen := map[rune]bool{}
	for i, r := range gsmDefault {
		if seen[r] {
			t.Errorf("%q is there twice", r)
		}
		seen[r] = true
		b, err := AppendGSM(nil, string(r))
		if r == escape {
			if !errors.Is(err, ErrText) {
				t.Error("the escape is a character")
			}
			continue
		}
		if err != nil || !bytes.Equal(b, []byte{byte(i)}) || DecodeGSM(b) != string(r) {
			t.Errorf("%q: %X, %v", r, b, err)
		}
	}
	const extension = "\f^{}\\[~]|€"
	b, err := AppendGSM(nil, extension)
	if err != nil || len(b) != 20 || DecodeGSM(b) != extension {
		t.Errorf("%X, %v", b, err)
	}
	for code, want := range map[string]string{
		"1b41": "A", "1b": " ", "411b": "A ", "1b1b65": " €", "1b00": "@", "e5": "e",
	} {
		if have := DecodeGSM(unhex(t, code)); have != want {
			t.Errorf("%s: %q, want %q", code, have, want)
		}
	}
	for _, text := range []string{"ç", "Ж", "\t", "日", "😀", "\xff", "`"} {
		if b, err := AppendGSM([]byte("x"), text); !errors.Is(err, ErrText) || string(b[:1]) != "x" {
			t.Errorf("%q: %v", text, err)
		}
	}
	// An error says where a character is, not which: texts are secret.
	if _, err := AppendGSM(nil, "secret Ж"); strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "octet 7") {
		t.Error(err)
	}
}

func TestPackSeptets(t *testing.T) {
	hello, _ := AppendGSM(nil, "hellohello")
	if have := PackSeptets(nil, hello, 0); !bytes.Equal(have, unhex(t, "e8329bfd4697d9ec37")) {
		t.Errorf("%X", have)
	}
	for n := range 40 {
		septets := make([]byte, n)
		for i := range septets {
			septets[i] = byte(i*37+n) & 0x7F
		}
		for fill := range 7 {
			packed := PackSeptets(nil, septets, fill)
			if n > 0 && len(packed) != (n*7+fill+7)/8 {
				t.Errorf("%d septets, fill %d: %d octets", n, fill, len(packed))
			}
			if have := UnpackSeptets(nil, packed, fill, n); !bytes.Equal(have, septets) {
				t.Errorf("%d septets, fill %d: %X, want %X", n, fill, have, septets)
			}
		}
	}
	if have := UnpackSeptets(nil, []byte{0xFF}, 0, 9); len(have) != 1 {
		t.Errorf("%X from one octet", have)
	}
	if have := UnpackSeptets(nil, nil, 3, 9); len(have) != 0 {
		t.Errorf("%X from nothing", have)
	}
}

// Texts to each side of every limit, with characters of two units across the
// cut: the parts are as few as can be, and together give the text back.
func TestEncodeText(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		ref16      bool
		parts      int
		dcs        byte
	}{
		{"one", "a", false, 1, DCSGSM},
		{"160", strings.Repeat("a", 160), false, 1, DCSGSM},
		{"161", strings.Repeat("a", 161), false, 2, DCSGSM},
		{"306", strings.Repeat("a", 306), false, 2, DCSGSM},
		{"307", strings.Repeat("a", 307), false, 3, DCSGSM},
		{"304_ref16", strings.Repeat("a", 304), true, 2, DCSGSM},
		{"305_ref16", strings.Repeat("a", 305), true, 3, DCSGSM},
		{"80_euro", strings.Repeat("€", 80), false, 1, DCSGSM},
		{"81_euro", strings.Repeat("€", 81), false, 2, DCSGSM},
		{"escape_across_the_cut", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 20), false, 2, DCSGSM},
		{"escape_costs_a_part", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), false, 3, DCSGSM},
		{"70_ucs2", strings.Repeat("Ж", 70), false, 1, DCSUCS2},
		{"71_ucs2", strings.Repeat("Ж", 71), false, 2, DCSUCS2},
		{"134_ucs2", strings.Repeat("Ж", 134), false, 2, DCSUCS2},
		{"135_ucs2", strings.Repeat("Ж", 135), false, 3, DCSUCS2},
		{"132_ucs2_ref16", strings.Repeat("Ж", 132), true, 2, DCSUCS2},
		{"133_ucs2_ref16", strings.Repeat("Ж", 133), true, 3, DCSUCS2},
		{"pair_across_the_cut", strings.Repeat("Ж", 66) + "😀" + strings.Repeat("Ж", 60), false, 2, DCSUCS2},
		{"255_parts", strings.Repeat("a", 255*153), false, 255, DCSGSM},
	} {
		t.Run(tc.name, func(t *testing.T) {
			parts, err := EncodeText(tc.text, TextOptions{Ref: 7, Ref16: tc.ref16})
			if err != nil || len(parts) != tc.parts {
				t.Fatalf("%d parts, %v, want %d", len(parts), err, tc.parts)
			}
			checkText(t, tc.text, parts)
			if parts[0].DCS != tc.dcs {
				t.Errorf("coding scheme %02X", parts[0].DCS)
			}
		})
	}
	for _, text := range []string{"", "\xff", strings.Repeat("a", 255*153+1), strings.Repeat("Ж", 255*67+1)} {
		if _, err := EncodeText(text, TextOptions{}); !errors.Is(err, ErrText) {
			t.Errorf("%d octets: %v", len(text), err)
		}
	}
	if _, err := EncodeText("a", TextOptions{Ref: 256}); !errors.Is(err, ErrSegments) {
		t.Error(err)
	}
	if _, err := EncodeText("a", TextOptions{Ref: 255}); err != nil {
		t.Error(err)
	}
}

// checkText sends each part through a TPDU and reads the text back.
func checkText(t *testing.T, text string, parts []TextPart) {
	t.Helper()
	have := ""
	for i, p := range parts {
		s := Submit{Destination: AddressOf("41791234567"), DCS: p.DCS, UDH: p.UDH, UD: p.UD, Septets: p.Septets}
		raw, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = ParseSubmit(raw); err != nil {
			t.Fatal(err)
		}
		c, cpi, err := ParseConcat(s.UDH)
		if err != nil || cpi != NoCPI || int(c.Part) != i+1 || int(c.Total) != len(parts) {
			t.Fatalf("part %d: %+v, %v", i+1, c, err)
		}
		piece, err := DecodeText(s.DCS, s.UDH, s.UD, s.Septets)
		if err != nil || piece == "" {
			t.Fatalf("part %d: %v", i+1, err)
		}
		have += piece
	}
	if have != text {
		t.Errorf("%d characters came back of %d", len([]rune(have)), len([]rune(text)))
	}
}

func TestDecodeTextRefuses(t *testing.T) {
	for _, tc := range []struct {
		name    string
		dcs     byte
		udh, ud []byte
		septets int
	}{
		{"data", DCS8Bit, nil, []byte("a"), 0},
		{"class_2_data", DCSClass2Data, nil, []byte("a"), 0},
		{"compressed", 0x20, nil, []byte("a"), 0},
		{"odd_ucs2", DCSUCS2, nil, []byte{0}, 0},
		{"septets_past_end", DCSGSM, nil, []byte{1}, 2},
		{"septets_within_header", DCSGSM, []byte{5, 0, 3, 1, 2, 1}, []byte{1}, 6},
		{"negative", DCSGSM, nil, nil, -1},
	} {
		if text, err := DecodeText(tc.dcs, tc.udh, tc.ud, tc.septets); !errors.Is(err, ErrText) || text != "" {
			t.Errorf("%s: %q, %v", tc.name, text, err)
		}
	}
}

func TestUCS2(t *testing.T) {
	for _, text := range []string{"", "a", "Жé日", "😀", "a😀b"} {
		b, err := AppendUCS2(nil, text)
		if err != nil || len(b) != 2*len(utf16.Encode([]rune(text))) || len(b) != 2*UCS2Len(text) {
			t.Errorf("%q: %X, %v", text, b, err)
		}
		if have, err := DecodeUCS2(b); have != text || err != nil {
			t.Errorf("%q: %q, %v", text, have, err)
		}
	}
	if have, err := DecodeUCS2([]byte{0xD8, 0x3D, 0, 'a'}); have != "\uFFFDa" || err != nil {
		t.Errorf("%q, %v", have, err)
	}
	if _, err := AppendUCS2(nil, "\xc3"); !errors.Is(err, ErrText) {
		t.Error(err)
	}
}

func TestAlphabetOf(t *testing.T) {
	for dcs, want := range map[byte]Alphabet{
		0x00: AlphabetGSM, 0x04: AlphabetData, 0x08: AlphabetUCS2, 0x0C: AlphabetGSM, 0x11: AlphabetGSM, 0x16: AlphabetData,
		0x19: AlphabetUCS2, 0x20: AlphabetData, 0x44: AlphabetData, 0x48: AlphabetUCS2, 0x84: AlphabetGSM, 0xBF: AlphabetGSM,
		0xC8: AlphabetGSM, 0xD8: AlphabetGSM, 0xE0: AlphabetUCS2, 0xF0: AlphabetGSM, 0xF4: AlphabetData, 0xF6: AlphabetData, 0xF2: AlphabetGSM,
	} {
		if have := AlphabetOf(dcs); have != want {
			t.Errorf("%02X: %d, want %d", dcs, have, want)
		}
	}
	for dcs, want := range map[byte]bool{0xF6: true, 0x16: true, 0xF2: true, 0x12: true, 0xF5: false, 0x06: false, 0x02: false, 0x92: false, 0xE2: false} {
		if have := Class2(dcs); have != want {
			t.Errorf("%02X: class 2 is %v", dcs, have)
		}
	}
}
