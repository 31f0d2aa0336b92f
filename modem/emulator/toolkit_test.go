package emulator_test

import (
	"strings"
	"testing"

	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// chip is a card that shows one text after a choice from its menu.
type chip struct{}

func (chip) Transmit(apdu []byte) []byte {
	text := "\xD0\x12\x81\x03\x01\x21\x81\x82\x02\x81\x02\x8D\x07\x04is set"
	switch {
	case apdu[1] == 0xC2 && apdu[5] == 0xD3:
		return []byte{0x91, byte(len(text))}
	case apdu[1] == 0x12:
		return append([]byte(text), 0x90, 0x00)
	}
	return []byte{0x90, 0x00}
}

// A message for the card that comes while the user reads a text does not end
// the session: the text still waits for its TERMINAL RESPONSE.
func TestMessageWithinSession(t *testing.T) {
	_, f := newNetwork(t)
	h := newModem(t, emulator.Options{Dial: loopback.TCP(f.addr), Card: chip{}, HostToolkit: true})
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
