package sms

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever is read can be written, and reads the same again. Whatever is not
// read has a declared error.
func FuzzTPDU(f *testing.F) {
	for i, raw := range []string{
		"040b911346610089f60000208062917314080cc8f71d14969741f977fd07",
		"11000b916407281553f80000aa0ae8329bfd4697d9ec37",
		"4007027f0006027100aabbcc",
		"01002080629173140800",
		"06d50b911326880736f4111011719551401110117195714000",
		"40d40700f606027100aabbcc",
	} {
		b := make([]byte, len(raw)/2)
		for j := range b {
			const digits = "0123456789abcdef"
			b[j] = byte(strings.IndexByte(digits, raw[2*j])<<4 | strings.IndexByte(digits, raw[2*j+1]))
		}
		f.Add(byte(i), b)
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		switch kind % 7 {
		case 0:
			rewritten(t, b, ParseDeliver)
		case 1:
			rewritten(t, b, ParseSubmit)
		case 2, 5:
			rewritten(t, b, func(b []byte) (DeliverReport, error) { return ParseDeliverReport(b, kind%7 == 5) })
		case 3, 6:
			rewritten(t, b, func(b []byte) (SubmitReport, error) { return ParseSubmitReport(b, kind%7 == 6) })
		case 4:
			rewritten(t, b, ParseStatusReport)
		}
	})
}

func rewritten[T any](t *testing.T, b []byte, parse func([]byte) (T, error)) {
	t.Helper()
	v, err := parse(b)
	if err != nil {
		if !errors.Is(err, ErrTPDU) && !errors.Is(err, ErrUDH) && !errors.Is(err, ErrAddress) {
			t.Errorf("undeclared error %v", err)
		}
		return
	}
	raw, err := any(&v).(interface {
		AppendBinary([]byte) ([]byte, error)
	}).AppendBinary(nil)
	if err != nil {
		t.Fatalf("%X reads as %+v, which cannot be written: %v", b, v, err)
	}
	same, err := parse(raw)
	if err != nil || !reflect.DeepEqual(v, same) {
		t.Errorf("%X reads as %+v; written as %X, that reads as %+v, %v", b, v, raw, same, err)
	}
}

func FuzzAddress(f *testing.F) {
	f.Add([]byte{11, 0x91, 0x13, 0x46, 0x61, 0, 0x89, 0xF6})
	f.Add([]byte{7, 0xD0, 0x53, 0x7A, 0x58, 0x0E})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, rest, err := ParseAddress(b)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Errorf("undeclared error %v", err)
			}
			return
		}
		raw, err := a.AppendBinary(nil)
		if err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
		same, none, err := ParseAddress(raw)
		if err != nil || same != a || len(none) != 0 || len(rest) > len(b)-2 {
			t.Errorf("%X: %+v, then %X: %+v, %v", b, a, raw, same, err)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("plain text {with} €", false)
	f.Add(strings.Repeat("😀Ж", 50), true)
	f.Fuzz(func(t *testing.T, text string, ref16 bool) {
		parts, err := EncodeText(text, TextOptions{Ref: 9, Ref16: ref16})
		if err != nil {
			if !errors.Is(err, ErrText) || utf8.ValidString(text) && text != "" && len(text) < 255*66 {
				t.Errorf("%v", err)
			}
			return
		}
		checkText(t, text, parts)
	})
}

func FuzzDecodeText(f *testing.F) {
	f.Add(byte(0), []byte{5, 0, 3, 1, 2, 1}, []byte("abc"), 9)
	f.Add(byte(8), []byte(nil), []byte("abcd"), 0)
	f.Fuzz(func(t *testing.T, dcs byte, udh, ud []byte, septets int) {
		text, err := DecodeText(dcs, udh, ud, min(septets, 1<<20))
		if err != nil && !errors.Is(err, ErrText) {
			t.Errorf("undeclared error %v", err)
		}
		if !utf8.ValidString(text) {
			t.Errorf("%q is not UTF-8", text)
		}
	})
}
