package card_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

func level(n applet.Level) func(*card.Options) {
	return func(o *card.Options) { o.Level, o.Strict = n&^strictly, n&strictly != 0 }
}

// strictly marks a level of a strict card in tables.
const strictly = applet.Level(0x80)

func strict(o *card.Options) { o.Strict = true }

// registered makes the key of slot 1 with what every level takes.
func (p *phone) registered() {
	p.Helper()
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.ECDSAP256), Operation: applet.HandlerGenerate})
	p.must(script(enter(testCode), enter(testCode), enter(testCode)),
		applet.SignTransaction{Slot: applet.Slot{Number: 1}, Mode: applet.ModeRegister, Octets: []byte{0x30, 0x00}})
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerConfirm})
}

func signText(text string) applet.SignTransaction {
	t, _ := applet.ScreenText(text)
	return applet.SignTransaction{Slot: applet.Slot{Number: 1}, Mode: applet.ModeAuthenticate, TextToSign: t}
}

func signIn(coding applet.TextCoding, octets string) applet.SignTransaction {
	return applet.SignTransaction{Slot: applet.Slot{Number: 1}, Mode: applet.ModeAuthenticate, TextToSign: applet.Text{Coding: coding, Octets: []byte(octets)}}
}

// TestOffers: what each level says of itself.
//
// Supports: 3.1-2, 4-8
func TestOffers(t *testing.T) {
	for _, tc := range []struct {
		way   string
		level applet.Level
		want  string
	}{
		{"packet", 1 | strictly, "B813 02 02 01 00D2 0172 01 02 01 00 01 0300 020000 1105"},
		{"packet", 2 | strictly, "B815 02 02 02 00E2 0201 01 04 02 01 01 0300 020000 010F 1107"},
		{"own", 3 | strictly, "B819 02 04 03 00C2 1000 07 04 02 04 01 0300 020000 010F 020F 1107 1207"},
		{"packet", 1, "B813 02 02 01 00D2 0172 01 02 01 00 01 0300 020000 1105"},
		{"own", 1, "B813 02 04 01 00C2 0172 01 02 01 00 01 0300 020000 1105"},
		{"packet", 2, "B815 02 02 02 0172 0201 01 04 02 01 01 0300 020000 010F 1107"},
		{"own", 2, "B815 02 04 02 0162 0201 01 04 02 01 01 0300 020000 010F 1107"},
		{"own", 3, "B819 02 04 03 1000 1000 07 04 02 04 01 0300 020000 010F 020F 1107 1207"},
		{"packet", 0, "B819 02 02 03 1000 1000 07 04 02 04 01 0300 020000 010F 020F 1107 1207"},
	} {
		p := in(t, tc.way, level(tc.level))
		a := p.must(nil, applet.ChangeAppletStatus{To: applet.StatusReport})
		b, err := a.MarshalBinary()
		if err != nil || !bytes.Contains(b, unhex(t, tc.want)) {
			t.Errorf("%s, level %d: %X, %v", tc.way, tc.level, b, err)
		}
		if s := a.Results[0].State; len(s.Codes) != int(a.Results[0].Offers.Codes) || len(s.Slots) != int(a.Results[0].Offers.Slots) {
			t.Errorf("%s, level %d: %+v", tc.way, tc.level, s)
		}
	}
}

// TestOffersOnce: an algorithm that the profile names twice is offered once; a list with
// it twice could not be written.
func TestOffersOnce(t *testing.T) {
	p := in(t, "packet", func(o *card.Options) {
		o.Algorithms = []applet.Algorithm{applet.RSA2048, applet.ECDSAP256, applet.RSA2048}
	})
	var have []applet.Algorithm
	for _, a := range p.must(nil, applet.ChangeAppletStatus{To: applet.StatusReport}).Results[0].Offers.Algorithms {
		have = append(have, a.Algorithm)
	}
	if want := []applet.Algorithm{applet.RSA2048, applet.ECDSAP256}; !slices.Equal(have, want) {
		t.Errorf("offers %v, want %v", have, want)
	}
}

