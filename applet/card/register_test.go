package card_test

import (
	"slices"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
)

const pop = "12345674" // Luhn

func registerHash() applet.SignTransaction {
	return applet.SignTransaction{
		Slot: applet.Slot{Number: 1}, Mode: applet.ModeRegister, Hash: applet.SHA256, Digest: digest([]byte("cri")),
		TextToShow: applet.UTF8("Register at Example Operator"),
	}
}

func registerTemplate(a applet.Algorithm) applet.SignTransaction {
	return applet.SignTransaction{
		Slot: slotOf(1, a), Mode: applet.ModeRegister, PoP: applet.PoPChecked,
		Template: &applet.Template{Parts: []applet.TemplatePart{
			{Hole: applet.Literal, Octets: []byte{0x30, 0x42}},
			{Hole: applet.HolePublicKey},
			{Hole: applet.Literal, Octets: []byte{0xA0}},
			{Hole: applet.HolePoP, Digits: 8},
		}},
	}
}

func generated(p *phone) {
	p.Helper()
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.ECDSAP256), Operation: applet.HandlerGenerate})
}

// TestRegisterA: pair first, then the hash of the request; the key signs for
// others only after the confirmation, which may come in the same message.
//
// Supports: 3.5.1-2, 3.5.1-4, 3.5.1-5, 3.4-6, 4-6, 4-7, 4-8, 5.1-5, 5.1-6, 5.1-10, 5-2
func TestRegisterA(t *testing.T) {
	p := fresh(t)
	generated(p)
	r := p.must(nil, applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatPublicKey})
	pub, err := applet.ECDSAP256.ParsePublicKey(r.Results[0].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	cmd := registerHash()
	r = p.must(script(ok(), enter(testCode), enter(testCode), enter(testCode)), cmd)
	if err := applet.Verify(pub, applet.SHA256, cmd.Digest, r.Results[0].Signature); err != nil {
		t.Fatal(err)
	}
	if r.Results[0].PublicKey != nil || r.Results[0].PoP != "" {
		t.Fatal("the answer holds more than was asked for")
	}
	var shown []string
	for _, s := range p.screens {
		shown = append(shown, s.text)
	}
	want := []string{"Register at Example Operator", "Choose a personal code of 4-8 digits", "Enter the new code again", "Enter your personal code"}
	if !slices.Equal(shown, want) {
		t.Fatalf("shown %q", shown)
	}
	sign := signHash(digest([]byte("x")))
	p.fails(applet.StatusConditions, nil, sign)
	confirm := applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerConfirm}
	p.must(script(ok(), enter(testCode)), confirm, sign)
	p.must(nil, confirm) // twice is no harm
	p.fails(applet.StatusSlotInUse, nil, cmd)
}

// TestRegisterB: the pair is made inside the registration, and key and PoP
// code are bound by the signature over the filled template.
//
// Supports: 3.3-5, 3.5.1-3, 5.1-6, 5.1-7
func TestRegisterB(t *testing.T) {
	for _, a := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		p := fresh(t)
		cmd := registerTemplate(a)
		r := p.must(script(enter("12345675"), enter(pop), enter(testCode), enter(testCode), enter(testCode)), cmd).Results[0]
		pub, err := a.ParsePublicKey(r.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		tbs, err := cmd.Template.Fill(nil, a, r.PublicKey, pop)
		if err != nil {
			t.Fatal(err)
		}
		if err := applet.Verify(pub, applet.SHA256, digest(tbs), r.Signature); err != nil || r.PoP != pop {
			t.Fatalf("PoP %q, %v", r.PoP, err)
		}
		if p.screens[0].text != "Enter the registration code (8 digits)" || p.screens[0].qualifier != 0 ||
			p.screens[1].text != "Wrong registration code. Tries left: 2\nEnter the registration code (8 digits)" {
			t.Fatalf("screens %v", p.screens)
		}
		// Again before the confirmation (the answer was lost): the pair is kept.
		again := p.must(script(enter(pop), enter(testCode)), cmd).Results[0]
		if !slices.Equal(again.PublicKey, r.PublicKey) {
			t.Fatal("the existing pair was not kept")
		}
		cmd.Slot.Algorithm = applet.ECDSAP384
		p.fails(applet.StatusSlotInUse, nil, cmd)
	}
}

