package card_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
)

// response is a TERMINAL RESPONSE with these octets; NN stands for the number of the
// command, TT for its type.
func (p *phone) answerWith(cmd []byte, octets string) uint16 {
	p.Helper()
	d := details(cmd)
	octets = strings.NewReplacer(" ", "", "NN", fmt.Sprintf("%02X", d[0]), "TT", fmt.Sprintf("%02X", d[1])).Replace(octets)
	b := unhex(p, octets)
	_, sw := split(p.transmit(append([]byte{0x80, 0x14, 0, 0, byte(len(b))}, b...)))
	return sw
}

// details are number, type and qualifier of a proactive command.
func details(cmd []byte) []byte {
	if cmd[1] == 0x81 {
		return cmd[5:8]
	}
	return cmd[4:7]
}

// entry leaves the card waiting for the code of a signature.
func (p *phone) entry() (applet.Message, []byte) {
	p.Helper()
	cmd := signHash(digest([]byte("x")))
	cmd.TextToShow, cmd.Reference = applet.Text{}, ""
	m := p.message(cmd)
	p.deliverStepwise(p.seal(m))
	return m, p.fetchRaw()
}

// TestResponseMalformed: a response to the command that is out ends it, whatever else
// is wrong with it; the server hears 6F00, and no try is spent.
//
// Supports: 3.1-2, 3.4-2
func TestResponseMalformed(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	for _, bad := range []string{
		"8103NNTT00 82028281",                                          // no result
		"8103NNTT00 82028281 8300",                                     // an empty one
		"8103NNTT00 82028281 830100 830100",                            // two, equal
		"8103NNTT00 82028281 830100 830110",                            // two that differ
		"8103NNTT00 82028281 830100 8D05 04 3235",                      // the entry is cut
		"8103NNTT00 82028281 830100 8D05 04 32353830 8D05 04 30303030", // two entries
		"8103NNTT00 82028281 83",                                       // cut in the result
		"8103NNTT00 82028281 830500",                                   //
		"8103NNTT00 8202",                                              // cut in the devices
		"8103NN",                                                       // cut behind the number
		"8103NNTT",                                                     //
		"8101NN 82028281 830100",                                       // details of one octet
		"8103NN2100 82028281 830100",                                   // another type
		"8103NNTT00 8103FFTT00 82028281 830100",                        // details twice
		"8103NNTT00 8103NNTT00 82028281 830100",
		"8103NNTT00 82028281 830100 8D00", // an entry of nothing
		"8103NNTT00 82028281 830100 8D01 04",
		"8103NNTT00 82028281 830100 8D05 77 32353830", // in a coding that is none
		"8103NNTT00 82028281 830100 8D04 08 003200",   // half a character
		"8103NNTT00 82028281 830100 FF",               // something behind
		"8103NNTT00 82028281 830100 8D8200 05",        // a length that is none
	} {
		m, in := p.entry()
		sw := p.answerWith(in, bad)
		if sw>>8 != 0x91 {
			t.Fatalf("%s: %04X", bad, sw)
		}
		p.apduAfter(sw)
		a := p.answer()
		if r := a.Results[0]; a.Transaction != m.Transaction || r.Status != applet.StatusOther || r.TriesGiven && r.TriesLeft != 3 {
			t.Fatalf("%s: %+v", bad, r)
		}
		if left := p.state().FindCode(applet.CodeAuthentication).TriesLeft; left != 3 {
			t.Fatalf("%s: %d tries left", bad, left)
		}
	}
	p.signs(testCode)
}

// TestResponseToOther: a response to another command, or to none, is refused; the
// command stays and the right response still counts.
//
// Supports: 3.1-2
func TestResponseToOther(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	_, in := p.entry()
	for _, other := range []string{
		"", "81", "8103", "8100", "830100", "82028281 830100", "8103FFTT00 82028281 830100",
		"810300TT00 82028281 830110", "8103FE", "8D05 04 32353830", "FF",
	} {
		if sw := p.answerWith(in, other); sw != 0x6A80 {
			t.Fatalf("%q: %04X", other, sw)
		}
	}
	p.apduAfter(p.answerWith(in, "8103NNTT00 82028281 830100 8D05 04 32353830"))
	if a := p.answer(); !a.OK() {
		t.Fatal(a.Status())
	}
	// The number of the command before is another one.
	if _, next := p.entry(); p.answerWith(in, "8103NNTT00 82028281 830110") != 0x6A80 {
		t.Fatal("the response to an earlier command counts")
	} else {
		p.apduAfter(p.answerWith(next, "8103NNTT00 82028281 830100 8D05 04 32353830"))
	}
	p.answer()
}