// TestLevels: what a level does not do it refuses, before anybody is asked.
//
// Supports: 3.3-4, 3.3-6, 3.4-4, 3.6-1, 4-1, 4-2, 4-5, 4-9
func TestLevels(t *testing.T) {
	one, second := applet.Slot{Number: 1}, applet.CodeNonRepudiation
	described := slotOf(3, applet.ECDSAP256)
	described.Number, described.Code = 2, second
	for what, tc := range map[string]struct {
		cmd  applet.Command
		want [4]applet.StatusWord // by level
	}{
		"a given hash":      {signHash(digest(nil)), [4]applet.StatusWord{1: 0x6A81, 2: 0x9000, 3: 0x9000}},
		"SHA-384":           {applet.SignTransaction{Slot: one, Mode: applet.ModeAuthenticate, TextToSign: signText("x").TextToSign, Hash: applet.SHA384}, [4]applet.StatusWord{1: 0x6A81, 2: 0x6A81, 3: 0x9000}},
		"a text":            {signText("x"), [4]applet.StatusWord{1: 0x9000, 2: 0x9000, 3: 0x9000}},
		"a text in UTF-8":   {signIn(applet.TextUTF8, "x"), [4]applet.StatusWord{1: 0x6A81, 2: 0x9000, 3: 0x9000}},
		"a text in UCS-2":   {signIn(applet.TextUCS2, "\x00x"), [4]applet.StatusWord{1: 0x9000, 2: 0x9000, 3: 0x9000}},
		"a packed text":     {signIn(applet.TextPacked, "x"), [4]applet.StatusWord{1: 0x6A81, 2: 0x9000, 3: 0x9000}},
		"a certificate":     {applet.SetAuthenticationHandlerData{Slot: one, Operation: applet.HandlerImportCertificate, Certificate: []byte("c")}, [4]applet.StatusWord{1: 0x6A81, 2: 0x6A81, 3: 0x9000}},
		"no certificate":    {applet.SetAuthenticationHandlerData{Slot: one, Operation: applet.HandlerDeleteCertificate}, [4]applet.StatusWord{1: 0x6A81, 2: 0x6A81, 3: 0x6985}},
		"its certificate":   {applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatCertificate}, [4]applet.StatusWord{1: 0x6A81, 2: 0x6A81, 3: 0x6985}},
		"a part":            {applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatPublicKey, Part: &applet.Range{Length: 9}}, [4]applet.StatusWord{1: 0x6A81, 2: 0x6A81, 3: 0x9000}},
		"a public key":      {applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatPublicKey}, [4]applet.StatusWord{1: 0x9000, 2: 0x9000, 3: 0x9000}},
		"a string":          {applet.SetAppletData{Strings: []applet.StringUpdate{{ID: 2, Text: applet.UTF8("Code")}}}, [4]applet.StatusWord{1: 0x6A81, 2: 0x9000, 3: 0x9000}},
		"a language":        {applet.SetAppletData{Language: "en"}, [4]applet.StatusWord{1: 0x6A81, 2: 0x9000, 3: 0x9000}},
		"tries":             {applet.SetAppletData{Tries: []applet.CodeTries{{Code: 1, Max: 5}}}, [4]applet.StatusWord{1: 0x6985, 2: 0x6985, 3: 0x9000}},
		"tries of code 2":   {applet.SetAppletData{Tries: []applet.CodeTries{{Code: 2, Max: 5}}}, [4]applet.StatusWord{1: 0x6A81, 2: 0x9000, 3: 0x9000}},
		"format of code 2":  {applet.SetAppletData{Formats: []applet.CodeFormat{{Code: 2, Min: 4, Max: 5}}}, [4]applet.StatusWord{1: 0x6A81, 2: 0x6985, 3: 0x6985}},
		"code 2":            {applet.ManagePersonalCode{Operation: applet.CodeUnblock, Code: second}, [4]applet.StatusWord{1: 0x6A81, 2: 0x6985, 3: 0x6985}},
		"a key of code 2":   {applet.SetAuthenticationHandlerData{Slot: described, Operation: applet.HandlerGenerate}, [4]applet.StatusWord{1: 0x6A81, 2: 0x9000, 3: 0x9000}},
		"a key of P-384":    {applet.SetAuthenticationHandlerData{Slot: slotOf(3, applet.ECDSAP384), Operation: applet.HandlerGenerate}, [4]applet.StatusWord{1: 0x6A84, 2: 0x6A81, 3: 0x9000}},
		"161 characters":    {signText(strings.Repeat("x", 161)), [4]applet.StatusWord{1: 0x6700, 2: 0x9000, 3: 0x9000}},
		"160 characters":    {signText(strings.Repeat("x", 160)), [4]applet.StatusWord{1: 0x9000, 2: 0x9000, 3: 0x9000}},
		"the server's name": {applet.SetAppletData{ServerAddress: "+46700000001"}, [4]applet.StatusWord{1: 0x9000, 2: 0x9000, 3: 0x9000}},
	} {
		for n := applet.Level1; n <= applet.Level3; n++ {
			for _, way := range []string{"packet", "own"} {
				p := in(t, way, level(n))
				p.registered()
				var sc []reaction
				if _, asks := tc.cmd.(applet.SignTransaction); asks && tc.want[n] == 0x9000 {
					sc = script(ok(), enter(testCode))
				}
				if a := p.do(sc, tc.cmd); a.Status() != tc.want[n] {
					t.Errorf("%s, level %d, %s: %s", what, n, way, a.Status())
				}
			}
		}
	}
}

