package card_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// TestProfileBorders: what a profile may be at most and at least; each case
// that is refused differs by one from one that is not, and is named.
//
// Supports: 4-1, 3.3-1
func TestProfileBorders(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*card.Options)
		says   string
	}{
		"4 slots":               {func(o *card.Options) { o.Slots = 4 }, ""},
		"16 slots":              {func(o *card.Options) { o.Slots = 16 }, ""},
		"17 slots":              {func(o *card.Options) { o.Slots = 17 }, "17 key slots, must be 4 to 16"},
		"3 slots":               {func(o *card.Options) { o.Slots = 3 }, "3 key slots, must be 4 to 16"},
		"IMSI of 6":             {func(o *card.Options) { o.IMSI = "999010" }, ""},
		"IMSI of 5":             {func(o *card.Options) { o.IMSI = "99901" }, "IMSI needs 6 to 15 digits, have 5"},
		"IMSI of 16":            {func(o *card.Options) { o.IMSI = "9990101234567890" }, "IMSI needs 6 to 15 digits, have 16"},
		"IMSI of letters":       {func(o *card.Options) { o.IMSI = "99901x123456789" }, "IMSI needs 6 to 15 digits"},
		"code of 4 to 16":       {func(o *card.Options) { o.Codes[0] = card.CodeProfile{Min: 4, Max: 16} }, ""},
		"code of 16":            {func(o *card.Options) { o.Codes[0] = card.CodeProfile{Min: 16, Max: 16} }, ""},
		"code of 3 to 16":       {func(o *card.Options) { o.Codes[0] = card.CodeProfile{Min: 3, Max: 16} }, "code 1 has 3 to 16 digits"},
		"code of 4 to 17":       {func(o *card.Options) { o.Codes[1] = card.CodeProfile{Min: 4, Max: 17} }, "code 2 has 4 to 17 digits"},
		"code of 8 to 7":        {func(o *card.Options) { o.Codes[1] = card.CodeProfile{Min: 8, Max: 7} }, "code 2 has 8 to 7 digits"},
		"15 tries":              {func(o *card.Options) { o.Codes[1].Tries = 15 }, ""},
		"16 tries":              {func(o *card.Options) { o.Codes[1].Tries = 16 }, "and 16 tries"},
		"no unblocking":         {func(o *card.Options) { o.UnblockingCode = "" }, ""},
		"unblocking of 7":       {func(o *card.Options) { o.UnblockingCode = "1234567" }, "unblocking code needs 8 digits, have 7"},
		"unblocking of 9":       {func(o *card.Options) { o.UnblockingCode = "123456789" }, "unblocking code needs 8 digits, have 9"},
		"unblocking of letters": {func(o *card.Options) { o.UnblockingCode = "1234567x" }, "unblocking code needs 8 digits"},
		"language of one":       {func(o *card.Options) { o.Language = "e" }, "two small letters"},
		"language of three":     {func(o *card.Options) { o.Language = "eng" }, "two small letters"},
		"a capital":             {func(o *card.Options) { o.Language = "Ea" }, "two small letters"},
		"a capital behind":      {func(o *card.Options) { o.Language = "aE" }, "two small letters"},
		"az":                    {func(o *card.Options) { o.Language = "az" }, ""},
		"centre of 20":          {func(o *card.Options) { o.SMSC = "+12345678901234567890" }, ""},
		"centre of 21":          {func(o *card.Options) { o.SMSC = "+123456789012345678901" }, "address must have 1 to 20 digits"},
		"server of 21":          {func(o *card.Options) { o.ServerAddress = "123456789012345678901" }, "address must have 1 to 20 digits"},
		"server of 1":           {func(o *card.Options) { o.ServerAddress = "1" }, ""},
		"MSL 1E":                {func(o *card.Options) { o.MSL = 0x1E }, ""},
		"MSL 15":                {func(o *card.Options) { o.MSL = 0x15 }, "MSL 15 is below 16"},
		"MSL 12":                {func(o *card.Options) { o.MSL = 0x12 }, "MSL 12 is below 16"},
		"MSL 0E":                {func(o *card.Options) { o.MSL = 0x0E }, "MSL 0E is below 16"},
		"MSL 17":                {func(o *card.Options) { o.MSL = 0x17 }, "MSL 17 is below 16"},
		"key set 15":            {func(o *card.Options) { o.KeySets[0].KVN = 15 }, ""},
		"key set 16":            {func(o *card.Options) { o.KeySets[0].KVN = 16 }, "key set number 16 must be 1 to 15"},
	} {
		o := card.Options{Profile: profile()}
		tc.change(&o)
		c, err := card.New(o)
		if (err == nil) != (tc.says == "") || err != nil && (!errors.Is(err, card.ErrProfile) || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
		if c != nil {
			c.Close()
		}
	}
	// PID 00 and DCS 04, where a modem receives the answers (INT6, Carriages).
	modem := newPhone(t, newCard(t, func(o *card.Options) { o.PID, o.DCS = 0, 4 }))
	modem.deliver(modem.seal(modem.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	if m, err := sms.ParseSubmit(modem.sent[0]); err != nil || m.PID != 0 || m.DCS != 4 {
		t.Errorf("%+v, %v", m, err)
	}
	// What nobody sets.
	p := newCard(t, func(o *card.Options) { o.Codes = [2]card.CodeProfile{} }).Profile()
	if p.Slots != 4 || p.MSL != 0x16 || p.CreateAttempts != 3 || p.PoPTries != 3 || p.Codes[0].Tries != 3 || p.Codes[1].Tries != 3 ||
		p.Language != "en" || p.ServiceProvider != "simsign test" || p.PID != 0x7F || p.DCS != 0xF6 {
		t.Errorf("%+v", p)
	}
}

// TestTwinCode: what holds for the personal code holds for the signature code,
// screen by screen.
//
// Supports: 3.4-6, 3.5.4-1, 3.5.5-1, 3.5.5-2, 4-4
func TestTwinCode(t *testing.T) {
	p := fresh(t)
	p.enrol(2, applet.ECDSAP256, otherCode)
	shown := func(what string, want ...string) {
		t.Helper()
		var have []string
		for _, s := range p.screens {
			have = append(have, s.text)
		}
		if strings.Join(have, "|") != strings.Join(want, "|") {
			t.Errorf("%s: %q\nwant %q", what, have, want)
		}
	}
	const enterIt, choose, again, old = "Enter your signature code", "Choose a signature code of 6 digits", "Enter the new code again", "Enter your present signature code"
	shown("confirmed") // nobody was asked
	sign := applet.SignTransaction{Slot: applet.Slot{Number: 2}, Mode: applet.ModeSign, TextToSign: applet.UTF8("Pay")}
	p.must(script(ok(), enter("111111"), enter(otherCode)), sign)
	shown("a wrong one first", "Pay", enterIt, "Wrong code. Tries left: 2\n"+enterIt)
	second := func(op applet.CodeOperation) applet.ManagePersonalCode {
		return applet.ManagePersonalCode{Operation: op, Code: applet.CodeNonRepudiation}
	}
	p.must(script(enter(otherCode), enter("918273"), enter("918273")), second(applet.CodeChange))
	shown("change", old, choose, again, "Your new code is set.")
	p.must(script(enter("102938"), enter("102938")), second(applet.CodeReset))
	shown("reset", choose, again, "Your new code is set.")
	p.choose(2, enter("102938"), enter("564738"), enter("564738"))
	shown("change from the menu", old, choose, again, "Your new code is set.")
	p.fails(applet.StatusBlocked, script(ok(), enter("1"), enter("2"), enter("3")), sign)
	p.choose(4, enter(puk), enter(otherCode), enter(otherCode))
	shown("unblocked from the menu", "Enter the unblocking code", choose, again, "Your new code is set.")
	r := p.fails(applet.StatusConditions, script(enter("111111"), enter("123456"), enter(otherCode)), second(applet.CodeReset))
	if r.TriesLeft != 3 {
		t.Errorf("%+v", r)
	}
	const weak = "Not allowed: too simple or used before.\n" + choose
	shown("three attempts", choose, weak, weak, "No new code was set.")
	p.must(script(ok(), enter(otherCode)), sign)
	// The other code's state is its own.
	if s := p.state(); s.FindCode(1).Status != applet.CodeNotSet || s.FindCode(2).Status != applet.CodeSet || s.FindCode(2).TriesLeft != 3 {
		t.Errorf("%+v", s.Codes)
	}
	p.choose(1, ok())
	shown("the other is not set", "Not available: no code has been set.")
}

// TestTriesAreTold: tries left are in the answer when a code was entered, or
// the code is blocked, and in no other.
//
// Supports: 3.5.3-2, 3.5.6-1
func TestTriesAreTold(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd := signHash(digest([]byte("x")))
	for name, tc := range map[string]struct {
		script []reaction
		status applet.StatusWord
		told   bool
		left   byte
	}{
		"cancelled at the text":       {script(result(0x10)), 0x6401, false, 0},
		"cancelled at the entry":      {script(ok(), result(0x10)), 0x6401, false, 0},
		"no answer":                   {script(ok(), result(0x12)), 0x6402, false, 0},
		"screen is busy":              {script(result(0x20, 1)), 0x6403, false, 0},
		"wrong, then cancelled":       {script(ok(), enter("1111"), result(0x10)), 0x63C2, true, 2},
		"wrong, then no answer":       {script(ok(), enter("1111"), result(0x12)), 0x6402, true, 2},
		"signed":                      {script(ok(), enter(testCode)), 0x9000, false, 0},
		"wrong twice, then right":     {script(ok(), enter("1111"), enter("2222"), enter(testCode)), 0x9000, false, 0},
		"back to the text, cancelled": {script(ok(), result(0x11), result(0x10)), 0x6401, false, 0},
	} {
		a := p.do(tc.script, cmd)
		r := a.Results[0]
		if a.Status() != tc.status || r.TriesGiven != tc.told || r.TriesLeft != tc.left {
			t.Errorf("%s: %+v", name, r)
		}
		p.must(script(ok(), enter(testCode)), cmd) // all tries again
	}
	p.fails(applet.StatusBlocked, script(ok(), enter("1"), enter("2"), enter("3")), cmd)
	if r := p.fails(applet.StatusBlocked, nil, cmd); r.TriesGiven || p.last() != "Your code is blocked. Ask your operator to unblock it." {
		t.Errorf("%+v, %v", r, p.screens)
	}
}

// TestTriesAfterRestart: a right entry gives all tries back in memory that
// survives the power, too: of the personal code and of the unblocking code.
//
// Supports: 3.5.3-2, 3.5.4-3
func TestTriesAfterRestart(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.must(script(ok(), enter("1111"), enter("2222"), enter(testCode)), signHash(digest([]byte("x"))))
	p.choose(3, enter("11111111"), enter("22222222"), enter(puk), enter("9142"), enter("9142"))
	p.reload(path, -1)
	p.forget()
	if left := p.state().FindCode(1).TriesLeft; left != 3 {
		t.Errorf("%d tries left, the last entry was right", left)
	}
	p.choose(3, enter("11111111"), result(0x10))
	if want := "Wrong code. Tries left: 9\nEnter the unblocking code"; p.screens[1].text != want {
		t.Errorf("screens %v, want %q", p.screens, want)
	}
	p.fails(0x63C2, script(ok(), enter("1111"), result(0x10)), signHash(digest([]byte("x"))))
	p.reload(path, -1)
	p.forget()
	if left := p.state().FindCode(1).TriesLeft; left != 2 {
		t.Errorf("%d tries left, the last entry was wrong", left)
	}
}

// TestPoPTries: as many entries of a registration code as A2/85 says; then the
// registration has failed.
//
// Supports: 4-2, 3.5.1-3
func TestPoPTries(t *testing.T) {
	for n := byte(1); n <= 3; n++ {
		p := fresh(t)
		p.must(nil, applet.SetAppletData{PoPTries: n})
		cmd := registerTemplate(applet.ECDSAP256)
		var wrong []reaction
		for range n {
			wrong = append(wrong, enter("12345675"))
		}
		if r := p.fails(0x63C0, wrong, cmd); r.TriesGiven || p.last() != "Registration failed. The service is not active." {
			t.Errorf("%d tries: %+v, %v", n, r, p.screens)
		}
		p.must(append(wrong[1:], enter(pop), enter(testCode), enter(testCode), enter(testCode)), cmd)
		if s := p.screens[0]; s.lo != 8 || s.hi != 8 {
			t.Errorf("%d to %d digits", s.lo, s.hi)
		}
	}
	// Without a template the code has 4 to 16 digits.
	p := fresh(t)
	generated(p)
	cmd := registerHash()
	cmd.PoP, cmd.TextToShow = applet.PoPAsk, applet.Text{}
	r := p.must(script(enter("123"), enter("12345678901234567"), enter("1234567890123456"), enter(testCode), enter(testCode), enter(testCode)), cmd).Results[0]
	if s := p.screens[0]; s.lo != 4 || s.hi != 16 || s.text != "Enter the registration code (4-16 digits)" || r.PoP != "1234567890123456" {
		t.Errorf("%v of %d to %d digits, PoP %q", s, s.lo, s.hi, r.PoP)
	}
}

// TestCertificatesStay: certificates and the beginnings of them survive the
// power; a beginning that comes again takes the place of the former; a pair
// that is replaced or deleted takes its certificate along.
//
// Supports: 3.5.10-1, 4-6, 4-9
func TestCertificatesStay(t *testing.T) {
	path, p := create(t)
	generated(p)
	one := applet.Slot{Number: 1}
	put := func(octets string, part *applet.Range) applet.SetAuthenticationHandlerData {
		return applet.SetAuthenticationHandlerData{Slot: one, Operation: applet.HandlerImportCertificate, Certificate: []byte(octets), Part: part}
	}
	get := applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatCertificate}
	holds := func(what, want string) {
		t.Helper()
		if have := string(p.must(nil, get).Results[0].Part.Octets); have != want {
			t.Errorf("%s: %q, want %q", what, have, want)
		}
	}
	restart := func() {
		p.reload(path, -1)
		p.forget()
	}
	p.must(nil, put("first ", &applet.Range{Offset: 0, Length: 12}))
	restart()
	p.fails(applet.StatusConditions, nil, put("second", &applet.Range{Offset: 6, Length: 13})) // another length
	p.must(nil, put("second", &applet.Range{Offset: 6, Length: 12}))
	holds("in two parts", "first second")
	restart()
	holds("after a restart", "first second")
	p.must(nil, put("third ", &applet.Range{Offset: 0, Length: 12}))
	holds("while the next comes", "first second")
	p.must(nil, put("fourth ", &applet.Range{Offset: 0, Length: 12}))
	p.must(nil, put("fifth", &applet.Range{Offset: 7, Length: 12}))
	holds("begun twice", "fourth fifth")
	p.fails(applet.StatusConditions, nil, put("fifth", &applet.Range{Offset: 7, Length: 12})) // nothing is begun
	p.must(nil, put("whole", nil))
	holds("in one", "whole")
	p.must(nil, put("begun", &applet.Range{Offset: 0, Length: 12}))
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.ECDSAP256), Operation: applet.HandlerReplace})
	for range 2 {
		p.fails(applet.StatusConditions, nil, get)
		p.fails(applet.StatusConditions, nil, put(" begun!", &applet.Range{Offset: 5, Length: 12}))
		if s := p.state().FindSlot(1); s.Certificate || s.Status != applet.SlotGenerated {
			t.Errorf("after the pair was replaced: %+v", s)
		}
		restart()
	}
}

