package card_test

import (
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
)

func signHash(d []byte) applet.SignTransaction {
	return applet.SignTransaction{
		Slot: applet.Slot{Number: 1}, Mode: applet.ModeAuthenticate, Hash: applet.SHA256, Digest: d,
		TextToShow: applet.UTF8("Example Bank: log in?"), Reference: "4711",
	}
}

// TestSignHash: the text, then the code, then the signature over the hash.
//
// Supports: 3.2-1, 3.3-3, 3.5.2-1, 3.5.3-1, 4-5
func TestSignHash(t *testing.T) {
	for _, a := range []applet.Algorithm{applet.ECDSAP256, applet.ECDSAP384, applet.RSA2048} {
		t.Run(a.String(), func(t *testing.T) {
			p := fresh(t)
			pub := p.enrol(1, a, testCode)
			d := digest([]byte("hello"))
			r := p.must(script(ok(), enter(testCode)), signHash(d))
			if err := applet.Verify(pub, applet.SHA256, d, r.Results[0].Signature); err != nil {
				t.Fatal(err)
			}
			if len(p.screens) != 2 || p.screens[0].text != "Example Bank: log in?\nReference: 4711" ||
				p.screens[0].qualifier != 0x81 || p.screens[1].text != "Enter your personal code" ||
				p.screens[1].qualifier != 0x04 || p.screens[1].lo != 4 || p.screens[1].hi != 8 {
				t.Fatalf("screens %v", p.screens)
			}
		})
	}
}

// TestSignText: the octets of the text are hashed as they came, whatever the
// screen needs.
//
// Supports: 3.5.3-5, 4-5, 3.2-1
func TestSignText(t *testing.T) {
	p := fresh(t)
	pub := p.enrol(2, applet.ECDSAP256, otherCode)
	for _, tc := range []struct {
		text applet.Text
		show string
		hash applet.Hash
	}{
		{applet.UTF8("Pay 10 € to Õie"), "Pay 10 € to Õie", 0},
		{applet.Text{Coding: applet.TextGSM, Octets: []byte("Pay \x02 5")}, "Pay $ 5", applet.SHA384},
		{applet.Text{Coding: applet.TextUCS2, Octets: []byte{0x04, 0x16}}, "Ж", applet.SHA512},
		{applet.Text{Coding: applet.TextPacked, Octets: []byte{0x31, 0xD9, 0x8C, 0x06}}, "1234", 0},
	} {
		r := p.must(script(ok(), enter(otherCode)), applet.SignTransaction{
			Slot: applet.Slot{Number: 2}, Mode: applet.ModeSign, Hash: tc.hash, TextToSign: tc.text,
			TextToShow: applet.UTF8("Example Bank"), Reference: "brave otter",
		})
		h := max(tc.hash, applet.SHA256)
		sum := h.Hash().New()
		sum.Write(tc.text.Octets)
		if err := applet.Verify(pub, h, sum.Sum(nil), r.Results[0].Signature); err != nil {
			t.Errorf("%q: %v", tc.show, err)
		}
		if want := "Example Bank\n" + tc.show + "\nReference: brave otter"; p.screens[0].text != want {
			t.Errorf("shown %q, want %q", p.screens[0].text, want)
		}
		if p.screens[1].text != "Enter your signature code" {
			t.Errorf("prompt %q", p.screens[1].text)
		}
	}
}

// TestOneStep: text and code entry in one prompt; when they do not fit one
// prompt, two.
//
// Supports: 3.5.3-1
func TestOneStep(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd := signHash(digest([]byte("x")))
	cmd.Journey = applet.JourneyOneStep
	p.must(script(enter(testCode)), cmd)
	if want := "Example Bank: log in?\nReference: 4711\nEnter your personal code"; len(p.screens) != 1 || p.screens[0].text != want {
		t.Fatalf("screens %v", p.screens)
	}
	cmd.TextToShow = applet.UTF8(strings.Repeat("x", 210))
	p.must(script(ok(), enter(testCode)), cmd)
	if len(p.screens) != 2 || p.screens[1].text != "Enter your personal code" {
		t.Fatalf("screens %v", p.screens)
	}
}

