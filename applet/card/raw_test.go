package card_test

import (
	"bytes"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
)

// deliverStepwise brings a packet to the card and leaves the proactive
// command that follows waiting.
func (p *phone) deliverStepwise(packet []byte) (sw uint16) {
	p.Helper()
	for _, part := range segments(p, packet, uint16(p.cntr)&0xFF) {
		_, sw = split(p.transmit(envelope(p, part)))
		if sw>>8 == 0x61 {
			_, sw = split(p.transmit([]byte{0x80, 0xC0, 0, 0, byte(sw)}))
		}
	}
	return sw
}

// fetchRaw finds the length by STATUS and fetches.
func (p *phone) fetchRaw() []byte {
	p.Helper()
	_, sw := split(p.transmit(unhex(p, "80F2000C00")))
	if sw>>8 != 0x91 {
		p.Fatalf("nothing to fetch: %04X", sw)
	}
	cmd, sw := split(p.transmit([]byte{0x80, 0x12, 0, 0, byte(sw)}))
	if sw != 0x9000 {
		p.Fatalf("FETCH: %04X", sw)
	}
	return cmd
}

func (p *phone) respondRaw(cmd []byte, r reaction) uint16 {
	p.Helper()
	at := 2
	if cmd[1] == 0x81 {
		at = 3
	}
	_, sw := split(p.transmit(terminalResponse(cmd[at+2:at+5], r)))
	return sw
}

// TestSameTransaction: a transaction that comes again under a new counter is
// answered from memory; while it runs, once it is finished. Nobody is asked
// twice.
//
// Supports: 5-2, 3.5.3-6
func TestSameTransaction(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	m := p.message(signHash(digest([]byte("x"))))
	p.script = script(ok(), enter(testCode))
	p.deliver(p.seal(m))
	first := p.answer()
	p.deliver(p.seal(m))
	if again := p.answer(); !bytes.Equal(again.Results[0].Signature, first.Results[0].Signature) {
		t.Fatal("another answer")
	}
	// Identical octets: a replay.
	m = p.message(signHash(digest([]byte("x"))))
	p.script = script(ok(), enter(testCode))
	packet := p.seal(m)
	p.deliver(packet)
	p.answer()
	p.deliver(packet)
	if r := p.response(); r.Status != ota.StatusCounterLow {
		t.Fatalf("%+v", r)
	}
	// While the user is being asked.
	m = p.message(signHash(digest([]byte("y"))))
	p.deliverStepwise(p.seal(m))
	p.deliverStepwise(p.seal(m))
	text := p.fetchRaw()
	p.screens = nil
	p.script = script(enter(testCode))
	p.apduAfter(p.respondRaw(text, ok()))
	if len(p.screens) != 1 {
		t.Fatalf("screens %v", p.screens)
	}
	if p.answer().Status() != applet.StatusOK { // of the later counter
		t.Fatal("no answer")
	}
	if len(p.sent) != 0 {
		t.Fatal("two answers")
	}
}

// apduAfter follows 91xx.
func (p *phone) apduAfter(sw uint16) {
	p.Helper()
	for sw>>8 == 0x91 {
		sw = p.fetch(byte(sw))
	}
	if sw != 0x9000 {
		p.Fatalf("status %04X", sw)
	}
}

// TestQueue: messages that come while the user is being asked wait in order;
// when the queue is full the card is busy (9300), and takes the rest later.
//
// Supports: 3.5.3-4
func TestQueue(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.deliverStepwise(p.seal(p.message(signHash(digest([]byte("x"))))))
	text := p.fetchRaw()
	for range 4 {
		if sw := p.deliverStepwise(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport}))); sw != 0x9000 {
			t.Fatalf("%04X", sw)
		}
	}
	late := p.message(applet.ChangeAppletStatus{To: applet.StatusReport})
	packet := p.seal(late)
	if sw := p.deliverStepwise(packet); sw != 0x9300 {
		t.Fatalf("%04X", sw)
	}
	p.script = script(enter(testCode))
	p.apduAfter(p.respondRaw(text, ok()))
	if len(p.sent) != 5 {
		t.Fatalf("%d answers", len(p.sent))
	}
	p.sent = nil
	p.deliver(packet)
	if a := p.answer(); a.Transaction != late.Transaction {
		t.Fatalf("%+v", a)
	}
}

// TestSendFails: a short message that the terminal could not send is sent
// again with the same octets, at most three times, and then when the terminal
// polls.
//
// Supports: 3.1-1, 3.1-2
func TestSendFails(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	for _, r := range []reaction{result(0x20, 0x04), result(0x21, 0x00), result(0x35, 0x29), result(0x36)} {
		p.tried, p.smsFail = nil, []reaction{r, r}
		p.must(script(ok(), enter(testCode)), signHash(digest([]byte("x"))))
		if len(p.tried) != 3 || !bytes.Equal(p.tried[0], p.tried[2]) {
			t.Fatalf("%02X: tried %d times", r.result, len(p.tried))
		}
	}
	bad := result(0x35, 0x29)
	p.tried, p.smsFail = nil, []reaction{bad, bad, bad, bad, bad, bad, bad}
	p.script = script(ok(), enter(testCode))
	p.deliver(p.seal(p.message(signHash(digest([]byte("x"))))))
	if len(p.tried) != 3 || len(p.sent) != 0 {
		t.Fatalf("tried %d times", len(p.tried))
	}
	p.apdu("80F2000C00", 0x9000)
	if len(p.tried) != 6 {
		t.Fatalf("tried %d times", len(p.tried))
	}
	p.apdu("80F2000C00", 0x9000)
	if !p.answer().OK() || len(p.tried) != 8 {
		t.Fatalf("tried %d times", len(p.tried))
	}
	p.apdu("80F2000C00", 0x9000)
	if len(p.tried) != 8 {
		t.Fatal("sent again after success")
	}
}