// TestConfirmed: a confirmation is kept, and a second changes nothing.
//
// Supports: 5.1-10
func TestConfirmed(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	confirm := applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerConfirm}
	for range 2 {
		if s := p.state().FindSlot(1); s.Status != applet.SlotRegistered || s.Usage != applet.UsageAuthentication || s.Algorithm != applet.ECDSAP256 || s.Code != 1 {
			t.Errorf("%+v", s)
		}
		p.signs(testCode)
		p.must(nil, confirm)
		p.reload(path, -1)
		p.forget()
	}
}

// TestEightAnswers: the last eight answers are remembered, over restarts too,
// and whether each was sent.
//
// Supports: 5-2
func TestEightAnswers(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	var messages []applet.Message
	for range 9 {
		m := p.message(signHash(digest([]byte("x"))))
		p.script = script(ok(), enter(testCode))
		p.deliver(p.seal(m))
		p.answer()
		messages = append(messages, m)
	}
	// The tenth is not sent: its place had an answer that was.
	p.smsFail = []reaction{result(0x20, 4), result(0x20, 4), result(0x20, 4)}
	last := p.message(signHash(digest([]byte("y"))))
	p.script = script(ok(), enter(testCode))
	p.deliver(p.seal(last))
	if len(p.sent) != 0 {
		t.Fatalf("%d sent", len(p.sent))
	}
	p.reload(path, -1)
	if a := p.answer(); a.Transaction != last.Transaction || !a.OK() { // one, and only this
		t.Errorf("after the restart: %+v", a)
	}
	p.script, p.screens = nil, nil
	for _, m := range append(messages[2:], last) {
		p.deliver(p.seal(m))
		if a := p.answer(); a.Transaction != m.Transaction || !a.OK() || len(p.screens) > 0 {
			t.Errorf("transaction %d again: %+v, screens %v", m.Transaction, a, p.screens)
		}
	}
	p.script = script(result(0x10))
	p.deliver(p.seal(messages[0])) // the ninth before: the user is asked again
	if a := p.answer(); a.Status() != applet.StatusCancelled {
		t.Errorf("forgotten: %+v", a)
	}
}