// TestLongText: 240 octets are shown, with a length in the form 81 LL; one
// more is refused before anybody is asked.
//
// Supports: 3.5.3-5
func TestLongText(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd := signHash(digest([]byte("x")))
	cmd.Reference = ""
	for _, s := range []string{strings.Repeat("x", 240), strings.Repeat("Ж", 120)} {
		cmd.TextToShow = applet.UTF8(s)
		p.must(script(ok(), enter(testCode)), cmd)
		if p.screens[0].text != s {
			t.Fatalf("shown %q", p.screens[0].text)
		}
		// The reference has no room any more and moves to the code entry.
		cmd.Reference = "4711"
		p.must(script(ok(), enter(testCode)), cmd)
		if p.screens[0].text != s || p.screens[1].text != "Reference: 4711\nEnter your personal code" {
			t.Fatalf("screens %v", p.screens)
		}
		cmd.Reference, cmd.TextToShow = "", applet.UTF8(s+"x")
		p.fails(applet.StatusWrongLength, nil, cmd)
	}
}

// TestSignRefused: what cannot be signed is refused without a question.
//
// Supports: 3.3-1, 3.5.1-4, 5.1-10, 4-10
func TestSignRefused(t *testing.T) {
	p := fresh(t)
	d := digest([]byte("x"))
	cmd := signHash(d)
	p.fails(applet.StatusSlotEmpty, nil, cmd)
	cmd.Slot.Number = 99
	p.fails(applet.StatusNoMemory, nil, cmd)
	cmd.Slot.Number = 1
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.ECDSAP256), Operation: applet.HandlerGenerate})
	p.fails(applet.StatusConditions, nil, cmd) // not registered, no code
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerDelete})
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd.Mode = applet.ModeSign
	p.fails(applet.StatusConditions, nil, cmd) // an authentication key
	cmd.TextToShow, cmd.Reference = applet.Text{}, ""
	p.fails(applet.StatusMalformed, nil, cmd) // nothing that the user could see
	cmd.Mode = applet.ModeAuthenticate
	p.must(nil, applet.ChangeAppletStatus{To: applet.StatusDeactivate})
	p.fails(applet.StatusConditions, nil, cmd)
	p.must(nil, applet.ChangeAppletStatus{To: applet.StatusActivate})
	p.must(script(enter(testCode)), cmd) // no text: the code only
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerDelete})
	p.fails(applet.StatusSlotEmpty, nil, cmd)
}

// TestWrongCode: tries are counted down and told; at the limit the code is
// blocked, the user is told and so is the server.
//
// Supports: 3.5.3-2, 3.5.4-1
func TestWrongCode(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd := signHash(digest([]byte("x")))
	p.must(script(ok(), enter("1111"), enter("2222"), enter(testCode)), cmd)
	if want := "Wrong code. Tries left: 1\nEnter your personal code"; p.screens[3].text != want {
		t.Fatalf("shown %q, want %q", p.screens[3].text, want)
	}
	// The right code gave all tries back.
	r := p.fails(applet.StatusBlocked, script(ok(), enter("1111"), enter("2580123456789012345"), enter("258")), cmd)
	if !r.TriesGiven || r.TriesLeft != 0 || r.Signature != nil {
		t.Fatalf("result %+v", r)
	}
	last := p.screens[len(p.screens)-1]
	if last.text != "Your code is blocked. Ask your operator to unblock it." {
		t.Fatalf("shown %q", last.text)
	}
	// Blocked: not asked any more, also with the right code.
	p.fails(applet.StatusBlocked, nil, cmd)
	if s := p.state().FindCode(applet.CodeAuthentication); s.Status != applet.CodeBlocked || s.TriesLeft != 0 {
		t.Fatalf("code state %+v", s)
	}
	// The other code is not touched.
	if s := p.state().FindCode(applet.CodeNonRepudiation); s.Status != applet.CodeNotSet || s.Min != 6 {
		t.Fatalf("other code %+v", s)
	}
}