// TestProtocol: FETCH and TERMINAL RESPONSE out of turn or malformed.
func TestProtocol(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.apdu("80 12 00 00 10", 0x6985)
	p.apdu("80 14 00 00 0C 810301218082028281830100", 0x6985)
	p.deliverStepwise(p.seal(p.message(signHash(digest([]byte("x"))))))
	_, sw := split(p.transmit(unhex(t, "80F2000C00")))
	p.apdu("80 14 00 00 0C 810301218082028281830100", 0x6985) // not fetched yet
	p.apdu("80 12 00 00 01", 0x6C00|sw&0xFF)
	text := p.fetchRaw()
	p.apdu("80F2000C00", 0x9000) // fetched: nothing more waits
	p.apdu("80 12 00 00 10", 0x6985)
	for _, bad := range []string{
		"80 14 00 00 0C 8103FF218082028281830100", // another command number
		"80 14 00 00 03 830100",                   // no command details
		"80 14 00 00 09 810301218182028281",       // no result
		"80 14 00 00 04 83058100",                 // overrun
	} {
		p.apdu(bad, 0x6A80)
	}
	// Tags without comprehension bit, another source device, a trailing Le.
	r := terminalResponse(text[4:7], ok())
	r[5] &= 0x7F
	r[13] = 0x83
	r = append(r, 0x00)
	p.script = script(enter(testCode))
	_, sw = split(p.transmit(r))
	p.apduAfter(sw)
	if !p.answer().OK() {
		t.Fatal("no signature")
	}
}

// TestEntryCodings: terminals give the entry packed or as UCS-2 too.
func TestEntryCodings(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	for _, text := range []string{"8D05 00 B21A0E06", "8D09 08 0032003500380030", "0D05 04 32353830"} {
		cmd := signHash(digest([]byte("x")))
		cmd.TextToShow, cmd.Reference = applet.Text{}, ""
		p.deliverStepwise(p.seal(p.message(cmd)))
		in := p.fetchRaw()
		b := append(append([]byte{0x81, 3}, in[4:7]...), 0x82, 2, 0x82, 0x81, 0x83, 1, 0)
		b = append(b, unhex(t, text)...)
		_, sw := split(p.transmit(append([]byte{0x80, 0x14, 0, 0, byte(len(b))}, b...)))
		p.apduAfter(sw)
		if a := p.answer(); !a.OK() {
			t.Fatalf("%s: %s", text, a.Status())
		}
	}
}

// TestProvenBytes: the proactive commands are those that ofono 1.31 was seen
// to take, but for the command number.
//
// Supports: 3.1-2
func TestProvenBytes(t *testing.T) {
	p := newPhone(t, newCard(t, func(o *card.Options) {
		o.Active, o.Codes[0], o.SMSC, o.ServerAddress = true, card.CodeProfile{Min: 4, Max: 6}, "+491710760000", "123"
	}))
	c := p.c
	proven := func(cmd []byte, want string) {
		t.Helper()
		at := 4
		if cmd[1] == 0x81 {
			at = 5
		}
		cmd[at] = 1
		if w := unhex(t, want); !bytes.HasPrefix(cmd, w) {
			t.Errorf("%X\nwant %X", cmd, w)
		}
	}
	p.script = script(enter(testCode), enter(testCode))
	p.deliver(p.seal(p.message(
		applet.SetAppletData{Strings: []applet.StringUpdate{{ID: 2, Text: applet.UTF8("Enter PIN")}}},
		manage(applet.CodeCreate),
		applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.ECDSAP256), Operation: applet.HandlerGenerate},
	)))
	cmd := registerHash()
	cmd.TextToShow = applet.UTF8("Sign in to Example Bank? Code 4711")
	p.deliverStepwise(p.seal(p.message(cmd)))
	text := p.fetchRaw()
	number := text[4]
	proven(text, "D02E 8103 012181 8202 8102 8D23 04 5369676E20696E20746F204578616D706C652042616E6B3F20436F64652034373131")
	text[4] = number
	p.respondRaw(text, ok())
	input := p.fetchRaw()
	number = input[4]
	proven(input, "D019 8103 012304 8202 8182 8D0A 04 456E7465722050494E 9102 0406")
	input[4] = number
	p.respondRaw(input, enter(testCode))
	_, sw := split(c.Transmit(unhex(t, "80F2000C00")))
	send, _ := split(c.Transmit([]byte{0x80, 0x12, 0, 0, byte(sw)}))
	proven(send[:5+22], "D081")
	if !bytes.Contains(send, unhex(t, "8202 8183 8607 91947101670000 8B")) || !bytes.Contains(send, unhex(t, "41 00 03 81 21F3 7F F6")) ||
		!bytes.Contains(send, unhex(t, "027100")) {
		t.Errorf("%X", send)
	}
}
