package engine_test

import (
	"bytes"
	"encoding/base32"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/engine"
)

// The name of a transaction holds all of 120 random bits: whoever has no
// right to a status cannot guess one. No draw, no name.
func TestTransID(t *testing.T) {
	first := bytes.Repeat([]byte{0xA5}, 15)
	id, err := engine.TransID(bytes.NewReader(first))
	want := "h" + strings.ToLower(base32.StdEncoding.EncodeToString(first))
	if err != nil || string(id) != want || len(id) != 25 {
		t.Fatalf("%q, %v; want %q", id, err, want)
	}
	seen := map[string]bool{want: true}
	for bit := range 120 {
		b := bytes.Clone(first)
		b[bit/8] ^= 1 << (bit % 8)
		id, err := engine.TransID(bytes.NewReader(b))
		if err != nil || seen[string(id)] {
			t.Errorf("bit %d makes no difference: %q, %v", bit, id, err)
		}
		seen[string(id)] = true
	}
	if id, err := engine.TransID(bytes.NewReader(first[:14])); !errors.Is(err, io.ErrUnexpectedEOF) || id != "" {
		t.Errorf("14 octets: %q, %v", id, err)
	}
	// 32 bits name it on the card; 0 is reserved, and drawn again.
	numbers := map[uint32]bool{}
	for bit := range 32 {
		b := make([]byte, 4)
		b[bit/8] |= 1 << (bit % 8)
		n, err := engine.AppletTxn(bytes.NewReader(b))
		if err != nil || n == 0 || numbers[n] {
			t.Errorf("bit %d: %d, %v", bit, n, err)
		}
		numbers[n] = true
	}
	if n, err := engine.AppletTxn(bytes.NewReader(make([]byte, 4))); err == nil {
		t.Errorf("0 is a number: %d", n)
	}
	if n, err := engine.AppletTxn(bytes.NewReader([]byte{0, 0, 0, 0, 0, 0, 0, 9})); err == nil && n != 9 && n != 9<<24 {
		t.Errorf("after 0: %d", n)
	}
}
