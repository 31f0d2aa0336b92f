package card_test

import (
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// TestReassembly: segments in any order, doubled, of two messages at once,
// with 8- and 16-bit references; contradictions and floods are forgotten.
func TestReassembly(t *testing.T) {
	p := fresh(t)
	long := func() []byte {
		return p.seal(p.message(applet.SetAppletData{Language: "en", Strings: []applet.StringUpdate{
			{ID: 2, Text: applet.UTF8("Enter it, please, now, and only if you agree with everything above")},
			{ID: 3, Text: applet.UTF8("Enter the other, please, now, and only if you agree with the rest above")},
		}}))
	}
	send := func(parts []sms.Part, order ...int) {
		for _, i := range order {
			p.exchange(envelope(p, parts[i]), 0x9000)
		}
	}
	parts := segments(t, long(), 7)
	if len(parts) != 2 {
		t.Fatalf("%d segments", len(parts))
	}
	send(parts, 1, 1, 0)
	if !p.answer().OK() {
		t.Fatal("reversed")
	}
	one := long()
	two := long()
	a, b := segments(t, one, 8), segments(t, two, 9)
	send(a, 0)
	send(b, 0)
	send(b, 1)
	if !p.answer().OK() {
		t.Fatal("interleaved")
	}
	p.sent = nil
	send(a, 1) // whole now, and its counter is low
	if r := p.response(); r.Status != ota.StatusCounterLow {
		t.Fatalf("%+v", r)
	}
	wide, err := sms.Split(long(), sms.SplitOptions{CPI: sms.CommandCPI, Ref: 0x1234, Ref16: true, CPIFirst: true})
	if err != nil {
		t.Fatal(err)
	}
	send(wide, 1, 0)
	if !p.answer().OK() {
		t.Fatal("16 bits")
	}
	// Another total under the same reference takes the message with it.
	a = segments(t, long(), 10)
	send(a, 0)
	p.exchange(envelope(p, sms.Part{UDH: []byte{5, 0, 3, 10, 3, 3}, UD: []byte("x")}), 0x9000)
	send(a, 1)
	// Five begun messages: the first is forgotten. 255 parts are not begun.
	for ref := range byte(5) {
		p.exchange(envelope(p, sms.Part{UDH: []byte{5, 0, 3, 20 + ref, 2, 2}, UD: []byte("x")}), 0x9000)
		p.exchange(envelope(p, sms.Part{UDH: []byte{5, 0, 3, 40 + ref, 255, 2}, UD: []byte("x")}), 0x9000)
	}
	// Headers that overrun, and what is no packet at all.
	p.exchange(envelope(p, sms.Part{UDH: unhex(t, "027100"), UD: []byte("hello")}), 0x9000)
	for _, tpdu := range []string{
		"44 0B916407000010F0 7FF6 00000000000000 06 050003140302 70", // beyond the user data
		"44 0B916407000010F0 7FF6 00000000000000 03 050003",
		"44 0B916407000010F0 7FF6 00000000000000 02 0270",
		"44 0B9164070000",
		"",
	} {
		b := unhex(t, tpdu)
		b = append([]byte{0x82, 2, 0x83, 0x81, 0x8B, byte(len(b))}, b...)
		b = append([]byte{0xD1, byte(len(b))}, b...)
		p.exchange(append([]byte{0x80, 0xC2, 0, 0, byte(len(b))}, b...), 0x6A80)
	}
	if len(p.sent) > 0 {
		t.Fatal("answered")
	}
	p.state()
}
