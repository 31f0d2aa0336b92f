package ota

import (
	"errors"
	"testing"
)

func TestAlgorithmOf(t *testing.T) {
	for _, tc := range []struct {
		octet byte
		len   int
		alg   Algorithm
		want  error
	}{
		{0x31, 8, DES, nil},
		{0x3D, 8, DESECB, nil},
		{0xF5, 16, TripleDES2, nil},
		{0x19, 24, TripleDES3, nil},
		{0x12, 16, AES128, nil},
		{0x12, 24, AES192, nil},
		{0x12, 32, AES256, nil},
		{0x12, 8, 0, ErrKey},
		{0x35, 24, 0, ErrKey},
		{0x31, 0, 0, ErrKey},
		{0x30, 16, 0, ErrAlgorithm},
		{0x33, 16, 0, ErrAlgorithm},
		{0x04, 16, 0, ErrAlgorithm},
		{0x0F, 16, 0, ErrAlgorithm},
	} {
		alg, err := AlgorithmOf(tc.octet, tc.len)
		if alg != tc.alg || !errors.Is(err, tc.want) {
			t.Errorf("octet %02X, %d octets: %v, %v", tc.octet, tc.len, alg, err)
		}
	}
}

func TestAlgorithmNames(t *testing.T) {
	for a := NoAlgorithm; a <= AES256; a++ {
		b, err := a.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again Algorithm
		if err := again.UnmarshalText(b); err != nil || again != a {
			t.Errorf("%s: %v, %v", b, again, err)
		}
	}
	if a, err := ParseAlgorithm("aes-128"); a != AES128 || err != nil {
		t.Error(a, err)
	}
	if _, err := ParseAlgorithm("AES"); !errors.Is(err, ErrAlgorithm) {
		t.Error(err)
	}
	if s := Algorithm(99).String(); s != "algorithm 99" {
		t.Error(s)
	}
}

func TestParseCNTR(t *testing.T) {
	for s, want := range map[string]CNTR{"0": 0, "64": 100, "ffffffffff": MaxCNTR, "000000000A": 10} {
		if have, err := ParseCNTR(s); err != nil || have != want {
			t.Errorf("%s: %v, %v", s, have, err)
		}
	}
	for _, s := range []string{"", "00000000000", "g", "-1", "1 ", "0x1", "\x10", "\x19"} {
		if have, err := ParseCNTR(s); !errors.Is(err, ErrCNTR) || have != 0 {
			t.Errorf("%q: %v, %v", s, have, err)
		}
	}
}

func TestSPIWords(t *testing.T) {
	for s, want := range map[string]string{
		"1639": "counter higher, ciphered, CC; PoR always, ciphered, CC, by SMS-SUBMIT",
		"1E1A": "counter exactly one higher, ciphered, CC; PoR on error, ciphered, CC, by SMS-DELIVER-REPORT",
		"0000": "no counter, in clear, no check value; no PoR",
		"0905": "counter unchecked, in clear, RC; PoR always, in clear, RC, by SMS-DELIVER-REPORT",
	} {
		spi, err := ParseSPI(s)
		if err != nil || spi.String() != s || spi.Describe() != want {
			t.Errorf("%s: %s, %q, %v", s, spi, spi.Describe(), err)
		}
	}
	for _, s := range []string{"", "163", "16390", "16g9"} {
		if _, err := ParseSPI(s); !errors.Is(err, ErrSPI) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if p := (SPI{0x16, 0x39}).PlainPoR(); p != (SPI{0x16, 0x21}) {
		t.Error(p)
	}
}

func TestResponseStatus(t *testing.T) {
	for s := range 256 {
		st := ResponseStatus(s)
		if st.Final() == (s == 0x08 || s == 0x0B || s == 0x0C) {
			t.Errorf("%02X final: %v", s, st.Final())
		}
	}
	for s, want := range map[ResponseStatus]string{
		StatusOK: "OK", StatusFollowsByUSSD: "response follows by USSD", 0x0D: "reserved status 0D",
		0xC0: "proprietary status C0", 0xFE: "proprietary status FE", 0xFF: "reserved status FF",
	} {
		if s.String() != want {
			t.Errorf("%02X: %s", byte(s), s)
		}
	}
}
