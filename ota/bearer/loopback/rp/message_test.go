package rp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// TestVectors reads testdata/messages.json: octets with a verdict, "" being
// good; a good one must come back as it was.
//
// Supports: 3.1-1
func TestVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Name, Octets, Verdict string }
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]error{"": nil, "length": ErrLength, "type": ErrType, "element": ErrElement}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			in, err := hex.DecodeString(v.Octets)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Parse(in)
			if want := verdicts[v.Verdict]; !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Fatalf("error %v, want %v", err, want)
			}
			if err != nil {
				return
			}
			if out, err := m.AppendBinary(nil); err != nil || !bytes.Equal(in, out) {
				t.Errorf("came back as %X, %v", out, err)
			}
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	for _, m := range []Message{
		{Type: DataMT, TPDU: make([]byte, MaxTPDU+1)},
		{Type: DataMT, Address: make([]byte, MaxAddress+1), TPDU: []byte{1}},
		{Type: 7},
	} {
		if b, err := m.AppendBinary([]byte{9}); err == nil || len(b) != 1 {
			t.Errorf("%v with %d octets: %X, %v", m.Type, len(m.TPDU), b, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 0x91, 0x94, 1, 5})
	f.Add([]byte{4, 1, 1, 22, 0x41, 1, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := Parse(in)
		if err != nil {
			if !errors.Is(err, ErrLength) && !errors.Is(err, ErrType) && !errors.Is(err, ErrElement) {
				t.Errorf("undeclared error: %v", err)
			}
			return
		}
		if out, err := m.AppendBinary(nil); err != nil || !bytes.Equal(in, out) {
			t.Errorf("%X came back as %X, %v", in, out, err)
		}
	})
}
