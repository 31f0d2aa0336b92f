//go:build !pcsc || !cgo

package pcsc

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
)

// A build without PC/SC says so, and its card is none: no ATR, and 6F00 to
// every command (ISO 7816-4 5.1.3: no precise diagnosis).
func TestNotBuilt(t *testing.T) {
	c, err := Open("any", slog.New(slog.DiscardHandler))
	if c != nil || !errors.Is(err, ErrNotBuilt) || Built {
		t.Errorf("%v, %v", c, err)
	}
	if got := (&Card{}).Transmit([]byte{0, 0xA4, 0, 4, 2, 0x3F, 0}); !bytes.Equal(got, []byte{0x6F, 0}) {
		t.Errorf("a command is answered with %X", got)
	}
	if atr := (&Card{}).Reset(); atr != nil {
		t.Errorf("ATR %X", atr)
	}
}