// TestQueuedTwice: a transaction that waits and comes again has one place, and
// one answer, to the later.
//
// Supports: 5-2
func TestQueuedTwice(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.deliverStepwise(p.seal(p.message(signHash(digest([]byte("x"))))))
	text := p.fetchRaw()
	waits, other := p.message(signHash(digest([]byte("y")))), p.message(applet.ChangeAppletStatus{To: applet.StatusReport})
	p.deliverStepwise(p.seal(waits))
	p.deliverStepwise(p.seal(other))
	p.deliverStepwise(p.seal(waits))
	later := p.cntr
	p.screens = nil
	p.script = script(enter(testCode), ok(), enter(testCode))
	p.apduAfter(p.respondRaw(text, ok()))
	if len(p.script) != 0 || len(p.screens) != 3 {
		t.Errorf("screens %v", p.screens)
	}
	if len(p.sent) != 3 {
		t.Fatalf("%d answers", len(p.sent))
	}
	sent := p.sent
	p.sent = sent[1:2]
	p.cntr = later
	if a := p.answer(); a.Transaction != waits.Transaction || !a.OK() {
		t.Errorf("%+v", a)
	}
}

// TestMenuOctets: SET UP MENU and GET INPUT in octets (TS 102 223 6.6.7, 6.6.3),
// and when the menu is set up again.
//
// Supports: 3.1-2, 3.6-1
func TestMenuOctets(t *testing.T) {
	c := newCard(t, func(o *card.Options) { o.Active = true })
	c.Reset()
	_, sw := split(c.Transmit(unhex(t, "80100000 04 FFFFFFFF")))
	cmd, _ := split(c.Transmit([]byte{0x80, 0x12, 0, 0, byte(sw)}))
	item := func(id byte, s string) string { return fmt.Sprintf("8f%02x%02x%x", 1+len(s), id, s) }
	want := "8103012500" + "82028182" + "8510" + hex.EncodeToString([]byte("Mobile signature")) + item(1, "Change personal code") + item(2, "Change signature code") +
		item(3, "Unblock personal code") + item(4, "Unblock signature code") + item(5, "About")
	if have := hex.EncodeToString(cmd); have != fmt.Sprintf("d081%02x", len(want)/2)+want {
		t.Errorf("%s\nwant %s", have, want)
	}
	p := fresh(t)
	menus := func(what string, want int) {
		t.Helper()
		if len(p.menus) != want {
			t.Errorf("%s: set up %d times, want %d", what, len(p.menus), want)
		}
		p.menus = nil
	}
	menus("power on", 1)
	p.must(nil, applet.SetAppletData{PoPTries: 2, SetTimeouts: true, TextTimeout: time.Second})
	menus("what the menu does not show", 0)
	p.must(nil, applet.SetAppletData{Language: "fi"})
	menus("a language", 1)
	p.must(nil, applet.SetAppletData{Strings: []applet.StringUpdate{{ID: 1, Text: applet.UTF8("Valikko")}}})
	menus("a string", 1)
	p.c.Reset()
	p.apdu("80 10 00 00 04 FFFFFFDF", 0x9000) // without SET UP MENU (TS 102 223 5.2)
	p.must(nil, applet.SetAppletData{Language: "en"})
	menus("a terminal without", 0)
}

