package sms

import (
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// The default alphabet as TS 23.038 6.2.1 prints it, written down a second
// time by code: a table that is wrong both ways still round-trips.
func TestAlphabetLiterals(t *testing.T) {
	const rows = "@£$¥èéùìòÇ\nØø\rÅå" + "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ" + " !\"#¤%&'()*+,-./" + "0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNO" + "PQRSTUVWXYZÄÖÑÜ§" + "¿abcdefghijklmno" + "pqrstuvwxyzäöñüà"
	for code, r := range []rune(rows) {
		if r == 0x1b {
			continue
		}
		if b, err := AppendGSM(nil, string(r)); err != nil || len(b) != 1 || int(b[0]) != code {
			t.Errorf("%q is %x, %v; want %02x", r, b, err, code)
		}
	}
	for r, want := range map[rune]string{'\f': "1b0a", '^': "1b14", '{': "1b28", '}': "1b29", '\\': "1b2f", '[': "1b3c", '~': "1b3d", ']': "1b3e", '|': "1b40", '€': "1b65"} {
		if b, err := AppendGSM(nil, string(r)); err != nil || hex.EncodeToString(b) != want {
			t.Errorf("%q is %x, %v; want %s", r, b, err, want)
		}
	}
	// Septets that end in the middle of an octet, and one that begins in the last.
	for _, tc := range []struct {
		packed  string
		fill, n int
		want    string
	}{
		{"e8329bfd06", 0, 5, "hello"},
		{"d06536fb0d", 1, 5, "hello"},
		{"e8329bfd4697d9ec37", 0, 10, "hellohello"},
		{"e8329bfd4697d9ec37", 0, 99, "hellohello"},
		{"41", 0, 1, "A"},
		{"41e1", 0, 2, "AB"},
		{"", 0, 3, ""},
		{"ff", 6, 9, ""},
		{"ff", 1, 9, "\x7f"},
	} {
		b, err := hex.DecodeString(tc.packed)
		if err != nil {
			t.Fatal(err)
		}
		if have := string(UnpackSeptets(nil, b, tc.fill, tc.n)); have != tc.want {
			t.Errorf("%s, fill %d: %q, want %q", tc.packed, tc.fill, have, tc.want)
		}
	}
}

// A TPDU of another type is refused for its type alone: only TP-MTI differs
// (TS 23.040 9.2.3.1).
func TestOnlyTheTypeDiffers(t *testing.T) {
	report := "0607" + "0B916407214365F7" + "62112251000000" + "62112251100000" + "00"
	submitReport := "0100" + "62112251000000"
	deliver := "04" + "0B916407214365F7" + "0000" + "62112251000000" + "05E8329BFD06"
	for name, parse := range map[string]func([]byte) error{
		report:       func(b []byte) error { _, err := ParseStatusReport(b); return err },
		submitReport: func(b []byte) error { _, err := ParseSubmitReport(b, false); return err },
		deliver:      func(b []byte) error { _, err := ParseDeliver(b); return err },
	} {
		b, err := hex.DecodeString(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := parse(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		mti := b[0] & 3
		for other := range byte(4) {
			b[0] = b[0]&^3 | other
			if err := parse(b); (err == nil) != (other == mti) {
				t.Errorf("%s with TP-MTI %d: %v", name, other, err)
			}
		}
	}
}

// A status report in octets, with and without what TP-PI announces (TS 23.040
// 9.2.2.3): without TP-DCS the user data is 7-bit text.
func TestStatusReportOctets(t *testing.T) {
	head := "0B916407214365F7" + "62112251000000" + "62112251100000" + "30"
	b, err := hex.DecodeString("0207" + head + "04" + "08E8329BFD4697D9")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseStatusReport(b)
	if err != nil {
		t.Fatal(err)
	}
	if r.Reference != 7 || r.Status != 0x30 || r.Recipient.Number != "46701234567" || !r.MoreMessages || r.PI != PIUD || r.Septets != 8 {
		t.Errorf("%+v", r)
	}
	r.DCS = 4 // not announced, so of no effect
	if again, err := r.AppendBinary(nil); err != nil || hex.EncodeToString(again) != hex.EncodeToString(b) {
		t.Errorf("%x, %v\nwant %x", again, err, b)
	}
	b[0] |= 4
	if r, err := ParseStatusReport(b); err != nil || r.MoreMessages {
		t.Errorf("no more messages: %+v, %v", r, err)
	}
}

// The value of an address object that holds its type and nothing else
// (TS 102 223 8.1), and what is too short or too long to be an address.
func TestAddressOctets(t *testing.T) {
	for octets, want := range map[string]Address{
		"91": {TON: 1, NPI: 1}, "f1": {TON: 7, NPI: 1}, "d0": {TON: 5}, "912143": {TON: 1, NPI: 1, Number: "1234"}, "9121f3": {TON: 1, NPI: 1, Number: "123"},
	} {
		a, err := ParseAddressValue(unhex(t, octets))
		if err != nil || a != want {
			t.Errorf("%s: %+v, %v, want %+v", octets, a, err, want)
		}
	}
	for n, says := range map[int]string{0: "0 octets, must be 1 to 11", 12: "12 octets, must be 1 to 11"} {
		if _, err := ParseAddressValue(make([]byte, n)); !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), says) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	for n := range 2 {
		if a, rest, err := ParseAddress([]byte{0, 0x91}[:n]); !errors.Is(err, ErrAddress) || a != (Address{}) || rest != nil {
			t.Errorf("%d octets of an address: %+v, %x, %v", n, a, rest, err)
		}
	}
}

// The longest address has 20 semi-octets (TS 23.040 9.1.2.5).
func TestAddressBorders(t *testing.T) {
	for semi, want := range map[int]error{20: nil, 21: ErrAddress} {
		b := append([]byte{byte(semi), 0x91}, []byte{0x21, 0x43, 0x65, 0x87, 0x09, 0x21, 0x43, 0x65, 0x87, 0x09, 0xF1, 0xEE}...)
		a, rest, err := ParseAddress(b)
		if !errors.Is(err, want) || want == nil && (a.Number != "12345678901234567890" || len(rest) != 2) {
			t.Errorf("%d semi-octets: %+v, %x, %v", semi, a, rest, err)
		}
	}
}

// What logs show of a number, and of a name in its place.
func TestLogValues(t *testing.T) {
	for v, want := range map[slog.LogValuer]string{
		MSISDN("4179123"):                                "+****",
		MSISDN("41791234"):                               "+417****34",
		MSISDN("41791234567"):                            "+417****67",
		AddressOf("41791234567"):                         "+417****67",
		Address{TON: TONAlphanumeric, Number: "simsign"}: "simsign",
		Address{TON: TONNational, Number: "simsign"}:     "+****",
	} {
		if have := v.LogValue().String(); have != want {
			t.Errorf("%#v: %q, want %q", v, have, want)
		}
	}
}

// What is refused is told with the numbers that do not fit.
func TestErrorsSayWhat(t *testing.T) {
	long := Address{TON: 1, NPI: 1, Number: "123456789012345678901"}
	_, tooLong := long.AppendBinary(nil)
	_, letter := ParseMSISDN("+4179a1")
	_, _, header := ParseConcat([]byte{2, 0x70, 1})
	_, data := appendUD(nil, 4, nil, make([]byte, 141), 0)
	_, udhl := appendUD(nil, 4, []byte{3, 0x70, 0}, nil, 0)
	_, _, kind := checkType([]byte{2}, "SMS-SUBMIT", mtiSubmit)
	for says, err := range map[string]error{
		"21 semi-octets, the most is 20": tooLong, "character 5": letter, "element 70 has 1 octets, have 0": header,
		"user data of 141 octets, the most is 140": data, "UDHL 3, have 2 octets": udhl, "message type 2, SMS-SUBMIT is 1": kind,
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
