package card_test

import (
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
)

func manage(op applet.CodeOperation) applet.ManagePersonalCode {
	return applet.ManagePersonalCode{Operation: op, Code: applet.CodeAuthentication}
}

func blocked(t *testing.T) *phone {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.fails(applet.StatusBlocked, script(ok(), enter("1"), enter("2"), enter("3")), signHash(digest([]byte("x"))))
	return p
}

func (p *phone) signs(code string) {
	p.Helper()
	p.must(script(ok(), enter(code)), signHash(digest([]byte("y"))))
}

// TestUnblock: all tries again, the code unchanged, the user told.
//
// Supports: 3.5.4-2, 4-4, 5.3-1
func TestUnblock(t *testing.T) {
	p := blocked(t)
	r := p.must(nil, manage(applet.CodeUnblock))
	if r.Results[0].TriesLeft != 3 || p.screens[0].text != "Your code is unblocked." {
		t.Fatalf("%+v %v", r.Results[0], p.screens)
	}
	p.signs(testCode)
}

// TestReset: a new code without the old one; the server never sees it.
//
// Supports: 3.5.5-1, 4-4, 5.4-1, 3.4-1, 3.4-6
func TestReset(t *testing.T) {
	p := blocked(t)
	r := p.must(script(enter("9142"), enter("9143"), enter("9142"), enter("9142")), manage(applet.CodeReset))
	if r.Results[0].TriesLeft != 3 {
		t.Fatalf("%+v", r.Results[0])
	}
	if want := "The two codes differ.\nChoose a personal code of 4-8 digits"; p.screens[2].text != want {
		t.Fatalf("screens %v", p.screens)
	}
	p.signs("9142")
	p.fails(0x63C2, script(ok(), enter(testCode), result(0x10)), signHash(digest([]byte("y"))))
}

// TestResetCancelled: the old code stays, the user is told.
//
// Supports: 3.5.6-1
func TestResetCancelled(t *testing.T) {
	for _, sc := range [][]reaction{{result(0x10)}, {result(0x11)}, {enter("9142"), result(0x10)}} {
		p := fresh(t)
		p.enrol(1, applet.ECDSAP256, testCode)
		p.fails(applet.StatusCancelled, sc, manage(applet.CodeReset))
		if last := p.screens[len(p.screens)-1].text; last != "No new code was set." {
			t.Fatalf("last screen %q", last)
		}
		p.signs(testCode)
	}
}

// TestChange: the old code first, with its tries.
//
// Supports: 3.5.5-2, 4-4
func TestChange(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.must(script(enter("1111"), enter(testCode), enter("9142"), result(0x11), enter("9142"), enter("9142")), manage(applet.CodeChange))
	p.signs("9142")
	r := p.fails(applet.StatusBlocked, script(enter("1"), enter("2"), enter("3")), manage(applet.CodeChange))
	if r.TriesLeft != 0 {
		t.Fatalf("%+v", r)
	}
	p.fails(applet.StatusConditions, nil, manage(applet.CodeCreate))
}

// TestManageWithoutCode: nothing to reset, unblock or change.
//
// Supports: 4-4
func TestManageWithoutCode(t *testing.T) {
	p := fresh(t)
	for _, op := range []applet.CodeOperation{applet.CodeReset, applet.CodeUnblock, applet.CodeChange} {
		p.fails(applet.StatusConditions, nil, manage(op))
	}
	p.must(script(enter(testCode), enter(testCode)), manage(applet.CodeCreate))
}

