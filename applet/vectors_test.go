package applet

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// octets is hexadecimal in JSON; spaces are for the reader.
type octets []byte

func (o *octets) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	d, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	*o = d
	return err
}

// vector is one line of testdata/int6.json: octets and the verdict on them.
type vector struct {
	Name   string
	Kind   string // message or answer
	Hex    octets
	Error  string // name of the declared error; empty: it is good
	Status string // status word with which a card answers it
	Why    string
	Same   *bool // false: good, but written differently by us
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/int6.json")
	if err != nil {
		t.Fatal(err)
	}
	var v []vector
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

var errorNames = map[string]error{
	"length": ErrLength, "version": ErrVersion, "not_minimal": ErrNotMinimal, "tag": ErrTag,
	"duplicate": ErrDuplicate, "missing": ErrMissing, "conflict": ErrConflict, "value": ErrValue,
	"unsupported": ErrUnsupported,
}

// TestVectors runs every vector: good ones parse and are written with the
// same octets, bad ones are refused for the reason that they name.
//
// Supports: 4-1, 4-2, 4-3, 4-4, 4-5, 4-6, 4-7, 4-8, 4-9, 4-10, 5-2
func TestVectors(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range loadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			if seen[v.Name] {
				t.Fatal("name occurs twice")
			}
			seen[v.Name] = true
			var out []byte
			var err error
			if v.Kind == "answer" {
				var a Answer
				if a, err = ParseAnswer(v.Hex); err == nil {
					out, err = a.MarshalBinary()
				}
			} else {
				var m Message
				if m, err = Parse(v.Hex); err == nil {
					out, err = m.MarshalBinary()
				}
			}
			if v.Error != "" {
				if !errors.Is(err, errorNames[v.Error]) || errorNames[v.Error] == nil {
					t.Fatalf("want error %q (%s), have %v", v.Error, v.Why, err)
				}
				if v.Status != "" && !strings.HasPrefix(StatusOf(err).String(), v.Status) {
					t.Fatalf("want status %s, have %s", v.Status, StatusOf(err))
				}
				return
			}
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if same := v.Same == nil || *v.Same; same != (hex.EncodeToString(out) == hex.EncodeToString(v.Hex)) {
				t.Fatalf("written as %X", out)
			}
		})
	}
}
