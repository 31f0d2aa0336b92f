package card_test

import "testing"

// TestUnblockTriesBeforeComparison: cutting the power after a wrong unblocking
// code wins no try either, as with the personal code.
//
// Supports: 3.5.4-3, 3.4-3
func TestUnblockTriesBeforeComparison(t *testing.T) {
	path, p := create(t)
	p.enrol(1, 0x11, testCode)
	cut := func(item byte, code string) {
		t.Helper()
		menu := []byte{0x80, 0xC2, 0, 0, 9, 0xD3, 7, 0x82, 2, 1, 0x81, 0x90, 1, item}
		p.c.Transmit(menu)
		p.respondRaw(p.fetchRaw(), enter(code))
		p.reload(path, -1)
		p.forget()
		p.script, p.screens = nil, nil
		p.state()
		p.script, p.screens = nil, nil
	}
	cut(3, "11111111")
	cut(3, "22222222")
	// Two of ten are gone: the next wrong one leaves seven, the right one none of the damage.
	p.choose(3, enter("33333333"), enter(puk), enter("9142"), enter("9142"))
	if want := "Wrong code. Tries left: 7\nEnter the unblocking code"; p.screens[1].text != want {
		t.Fatalf("screens %v, want %q", p.screens, want)
	}
	p.signs("9142")
	// The old code of a change is compared after its try is gone, too.
	cut(1, "1111")
	if left := p.state().FindCode(1).TriesLeft; left != 2 {
		t.Fatalf("%d tries left after a change was cut off", left)
	}
}