// TestResults: every result of a TERMINAL RESPONSE at the text and at the
// code entry has one status word.
//
// Supports: 3.5.6-1, 3.5.3-3
func TestResults(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd := signHash(digest([]byte("x")))
	want := map[byte]applet.StatusWord{
		0x10: 0x6401, 0x11: 0x6401, 0x12: 0x6402, 0x14: 0x6401, 0x20: 0x6403, 0x21: 0x6F00, 0x22: 0x6401, 0x23: 0x6401,
		0x24: 0x6403, 0x25: 0x6403, 0x26: 0x6403, 0x30: 0x6A81, 0x31: 0x6A81, 0x32: 0x6A81, 0x33: 0x6F00, 0x34: 0x6F00,
		0x35: 0x6F00, 0x36: 0x6F00, 0x37: 0x6F00, 0x38: 0x6F00, 0x39: 0x6F00, 0x3A: 0x6F00, 0x3B: 0x6F00, 0xFF: 0x6F00,
	}
	for r := range 0x100 {
		status, known := want[byte(r)]
		switch {
		case r == 0x13: // help, below
			continue
		case !known && r < 0x10:
			p.must(script(result(byte(r)), enter(testCode)), cmd)
			continue
		case !known && r < 0x20, !known && r >= 0x30:
			status = 0x6F00
		case !known:
			status = 0x6403
		}
		p.fails(status, script(result(byte(r), 0x01)), cmd)
		if r != 0x11 {
			p.fails(status, script(ok(), result(byte(r), 0x04)), cmd)
		}
	}
}

// TestBackAndHelp: back at the code entry shows the text again; help shows
// help, and not for ever.
//
// Supports: 3.5.3-1
func TestBackAndHelp(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd := signHash(digest([]byte("x")))
	p.must(script(ok(), result(0x11), ok(), enter(testCode)), cmd)
	if p.screens[0] != p.screens[2] {
		t.Fatalf("screens %v", p.screens)
	}
	p.must(script(result(0x13), ok(), result(0x13), enter(testCode)), cmd)
	if p.screens[1].qualifier != 0x01 || !strings.HasPrefix(p.screens[1].text, "Compare the reference") {
		t.Fatalf("help was %v", p.screens[1])
	}
	p.fails(applet.StatusNoAnswer, script(result(0x13), result(0x13), result(0x13)), cmd)
	p.fails(applet.StatusNoAnswer, script(ok(), result(0x13), result(0x13), result(0x13)), cmd)
}

// TestNoCancelAfterEntry: once a code was entered, giving up is a wrong code.
//
// Supports: 3.5.6-1
func TestNoCancelAfterEntry(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	cmd := signHash(digest([]byte("x")))
	r := p.fails(0x63C2, script(ok(), enter("1111"), result(0x10)), cmd)
	if !r.TriesGiven || r.TriesLeft != 2 {
		t.Fatalf("result %+v", r)
	}
	// Also when going back to the text and cancelling there.
	p.fails(0x63C1, script(ok(), enter("1111"), result(0x11), result(0x10)), cmd)
	p.must(script(ok(), enter(testCode)), cmd)
}

// TestSeveralCommands: the list stops at the first failure, and a malformed
// message does nothing at all.
//
// Supports: 5-2
func TestSeveralCommands(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	a := p.do(script(ok(), result(0x10)), applet.ChangeAppletStatus{To: applet.StatusReport},
		signHash(digest([]byte("x"))), applet.ChangeAppletStatus{To: applet.StatusInitial})
	if len(a.Results) != 2 || a.Results[1].Status != applet.StatusCancelled {
		t.Fatalf("results %+v", a.Results)
	}
	if p.state().FindSlot(1).Status != applet.SlotRegistered {
		t.Fatal("the command after the failed one ran")
	}
	// Deactivate, then something unknown: nothing runs.
	p.deliver(p.sealOctets(unhex(t, "01 00001000 A103800102 A700")))
	if a := p.answer(); a.Transaction != 0x1000 || a.Results[0].Tag != applet.TagMessage || a.Status() != applet.StatusMalformed {
		t.Fatalf("answer %+v", a)
	}
	for hexa, want := range map[string]applet.StatusWord{"02 00001001": 0x6A81, "01 0000": 0x6700, "01 00001002": 0x6A80} {
		p.deliver(p.sealOctets(unhex(t, hexa)))
		if a := p.answer(); a.Status() != want || a.Results[0].Tag != applet.TagMessage {
			t.Fatalf("%s: answer %+v", hexa, a)
		}
	}
	if p.state().LifeCycle != applet.AppletActive {
		t.Fatal("a malformed message had an effect")
	}
}
