package card_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota/sms"
)

// TestMenuFits: strings that would make SET UP MENU longer than a command can
// be are refused, and the menu stays readable.
//
// Supports: 3.6-1
func TestMenuFits(t *testing.T) {
	p := fresh(t)
	wide := applet.UTF8(strings.Repeat("Ж", 60))
	p.must(nil, applet.SetAppletData{Language: "et", Strings: []applet.StringUpdate{{ID: 0x15, Text: wide}}})
	if m := p.menus[len(p.menus)-1]; !strings.HasSuffix(m.text, "Teave|") {
		t.Fatalf("menu %v", m)
	}
	p.fails(applet.StatusWrongLength, nil, applet.SetAppletData{Strings: []applet.StringUpdate{{ID: 0x16, Text: wide}}})
	// Into a language that is not shown now: it is when it is chosen.
	p.fails(applet.StatusWrongLength, nil, applet.SetAppletData{Language: "fi", Strings: []applet.StringUpdate{{ID: 1, Text: wide}, {ID: 0x17, Text: wide}}})
	p.boot()
	if m := p.menus[len(p.menus)-1]; !strings.HasSuffix(m.text, "Teave|") {
		t.Fatalf("menu %v", m)
	}
}

// TestReferenceIsShown: what the user is to compare is never left out. When it
// fits neither below the text nor above the code entry, nobody is asked.
//
// Supports: 3.5.3-5
func TestReferenceIsShown(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.must(nil, applet.SetAppletData{Strings: []applet.StringUpdate{
		{ID: 0x13, Text: applet.UTF8(strings.Repeat("Ж", 80) + "%")}, {ID: 2, Text: applet.UTF8(strings.Repeat("Ж", 40))},
	}})
	p.fails(applet.StatusWrongLength, nil, applet.SignTransaction{
		Slot: applet.Slot{Number: 1}, Mode: applet.ModeAuthenticate, Hash: applet.SHA256, Digest: digest([]byte("x")),
		TextToShow: applet.UTF8(strings.Repeat("x", 100)), Reference: "K7QM",
	})
	if len(p.screens) > 0 {
		t.Fatalf("screens %v", p.screens)
	}
}

// TestBeforeProfile: a message that comes before TERMINAL PROFILE has used its
// counter; it is done when the profile comes, and not forgotten.
func TestBeforeProfile(t *testing.T) {
	p := fresh(t)
	p.c.Reset()
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	p.apdu("80 10 00 00 02 FFFF", 0x9000)
	if !p.answer().OK() {
		t.Fatal("no answer")
	}
}

// TestPowerOnSendsAgain: an answer that could not be sent for a whole life of
// the card is tried again after every loss of power.
//
// Supports: 3.1-1
func TestPowerOnSendsAgain(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	for range 50 {
		p.smsFail = append(p.smsFail, result(0x20, 0x04))
	}
	p.script = script(ok(), enter(testCode))
	p.deliver(p.seal(p.message(signHash(digest([]byte("x"))))))
	for range 10 {
		p.apdu("80F2000C00", 0x9000)
	}
	p.boot()
	if len(p.sent) > 0 || len(p.smsFail) == 0 {
		t.Fatalf("sent %d", len(p.sent))
	}
	p.smsFail = nil
	p.boot()
	if !p.answer().OK() {
		t.Fatal("no answer")
	}
}

// TestStaleSegment: a segment that came twice begins a message that never
// ends; another message under the same reference is whole all the same.
func TestStaleSegment(t *testing.T) {
	p := fresh(t)
	long := func(s string) []sms.Part {
		return segments(t, p.seal(p.message(applet.SetAppletData{Language: "en", Strings: []applet.StringUpdate{
			{ID: 2, Text: applet.UTF8(strings.Repeat(s, 70))}, {ID: 3, Text: applet.UTF8(strings.Repeat(s, 70))},
		}})), 7)
	}
	send := func(parts ...sms.Part) {
		for _, part := range parts {
			p.exchange(envelope(p, part), 0x9000)
		}
	}
	first := long("a")
	send(first...)
	if !p.answer().OK() {
		t.Fatal("the first message")
	}
	send(first[0], first[0])
	send(long("b")...)
	if !p.answer().OK() {
		t.Fatal("the second message")
	}
}

// TestAskedAgainWhileSending: the transaction comes again under a new counter
// while its answer is on its way: that one is answered too.
//
// Supports: 5-2
func TestAskedAgainWhileSending(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	m := p.message(signHash(digest([]byte("x"))))
	p.deliverStepwise(p.seal(m))
	p.respondRaw(p.fetchRaw(), ok())
	p.respondRaw(p.fetchRaw(), enter(testCode))
	send := p.fetchRaw() // SEND SHORT MESSAGE
	p.deliverStepwise(p.seal(m))
	p.screens, p.sent = nil, nil
	p.apduAfter(p.respondRaw(send, ok()))
	if a := p.answer(); !a.OK() || len(p.screens) > 0 { // of the later counter
		t.Fatalf("%+v, screens %v", a, p.screens)
	}
}

// TestDamagedLength: a length that no record can have is damage and no torn
// end: cutting there would bring back counters and tries that were used.
func TestDamagedLength(t *testing.T) {
	path, p := create(t)
	at := size(t, path)
	p.state()
	p.state()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole[at] ^= 0x80
	f := filepath.Join(t.TempDir(), "damaged")
	if err := os.WriteFile(f, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := card.Load(f, card.Options{}); !errors.Is(err, card.ErrJournal) {
		t.Errorf("loaded: %v", err)
	}
}

// TestAskedAgainReference: an answer that is sealed again has other octets,
// and its segments never mix with those of the first sealing, of which the
// server may hold some.
//
// Supports: 5-2, 3.1-1
func TestAskedAgainReference(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.RSA2048, testCode)
	m := p.message(signHash(digest([]byte("x"))))
	p.script = script(ok(), enter(testCode))
	p.deliver(p.seal(m))
	before := p.sent
	p.sent = nil
	for range 2 {
		p.deliver(p.seal(m))
		mixed := append([][]byte{p.sent[0]}, before[1:]...)
		for _, tpdu := range mixed {
			s, err := sms.ParseSubmit(tpdu)
			if err != nil {
				t.Fatal(err)
			}
			c, _, err := sms.ParseConcat(s.UDH)
			if err != nil || c.Total != 3 {
				t.Fatalf("%+v %v", c, err)
			}
			first, _ := sms.ParseSubmit(mixed[0])
			if one, _, _ := sms.ParseConcat(first.UDH); c.Part > 1 && one.Ref == c.Ref {
				t.Fatalf("reference %d twice", c.Ref)
			}
		}
		if !p.answer().OK() {
			t.Fatal("no answer")
		}
	}
}

// TestEntryMissing: a terminal that says "done" and gives no entry has failed;
// that costs the user no try.
//
// Supports: 3.5.3-2
func TestEntryMissing(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	for _, r := range []reaction{ok(), result(0x02)} {
		p.fails(applet.StatusOther, script(ok(), r), signHash(digest([]byte("x"))))
	}
	if c := p.state().FindCode(applet.CodeAuthentication); c.TriesLeft != 3 {
		t.Fatalf("%d tries left", c.TriesLeft)
	}
}