// TestCodeFormat: the length is set once, before the first code, and never
// again; the tries can be lowered, and raising them unblocks nothing.
//
// Supports: 3.4-4, 3.4-5, 4-1, 3.5.3-2
func TestCodeFormat(t *testing.T) {
	p := newPhone(t, newCard(t, func(o *card.Options) { o.Active = true; o.Codes = [2]card.CodeProfile{} }))
	set := func(lo, hi byte) applet.SetAppletData {
		return applet.SetAppletData{Formats: []applet.CodeFormat{{Code: applet.CodeAuthentication, Min: lo, Max: hi}}}
	}
	p.must(nil, set(5, 5))
	p.fails(applet.StatusConditions, nil, set(4, 5))
	p.must(script(enter("2580"), enter("25801"), enter("25801")), manage(applet.CodeCreate))
	if p.screens[0].text != "Choose a personal code of 5 digits" || p.screens[0].lo != 5 || p.screens[0].hi != 5 {
		t.Fatalf("screens %v", p.screens)
	}
	// Without a setting the format is 4 to 8 from the first code on.
	create := applet.ManagePersonalCode{Operation: applet.CodeCreate, Code: applet.CodeNonRepudiation}
	p.fails(applet.StatusCancelled, script(result(0x10)), create)
	p.must(nil, applet.SetAppletData{Formats: []applet.CodeFormat{{Code: applet.CodeNonRepudiation, Min: 6, Max: 6}}})
	tries := func(n byte) applet.SetAppletData {
		return applet.SetAppletData{Tries: []applet.CodeTries{{Code: applet.CodeAuthentication, Max: n}}}
	}
	p.must(nil, tries(1))
	p.fails(applet.StatusBlocked, script(enter("99999")), manage(applet.CodeChange))
	p.must(nil, tries(15))
	if s := p.state().FindCode(applet.CodeAuthentication); s.Status != applet.CodeBlocked || s.MaxTries != 15 || s.TriesLeft != 0 {
		t.Fatalf("%+v", s)
	}
}

// TestLanguages: all built-in languages, updates over the air, and a language
// that the card did not bring.
//
// Supports: 3.6-1, 4-2, 3.2-7
func TestLanguages(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd := signHash(digest([]byte("x")))
	for lang, want := range map[string]string{
		"en": "Enter your personal code", "fi": "Anna tunnuslukusi", "de": "Geben Sie Ihren Code ein",
		"fr": "Entrez votre code personnel", "et": "Sisestage isiklik kood",
	} {
		p.must(nil, applet.SetAppletData{Language: lang})
		p.must(script(ok(), enter(testCode)), cmd)
		if p.screens[1].text != want {
			t.Errorf("%s: %q", lang, p.screens[1].text)
		}
	}
	p.must(nil, applet.SetAppletData{Language: "sv", Strings: []applet.StringUpdate{{ID: 2, Text: applet.UTF8("Ange din kod")}, {ID: 11, Text: applet.UTF8("Fel kod. % kvar")}}})
	p.must(script(ok(), enter("1"), enter(testCode)), cmd)
	if p.screens[1].text != "Ange din kod" || p.screens[2].text != "Fel kod. 2 kvar\nAnge din kod" || !strings.Contains(p.screens[0].text, "Reference: ") {
		t.Errorf("screens %v", p.screens)
	}
	if n := len(p.menus); n < 6 {
		t.Errorf("the menu was set up %d times", n)
	}
	p.must(nil, applet.SetAppletData{Language: "en"})
	p.must(script(ok(), enter(testCode)), cmd)
	if p.screens[1].text != "Enter your personal code" {
		t.Errorf("screens %v", p.screens)
	}
	for name, u := range map[string]struct {
		id   byte
		text string
		want applet.StatusWord
	}{
		"unknown id": {0x7F, "x", 0x6A80}, "id 0": {0, "x", 0x6A80}, "place lost": {11, "Wrong", 0x6A80},
		"place added": {2, "Code %", 0x6A80}, "too long": {2, strings.Repeat("x", 101), 0x6700},
	} {
		t.Run(name, func(t *testing.T) {
			p.fails(u.want, nil, applet.SetAppletData{Language: "fi", Strings: []applet.StringUpdate{{ID: u.id, Text: applet.UTF8(u.text)}}})
			if p.state().Language != "en" {
				t.Error("the refused command changed the language")
			}
		})
	}
}

