package sms

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseConcat(t *testing.T) {
	for _, tc := range []struct {
		name, udh string
		want      Concat
		cpi       CPI
		err       error
	}{
		{"none", "", Concat{0, false, 1, 1}, NoCPI, nil},
		{"empty", "00", Concat{0, false, 1, 1}, NoCPI, nil},
		{"command", "027000", Concat{0, false, 1, 1}, CommandCPI, nil},
		{"response", "027100", Concat{0, false, 1, 1}, ResponseCPI, nil},
		{"concat_first", "0700038b02017000", Concat{0x8B, false, 2, 1}, CommandCPI, nil},
		{"cpi_first", "07700000032f0301", Concat{0x2F, false, 3, 1}, CommandCPI, nil},
		{"later_part", "0500038b0202", Concat{0x8B, false, 2, 2}, NoCPI, nil},
		{"ref16", "08080430cc02017100", Concat{0x30CC, true, 2, 1}, ResponseCPI, nil},
		{"ref16_later", "06080430ccffff", Concat{0x30CC, true, 255, 255}, NoCPI, nil},
		{"one_of_one", "0500030a0101", Concat{0x0A, false, 1, 1}, NoCPI, nil},
		{"unknown_elements", "0b24010100030702010501aa", Concat{7, false, 2, 1}, NoCPI, nil},
		{"udhl_too_long", "037000", Concat{}, NoCPI, ErrUDH},
		{"udhl_too_short", "017000", Concat{}, NoCPI, ErrUDH},
		{"element_overruns", "0500048b0202", Concat{}, NoCPI, ErrUDH},
		{"element_without_length", "0170", Concat{}, NoCPI, ErrUDH},
		{"part_0", "0500038b0200", Concat{}, NoCPI, ErrUDH},
		{"part_past_total", "0500038b0203", Concat{}, NoCPI, ErrUDH},
		{"total_0", "0500038b0000", Concat{}, NoCPI, ErrUDH},
		{"total_0_part_1", "0500038b0001", Concat{}, NoCPI, ErrUDH},
		{"two_concats", "0a00038b020100038b0201", Concat{}, NoCPI, ErrUDH},
		{"two_kinds_of_concat", "0b00038b02010804008b0201", Concat{}, NoCPI, ErrUDH},
		{"short_concat", "0400028b02", Concat{}, NoCPI, ErrUDH},
		{"concat16_with_3", "0508038b0202", Concat{}, NoCPI, ErrUDH},
		{"cpi_in_part_2", "0700038b02027000", Concat{}, NoCPI, ErrUDH},
		{"cpi_twice", "0470007000", Concat{}, NoCPI, ErrUDH},
		{"both_cpis", "0470007100", Concat{}, NoCPI, ErrUDH},
		{"cpi_with_data", "03700100", Concat{}, NoCPI, ErrUDH},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, cpi, err := ParseConcat(unhex(t, tc.udh))
			if c != tc.want && tc.err == nil || cpi != tc.cpi || !errors.Is(err, tc.err) {
				t.Errorf("have %+v, %s, %v", c, cpi, err)
			}
		})
	}
}

// Every length from nothing to the most that 255 segments hold, in every form
// of header: full segments, marks in the first only, and back in any order.
func TestSplitJoin(t *testing.T) {
	all := make([]byte, 255*134)
	for i := range all {
		all[i] = byte(i * 7 >> 3)
	}
	for _, o := range []SplitOptions{
		{CPI: CommandCPI, Ref: 255},
		{CPI: ResponseCPI, Ref: 1, CPIFirst: true},
		{CPI: CommandCPI, Ref: 0xABCD, Ref16: true},
		{CPI: CommandCPI, Ref: 3, Ref16: true, CPIFirst: true},
		{Ref: 9},
	} {
		later := 134
		if o.Ref16 {
			later = 133
		}
		most := 255 * later
		if o.CPI != NoCPI {
			most -= 2
		}
		for n := 0; n <= most; n += 1 + n/400*37 {
			parts, err := Split(all[:n], o)
			if err != nil {
				t.Fatalf("%+v, %d octets: %v", o, n, err)
			}
			checkParts(t, o, all[:n], parts)
		}
		if parts, err := Split(all[:most], o); err != nil || len(parts) != 255 {
			t.Errorf("%+v: %d octets in %d segments, %v", o, most, len(parts), err)
		}
		if _, err := Split(append(all, 1, 2, 3)[:most+1], o); !errors.Is(err, ErrSegments) {
			t.Errorf("%+v, one octet too many: %v", o, err)
		}
	}
	if _, err := Split(all, SplitOptions{Ref: 256}); !errors.Is(err, ErrSegments) {
		t.Error(err)
	}
}

