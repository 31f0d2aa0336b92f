package card_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
)

// TestMenuOfSecondCode: the menu offers the signature code once it has a
// length, whoever gave it, and its title may need UCS-2 (TS 102 221 annex A).
//
// Supports: 3.1-2, 3.6-1
func TestMenuOfSecondCode(t *testing.T) {
	p := newPhone(t, newCard(t, func(o *card.Options) { o.Active, o.Codes, o.UnblockingCode = true, [2]card.CodeProfile{}, "" }))
	menu := func(what, want string) {
		t.Helper()
		p.menus = nil
		p.boot()
		if len(p.menus) != 1 || p.menus[0].text != want {
			t.Errorf("%s: %v", what, p.menus)
		}
	}
	menu("no length", "Change personal code|About|")
	p.must(nil, applet.SetAppletData{Formats: []applet.CodeFormat{{Code: applet.CodeNonRepudiation, Min: 6, Max: 6}}})
	menu("a length", "Change personal code|Change signature code|About|")
	p = newPhone(t, newCard(t, func(o *card.Options) { o.Active, o.Codes, o.UnblockingCode = true, [2]card.CodeProfile{}, "" }))
	create := applet.ManagePersonalCode{Operation: applet.CodeCreate, Code: applet.CodeNonRepudiation}
	p.must(script(enter(otherCode), enter(otherCode)), create)
	if p.screens[0].lo != 4 || p.screens[0].hi != 8 {
		t.Errorf("screens %v", p.screens)
	}
	// The length of nobody's choice holds from now on.
	if c := p.state().FindCode(applet.CodeNonRepudiation); c.Min != 4 || c.Max != 8 {
		t.Errorf("%+v", c)
	}
	menu("a code", "Change personal code|Change signature code|About|")
	p.must(nil, applet.SetAppletData{Strings: []applet.StringUpdate{{ID: 1, Text: applet.UTF8("Ж")}}})
	p.c.Reset()
	_, sw := split(p.c.Transmit(unhex(t, "80100000 04 FFFFFFFF")))
	cmd, _ := split(p.c.Transmit([]byte{0x80, 0x12, 0, 0, byte(sw)}))
	if !strings.Contains(hex.EncodeToString(cmd), "8202"+"8182"+"8503"+"800416"+"8f15"+"01") {
		t.Errorf("%x", cmd)
	}
}

// TestMenuIsAsLongAsItMay: 244 octets of menu and no more (INT6, Strings).
func TestMenuIsAsLongAsItMay(t *testing.T) {
	p := fresh(t)
	set := func(item int) applet.SetAppletData {
		return applet.SetAppletData{Strings: []applet.StringUpdate{
			{ID: 1, Text: applet.UTF8(strings.Repeat("t", 100))}, {ID: 0x15, Text: applet.UTF8(strings.Repeat("i", item))},
		}}
	}
	// Title 102, four other items 3 octets more than their 69, this one 3 more.
	p.fails(applet.StatusWrongLength, nil, set(59))
	p.must(nil, set(58))
	if m := p.menus[len(p.menus)-1].text; !strings.HasPrefix(m, strings.Repeat("i", 58)+"|") {
		t.Errorf("menu %q", m)
	}
}

// TestInitialIsForGood: back to the beginning gives all tries of the unblocking
// code back, over a restart too.
//
// Supports: 4-3, 3.5.4-3
func TestInitialIsForGood(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.choose(3, enter("11111111"), enter("22222222"), result(0x10))
	p.must(nil, applet.ChangeAppletStatus{To: applet.StatusInitial})
	p.reload(path, -1)
	p.forget()
	if s := p.state(); s.LifeCycle != applet.AppletActive || s.FindCode(1).Status != applet.CodeNotSet || s.FindSlot(1).Status != applet.SlotEmpty {
		t.Errorf("%+v", s)
	}
	p.enrol(1, applet.ECDSAP256, testCode)
	p.choose(3, enter("11111111"), result(0x10))
	if want := "Wrong code. Tries left: 9\nEnter the unblocking code"; p.screens[1].text != want {
		t.Errorf("screens %v, want %q", p.screens, want)
	}
}

