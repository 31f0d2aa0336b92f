package card_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/card"
)

// TestAPDUs plays testdata/apdu.json: each case begins with a reset, and each
// pair is a command and the exact response.
//
// Supports: 3.4-3
func TestAPDUs(t *testing.T) {
	b, err := os.ReadFile("testdata/apdu.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Why string
		Apdus     [][2]string
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	c := newCard(t, func(o *card.Options) { o.SMSC = "+491710760000" })
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			c.Reset()
			for i, x := range tc.Apdus {
				got := strings.ToUpper(hex.EncodeToString(c.Transmit(unhex(t, x[0]))))
				if want := strings.ReplaceAll(x[1], " ", ""); got != want {
					t.Fatalf("%d: %s gives\n%s, want\n%s", i+1, x[0], got, want)
				}
			}
		})
	}
}

// TestATR: T=0 is offered and TCK is right.
func TestATR(t *testing.T) {
	atr := newCard(t, nil).ATR()
	var tck byte
	for _, b := range atr[1:] {
		tck ^= b
	}
	if atr[0] != 0x3B || tck != 0 {
		t.Fatalf("%X", atr)
	}
}