// TestLongest: requests and answers are as long as the card says, and no longer.
//
// Supports: 3.1-2, 4-5
func TestLongest(t *testing.T) {
	for _, tc := range []struct {
		way   string
		level applet.Level
		most  int
	}{{"packet", 1, 210}, {"own", 1, 194}, {"packet", 2, 370}, {"own", 2, 354}} {
		p := in(t, tc.way, level(tc.level))
		for n, want := range map[int]applet.StatusWord{tc.most: 0x9000, tc.most + 1: 0x6700} {
			b := append(unhex(t, "02000000A1A103800104"), make([]byte, n-10)...)
			b[4] += byte(n)
			b[10], b[11] = 0xC0, byte(n-12) // of a vendor
			if n-12 > 0x7F {
				b[11], b[12] = 0x81, byte(n-13)
			}
			if n-13 > 0xFF {
				b[11], b[12], b[13] = 0x82, byte((n-14)>>8), byte(n-14)
			}
			p.deliver(p.sealOctets(b))
			if a := p.answer(); a.Status() != want || want != 0x9000 && a.Results[0].Tag != applet.TagMessage {
				t.Errorf("%s, level %d, %d octets: %+v", tc.way, tc.level, n, a)
			}
		}
	}
	report := applet.ChangeAppletStatus{To: applet.StatusReport}
	p := in(t, "packet", level(applet.Level1))
	p.fails(applet.StatusWrongLength, nil, report, report, report, report, report)
	// Key and signature of RSA-2048 would be more than 370 octets, and 513 too.
	for n := applet.Level1; n <= applet.Level2; n++ {
		p := in(t, "packet", func(o *card.Options) { o.Level, o.Algorithms = n, []applet.Algorithm{applet.RSA2048} })
		p.fails(applet.StatusWrongLength, nil, registerTemplate(applet.RSA2048))
	}
}

// TestWaiting: a card says how many messages wait, and is busy for one more.
//
// Supports: 3.5.3-4
func TestWaiting(t *testing.T) {
	for n, waiting := range map[applet.Level]int{1: 0, 2: 1, 3: 4} {
		p := in(t, "packet", level(n))
		p.registered()
		p.deliverStepwise(p.seal(p.message(signText("x"))))
		text := p.fetchRaw()
		for range waiting {
			if sw := p.deliverStepwise(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport}))); sw != 0x9000 {
				t.Fatalf("level %d: %04X", n, sw)
			}
		}
		late := p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport}))
		if sw := p.deliverStepwise(late); sw != 0x9300 {
			t.Fatalf("level %d: %04X", n, sw)
		}
		p.script = script(enter(testCode))
		p.apduAfter(p.respondRaw(text, ok()))
		p.sent = nil
		if p.deliver(late); len(p.sent) == 0 {
			t.Fatalf("level %d: it does not come again", n)
		}
	}
}

// TestKeptAnswers: of answers that a small card no longer has it knows how they ended; nobody
// is asked twice for any of the last eight numbers.
//
// Supports: 5-2, 3.5.3-6
func TestKeptAnswers(t *testing.T) {
	for n, kept := range map[applet.Level]int{1: 1, 2: 2, 3: 8} {
		over = "packet"
		path, p := createWith(t, level(n))
		over = ""
		p.registered()
		var messages []applet.Message
		var packets [][]byte
		for i := range 4 {
			m := p.message(signText(fmt.Sprint(i)))
			p.script = script(ok(), enter(testCode))
			if i == 1 {
				p.script = script(result(0x10))
			}
			p.deliver(p.seal(m))
			messages, packets = append(messages, m), append(packets, p.joined(sms.CommandCPI))
		}
		p.reload(path, -1)
		p.forget()
		p.screens = nil
		for i := 3; i >= 0; i-- { // the newest first: each that is asked for is kept anew
			p.deliver(p.seal(messages[i]))
			sent := p.sent
			packet := p.joined(sms.CommandCPI)
			p.sent, p.heard = sent, 0
			a := p.answer()
			switch whole := 4-i <= kept; {
			case whole != bytes.Equal(packet, packets[i]):
				t.Errorf("level %d, answer %d: kept whole %v", n, i, !whole)
			case !whole && i == 1 && (a.Results[0].Tag != applet.TagSignTransaction.Result() || a.Status() != applet.StatusCancelled),
				!whole && i != 1 && (a.Results[0].Tag != applet.TagMessage || a.Status() != applet.StatusConditions):
				t.Errorf("level %d, answer %d: %+v", n, i, a)
			}
		}
		if len(p.screens) > 0 {
			t.Errorf("level %d: screens %v", n, p.screens)
		}
	}
}

