package rp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
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

// The numbers of TS 24.011 8.2.2 and of its tables 8.3 and 8.4, written down a
// second time, and which refusals pass by themselves.
func TestNumbers(t *testing.T) {
	for n, want := range []string{"RP-DATA", "RP-DATA", "RP-ACK", "RP-ACK", "RP-ERROR", "RP-ERROR", "RP-SMMA", "RP type 7"} {
		if have := Type(n).String(); have != want {
			t.Errorf("type %d is %q, want %q", n, have, want)
		}
	}
	names := map[Cause]string{
		1: "unassigned number", 10: "call barred", 21: "short message transfer rejected", 22: "memory capacity exceeded",
		27: "destination out of order", 30: "unknown subscriber", 38: "network out of order", 41: "temporary failure", 42: "congestion",
		47: "resources unavailable", 50: "facility not subscribed", 81: "invalid message reference", 96: "invalid mandatory information",
		111: "protocol error", 127: "interworking",
	}
	temporary := map[Cause]bool{22: true, 38: true, 41: true, 42: true, 47: true}
	for n := range 256 {
		c := Cause(n)
		want, ok := names[c]
		if !ok {
			want = fmt.Sprintf("cause %d", n)
		}
		if c.String() != want || c.Temporary() != temporary[c] {
			t.Errorf("cause %d: %q, temporary %v", n, c, c.Temporary())
		}
	}
}

// Each element in its longest form, in octets, and one octet longer: that is
// refused by name.
func TestLongest(t *testing.T) {
	address := "0b" + "91" + strings.Repeat("21", 10)
	tpdu := "e9" + strings.Repeat("aa", 233)
	for octets, says := range map[string]string{
		"0001" + "00" + address + tpdu: "", "0101" + address + "00" + tpdu: "", "0201" + "41" + tpdu: "", "0501" + "0116" + "41" + tpdu: "",
		"0001" + "00" + "0c91" + strings.Repeat("21", 11) + tpdu:   "second address of 12 octets, at most 11",
		"0101" + "0c91" + strings.Repeat("21", 11) + "00" + tpdu:   "first address of 12 octets, at most 11",
		"0001" + "00" + address + "ea" + strings.Repeat("aa", 234): "user data of 234 octets, at most 233",
		"0201" + "41" + "ea" + strings.Repeat("aa", 234):           "user data of 234 octets, at most 233",
		"0201" + "41" + "02aa":                                     "user data needs 2 octets, has 1", "0201" + "4101aa" + "00": "1 octets after the last element",
		"0001" + "0191" + address + "01aa": "the phone's own address must be empty, has 1 octets", "00": "needs 2 octets, has 1",
		"0001" + "00": "second address is missing", "0001": "first address is missing", "0401" + "021600": "cause needs 1 octet, has 2",
		"0401" + "0316aabb": "cause of 3 octets, at most 2", "0601" + "00": "1 octets after the last element", "0701": "7",
	} {
		in, err := hex.DecodeString(octets)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(in)
		if says != "" {
			if err == nil || !strings.HasSuffix(err.Error(), ": "+says) || m.TPDU != nil {
				t.Errorf("%s: %+v, %v, want %q", octets, m, err, says)
			}
			continue
		}
		if out, err2 := m.AppendBinary([]byte{9}); err != nil || err2 != nil || !bytes.Equal(out[1:], in) || out[0] != 9 || len(in) > MaxMessage {
			t.Errorf("%s: %v, came back as %X, %v", octets, err, out, err2)
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
