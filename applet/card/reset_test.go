package card_test

import (
	"testing"

	"github.com/simsign/simsign/applet"
)

// TestResetForgets: half a message, an answer that was not fetched and a
// terminal that was there are gone after a reset.
func TestResetForgets(t *testing.T) {
	p := fresh(t)
	parts := segments(t, p.seal(p.message(applet.SetAppletData{Language: "en", Strings: []applet.StringUpdate{
		{ID: 2, Text: applet.UTF8("Enter it, please, now, and only if you agree with everything above")},
		{ID: 3, Text: applet.UTF8("Enter the other, please, now, and only if you agree with the rest above")},
	}})), 7)
	p.exchange(envelope(p, parts[0]), 0x9000)
	p.boot()
	p.exchange(envelope(p, parts[1]), 0x9000)
	if len(parts) != 2 || len(p.sent) > 0 {
		t.Fatalf("%d segments, %d answers", len(parts), len(p.sent))
	}

	report := envelope(p, segments(t, p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})), 8)[0])
	if _, sw := split(p.c.Transmit(report)); sw>>8 != 0x61 && sw>>8 != 0x91 {
		t.Fatalf("report %04X", sw)
	}
	p.c.Reset()
	p.apdu("80 C0 00 00 00", 0x6985)

	// Without TERMINAL PROFILE the card announces nothing.
	message := p.message(applet.ChangeAppletStatus{To: applet.StatusReport})
	if _, sw := split(p.c.Transmit(envelope(p, segments(t, p.seal(message), 9)[0]))); sw>>8 == 0x91 {
		t.Fatalf("before TERMINAL PROFILE: %04X", sw)
	}
	if _, sw := split(p.c.Transmit(unhex(t, "80F2000C00"))); sw != 0x9000 {
		t.Fatalf("STATUS before TERMINAL PROFILE: %04X", sw)
	}
	// Afterwards the menu comes first (its type is behind D0 81 LL 81 03 number),
	// then what waited.
	_, sw := split(p.c.Transmit(unhex(t, "80100000 04 FFFFFFFF")))
	if command, _ := split(p.c.Transmit([]byte{0x80, 0x12, 0, 0, byte(sw)})); sw>>8 != 0x91 || command[6] != 0x25 {
		t.Fatalf("TERMINAL PROFILE: %04X, %X", sw, command)
	}
}

// TestInitialForgetsStrings: back in the initial state the applet speaks as it
// was installed.
//
// Supports: 4-2, 4-3
func TestInitialForgetsStrings(t *testing.T) {
	path, p := create(t)
	p.must(nil, applet.SetAppletData{Strings: []applet.StringUpdate{{ID: 2, Text: applet.UTF8("Code, please")}}})
	p.must(nil, applet.ChangeAppletStatus{To: applet.StatusInitial})
	for range 2 {
		p.enrol(1, applet.ECDSAP256, testCode)
		p.must(script(ok(), enter(testCode)), signHash(digest([]byte("x"))))
		if prompt := p.screens[1].text; prompt != "Enter your personal code" {
			t.Fatalf("it says %q", prompt)
		}
		p.must(nil, applet.ChangeAppletStatus{To: applet.StatusInitial})
		p.reload(path, -1)
		p.forget()
	}
}

// TestDeletedHandlerLeavesNothing: the first part of a certificate goes with the
// pair that it was for, also from the file.
//
// Supports: 4-10
func TestDeletedHandlerLeavesNothing(t *testing.T) {
	path, p := create(t)
	one := applet.Slot{Number: 1}
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.ECDSAP256), Operation: applet.HandlerGenerate})
	p.must(nil, applet.SetAuthenticationHandlerData{
		Slot: one, Operation: applet.HandlerImportCertificate, Certificate: []byte("first "), Part: &applet.Range{Offset: 0, Length: 12},
	})
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: one, Operation: applet.HandlerDelete})
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: slotOf(1, applet.ECDSAP256), Operation: applet.HandlerGenerate})
	p.reload(path, -1)
	p.forget()
	p.fails(applet.StatusConditions, nil, applet.SetAuthenticationHandlerData{
		Slot: one, Operation: applet.HandlerImportCertificate, Certificate: []byte("second"), Part: &applet.Range{Offset: 6, Length: 12},
	})
}