// TestKeygenTellsTerminal: an RSA pair takes its time even where nobody says how
// much: one MORE TIME. A terminal that has none is not asked for it.
//
// Supports: 3.1-2
func TestKeygenTellsTerminal(t *testing.T) {
	p := fresh(t)
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.RSA2048), Operation: applet.HandlerGenerate})
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(2, applet.ECDSAP256), Operation: applet.HandlerGenerate})
	if p.more != 1 {
		t.Errorf("%d times MORE TIME", p.more)
	}
	p = newPhone(t, newCard(t, func(o *card.Options) {
		o.Active, o.KeygenDelay = true, func(applet.Algorithm) time.Duration { return 3 * time.Second }
		o.Sleep = func(time.Duration) {}
	}))
	p.c.Reset()
	p.apdu("80 10 00 00 04 FFFFF7FF", 0x9000)
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.RSA2048), Operation: applet.HandlerGenerate})
	if p.more != 0 {
		t.Errorf("%d times MORE TIME at a terminal without", p.more)
	}
}

// TestWideReferences: a card of 16-bit references uses them, and each answer
// has its own (TS 23.040 9.2.3.24.8).
//
// Supports: 3.1-1
func TestWideReferences(t *testing.T) {
	for _, wide := range []bool{false, true} {
		p := newPhone(t, newCard(t, func(o *card.Options) { o.Active, o.ConcatRef16 = true, wide }))
		p.enrol(1, applet.RSA2048, testCode)
		seen := map[uint16]bool{}
		for range 3 {
			p.script = script(ok(), enter(testCode))
			p.deliver(p.seal(p.message(signHash(digest([]byte("x"))))))
			for i, tpdu := range p.sent {
				m, err := sms.ParseSubmit(tpdu)
				if err != nil {
					t.Fatal(err)
				}
				c, cpi, err := sms.ParseConcat(m.UDH)
				if err != nil || c.Ref16 != wide || int(c.Part) != i+1 || (cpi == sms.ResponseCPI) != (i == 0) {
					t.Errorf("part %d: %+v, %s, %v", i+1, c, cpi, err)
				}
				if i == 0 && seen[c.Ref] {
					t.Errorf("reference %d twice", c.Ref)
				}
				seen[c.Ref] = true
			}
			p.answer()
		}
	}
}

