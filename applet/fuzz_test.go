package applet

import (
	"errors"
	"reflect"
	"testing"
)

// declared is every error that the codec may give.
var declared = []error{
	ErrLength, ErrVersion, ErrNotMinimal, ErrTag, ErrDuplicate, ErrMissing,
	ErrConflict, ErrValue, ErrUnsupported, ErrKey, ErrSignature,
}

func isDeclared(err error) bool {
	for _, d := range declared {
		if errors.Is(err, d) {
			return true
		}
	}
	return false
}

// FuzzMessage: what parses is written and parses to the same message again;
// every refusal is a declared error.
func FuzzMessage(f *testing.F) {
	for _, v := range loadVectors(f) {
		if v.Kind == "message" {
			f.Add([]byte(v.Hex))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			if !isDeclared(err) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		out, err := m.MarshalBinary()
		if err != nil {
			t.Fatalf("parsed message cannot be written: %v", err)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("written message does not parse: %v", err)
		}
		if !reflect.DeepEqual(m, again) {
			t.Fatalf("round trip changed the message:\n%+v\n%+v", m, again)
		}
	})
}

// FuzzAnswer is FuzzMessage for answers.
func FuzzAnswer(f *testing.F) {
	for _, v := range loadVectors(f) {
		if v.Kind == "answer" {
			f.Add([]byte(v.Hex))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAnswer(b)
		if err != nil {
			if !isDeclared(err) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		out, err := a.MarshalBinary()
		if err != nil {
			t.Fatalf("parsed answer cannot be written: %v", err)
		}
		again, err := ParseAnswer(out)
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Fatalf("round trip changed the answer (%v):\n%+v\n%+v", err, a, again)
		}
	})
}

// FuzzText: octets that decode to characters of the GSM alphabet or of UCS-2
// have a screen form that decodes to the same characters.
func FuzzText(f *testing.F) {
	f.Add(byte(TextUTF8), []byte("Lõunapoeg € Ж"))
	f.Add(byte(TextPacked), []byte{0x31, 0xD9, 0x8C, 0x06})
	f.Fuzz(func(t *testing.T, coding byte, b []byte) {
		s, err := Text{TextCoding(coding), b}.Decode()
		if err != nil {
			if !isDeclared(err) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		screen, ok := ScreenText(s)
		if !ok {
			return
		}
		if got, err := screen.Decode(); err != nil || got != s {
			t.Fatalf("screen form of %q is %q (%v)", s, got, err)
		}
	})
}