// TestTimeouts: what the server sets goes into the commands as a duration.
//
// Supports: 3.5.3-3
func TestTimeouts(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.must(nil, applet.SetAppletData{SetTimeouts: true, TextTimeout: 60 * time.Second, InputTimeout: 30 * time.Second})
	p.deliverStepwise(p.seal(p.message(signHash(digest([]byte("x"))))))
	text := p.fetchRaw()
	if !strings.HasSuffix(string(text), "\x04\x02\x01\x3C") {
		t.Errorf("DISPLAY TEXT %X", text)
	}
	p.respondRaw(text, ok())
	if input := p.fetchRaw(); !strings.HasSuffix(string(input), "\x04\x02\x01\x1E") {
		t.Errorf("GET INPUT %X", input)
	}
}

// TestScreenTime: what a message says of the time of its screens holds for this
// message alone, and makes no time-out longer.
//
// Supports: 3.5.3-3
func TestScreenTime(t *testing.T) {
	const duration = "\x04\x02\x01"
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	for _, tc := range []struct {
		text, entry time.Duration // set before; 0: the terminal's own
		most        time.Duration
		want        [2]string
	}{
		{0, 0, 0, [2]string{"", ""}},
		{0, 0, 20 * time.Second, [2]string{"\x14", "\x14"}},
		{0, 0, 0, [2]string{"", ""}},
		{60 * time.Second, 10 * time.Second, 20 * time.Second, [2]string{"\x14", "\x0A"}},
		{60 * time.Second, 10 * time.Second, 0, [2]string{"\x3C", "\x0A"}},
		{0, 10 * time.Second, 255 * time.Second, [2]string{"\xFF", "\x0A"}},
	} {
		p.must(nil, applet.SetAppletData{SetTimeouts: true, TextTimeout: tc.text, InputTimeout: tc.entry})
		m := p.message(signHash(digest([]byte("x"))))
		m.ScreenTime = tc.most
		p.deliverStepwise(p.seal(m))
		var sw uint16
		for i, answer := range []reaction{ok(), result(0x12)} {
			screen := string(p.fetchRaw())
			_, after, found := strings.Cut(screen, duration)
			if found != (tc.want[i] != "") || after != tc.want[i] {
				t.Errorf("%+v: screen %d: %X", tc, i, screen)
			}
			sw = p.respondRaw([]byte(screen), answer)
		}
		p.apduAfter(sw)
		if st := p.answer().Status(); st != applet.StatusNoAnswer {
			t.Errorf("%+v: %v", tc, st)
		}
	}
}

// TestLifeCycle: installed, active, deactivated, back to the beginning.
//
// Supports: 3.2-6, 4-3, 3.5.11-1, 5.9-1, 5.10-1
func TestLifeCycle(t *testing.T) {
	p := newPhone(t, newCard(t, nil))
	status := func(s applet.AppletStatus) applet.ChangeAppletStatus { return applet.ChangeAppletStatus{To: s} }
	if p.state().LifeCycle != applet.AppletInstalled {
		t.Fatal("not installed")
	}
	p.fails(applet.StatusConditions, nil, status(applet.StatusDeactivate))
	p.fails(applet.StatusConditions, nil, manage(applet.CodeCreate))
	generated(p) // pairs may be made before
	p.fails(applet.StatusConditions, nil, registerHash())
	p.must(nil, status(applet.StatusActivate))
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerDelete})
	p.enrol(1, applet.ECDSAP256, testCode)
	p.must(nil, status(applet.StatusDeactivate))
	p.fails(applet.StatusConditions, nil, signHash(digest([]byte("x"))))
	p.fails(applet.StatusConditions, nil, applet.SetAppletData{Language: "fi"})
	p.fails(applet.StatusConditions, nil, applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerDelete})
	p.must(nil, status(applet.StatusActivate))
	p.signs(testCode)
	s := p.must(nil, status(applet.StatusInitial)).Results[0].State
	if s.LifeCycle != applet.AppletInstalled || s.FindSlot(1).Status != applet.SlotEmpty || s.FindCode(applet.CodeAuthentication).Status != applet.CodeNotSet {
		t.Fatalf("%+v", s)
	}
}

