package carriage

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vectorKey is K0 of the vectors of INT6.md.
var vectorKey = CardKey{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// Supports: 3.1-2
func TestDerivation(t *testing.T) {
	for p, want := range map[purpose]string{
		requestCipher: "0C27F6324D661353A9B01476F5C3A91F", requestCheck: "1B6255CDFB181FC737AFF44011509B2C",
		answerCipher: "F3E5DE6D5DD38C70D5758ADE4B526416", answerCheck: "4A48F434FB8AB5F3C1A48DC7E97483F3",
		wrapCipher: "93C4892F3F49CE16E055807A520B141B", wrapCheck: "02D5D349F9E80B258D319D58B9699730",
	} {
		if k, err := vectorKey.derive(p, 1); err != nil || !bytes.Equal(k[:], octets(t, want)) {
			t.Errorf("purpose %d: %X, %v", p, k, err)
		}
	}
	master := octets(t, "0F0E0D0C0B0A09080706050403020100")
	for g, want := range map[byte]string{1: "D92FD45BB5A61AF432E24B1567919423", 2: "C83D7E2AEB077E2430F7C6240878025D"} {
		if k, err := DeriveCardKey(master, g, "89490000000000000001"); err != nil || !bytes.Equal(k[:], octets(t, want)) {
			t.Errorf("generation %d: %X, %v", g, k[:], err)
		}
	}
	for _, tc := range []struct {
		master     []byte
		generation byte
	}{{master[:15], 1}, {append(master, 0), 1}, {master, 0}} {
		if _, err := DeriveCardKey(tc.master, tc.generation, "89490000000000000001"); !errors.Is(err, ErrCardKey) {
			t.Errorf("%d octets, generation %d: %v", len(tc.master), tc.generation, err)
		}
	}
}

const (
	vectorRequest = "003815160012124D53539566A421C95FBA5CC0917ABB13CBB367E16A2FA5607EF4B3B01356C5712E592A84F8CE8999FCD51E61A5B0B5BC54198E"
	vectorAnswer  = "003815160012124D5353B9D4238FF9D8E52E12CCF773928AB3CB1BA70ACA097168D60034383140921593C5028C0F48D869AB3AE0982B058D8154"
)

var vectorTAR = ota.TAR{'M', 'S', 'S'}

// The vectors of INT6.md, whose octets a Java applet has made.
//
// Supports: 3.1-2, 4-5
func TestVectors(t *testing.T) {
	message := octets(t, "0201020306A50F9001019501029704045061799A0131")
	request, err := vectorKey.Request(1)
	if err != nil {
		t.Fatal(err)
	}
	packet, err := Own{}.Seal(nil, &Command{TAR: vectorTAR, Message: message, Applet: request, AppletCNTR: 1})
	if inner := octets(t, vectorRequest); err != nil || !bytes.Equal(packet[16:], inner) {
		t.Errorf("request\n%X, want\n%X, %v", packet[16:], inner, err)
	}
	if want := octets(t, "00480D000000004D5353000000000000"); !bytes.Equal(packet[:16], want) {
		t.Errorf("around it %X, want %X", packet[:16], want)
	}
	keys, err := vectorKey.Answer(1)
	if err != nil {
		t.Fatal(err)
	}
	e := Expected{TAR: vectorTAR, Answers: []*ota.KeySet{keys}}
	h, err := Own{}.Open(nil, &e, sms.CommandCPI, octets(t, vectorAnswer))
	if err != nil || h.Kind != Answer || h.Set != 1 || h.Counter != 3 {
		t.Fatalf("%+v, %v", h, err)
	}
	if want := octets(t, "0201020306E504B0026401B7107768B7C256125645066ED5F29043D953"); !bytes.Equal(h.INT6, want) {
		t.Errorf("answer %X", h.INT6)
	}
	if !bytes.Equal(h.Request, applet.RequestHash(message)) {
		t.Errorf("hash of the request %X", h.Request)
	}
	if a, err := applet.ParseAnswer(h.INT6); err != nil || a.Transaction != 0x01020306 || a.Status() != applet.StatusCancelled {
		t.Errorf("%+v, %v", a, err)
	}
	again, err := SealAnswer(nil, keys, vectorTAR, 3, h.INT6)
	if err != nil || !bytes.Equal(again, octets(t, vectorAnswer)) {
		t.Errorf("sealed %X, %v", again, err)
	}
}
