package ota

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestParseTAR(t *testing.T) {
	if tar, err := ParseTAR("b0001f"); err != nil || tar != (TAR{0xB0, 0, 0x1F}) || tar.String() != "B0001F" {
		t.Error(tar, err)
	}
	for _, s := range []string{"", "b0001", "b0001ff", "b0001g", "0xb000"} {
		if tar, err := ParseTAR(s); !errors.Is(err, ErrTAR) || tar != (TAR{}) {
			t.Errorf("%q: %s, %v", s, tar, err)
		}
	}
}

func TestParseICCID(t *testing.T) {
	const number = "8941000000000000017"
	i, err := ParseICCID(number)
	if err != nil || i.String() != number {
		t.Error(i, err)
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "iccid", i)
	if strings.Contains(out.String(), number) || !strings.Contains(out.String(), "****0017") {
		t.Errorf("logged as %s", out.String())
	}
	for _, s := range []string{"", "89410000000000017", "894100000000000001712", "894100000000000001F", " 941000000000000017"} {
		if i, err := ParseICCID(s); !errors.Is(err, ErrICCID) || i != "" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// Header parsers never read past the end, and agree with Open.
func FuzzParseHeader(f *testing.F) {
	f.Add([]byte{0, 14, 13, 0x16, 0x39, 0x32, 0x32, 1, 2, 3, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 11, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 6})
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := ParseHeader(b); err != nil && !errors.Is(err, ErrLength) || err == nil && 16+h.MACLen > len(b) {
			t.Errorf("%X: %+v, %v", b, h, err)
		}
		if h, err := ParseResponseHead(b); err != nil && !errors.Is(err, ErrLength) || err == nil && 13+h.MACLen > len(b) {
			t.Errorf("%X: %+v, %v", b, h, err)
		}
	})
}

func FuzzParseNames(f *testing.F) {
	f.Add("1639")
	f.Add("00FFffffff")
	f.Add("8941000000000000017")
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := ParseSPI(s); err == nil && v.String() != strings.ToUpper(s) || err != nil && !errors.Is(err, ErrSPI) {
			t.Errorf("SPI %q: %s, %v", s, v, err)
		}
		if v, err := ParseTAR(s); err == nil && v.String() != strings.ToUpper(s) || err != nil && !errors.Is(err, ErrTAR) {
			t.Errorf("TAR %q: %s, %v", s, v, err)
		}
		if v, err := ParseCNTR(s); err == nil && !strings.HasSuffix(v.String(), strings.ToUpper(s)) || err != nil && !errors.Is(err, ErrCNTR) {
			t.Errorf("CNTR %q: %s, %v", s, v, err)
		}
		if v, err := ParseICCID(s); err == nil && v.String() != s || err != nil && !errors.Is(err, ErrICCID) {
			t.Errorf("ICCID %q: %v", s, err)
		}
	})
}

// EF_ICCID has ten octets, whatever the number of digits.
func TestICCIDOfTheCard(t *testing.T) {
	for number, want := range map[ICCID]string{
		"894101000000000001":   "00981410000000000010FF",
		"8941010000000000017":  "00981410000000000010F7",
		"89410100000000000173": "0098141000000000001037",
	} {
		if b := number.AppendEF([]byte{0}); fmt.Sprintf("%X", b) != want {
			t.Errorf("%s: %X, want %s", string(number), b, want)
		}
	}
}

// What no applet can have as TAR, and its neighbours.
func TestTakenTAR(t *testing.T) {
	for tar, want := range map[TAR]string{
		{}: "the security domain of the issuer", {0, 0, 1}: "", {0xAF, 0xFF, 0xFF}: "", {0xB0, 0, 0}: "remote file management",
		{0xB0, 0xFF, 0xFF}: "remote file management", {0xB1, 0, 0}: "", {'M', 'S', 'S'}: "",
	} {
		if have := tar.Taken(); have != want {
			t.Errorf("%s: %q, want %q", tar, have, want)
		}
	}
}
