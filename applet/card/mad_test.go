package card_test

import (
	"math/rand/v2"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
)

// TestTerminalGoneMad: whatever a terminal answers (cut, turned round, of an older command, doubled, too
// long, with nothing out, with a status in between), the card is not dead: without a reset it
// comes to an end, spends no more tries than codes were entered, and signs.
//
// Supports: 3.1-2, 3.1-4, 3.5.6-2
func TestTerminalGoneMad(t *testing.T) {
	defer func() { over, tight = "", false }()
	for i, way := range []string{"", "packet", "own", "packet", "own"} {
		over, tight = way, i > 2
		rnd := rand.New(rand.NewPCG(9, uint64(i)))
		p := newPhone(t, newCard(t, func(o *card.Options) { o.Active, o.Level = true, applet.Level(3) }))
		p.enrol(1, applet.ECDSAP256, testCode)
		older := []byte{0x81, 0x03, 0x01, 0x21, 0x81, 0x82, 0x02, 0x82, 0x81, 0x83, 0x01, 0x00}
		for range 150 {
			m := p.message(signHash(digest([]byte("x"))))
			p.deliverStepwise(p.seal(m))
			for step := 0; ; step++ {
				_, sw := split(p.transmit(unhex(p, "80F2000C00")))
				if sw == 0x9000 && step > 0 && !p.waits {
					break
				}
				if step > 400 {
					t.Fatalf("%q: the card does not come to an end", way)
				}
				var cmd []byte
				if sw>>8 == 0x91 {
					cmd, _ = split(p.transmit([]byte{0x80, 0x12, 0, 0, byte(sw)}))
					p.waits = true
					older = p.right(cmd)
				}
				b := mutated(rnd, older)
				r := p.transmit(append([]byte{0x80, 0x14, 0, 0, byte(len(b))}, b...))
				if _, sw := split(r); sw == 0x9000 || sw>>8 == 0x91 {
					p.waits = false
				}
			}
			p.sent, p.smsFail = nil, nil
			if k := p.state().FindCode(applet.CodeAuthentication); k.TriesLeft != 3 {
				t.Fatalf("%q: %d tries left, and no code was entered", way, k.TriesLeft)
			}
		}
		p.signs(testCode)
	}
}

// right is the whole response "performed" to a command, without an entry.
func (p *phone) right(cmd []byte) []byte {
	return append(append([]byte{0x81, 0x03}, details(cmd)...), 0x82, 0x02, 0x82, 0x81, 0x83, 0x01, 0x00)
}

// mutated is a response that a terminal would not give, or by chance one that it would.
func mutated(rnd *rand.Rand, right []byte) []byte {
	b := append([]byte{}, right...)
	for range 1 + rnd.IntN(3) {
		switch rnd.IntN(8) {
		case 0: // cut
			b = b[:rnd.IntN(len(b)+1)]
		case 1: // a bit turned
			if len(b) > 0 {
				b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
			}
		case 2: // doubled
			b = append(b, right[len(right)-3:]...)
		case 3: // something behind
			for range rnd.IntN(20) {
				b = append(b, byte(rnd.Uint32()))
			}
		case 4: // as long as an APDU can be
			b = append(b, make([]byte, max(0, 255-len(b)))...)
		case 5: // another number
			if len(b) > 2 {
				b[2] += byte(1 + rnd.IntN(255))
			}
		case 6: // another result
			if len(b) > 11 {
				b[11] = byte(rnd.Uint32())
			}
		case 7: // an object in front
			b = append([]byte{byte(rnd.Uint32()), 1, 0}, b...)
		}
	}
	return b[:min(len(b), 255)]
}