// TestRefusedAsAsked: what is said of a refused packet, and by which way, for
// each way that SPI2 names (TS 102 225 5.1.1).
//
// Supports: 3.5.3-6
func TestRefusedAsAsked(t *testing.T) {
	for name, tc := range map[string]struct {
		spi2            byte
		report, message bool // of an authenticated packet; a stranger's is answered by report or not at all
	}{
		"always, by report": {0x19, true, false}, "always, by message": {0x39, false, true}, "on error, by report": {0x1A, true, false},
		"on error, by message": {0x3A, false, true}, "never": {0x18, false, false},
	} {
		p := fresh(t)
		p.state()
		spi := ota.SPI{0x16, tc.spi2}
		p.deliver(p.packet(spi, ota.TAR{1, 2, 3}, p.cntr+1, p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
		if (p.report != nil) != tc.report || (len(p.sent) > 0) != tc.message {
			t.Errorf("%s: report %X, %d messages", name, p.report, len(p.sent))
		}
		if tc.report {
			if r := p.reported(spi); r.Status != ota.StatusTARUnknown || !r.Protected || r.CNTR != p.cntr+1 {
				t.Errorf("%s: %+v", name, r)
			}
		}
		p.sent = nil
		b := p.packet(spi, testTAR, p.cntr+2, p.message(applet.ChangeAppletStatus{To: applet.StatusReport}))
		b[len(b)-1] ^= 1
		p.deliver(b)
		if (p.report != nil) != (tc.report || tc.message) || len(p.sent) > 0 {
			t.Errorf("%s, a stranger's: report %X, %d messages", name, p.report, len(p.sent))
		}
		if p.report != nil {
			if r := p.reported(spi); r.Status != ota.StatusIntegrity || r.Protected || r.CNTR != 0 {
				t.Errorf("%s, a stranger's: %+v", name, r)
			}
		}
	}
}

// TestEightSegments: a message has eight segments at most.
//
// Supports: 3.1-1
func TestEightSegments(t *testing.T) {
	p := fresh(t)
	generated(p)
	put := func(n int) int {
		packet := p.seal(p.message(applet.SetAuthenticationHandlerData{
			Slot: applet.Slot{Number: 1}, Operation: applet.HandlerImportCertificate, Certificate: make([]byte, n),
		}))
		p.deliver(packet)
		return len(segments(t, packet, 1))
	}
	if n := put(950); n != 8 || !p.answer().OK() {
		t.Errorf("%d segments", n)
	}
	if n := put(1080); n != 9 || len(p.sent) != 0 || p.report != nil {
		t.Errorf("%d segments, %d answers", n, len(p.sent))
	}
	if !p.state().FindSlot(1).Certificate {
		t.Error("the first is gone")
	}
}

// TestSecondRegistrationFails: a registration that fails leaves the code to a
// key that has signed its own, though it is not yet confirmed.
//
// Supports: 5.1-9, 3.5.1-6
func TestSecondRegistrationFails(t *testing.T) {
	p := fresh(t)
	generated(p)
	p.must(script(ok(), enter(testCode), enter(testCode), enter(testCode)), registerHash())
	third := slotOf(3, applet.ECDSAP256)
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: third, Operation: applet.HandlerGenerate})
	second := registerHash()
	second.Slot = applet.Slot{Number: 3}
	p.fails(applet.StatusCancelled, script(ok(), result(0x10)), second)
	s := p.state()
	if s.FindSlot(3).Status != applet.SlotEmpty || s.FindSlot(1).Status != applet.SlotRegistering || s.FindCode(1).Status != applet.CodeSet {
		t.Errorf("%+v", s)
	}
	// The last one that fails takes all along.
	p.fails(applet.StatusCancelled, script(ok(), result(0x10)), registerHash())
	if s := p.state(); s.FindSlot(1).Status != applet.SlotEmpty || s.FindCode(1).Status != applet.CodeNotSet || s.LifeCycle != applet.AppletActive {
		t.Errorf("%+v", s)
	}
}

// TestTraceNames: what a trace calls each instruction (TS 102 221 10.1.2) and
// each proactive command (TS 102 223 9.4).
func TestTraceNames(t *testing.T) {
	var names []string
	var shown string
	c := newCard(t, func(o *card.Options) {
		o.Active = true
		o.Trace = func(e card.Event) {
			names = append(names, string(e.Kind)+" "+e.Name+" "+e.Detail)
			shown += hex.EncodeToString(e.Octets) + " "
		}
	})
	for ins, want := range map[byte]string{
		0x10: "TERMINAL PROFILE", 0x12: "FETCH", 0x14: "TERMINAL RESPONSE", 0x20: "VERIFY", 0x2C: "UNBLOCK PIN", 0x70: "MANAGE CHANNEL", 0xA4: "SELECT",
		0xB0: "READ BINARY", 0xB2: "READ RECORD", 0xC0: "GET RESPONSE", 0xC2: "ENVELOPE", 0xF2: "STATUS", 0xD6: "INS D6", 0x84: "INS 84",
	} {
		names = nil
		_, sw := split(c.Transmit([]byte{0xE0, ins, 0, 0, 0}))
		if sw != 0x6E00 || strings.Join(names, "|") != "apdu command "+want+" |apdu response "+want+" 6E00" {
			t.Errorf("%02X: %04X, %q", ins, sw, names)
		}
	}
	p := newPhone(t, c)
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.ECDSAP256), Operation: applet.HandlerGenerate})
	cmd := registerHash()
	cmd.PoP = applet.PoPAsk
	names, shown = nil, ""
	p.must(script(ok(), enter("20417"), enter(testCode), enter(testCode), enter(testCode)), cmd)
	all := strings.Join(names, "|")
	for _, want := range []string{"DISPLAY TEXT", "GET INPUT", "SEND SHORT MESSAGE"} {
		if !strings.Contains(all, "proactive "+want+" |") || !strings.Contains(all, "terminal response "+want+" result 00") {
			t.Errorf("no %s in %q", want, names)
		}
	}
	// What is typed openly is shown, what is typed hidden is not.
	if !strings.Contains(shown, hex.EncodeToString([]byte("20417"))) || strings.Contains(shown, hex.EncodeToString([]byte(testCode))) {
		t.Error("the trace hides a registration code, or shows a personal one")
	}
	names = nil
	p.boot()
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(2, applet.RSA2048), Operation: applet.HandlerGenerate})
	all = strings.Join(names, "|")
	for _, want := range []string{"SET UP MENU", "MORE TIME"} {
		if !strings.Contains(all, "proactive "+want+" |") {
			t.Errorf("no %s in %q", want, names)
		}
	}
}