// TestHandlers: slots in and out of use, certificates in parts, parts of a key.
//
// Supports: 3.3-4, 3.3-6, 3.5.10-1, 4-6, 4-8, 4-9, 4-10
func TestHandlers(t *testing.T) {
	p := fresh(t)
	one := applet.Slot{Number: 1}
	set := func(op applet.HandlerOperation, s applet.Slot) applet.SetAuthenticationHandlerData {
		return applet.SetAuthenticationHandlerData{Slot: s, Operation: op}
	}
	p.fails(applet.StatusSlotEmpty, nil, set(applet.HandlerDelete, one))
	p.fails(applet.StatusNoMemory, nil, set(applet.HandlerDelete, applet.Slot{Number: 5}))
	p.fails(applet.StatusNotSupported, nil, set(applet.HandlerGenerate, slotOf(1, applet.RSA4096)))
	p.fails(applet.StatusNotSupported, nil, set(applet.HandlerGenerate, slotOf(1, 0x7F)))
	generated(p)
	p.fails(applet.StatusSlotInUse, nil, set(applet.HandlerGenerate, slotOf(1, applet.ECDSAP256)))
	p.fails(applet.StatusConditions, nil, set(applet.HandlerConfirm, one))
	first := p.must(nil, applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatPublicKey}).Results[0].PublicKey
	part := p.must(nil, applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatPublicKey, Part: &applet.Range{Offset: 30, Length: 100}}).Results[0].Part
	if part.Offset != 30 || part.Total != 33 || string(part.Octets) != string(first[30:]) {
		t.Fatalf("%+v", part)
	}
	p.fails(applet.StatusWrongLength, nil, applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatPublicKey, Part: &applet.Range{Offset: 33, Length: 1}})
	second := p.must(nil, set(applet.HandlerReplace, slotOf(1, applet.ECDSAP256))).Results[0].PublicKey
	if string(first) == string(second) {
		t.Fatal("the pair was not replaced")
	}
	get := applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatCertificate}
	p.fails(applet.StatusConditions, nil, get)
	imp := set(applet.HandlerImportCertificate, one)
	imp.Certificate, imp.Part = []byte("first "), &applet.Range{Offset: 0, Length: 12}
	p.must(nil, imp)
	p.fails(applet.StatusConditions, nil, get)
	gap := imp
	gap.Certificate, gap.Part = []byte("half"), &applet.Range{Offset: 8, Length: 12}
	p.fails(applet.StatusConditions, nil, gap)
	imp.Certificate, imp.Part = []byte("second"), &applet.Range{Offset: 6, Length: 12}
	p.must(nil, imp)
	if c := p.must(nil, get).Results[0].Part; string(c.Octets) != "first second" || !p.state().FindSlot(1).Certificate {
		t.Fatalf("%q", c.Octets)
	}
	p.must(nil, set(applet.HandlerDeleteCertificate, one))
	p.fails(applet.StatusConditions, nil, set(applet.HandlerDeleteCertificate, one))
}

// TestMoreTime: a slow generation keeps the terminal informed.
//
// Supports: 3.1-2, 3.3-4
func TestMoreTime(t *testing.T) {
	var slept time.Duration
	p := newPhone(t, newCard(t, func(o *card.Options) {
		o.KeygenDelay = func(applet.Algorithm) time.Duration { return 2500 * time.Millisecond }
		o.Sleep = func(d time.Duration) { slept += d }
	}))
	generated(p)
	if p.more != 3 || slept != 2500*time.Millisecond {
		t.Fatalf("%d times MORE TIME, slept %v", p.more, slept)
	}
}
