package ota

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// The two redundancy checks over the octets of the standard's own example
// (TS 102 225 5.1.3.1), and of the check string that catalogues of CRCs give.
func TestCRCOctets(t *testing.T) {
	for text, want := range map[string]struct {
		crc16 uint16
		crc32 uint32
	}{
		"\x01\x02\x03\x04\x05": {0x22EC, 0x470B99F4},
		"123456789":            {0x906E, 0xCBF43926},
		"":                     {0x0000, 0x00000000},
		"\x00":                 {0xF078, 0xD202EF8D},
	} {
		if have := CRC16([]byte(text)); have != want.crc16 {
			t.Errorf("%x: CRC-16 %04X, want %04X", text, have, want.crc16)
		}
		if have := CRC32([]byte(text)); have != want.crc32 {
			t.Errorf("%x: CRC-32 %08X, want %08X", text, have, want.crc32)
		}
	}
}

// CPL and RPL count 65535 octets and no more; a counter has 40 bits and no more.
func TestBordersOfPackets(t *testing.T) {
	ks := testKeySet(t, AES128, AES128, 8)
	clearCC := SPI{0x12, 0x09}
	for n, want := range map[int]error{65535 - 14 - 8: nil, 65535 - 14 - 7: ErrLength} {
		b, err := ks.Seal([]byte("x"), &Command{SPI: clearCC, CNTR: 1, Data: make([]byte, n)})
		if !errors.Is(err, want) || want != nil && string(b) != "x" || want == nil && binary.BigEndian.Uint16(b[1:]) != 0xFFFF {
			t.Errorf("command of %d octets: %d octets, %v", n, len(b), err)
		}
	}
	seal := func(n int) ([]byte, error) {
		return ks.SealResponse([]byte("x"), clearCC, &Response{CNTR: 1, Data: make([]byte, n)})
	}
	b, err := seal(1000)
	if err != nil {
		t.Fatal(err)
	}
	rest := 65535 - int(binary.BigEndian.Uint16(b[1:])) // what RPL still counts
	for n, want := range map[int]error{1000 + rest: nil, 1001 + rest: ErrLength} {
		b, err := seal(n)
		if !errors.Is(err, want) || want != nil && string(b) != "x" || want == nil && binary.BigEndian.Uint16(b[1:]) != 0xFFFF {
			t.Errorf("response of %d octets: %d octets, %v", n, len(b), err)
		}
	}
	for cntr, want := range map[CNTR]error{MaxCNTR: nil, MaxCNTR + 1: ErrCounter} {
		if _, err := ks.Seal(nil, &Command{SPI: SPI{0x16, 0x39}, CNTR: cntr}); !errors.Is(err, want) {
			t.Errorf("command with counter %X: %v", uint64(cntr), err)
		}
		if _, err := ks.SealResponse(nil, SPI{0x16, 0x39}, &Response{CNTR: cntr}); !errors.Is(err, want) {
			t.Errorf("response with counter %X: %v", uint64(cntr), err)
		}
	}
}

// Every octet has a name, and only the names of algorithms are names.
func TestAlgorithmOctets(t *testing.T) {
	known := 0
	for a := range 256 {
		if s := Algorithm(a).String(); s == "" {
			t.Errorf("algorithm %d has no name", a)
		} else if !strings.HasPrefix(s, "algorithm ") {
			known++
		}
	}
	if known != 8 {
		t.Errorf("%d names, want those of none, DES, DES-ECB, 3DES2, 3DES3 and three AES", known)
	}
}

// The smallest packets that can be read, in octets (TS 102 225 5.1, 5.2), and
// what is one octet shorter.
func TestSmallestPackets(t *testing.T) {
	command := unhex(t, "000E 0D 0009 32 32 B00001 0000000000 00")
	if h, err := ParseHeader(command); err != nil || h.TAR != (TAR{0xB0, 0, 1}) || h.SPI != (SPI{0, 9}) || h.KIc != 0x32 || h.KID != 0x32 || h.MACLen != 0 {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := ParseHeader(command[:15]); !errors.Is(err, ErrLength) {
		t.Errorf("15 octets: %v", err)
	}
	if s, err := ParseCommandStart(command[:10]); err != nil || s.Len != 16 || s.TAR != (TAR{0xB0, 0, 1}) {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := ParseCommandStart(command[:9]); !errors.Is(err, ErrLength) {
		t.Errorf("9 octets of a command: %v", err)
	}
	response := unhex(t, "000B 0A B00001 0000000000 00 09")
	if h, err := ParseResponseHead(response); err != nil || h.TAR != (TAR{0xB0, 0, 1}) || h.MACLen != 0 {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := ParseResponseHead(response[:12]); !errors.Is(err, ErrLength) {
		t.Errorf("12 octets: %v", err)
	}
	for at, want := range map[int]byte{1: 0x0C, 2: 0x09} { // RPL one too high, RHL one too low
		b := unhex(t, "000B 0A B00001 0000000000 00 09")
		b[at] = want
		if _, err := ParseResponseHead(b); !errors.Is(err, ErrLength) {
			t.Errorf("octet %d is %02X: %v", at, want, err)
		}
	}
}
