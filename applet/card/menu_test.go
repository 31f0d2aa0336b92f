package card_test

import (
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
)

// choose is the user's choice in the card's menu.
func (p *phone) choose(item byte, sc ...reaction) {
	p.Helper()
	p.script, p.screens = sc, nil
	p.exchange([]byte{0x80, 0xC2, 0, 0, 9, 0xD3, 7, 0x82, 2, 1, 0x81, 0x90, 1, item}, 0x9000)
	if len(p.script) > 0 {
		p.Fatalf("%d reactions were not asked for; screens %v", len(p.script), p.screens)
	}
}

func (p *phone) last() string { return p.screens[len(p.screens)-1].text }

// TestMenu: the menu is set up after TERMINAL PROFILE with what is possible.
//
// Supports: 3.1-2, 3.5.4-3, 3.5.5-2
func TestMenu(t *testing.T) {
	p := fresh(t)
	want := "Change personal code|Change signature code|Unblock personal code|Unblock signature code|About|"
	if len(p.menus) != 1 || p.menus[0].text != want {
		t.Fatalf("menus %v", p.menus)
	}
	p = newPhone(t, newCard(t, func(o *card.Options) { o.UnblockingCode = ""; o.Codes[1] = card.CodeProfile{} }))
	if want := "Change personal code|About|"; p.menus[0].text != want {
		t.Fatalf("menus %v", p.menus)
	}
	p.choose(3) // not in the menu
	p.choose(1, ok())
	if p.last() != "Not available: no code has been set." {
		t.Fatalf("screens %v", p.screens)
	}
	p.choose(5, ok())
	if p.last() != "Mobile signature on an EMULATED card, number ending in 1234" {
		t.Fatalf("screens %v", p.screens)
	}
	// A terminal without SET UP MENU is not asked.
	p.menus = nil
	p.c.Reset()
	p.apdu("80 10 00 00 04 FFFFFFDF", 0x9000)
	if len(p.menus) != 0 {
		t.Fatal("menu in spite of the profile")
	}
}

// TestMenuChange: old code, new code, new code again.
//
// Supports: 3.5.5-2, 3.4-6
func TestMenuChange(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.choose(1, enter(testCode), enter("9142"), enter("9142"))
	if p.screens[0].text != "Enter your present personal code" || p.screens[1].text != "Choose a personal code of 4-8 digits" || p.last() != "Your new code is set." {
		t.Fatalf("screens %v", p.screens)
	}
	p.signs("9142")
	p.choose(1, result(0x10))
	if p.last() != "No new code was set." {
		t.Fatalf("screens %v", p.screens)
	}
	p.choose(1, enter("1"), enter("2"), enter("3"))
	if p.last() != "Your code is blocked. Ask your operator to unblock it." {
		t.Fatalf("screens %v", p.screens)
	}
}

// TestMenuUnblock: the unblocking code, whose tries are counted, then a new
// personal code.
//
// Supports: 3.5.4-3
func TestMenuUnblock(t *testing.T) {
	p := blocked(t)
	p.choose(3, enter("11111111"), enter(puk), enter("9142"), enter("9142"))
	if p.screens[1].text != "Wrong code. Tries left: 9\nEnter the unblocking code" || p.screens[0].lo != 8 || p.screens[0].qualifier != 0x04 {
		t.Fatalf("screens %v", p.screens)
	}
	p.signs("9142")
	var wrong []reaction
	for range 10 {
		wrong = append(wrong, enter("11111111"))
	}
	p.choose(3, append(wrong, ok())...)
	if p.last() != "Unblocking is no longer possible. Ask your operator." {
		t.Fatalf("screens %v", p.screens)
	}
	p.choose(3, ok())
	p.signs("9142") // the personal code still works
}
