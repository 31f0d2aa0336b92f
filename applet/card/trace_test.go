package card_test

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
)

// TestNothingSecretLeaves: neither a personal code nor a private key is in
// any response, trace or log line of a whole life. Chance is kept out of it:
// some day seven digits of a signature in hexadecimal would be those of a code.
//
// Supports: 3.3-2, 3.4-3
func TestNothingSecretLeaves(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 1)
	var seen bytes.Buffer
	kinds := map[card.EventKind]int{}
	c := newCard(t, func(o *card.Options) {
		o.Active = true
		o.Logger = slog.New(slog.NewTextHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Trace = func(e card.Event) {
			kinds[e.Kind]++
			seen.WriteString(string(e.Kind) + e.Name + e.Detail)
			seen.Write(e.Octets)
			seen.WriteString(hex.EncodeToString(e.Octets))
		}
	})
	p := newPhone(t, c)
	p.enrol(1, applet.ECDSAP256, "73912846")
	p.must(script(ok(), enter("73912847"), enter("73912846")), signHash(digest([]byte("x"))))
	p.choose(1, enter("73912846"), enter("61827354"), enter("61827354"))
	p.choose(3, enter(puk), enter("50492716"), enter("50492716"))
	p.fails(applet.StatusBlocked, script(ok(), enter("50492717"), enter("50492718"), enter("50492719")), signHash(digest([]byte("x"))))
	out := seen.String()
	for _, secret := range []string{"7391284", "61827354", "5049271", puk} {
		if strings.Contains(out, secret) || strings.Contains(out, hex.EncodeToString([]byte(secret))) {
			t.Errorf("%s is in what the card tells", secret)
		}
	}
	for _, key := range [][]byte{aesKeys(1).KIc.Octets, aesKeys(1).KID.Octets} {
		if strings.Contains(out, hex.EncodeToString(key)) {
			t.Error("an OTA key is in what the card tells")
		}
	}
	for _, k := range []card.EventKind{card.EventCommand, card.EventResponse, card.EventProactive, card.EventTerminal, card.EventPacket, card.EventMessage} {
		if kinds[k] == 0 {
			t.Errorf("no %s was traced", k)
		}
	}
	if !strings.Contains(out, hex.EncodeToString([]byte("********"))) {
		t.Error("entries are not masked")
	}
}

// TestEverySlot: the state lists four slots, and every one can hold a pair.
//
// Supports: 3.3-1, 4-1, 3.2-4, 5.1-3, 3.5.1-9
func TestEverySlot(t *testing.T) {
	p := fresh(t)
	s := p.state()
	if len(s.Slots) != 4 || len(s.Codes) != 2 || !slices.Equal(s.Algorithms, []applet.Algorithm{applet.RSA2048, applet.RSA3072, applet.ECDSAP256, applet.ECDSAP384}) {
		t.Fatalf("%+v", s)
	}
	for n := byte(1); n <= 4; n++ {
		p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(n, applet.ECDSAP384), Operation: applet.HandlerGenerate})
	}
	for n := byte(1); n <= 4; n++ {
		if k := p.state().FindSlot(n); k.Status != applet.SlotGenerated || k.Algorithm != applet.ECDSAP384 {
			t.Fatalf("%+v", k)
		}
	}
}
