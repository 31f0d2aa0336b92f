package app

import (
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/modem"
)

// Whoever gives a modem up before its network has had its time would send
// every message of a slow one twice.
func TestPatienceWithModems(t *testing.T) {
	if d := patience([]config.Bearer{{Kind: "loopback"}, {Kind: "modem"}}); d <= modem.Patience || d > 5*time.Minute {
		t.Errorf("the engine waits %v, a modem up to %v", d, modem.Patience)
	}
}
