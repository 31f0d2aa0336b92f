package signature

import (
	"strings"
	"testing"
)

// The reference code has no letters that look alike, and the nonce changes it.
//
// Supports: 3.5.3-5
func TestReference(t *testing.T) {
	seen := map[string]bool{}
	zeros := strings.NewReader(strings.Repeat("\x00", 16))
	for i := range 200 {
		r := zeros
		r.Seek(0, 0)
		code, err := reference(r, []byte{byte(i)}, []byte("text"))
		if err != nil || len(code) != 4 || strings.ContainsAny(code, "01OIL") {
			t.Fatalf("reference %q, %v", code, err)
		}
		seen[code] = true
	}
	if len(seen) < 195 {
		t.Errorf("only %d of 200 codes differ", len(seen))
	}
}
