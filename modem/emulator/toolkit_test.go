package emulator_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// chip is a card that answers 9000, or what it is told to.
type chip struct {
	mu    sync.Mutex
	apdus []string
	says  []string // the beginning of an APDU, and the answer to it
}

// emptySlot stands for no card at all.
var emptySlot emulator.Card = new(chip)

func (c *chip) Transmit(apdu []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.ToUpper(hex.EncodeToString(apdu))
	c.apdus = append(c.apdus, text)
	for i := 0; i < len(c.says); i += 2 {
		if strings.HasPrefix(text, c.says[i]) {
			b, _ := hex.DecodeString(c.says[i+1])
			c.says = slices.Delete(c.says, i, i+2)
			return b
		}
	}
	return []byte{0x90, 0x00}
}

// will is "APDU ANSWER": spaces may stand in the answer.
func (c *chip) will(t testing.TB, text string) {
	t.Helper()
	begin, answer, _ := strings.Cut(text, " ")
	answer = strings.ReplaceAll(answer, " ", "")
	if _, err := hex.DecodeString(answer); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.says = append(c.says, begin, answer)
}

// heard waits for the next APDU.
func (c *chip) heard(t testing.TB, want string) {
	t.Helper()
	var got string
	eventually(t, "APDU "+want, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.apdus) == 0 {
			return false
		}
		got, c.apdus = c.apdus[0], c.apdus[1:]
		return true
	})
	if want = strings.ReplaceAll(want, " ", ""); got != want {
		t.Fatalf("the card has\n%s, want\n%s", got, want)
	}
}

// A message for the card that comes while the user reads a text does not end
// the session: the text still waits for its TERMINAL RESPONSE.
func TestMessageWithinSession(t *testing.T) {
	_, f := newNetwork(t)
	var card chip
	card.will(t, "80C2000009D3 9114")
	card.will(t, "8012 D0128103012181820281028D0704697320736574 9000")
	h := newModem(t, emulator.Options{Dial: loopback.TCP(f.addr), Card: &card, HostToolkit: true})
	h.ask("ATE0")
	h.ask("AT+CUSATE=D30782020181900101")
	h.until("+CUSATP: \"D0128103012181820281028D07")
	if got := h.ask("AT+CUSATE=D106820283818B00") + h.ask("AT"); strings.Contains(got, "CUSATEND") {
		t.Errorf("the session has ended: %q", got)
	}
	if got := h.ask("AT+CUSATT=810301218182028281830100"); strings.Contains(got, "CUSATEND") {
		t.Errorf("the end before the answer: %q", got)
	}
	h.until("\r\n+CUSATEND\r\n")
}