// TestResponseNever: what the terminal never answers, or never fetches, ends
// after maxPolls (30) STATUS and not before, as if the user had not answered.
//
// Supports: 3.1-2, 3.5.6-1
func TestResponseNever(t *testing.T) {
	status := unhex(t, "80F2000C00")
	for _, fetched := range []bool{true, false} {
		p := fresh(t)
		p.enrol(1, applet.ECDSAP256, testCode)
		m := p.message(signHash(digest([]byte("x"))))
		p.deliverStepwise(p.seal(m))
		polls := 0
		if fetched {
			p.fetchRaw() // with one STATUS
			polls = 1
		}
		want := uint16(0x9000)
		_, first := split(p.transmit(status))
		if !fetched {
			want = first
		}
		for polls += 2; polls < 30; polls++ {
			if _, sw := split(p.transmit(status)); sw != want {
				t.Fatalf("fetched %v, poll %d: %04X", fetched, polls, sw)
			}
		}
		_, sw := split(p.transmit(status))
		p.apduAfter(sw)
		if a := p.answer(); a.Transaction != m.Transaction || a.Status() != applet.StatusNoAnswer {
			t.Fatalf("fetched %v: %+v", fetched, a)
		}
		p.signs(testCode)
	}
}

// TestPollsOfOneCommand: each command waits anew, and an answered one counts no more.
//
// Supports: 3.1-2
func TestPollsOfOneCommand(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.deliverStepwise(p.seal(p.message(signHash(digest([]byte("x"))))))
	text := p.fetchRaw()
	for range 28 {
		p.apdu("80F2000C00", 0x9000)
	}
	p.respondRaw(text, ok())
	in := p.fetchRaw()
	for range 28 {
		p.apdu("80F2000C00", 0x9000)
	}
	p.apduAfter(p.respondRaw(in, enter(testCode)))
	if a := p.answer(); !a.OK() {
		t.Fatal(a.Status())
	}
}

// TestAnswerNotTaken: the short message with the answer itself is answered badly or
// never: it goes again with the same octets, and the card stays alive.
//
// Supports: 3.1-1, 3.1-2
func TestAnswerNotTaken(t *testing.T) {
	p := fresh(t)
	m := p.message(applet.ChangeAppletStatus{To: applet.StatusReport})
	sw := p.deliverStepwise(p.seal(m))
	if sw>>8 != 0x91 {
		t.Fatalf("%04X", sw)
	}
	first := p.fetchRaw()
	if sw = p.answerWith(first, "8103NNTT00"); sw>>8 != 0x91 {
		t.Fatalf("%04X", sw)
	}
	again := p.fetchRaw()
	if !bytes.Equal(first[5:], again[5:]) { // from behind the number on
		t.Fatalf("%X\n%X", first, again)
	}
	for range 29 {
		split(p.transmit(unhex(t, "80F2000C00")))
	}
	_, sw = split(p.transmit(unhex(t, "80F2000C00")))
	p.apduAfter(sw)
	if a := p.answer(); a.Transaction != m.Transaction || !a.OK() {
		t.Fatalf("%+v", a)
	}
}

// TestMalformedIsMasked: digits in a response that cannot be read are in no trace.
//
// Supports: 3.4-3
func TestMalformedIsMasked(t *testing.T) {
	var seen strings.Builder
	p := newPhone(t, newCard(t, func(o *card.Options) {
		o.Active = true
		o.Trace = func(e card.Event) { fmt.Fprintf(&seen, "%s %s %X\n", e.Name, e.Detail, e.Octets) }
	}))
	p.enrol(1, applet.ECDSAP256, testCode)
	for _, bad := range []string{
		"8103NNTT00 830100 8D09 04 37313539333836", "8103NNTT00 8D09 04 3731353933383634 830100 830100", "37313539333836", "8103NN 8D09 04 3731353933383634",
	} {
		_, in := p.entry()
		if sw := p.answerWith(in, bad); sw>>8 == 0x91 {
			p.apduAfter(sw)
			p.answer()
			continue
		}
		p.apduAfter(p.respondRaw(in, result(0x10)))
		p.answer()
	}
	if digits := strings.ToUpper(hex.EncodeToString([]byte("7159386"))); strings.Contains(seen.String(), digits) || !strings.Contains(seen.String(), "malformed") {
		t.Error("digits are in what the card tells, or nothing was malformed")
	}
}