func checkParts(t *testing.T, o SplitOptions, packet []byte, parts []Part) {
	t.Helper()
	for i, p := range parts {
		c, cpi, err := ParseConcat(p.UDH)
		if err != nil || int(c.Total) != len(parts) || int(c.Part) != i+1 || len(parts) > 1 && (c.Ref != o.Ref || c.Ref16 != o.Ref16) {
			t.Fatalf("part %d of %d: %+v, %v", i+1, len(parts), c, err)
		}
		if want := map[bool]CPI{true: o.CPI}[i == 0]; cpi != want {
			t.Fatalf("part %d is marked %s", i+1, cpi)
		}
		if n := len(p.UDH) + len(p.UD); n > MaxUserData || i < len(parts)-1 && n != MaxUserData || len(parts) > 1 && len(p.UD) == 0 {
			t.Fatalf("part %d of %d has %d octets", i+1, len(parts), n)
		}
	}
	mixed := append([]Part{}, parts[len(parts)/2:]...)
	mixed = append(mixed, parts[:len(parts)/2]...)
	have, cpi, err := Join([]byte("x"), mixed)
	if err != nil || cpi != o.CPI || !bytes.Equal(have[1:], packet) {
		t.Fatalf("%d octets in %d parts: joined %d, %s, %v", len(packet), len(parts), len(have)-1, cpi, err)
	}
}

// Segments that do not belong together, and a count that changes in between.
func TestJoinRefuses(t *testing.T) {
	p := func(udh string) Part { return Part{UDH: unhex(t, udh), UD: []byte{1}} }
	many := make([]Part, 256)
	for _, tc := range []struct {
		name  string
		parts []Part
		err   error
	}{
		{"none", nil, ErrSegments},
		{"one_missing", []Part{p("0700038b03017000"), p("0500038b0302")}, ErrSegments},
		{"one_twice", []Part{p("0700038b02017000"), p("0700038b02017000")}, ErrSegments},
		{"other_reference", []Part{p("0700038b02017000"), p("0500038c0202")}, ErrSegments},
		{"other_total", []Part{p("0700038b02017000"), p("0500038b0302")}, ErrSegments},
		{"other_width", []Part{p("0700038b02017000"), p("060804008b0202")}, ErrSegments},
		{"too_many", []Part{p("0700038b02017000"), p("0500038b0202"), p("0500038b0202")}, ErrSegments},
		{"two_whole_messages", []Part{p("027000"), p("027000")}, ErrSegments},
		{"bad_header", []Part{p("0500038b0200")}, ErrUDH},
		{"256", many, ErrSegments},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dst, cpi, err := Join([]byte("x"), tc.parts)
			if !errors.Is(err, tc.err) || string(dst) != "x" || cpi != NoCPI {
				t.Errorf("%q, %s, %v", dst, cpi, err)
			}
		})
	}
}

func FuzzParseConcat(f *testing.F) {
	f.Add([]byte{7, 0, 3, 1, 2, 1, 0x70, 0})
	f.Add([]byte{8, 8, 4, 1, 2, 2, 1, 0x71, 0})
	f.Add([]byte{2, 0x70, 0})
	f.Fuzz(func(t *testing.T, udh []byte) {
		c, cpi, err := ParseConcat(udh)
		if err != nil {
			if !errors.Is(err, ErrUDH) {
				t.Errorf("undeclared error %v", err)
			}
			return
		}
		if c.Total == 0 || c.Part == 0 || c.Part > c.Total || cpi != NoCPI && c.Part != 1 {
			t.Errorf("%X: %+v, %s", udh, c, cpi)
		}
		again, mark, err := ParseConcat(appendUDH(nil, c, cpi, false))
		if c.Total == 1 {
			c = Concat{Total: 1, Part: 1}
		}
		if err != nil || again != c || mark != cpi {
			t.Errorf("%X: %+v, then %+v, %v", udh, c, again, err)
		}
	})
}

func FuzzJoin(f *testing.F) {
	f.Add([]byte{7, 0, 3, 1, 2, 1, 0x70, 0, 0xAA}, []byte{5, 0, 3, 1, 2, 2, 0xBB})
	f.Add([]byte{2, 0x70, 0}, []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var parts []Part
		for _, m := range [][]byte{a, b} {
			n := 0
			if len(m) > 0 {
				n = min(1+int(m[0]), len(m))
			}
			parts = append(parts, Part{UDH: m[:n], UD: m[n:]})
		}
		joined, _, err := Join(nil, parts)
		if err != nil && !errors.Is(err, ErrSegments) && !errors.Is(err, ErrUDH) {
			t.Errorf("undeclared error %v", err)
		}
		if err == nil && len(joined) != len(parts[0].UD)+len(parts[1].UD) {
			t.Errorf("%d octets joined", len(joined))
		}
	})
}
