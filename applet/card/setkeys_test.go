package card_test

import (
	"bytes"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// rotate is SetKeys with a key for a set, wrapped under the key that the phone's server
// takes for the one in use, for the next message.
func (p *phone) rotate(under card.AppletKeys, set byte, fresh carriage.CardKey) applet.SetKeys {
	p.Helper()
	w, err := under.K0.Wrap(under.Set, p.tx+1, set, fresh)
	if err != nil {
		p.Fatal(err)
	}
	return applet.SetKeys{New: &w}
}

// status sends commands and gives status and key set of the answer, which is
// opened under any of these.
func (p *phone) status(under []card.AppletKeys, cmds ...applet.Command) (applet.StatusWord, byte) {
	p.Helper()
	p.sent = nil
	p.deliver(p.seal(p.message(cmds...)))
	packet := p.joined(sms.CommandCPI)
	for _, k := range under {
		if k.Set != packet[5]>>4 {
			continue
		}
		p.keys = k
		p.heard = 0 // another set counts anew
		ks := p.answerKeys()
		h, err := p.way.Open(nil, &carriage.Expected{TAR: testTAR, SPI: p.spi, Domain: p.ks, Answers: []*ota.KeySet{ks}}, sms.CommandCPI, packet)
		if err != nil {
			continue
		}
		a, err := applet.ParseAnswer(h.INT6)
		if err != nil || !bytes.Equal(h.Request, p.hash) {
			p.Fatalf("%+v, %v", a, err)
		}
		return a.Status(), h.Set
	}
	p.Fatalf("the answer %X opens under none of the keys", packet[:10])
	return 0, 0
}

// TestSetKeys: a new key is proven by its use: answers go under it at once, and the old set
// stays until the server has heard one.
//
// Supports: 3.1-2, 3.2-7
func TestSetKeys(t *testing.T) {
	first, second, third := card.AppletKeys{K0: testKey, Set: 1}, card.AppletKeys{K0: carriage.CardKey{2}, Set: 2}, card.AppletKeys{K0: carriage.CardKey{3}, Set: 2}
	all := []card.AppletKeys{first, second, third}
	report := applet.ChangeAppletStatus{To: applet.StatusReport}
	for _, way := range []string{"packet", "own"} {
		path, p := kept(t, way)
		want := func(what string, st applet.StatusWord, set byte, key carriage.CardKey, cmds ...applet.Command) {
			t.Helper()
			asked := p.keys // in own, requests go under the set that the server takes for confirmed
			if have, under := p.status(all, cmds...); have != st || under != set || p.keys.K0 != key {
				t.Fatalf("%s, %s: status %s under set %d", way, what, have, under)
			}
			p.keys = asked
		}
		rotated := p.rotate(first, 2, second.K0)
		bad := *rotated.New
		bad.Check[7] ^= 1
		want("a wrong check", applet.StatusMalformed, 1, testKey, applet.SetKeys{New: &bad})
		want("for another message", applet.StatusMalformed, 1, testKey, rotated)
		want("the set in use", applet.StatusSlotInUse, 1, testKey, applet.SetKeys{New: &applet.WrappedKey{Set: 1}})
		want("dropping the only set", applet.StatusSlotInUse, 1, testKey, applet.SetKeys{Drop: 1})
		want("dropping one that is not there", applet.StatusOK, 1, testKey, applet.SetKeys{Drop: 7})
		want("a new key", applet.StatusOK, 2, second.K0, p.rotate(first, 2, second.K0))
		p.reload(path, -1)
		p.forget()
		want("the same again", applet.StatusOK, 2, second.K0, p.rotate(first, 2, second.K0))
		want("a report", applet.StatusOK, 2, second.K0, report)
		want("the initial state", applet.StatusOK, 2, second.K0, applet.ChangeAppletStatus{To: applet.StatusInitial}, applet.ChangeAppletStatus{To: applet.StatusActivate})
		want("another key for it", applet.StatusOK, 2, third.K0, p.rotate(first, 2, third.K0))
		want("dropping it unproven", applet.StatusSlotInUse, 2, third.K0, applet.SetKeys{Drop: 2})
		if way == "own" {
			want("dropping the old one under itself", applet.StatusSlotInUse, 2, third.K0, applet.SetKeys{Drop: 1})
			p.keys, p.cntr = third, 0 // the first request under the new set drops the old
			want("the proof", applet.StatusOK, 2, third.K0, report)
			p.keys, p.cntr = first, 1000
			p.quiet(t, "own: a request under the old set", "", p.seal(p.message(report)))
			p.keys, p.cntr = third, 1
			want("dropping it once more", applet.StatusOK, 2, third.K0, applet.SetKeys{Drop: 1})
		} else {
			want("dropping the old one", applet.StatusOK, 2, third.K0, applet.SetKeys{Drop: 1})
			want("dropping it once more", applet.StatusOK, 2, third.K0, applet.SetKeys{Drop: 1})
		}
		want("the key again, after the drop", applet.StatusSlotInUse, 2, third.K0, p.rotate(first, 2, third.K0))
		want("a key under the old one", applet.StatusMalformed, 2, third.K0, p.rotate(first, 3, second.K0))
		p.reload(path, -1)
		p.forget()
		// And round: set 1 is free again.
		want("back to set 1", applet.StatusOK, 1, testKey, p.rotate(third, 1, testKey))
		if way == "own" {
			p.keys, p.cntr = first, 0
			want("its counter begins anew", applet.StatusOK, 1, testKey, report)
		}
	}
}

// TestSetKeysOctets: what the card does with literal octets, and what it tells of
// itself.
//
// Supports: 3.1-2, 4-3, 4-8
func TestSetKeysOctets(t *testing.T) {
	p := in(t, "packet", nil)
	w, err := testKey.Wrap(1, 0x01020304, 2, carriage.CardKey{2})
	if err != nil {
		t.Fatal(err)
	}
	message := append(unhex(t, "0201020304 A71B 8819 02"), append(bytes.Clone(w.Key[:]), w.Check[:]...)...)
	p.keys = card.AppletKeys{K0: carriage.CardKey{2}, Set: 2}
	open := func(message []byte) []byte {
		t.Helper()
		p.deliver(p.sealOctets(message))
		h, err := p.way.Open(nil, &carriage.Expected{TAR: testTAR, Answers: []*ota.KeySet{p.answerKeys()}}, sms.CommandCPI, p.joined(sms.CommandCPI))
		if err != nil {
			t.Fatal(err)
		}
		return h.INT6
	}
	if have, want := open(message), append(unhex(t, "0201020304 E704 B0029000 B710"), p.hash...); !bytes.Equal(have, want) {
		t.Errorf("A7 is answered %X", have)
	}
	offers := unhex(t, "B819 02 02 03 1000 1000 07 04 02 04 02 0300 020000 010F 020F 1107 1207")
	for _, m := range []string{"0201020305 A103800104", "0201020306 A406900101930102"} {
		if have := open(unhex(t, m)); !bytes.Contains(have, offers) {
			t.Errorf("%s is answered %X", m, have)
		}
	}
	for _, m := range []string{"0201020307 A103800101", "0201020308 A406900101930101"} {
		if have := open(unhex(t, m)); bytes.Contains(have, []byte{0xB8, 0x19}) {
			t.Errorf("%s is answered %X", m, have)
		}
	}
	for _, bad := range []string{"A71B 8819 00", "A71B 8819 10"} { // sets 0 and 16
		b := append(unhex(t, "0201020309"+bad), make([]byte, 24)...)
		b[4] += bad[10] // another number each
		if have := open(b); !bytes.Contains(have, unhex(t, "E004B0026A80")) {
			t.Errorf("%s is answered %X", bad, have)
		}
	}
}

// TestOctetsNotShown: 8A is hashed on the card and signed like a given hash; whose it is, what it
// is about and the reference are shown, or nobody is asked.
//
// Supports: 3.3-3, 3.5.3-5, 4-5
func TestOctetsNotShown(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		p := in(t, way, nil)
		pub := p.enrol(1, applet.ECDSAP256, testCode)
		attributes := append([]byte{0x31, 0x03}, "abc"...)
		cmd := applet.SignTransaction{Slot: applet.Slot{Number: 1}, Mode: applet.ModeAuthenticate, Octets: attributes, TextToShow: applet.UTF8("Bank: Pay?"), Reference: "4711"}
		r := p.must(script(ok(), enter(testCode)), cmd).Results[0]
		if err := applet.Verify(pub, applet.SHA256, digest(attributes), r.Signature); err != nil {
			t.Fatal(err)
		}
		if len(p.screens) != 2 || p.screens[0].text != "Bank: Pay?\nReference: 4711" {
			t.Fatalf("screens %v", p.screens)
		}
		for _, mode := range []applet.Mode{applet.ModeAuthenticate, applet.ModeSign} {
			for _, bare := range []applet.SignTransaction{{}, {Reference: "4711"}, {TextToShow: applet.UTF8("Bank: Pay?")}} {
				bare.Slot, bare.Mode, bare.Octets = cmd.Slot, mode, attributes
				p.fails(applet.StatusMalformed, nil, bare)
			}
		}
		cmd.Mode, cmd.Octets = applet.ModeRegister, append([]byte{0x30}, "cri"...)
		cmd.Slot = slotOf(3, applet.ECDSAP256)
		p.fails(applet.StatusMalformed, nil, cmd) // a key that nobody knows
		p.must(nil, applet.SetAuthenticationHandlerData{Slot: cmd.Slot, Operation: applet.HandlerGenerate})
		cmd.Slot = applet.Slot{Number: 3}
		p.must(script(ok(), enter(testCode)), cmd)
	}
}