// TestListMenu: below level 3 the applet has one entry in the card's menu; what is
// possible comes as a list.
//
// Supports: 3.1-2, 3.5.4-3, 3.5.5-2
func TestListMenu(t *testing.T) {
	for n, items := range map[applet.Level]string{
		1: "Change personal code|Unblock personal code|About|",
		2: "Change personal code|Change signature code|Unblock personal code|Unblock signature code|About|",
	} {
		p := in(t, "packet", level(n))
		if len(p.menus) != 1 || p.menus[0].text != "Mobile signature|" {
			t.Fatalf("menus %v", p.menus)
		}
		p.registered()
		p.choose(6, reaction{item: 1}, enter(testCode), enter("9142"), enter("9142"))
		if p.screens[0].kind != 0x24 || p.screens[0].text != items {
			t.Errorf("level %d: screens %v", n, p.screens)
		}
		p.must(script(ok(), enter("9142")), signText("x"))
		p.choose(6, reaction{item: 5}, ok())
		for _, none := range []reaction{{}, result(0x10), result(0x11), result(0x12), result(0x30), {item: 77}} {
			p.choose(6, none)
		}
		p.choose(6, result(0x13), result(0x10)) // help, then never mind
	}
}

// TestEntryOfLevel2: the entry in the card's menu has room for 20 octets, which INSTALL fixed.
//
// Supports: 4-2, 3.6-1
func TestEntryOfLevel2(t *testing.T) {
	title := func(s string) applet.SetAppletData {
		return applet.SetAppletData{Strings: []applet.StringUpdate{{ID: 1, Text: applet.UTF8(s)}}}
	}
	p := in(t, "packet", level(applet.Level2))
	p.must(nil, title("Mobiles Unterschrift"))
	if last := p.menus[len(p.menus)-1].text; last != "Mobiles Unterschrift|" {
		t.Errorf("menu %q", last)
	}
	for _, long := range []string{"Mobiles Unterschriftx", "Подпись ключ"} {
		p.fails(applet.StatusWrongLength, nil, title(long))
	}
	in(t, "packet", nil).must(nil, title("Mobiles Unterschriftx"))
}

// TestCodesApart: where codes are objects of the card that cannot be compared, a new one
// may be the other one's value, and not its own.
//
// Supports: 3.4-1, 3.4-2
func TestCodesApart(t *testing.T) {
	same := func(o *card.Options) { o.Codes[1] = card.CodeProfile{Min: 4, Max: 8} }
	for _, change := range []func(*card.Options){strict, level(applet.Level2)} {
		p := in(t, "packet", func(o *card.Options) { same(o); change(o) })
		p.registered()
		p.must(script(enter(testCode), enter(testCode)), applet.ManagePersonalCode{Operation: applet.CodeCreate, Code: applet.CodeNonRepudiation})
		p.must(script(enter(testCode), enter(testCode), enter("9142"), enter("9142")), manage(applet.CodeChange))
	}
}

// TestStrictEntry: a message that comes while the user is asked enters the applet a second
// time. It has room, or drops it with an exception; the counter is used either way.
//
// Supports: 3.5.3-4, 5-2
func TestStrictEntry(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		p := in(t, way, func(o *card.Options) { o.Strict, o.Level = true, applet.Level2 })
		p.registered()
		m := p.message(signText("x"))
		p.deliverStepwise(p.seal(m))
		text, hash := p.fetchRaw(), p.hash
		if sw := p.deliverStepwise(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport}))); sw != 0x9000 {
			t.Fatalf("%04X", sw)
		}
		waits := p.hash
		lost := p.message(applet.ChangeAppletStatus{To: applet.StatusReport})
		packet := p.seal(lost)
		if sw := p.deliverStepwise(packet); sw != 0x6F00 {
			t.Fatalf("%s: no room: %04X", way, sw)
		}
		if sw := p.deliverStepwise(p.seal(m)); sw != 0x9000 { // what is at work needs none
			t.Fatalf("%s: the same again: %04X", way, sw)
		}
		p.script = script(enter(testCode))
		p.apduAfter(p.respondRaw(text, ok()))
		sent := p.sent
		p.sent, p.hash = sent[:1], hash
		if a := p.answer(); a.Transaction != m.Transaction || !a.OK() {
			t.Fatalf("%s: %+v", way, a)
		}
		p.sent, p.hash = sent[1:], waits
		p.answer()
		if p.deliver(packet); len(p.sent) > 0 {
			t.Fatalf("%s: a counter that was used is taken again", way)
		}
		p.deliver(p.seal(lost))
		if a := p.answer(); a.Transaction != lost.Transaction {
			t.Fatalf("%s: %+v", way, a)
		}
	}
}