// TestRegisterAborted: whatever goes wrong, the pair is deleted, the code too
// when no other registration needs it, and the user is told.
//
// Supports: 3.5.1-3, 3.5.1-5, 3.5.1-6, 5.1-9
func TestRegisterAborted(t *testing.T) {
	bad := enter("87654321")
	for name, tc := range map[string]struct {
		script []reaction
		want   applet.StatusWord
	}{
		"cancel_at_pop":       {script(result(0x10)), 0x6401},
		"back_at_pop":         {script(result(0x11)), 0x6401},
		"no_response_at_pop":  {script(result(0x12)), 0x6402},
		"wrong_pop_thrice":    {script(bad, bad, bad), 0x63C0},
		"cancel_at_new_code":  {script(enter(pop), result(0x10)), 0x6401},
		"cancel_at_again":     {script(enter(pop), enter(testCode), result(0x10)), 0x6401},
		"busy_at_again":       {script(enter(pop), enter(testCode), result(0x20, 1)), 0x6403},
		"differ_thrice":       {script(enter(pop), enter("2580"), enter("2581"), enter("2580"), enter("2581"), enter("2580"), enter("2581")), 0x6985},
		"weak_thrice":         {script(enter(pop), enter("1111"), enter("1234"), enter("9876")), 0x6985},
		"cancel_at_code":      {script(enter(pop), enter(testCode), enter(testCode), result(0x10)), 0x6401},
		"wrong_then_cancel":   {script(enter(pop), enter(testCode), enter(testCode), enter("1"), result(0x10)), 0x63C2},
		"blocked":             {script(enter(pop), enter(testCode), enter(testCode), enter("1"), enter("2"), enter("3")), 0x6983},
		"back_back_back_back": {script(enter(pop), enter(testCode), enter(testCode), result(0x11), result(0x11), result(0x11)), 0x6401},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t)
			p.must(nil, applet.SetAppletData{ServerAddress: "+46700000001", Language: "en"})
			p.fails(tc.want, tc.script, registerTemplate(applet.ECDSAP256))
			if last := p.screens[len(p.screens)-1]; last.text != "Registration failed. The service is not active." || last.qualifier&0x80 != 0 {
				t.Fatalf("last screen %v", last)
			}
			s := p.state()
			if s.FindSlot(1).Status != applet.SlotEmpty || s.FindCode(applet.CodeAuthentication).Status != applet.CodeNotSet {
				t.Fatalf("state %+v", s)
			}
			// And all can begin anew.
			p.must(script(enter(pop), enter(testCode), enter(testCode), enter(testCode)), registerTemplate(applet.ECDSAP256))
		})
	}
}

// TestRegisterSecondAborted: what the first key needs stays.
//
// Supports: 5.1-9, 3.5.1-8
func TestRegisterSecondAborted(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd := registerTemplate(applet.ECDSAP256)
	cmd.Slot = slotOf(3, applet.ECDSAP256)
	cmd.Slot.Usage, cmd.Slot.Code = applet.UsageAuthentication, applet.CodeAuthentication
	p.fails(applet.StatusCancelled, script(enter(pop), result(0x10)), cmd)
	p.must(script(ok(), enter(testCode)), signHash(digest([]byte("x"))))
	// A code of its own for the second usage, different from the first.
	cmd.Slot = slotOf(2, applet.ECDSAP384)
	p.must(script(enter(pop), enter("258013"), enter("258013"), enter("258013")), cmd)
}

// TestRegisterRefused: a registration that cannot succeed does not begin and
// deletes nothing.
//
// Supports: 3.2-1, 5.1-7
func TestRegisterRefused(t *testing.T) {
	p := fresh(t)
	p.fails(applet.StatusSlotEmpty, nil, registerHash())
	cmd := registerHash()
	cmd.Slot = slotOf(1, applet.ECDSAP256)
	p.fails(applet.StatusMalformed, nil, cmd) // a hash for a key that nobody knows
	cmd = registerTemplate(applet.ECDSAP521)
	p.fails(applet.StatusNotSupported, nil, cmd)
	generated(p)
	cmd = registerTemplate(applet.RSA2048)
	p.fails(applet.StatusSlotInUse, nil, cmd)
	if p.state().FindSlot(1).Status != applet.SlotGenerated {
		t.Fatal("a refused registration deleted a pair")
	}
}

// TestWeakCodes: what is tried first is refused at creation, and the code must
// differ from the PoP code, the other code and the one before.
//
// Supports: 3.4-1, 3.4-2, 3.4-6
func TestWeakCodes(t *testing.T) {
	for _, weak := range []string{"0000", "1234", "4321", "7890", "2109", "1212", "99999999", "123456", "5674", "3456"} {
		p := fresh(t)
		p.must(script(enter(pop), enter(weak), enter(testCode), enter(testCode), enter(testCode)), registerTemplate(applet.ECDSAP256))
		want := "Not allowed: too simple or used before.\nChoose a personal code of 4-8 digits"
		if p.screens[2].text != want {
			t.Fatalf("%s: shown %q", weak, p.screens[2].text)
		}
	}
	p := newPhone(t, newCard(t, func(o *card.Options) { o.Active = true; o.Codes[1].Min, o.Codes[1].Max = 4, 6 }))
	p.enrol(1, applet.ECDSAP256, testCode)
	create := applet.ManagePersonalCode{Operation: applet.CodeCreate, Code: applet.CodeNonRepudiation}
	p.must(script(enter(testCode), enter("714936"), enter("714936")), create)
	change := applet.ManagePersonalCode{Operation: applet.CodeChange, Code: applet.CodeAuthentication}
	p.must(script(enter(testCode), enter(testCode), enter("9142"), enter("9142")), change)
}

// TestLuhn: the checksum is looked at only when it was asked for.
//
// Supports: 3.5.1-3
func TestLuhn(t *testing.T) {
	p := fresh(t)
	cmd := registerTemplate(applet.ECDSAP256)
	cmd.PoP = applet.PoPAsk
	r := p.must(script(enter("12345675"), enter(testCode), enter(testCode), enter(testCode)), cmd)
	if r.Results[0].PoP != "12345675" {
		t.Fatalf("PoP %q", r.Results[0].PoP)
	}
	p = fresh(t)
	generated(p)
	hash := registerHash()
	hash.PoP, hash.TextToShow = applet.PoPChecked, applet.Text{}
	r = p.must(script(enter("12a4"), enter("79927398713"), enter(testCode), enter(testCode), enter(testCode)), hash)
	if r.Results[0].PoP != "79927398713" || p.screens[0].text != "Enter the registration code (4-16 digits)" {
		t.Fatalf("PoP %q, screens %v", r.Results[0].PoP, p.screens)
	}
}