// TestPowerOffAtPaddingOfOthers: a key set of another number in KID alone is
// not the packet's (TS 102 225 5.1.2); a wrong TAR uses no counter.
func TestRefusedKeepsCounter(t *testing.T) {
	p := fresh(t)
	p.state()
	next := p.cntr + 1
	p.deliver(p.packet(ota.SPI{0x16, 0x39}, ota.TAR{1, 2, 3}, next, p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	if r := p.response(); r.Status != ota.StatusTARUnknown || r.CNTR != next {
		t.Errorf("%+v", r)
	}
	p.state() // with that very counter
	if p.cntr != next {
		t.Errorf("counter %s", p.cntr)
	}
	// A message that cannot be read has used its counter.
	p.deliver(p.sealOctets([]byte{1, 0, 0, 0}))
	if a := p.answer(); a.Status() != applet.StatusWrongLength || a.Transaction != 0 {
		t.Errorf("%+v", a)
	}
	p.cntr--
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	if r := p.response(); r.Status != ota.StatusCounterLow {
		t.Errorf("%+v", r)
	}
}

// TestForeignFile: what is no memory of a card is refused by its first line.
func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	for name, text := range map[string]string{"empty": "", "cut": "simsign emulated card", "another": strings.Repeat("x", 200)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := card.Load(path, card.Options{}); c != nil || !errors.Is(err, card.ErrJournal) || !strings.Contains(err.Error(), "the first line is not") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
