package card_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/card/neighbour"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

var neighbourTAR = ota.TAR{0x4D, 0x53, 0x50}

// besidePacket is a packet for the second applet.
func (p *phone) besidePacket(spi ota.SPI, data ...byte) []byte {
	p.Helper()
	p.cntr++
	packet, err := p.ks.Seal(nil, &ota.Command{SPI: spi, TAR: neighbourTAR, CNTR: p.cntr, Data: data})
	if err != nil {
		p.Fatal(err)
	}
	return packet
}

// beside tells the second applet what to try, and gives what it posts.
func (p *phone) beside(spi ota.SPI, data ...byte) []byte {
	p.Helper()
	p.sent = nil
	p.deliver(p.besidePacket(spi, data...))
	packet := p.report
	if spi.PoRSubmit() {
		packet = p.joined(sms.ResponseCPI)
	} else if len(packet) > 3 {
		packet = packet[3:] // behind the header
	}
	r, err := p.ks.OpenResponse(nil, packet, spi)
	if err != nil || r.TAR != neighbourTAR || r.Status != ota.StatusOK || len(r.Data) == 0 {
		p.Fatalf("%X: %+v, %v", data, r, err)
	}
	return r.Data
}

// TestNeighbour: a second applet on the card, with the same calls and driven by somebody who has
// the keys of the domain, tries all of them. It has a memory and a code of its own, and
// gets nothing of the signing applet: no name, no value, no code nor a try of one, no response
// packet, no entry that another asked for, and no place in the menu.
//
// Supports: 3.4-9, 3.4-3, 3.3-2, 3.2-6
func TestNeighbour(t *testing.T) {
	var seen bytes.Buffer
	for _, way := range []string{"", "packet", "own"} {
		p := in(t, way, func(o *card.Options) { o.Neighbour = neighbourTAR; o.Active = true })
		p.enrol(1, applet.ECDSAP256, testCode)
		menu := p.menus[0].text
		spi := ota.SPI{0x16, 0x19}
		try := func(call neighbour.Call, rest string) []byte {
			t.Helper()
			got := p.beside(spi, append([]byte{byte(call)}, rest...)...)
			seen.Write(got)
			return got
		}
		before := p.state()
		for _, name := range []string{
			"profile", "unblocks", "counter1", "code0", "code1", "data", "slota", "slotb", "certificatea", "applet keys", "requests1",
			"answers of set 1", "answer0", "sent0", "string-en-", "2/code0", "2/", "../slota", "",
		} {
			if got := try(neighbour.Get, name); got[0] != 0 {
				t.Errorf("%q: it reads %q: %X", way, name, got)
			}
			if name != "" {
				try(neighbour.Names, name)
				try(neighbour.Put, string([]byte{byte(len(name))})+name+"overwritten")
			}
		}
		for _, name := range bytes.Split(p.beside(ota.SPI{0x16, 0x39}, byte(neighbour.Names))[1:], []byte{0}) {
			if v := try(neighbour.Get, string(name)); string(v[1:]) != "overwritten" {
				t.Errorf("%q: it finds %q: %X", way, name, v)
			}
		}
		if got := try(neighbour.Code, "\x00\x00"); !bytes.Equal(got, []byte{1, 0, 3, 3, 0, 0}) {
			t.Errorf("%q: its own code: %X", way, got)
		}
		for n := byte(0); n < 5; n++ {
			for call := range byte(neighbour.CodeConfigure) + 1 {
				got := try(neighbour.Code, string([]byte{n, call})+testCode)
				if n > 0 && got[0] != 0 {
					t.Errorf("%q: code %d, call %d: %X", way, n, call, got)
				}
			}
		}
		if got := try(neighbour.Respond, "forged"); got[0] != 0 {
			t.Errorf("%q: it makes a response packet: %X", way, got)
		}
		if after := p.state(); !reflect.DeepEqual(after, before) {
			t.Errorf("%q: state %+v, before %+v", way, *after, *before)
		}
		p.signs(testCode)

		// While the signing applet asks for the code, nobody else has the terminal.
		p.deliverStepwise(p.seal(p.message(signHash(digest([]byte("x"))))))
		text := p.fetchRaw()
		p.deliverStepwise(p.besidePacket(spi, byte(neighbour.Ask), 'C', 'o', 'd', 'e'))
		p.script = script(enter(testCode))
		p.apduAfter(p.respondRaw(text, ok()))
		if last := p.screens[len(p.screens)-1].text; last != "Enter your personal code" {
			t.Errorf("%q: the last screen was %q", way, last)
		}
		if got := try(neighbour.Get, "entry"); got[0] != 0 {
			t.Errorf("%q: it has the entry: %X", way, got)
		}
		p.script = script(enter("1357"))
		if try(neighbour.Ask, "Number?"); string(try(neighbour.Get, "entry")[1:]) != "1357" {
			t.Errorf("%q: what it asks for itself is not there", way)
		}
		try(neighbour.Show, "Hello")
		if last := p.screens[len(p.screens)-1].text; last != "Hello" {
			t.Errorf("%q: the last screen was %q", way, last)
		}
		if got := p.beside(ota.SPI{0x16, 0x39}, byte(neighbour.Get), 'x'); !bytes.Equal(got, []byte{0}) {
			t.Errorf("%q: by a short message: %X", way, got)
		}
		p.boot()
		if n := len(p.menus); p.menus[n-1].text != menu {
			t.Errorf("%q: menu %q, before %q", way, p.menus[n-1].text, menu)
		}
	}
	for _, secret := range []string{testCode, puk, string(testKey[:])} {
		if strings.Contains(seen.String(), secret) || strings.Contains(hex.EncodeToString(seen.Bytes()), hex.EncodeToString([]byte(secret))) {
			t.Error("a secret is in what it has seen")
		}
	}
}

// TestNeighbourLevel: the second applet has a level of its own: in carriage own, where packets
// without security reach the signing applet, they reach nobody else.
//
// Supports: 3.4-9, 3.5.3-6
func TestNeighbourLevel(t *testing.T) {
	p := in(t, "own", func(o *card.Options) { o.Neighbour = neighbourTAR; o.MSL = 0 })
	for _, spi := range []ota.SPI{{0x00, 0x01}, {0x02, 0x01}, {0x06, 0x01}} {
		p.cntr++
		h := []byte{0x00, 0x00, 0x0D, spi[0], spi[1], 0x12, 0x12}
		h = append(append(h, neighbourTAR[:]...), 0, 0, 0, 0, 0, byte(p.cntr))
		h[1], h[2] = byte((len(h)-2)>>8), byte(len(h)-2)
		if p.deliver(append(h, byte(neighbour.Show), 'H', 'i')); len(p.screens) > 0 {
			t.Errorf("SPI %v: screens %v", spi, p.screens)
		}
	}
	o := card.Options{Profile: profile()}
	o.Neighbour = o.TAR
	if _, err := card.New(o); err == nil {
		t.Error("two applets with one TAR")
	}
}