// TestStrictMenu: a choice in the menu during a session is the toolkit's to refuse (9300); it
// asks no applet whether there is room.
//
// Supports: 3.1-2, 3.5.5-2
func TestStrictMenu(t *testing.T) {
	for want, change := range map[uint16]func(*card.Options){0x9300: strict, 0x9000: nil} {
		p := in(t, "packet", change)
		p.registered()
		p.deliverStepwise(p.seal(p.message(signText("x"))))
		text := p.fetchRaw()
		if _, sw := split(p.transmit(unhex(t, "80C2000009D3078202018190010 5"))); sw != want {
			t.Errorf("strict %v: %04X", want == 0x9300, sw)
		}
		p.script = script(enter(testCode), ok()) // the menu's own screen comes after, where the choice was kept
		p.apduAfter(p.respondRaw(text, ok()))
		p.answer()
	}
}

// TestStrictLength: a joined message is one TPDU, whose length is one octet.
//
// Supports: 3.1-1, 3.1-2
func TestStrictLength(t *testing.T) {
	p := in(t, "packet", strict)
	for n, want := range map[int]bool{226: true, 227: false} {
		b := append(unhex(t, "02000000A1A103800104C081"), make([]byte, n-12)...)
		b[4], b[12] = byte(n), byte(n-13)
		p.sent = nil
		packet := p.sealOctets(b)
		if len(packet)+3 <= 255 != want {
			t.Fatalf("packet of %d octets", len(packet))
		}
		if p.deliver(packet); want != (len(p.sent) > 0) {
			t.Errorf("%d octets: %d messages", n, len(p.sent))
		}
	}
}

// TestStrictPolls: STATUS reaches the applet once it has asked for it.
//
// Supports: 3.1-1, 3.1-2
func TestStrictPolls(t *testing.T) {
	p := in(t, "packet", strict)
	bad := result(0x35, 0x29)
	p.smsFail = []reaction{bad, bad, bad}
	m := p.message(applet.ChangeAppletStatus{To: applet.StatusReport})
	p.deliver(p.seal(m))
	if len(p.sent) != 0 || p.polls != 1 {
		t.Fatalf("%d messages, POLL INTERVAL %d times", len(p.sent), p.polls)
	}
	p.smsFail = []reaction{bad, bad, bad}
	p.boot() // the wish is gone with the power
	if len(p.sent) != 0 || p.polls != 2 {
		t.Fatalf("%d messages, POLL INTERVAL %d times", len(p.sent), p.polls)
	}
	p.apdu("80F2000C00", 0x9000)
	if a := p.answer(); a.Transaction != m.Transaction || p.polls != 2 {
		t.Fatalf("%+v", a)
	}
}

// TestLevelProfiles: what no card can be is refused.
//
// Supports: 3.2-1, 4-1
func TestLevelProfiles(t *testing.T) {
	for what, change := range map[string]func(*card.Options){
		"level 4":                     level(4),
		"a slot in level 1":           func(o *card.Options) { o.Level, o.Slots = 1, 1 },
		"three slots in level 2":      func(o *card.Options) { o.Level, o.Slots = 2, 3 },
		"RSA-3072 in level 2":         func(o *card.Options) { o.Level, o.Algorithms = 2, []applet.Algorithm{applet.RSA3072} },
		"P-384 in level 1":            func(o *card.Options) { o.Level, o.Algorithms = 1, []applet.Algorithm{applet.ECDSAP384} },
		"strict in carriage response": func(o *card.Options) { o.Strict, o.Carriage = true, "" },
	} {
		o := card.Options{Profile: profile()}
		o.Carriage, o.Keys.K0 = "packet", testKey
		change(&o)
		if _, err := card.New(o); !errors.Is(err, card.ErrProfile) {
			t.Errorf("%s: %v", what, err)
		}
	}
	p := in(t, "own", func(o *card.Options) { o.Level, o.Slots = 1, 2; o.KeySets = nil })
	if p.spi != (ota.SPI{}) || len(p.state().Slots) != 2 {
		t.Error("two slots in level 1")
	}
}
