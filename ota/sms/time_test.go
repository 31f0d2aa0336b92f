package sms

import (
	"errors"
	"testing"
	"time"
)

func TestTimestamp(t *testing.T) {
	for raw, want := range map[string]string{
		"99309251619580": "1999-03-29T15:16:59+02:00",
		"62705200000000": "2026-07-25T00:00:00Z",
		"6211221102030a": "2026-11-22T11:20:30-05:00",
		"6211221102032b": "2026-11-22T11:20:30-08:00",
		"6211221102038c": "2026-11-22T11:20:30-12:00", "621122110203fa": "", "62311221102030": "", "00000000000000": "", "ffffffffffffff": "", "62209230000000": "",
		"62705242000000": "", "62705200060000": "", "6a705200000000": "",
	} {
		var s Timestamp
		copy(s[:], unhex(t, raw))
		at, err := s.Time()
		if want == "" {
			if !errors.Is(err, ErrTime) || !at.IsZero() {
				t.Errorf("%s: %v, %v", raw, at, err)
			}
			continue
		}
		if err != nil || at.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v, want %s", raw, at, err, want)
			continue
		}
		if again := NewTimestamp(at); again != s {
			t.Errorf("%s: written again as %X", raw, again)
		}
	}
}

func TestValidity(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]time.Duration{
		time.Second: 5 * time.Minute, 5 * time.Minute: 5 * time.Minute, 5*time.Minute + 1: 10 * time.Minute,
		12 * time.Hour: 12 * time.Hour, 12*time.Hour + 1: 12*time.Hour + 30*time.Minute, day: day,
		day + 1: 2 * day, 30 * day: 30 * day, 30*day + 1: 35 * day, 63 * 7 * day: 63 * 7 * day, 1000 * day: 63 * 7 * day,
		1: 5 * time.Minute, 64 * 7 * day: 63 * 7 * day, 63*7*day + 1: 63 * 7 * day,
	} {
		have, ok := ValidFor(d).Duration()
		if !ok || have != want {
			t.Errorf("%v: %v, want %v", d, have, want)
		}
	}
	if v := ValidFor(0); v.Format != ValidityNone {
		t.Errorf("%+v", v)
	}
	// Each relative value is the shortest that holds its own period.
	for n := range 256 {
		v := Validity{Format: ValidityRelative, Relative: byte(n)}
		d, _ := v.Duration()
		if have := ValidFor(d); have != v {
			t.Errorf("%d means %v, which is written as %d", n, d, have.Relative)
		}
	}
	for _, tc := range []struct {
		e    [7]byte
		want time.Duration
		ok   bool
	}{
		{[7]byte{0x01, 0}, 5 * time.Minute, true},
		{[7]byte{0x01, 1}, 10 * time.Minute, true},
		{[7]byte{0x42, 90}, 90 * time.Second, true},
		{[7]byte{0x03, 0x10, 0x20, 0x30}, time.Hour + 2*time.Minute + 3*time.Second, true},
		{[7]byte{0x03, 0xA0}, 0, false},
		{[7]byte{0x00}, 0, false},
		{[7]byte{0x81, 1}, 0, false},
	} {
		have, ok := Validity{Format: ValidityEnhanced, Enhanced: tc.e}.Duration()
		if have != tc.want || ok != tc.ok {
			t.Errorf("%X: %v, %v", tc.e, have, ok)
		}
	}
	if _, ok := (Validity{Format: ValidityAbsolute}).Duration(); ok {
		t.Error("an absolute time has a duration")
	}
}
