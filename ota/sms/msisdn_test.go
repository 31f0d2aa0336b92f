package sms

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestParseMSISDN(t *testing.T) {
	for _, s := range []string{"+41791234567", "41791234567"} {
		if m, err := ParseMSISDN(s); m != "41791234567" || m.String() != "+41791234567" || err != nil {
			t.Errorf("%s: %v, %v", s, m, err)
		}
	}
	for _, s := range []string{"123", "123456789012345"} { // ITU-T E.164: 15 digits at most
		if m, err := ParseMSISDN(s); string(m) != s || err != nil {
			t.Errorf("%s: %v, %v", s, m, err)
		}
	}
	for _, s := range []string{"", "+", "+41", "0791234567", "0041791234567", "+4179 123", "++41791", "1234567890123456", "+4179a"} {
		if m, err := ParseMSISDN(s); !errors.Is(err, ErrMSISDN) || m != "" {
			t.Errorf("%q: %v, %v", s, m, err)
		}
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "to", MSISDN("41791234567"), "a", AddressOf("41791234567"))
	if strings.Contains(out.String(), "1234567") || strings.Count(out.String(), "+417****67") != 2 {
		t.Errorf("logged as %s", out.String())
	}
}

func FuzzParseMSISDN(f *testing.F) {
	f.Add("+41791234567")
	f.Add("00417")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMSISDN(s)
		if err != nil && !errors.Is(err, ErrMSISDN) {
			t.Errorf("undeclared error %v", err)
		}
		if err == nil && strings.TrimPrefix(s, "+") != string(m) {
			t.Errorf("%q is read as %s", s, m)
		}
	})
}
