package card_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

const (
	testCode  = "2580"
	otherCode = "714936"
	puk       = "90817263"
)

var testTAR = ota.TAR{0xB0, 0x00, 0x51}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func aesKeys(kvn byte) card.KeySet {
	return card.KeySet{
		KVN: kvn,
		KIc: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x10 + kvn}, 16)},
		KID: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x20 + kvn}, 16)},
	}
}

func profile() card.Profile {
	return card.Profile{
		ICCID: "8999012345678901234", IMSI: "999010123456789", TAR: testTAR,
		KeySets: []card.KeySet{aesKeys(1)}, ServerAddress: "+46700000001",
		Codes: [2]card.CodeProfile{{Min: 4, Max: 8}, {Min: 6, Max: 6}}, UnblockingCode: puk,
	}
}

// reaction is what the user does at a screen: a text to enter, or a result.
type reaction struct {
	text   string
	result byte
	info   []byte
	item   byte // of a list
}

func ok() reaction                      { return reaction{} }
func enter(s string) reaction           { return reaction{text: s} }
func result(r byte, i ...byte) reaction { return reaction{result: r, info: i} }

// screen is a proactive command as the user or the network meets it.
type screen struct {
	kind      byte // of the command
	qualifier byte
	text      string
	lo, hi    byte
}

func (s screen) String() string { return fmt.Sprintf("%02X %q", s.kind, s.text) }

// phone is a scripted terminal with a server behind it. It meets the card
// only through Transmit.
type phone struct {
	testing.TB
	c       *card.Card
	ks      *ota.KeySet
	cntr    ota.CNTR
	tx      uint32
	spi     ota.SPI
	script  []reaction // for DISPLAY TEXT that waits and GET INPUT, in order
	screens []screen   // every DISPLAY TEXT and GET INPUT so far
	menus   []screen
	sent    [][]byte // SUBMIT TPDUs that the network took
	tried   [][]byte // all that the card wanted to send
	smsFail []reaction
	more    int // MORE TIME commands
	polls   int // POLL INTERVAL commands
	report  []byte

	way   carriage.Carriage
	keys  card.AppletKeys // in packet and own
	hash  []byte          // of the last message that was sealed
	heard ota.CNTR        // of the applet's answers
	waits bool            // a command is out (TestTerminalGoneMad)
}

// over is the carriage of the cards that newCard makes (TestEveryCarriage).
var over string

// tight makes them strict (TestEveryStrictCarriage).
var tight bool

var testKey = carriage.CardKey{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

func newPhone(t testing.TB, c *card.Card) *phone {
	t.Helper()
	k := aesKeys(1)
	ks, err := ota.NewKeySet(k.KVN, k.KIc, k.KID, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{TB: t, c: c, ks: ks, cntr: 100, spi: ota.SPI{0x16, 0x39}, keys: c.Profile().Keys}
	if p.way, err = carriage.Of(c.Profile().Carriage); err != nil {
		t.Fatal(err)
	}
	switch p.way.(type) {
	case carriage.Packet:
		p.spi = ota.SPI{0x16, 0x00}
	case carriage.Own:
		p.spi = ota.SPI{}
	}
	p.boot()
	return p
}

func newCard(t testing.TB, change func(*card.Options)) *card.Card {
	t.Helper()
	o := card.Options{Profile: profile()}
	o.Carriage, o.Keys.K0, o.Strict = over, testKey, tight
	if change != nil {
		change(&o)
	}
	c, err := card.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// fresh is a phone with a new active card.
func fresh(t testing.TB) *phone {
	t.Helper()
	return newPhone(t, newCard(t, func(o *card.Options) { o.Active = true }))
}

func (p *phone) boot() {
	p.Helper()
	p.c.Reset()
	p.apdu("80 10 00 00 14 FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 0x9000)
}

// apdu sends one command, follows 61xx and 91xx, and expects a final status.
func (p *phone) apdu(hexa string, want uint16) []byte {
	p.Helper()
	return p.exchange(unhex(p, hexa), want)
}

func (p *phone) exchange(apdu []byte, want uint16) []byte {
	p.Helper()
	data, sw := split(p.transmit(apdu))
	if sw>>8 == 0x61 {
		data, sw = split(p.transmit([]byte{0x80, 0xC0, 0, 0, byte(sw)}))
	}
	for sw>>8 == 0x91 {
		sw = p.fetch(byte(sw))
	}
	if sw != want {
		p.Fatalf("%X: status %04X, want %04X", apdu[:min(len(apdu), 5)], sw, want)
	}
	return data
}

// asSIM makes phones talk to the card as to a SIM of the second generation
// (TestClassA0).
var asSIM bool

// transmit is Transmit; to a SIM in its class, where 9Fxx says what 61xx does.
func (p *phone) transmit(apdu []byte) []byte {
	if !asSIM || len(apdu) < 2 || apdu[0] != 0x80 {
		return p.c.Transmit(apdu)
	}
	apdu = bytes.Clone(apdu)
	apdu[0] = 0xA0
	if apdu[1] == 0xF2 { // STATUS has always data there
		apdu = []byte{0xA0, 0xF2, 0, 0, 22}
		r := p.c.Transmit(apdu)
		return r[len(r)-2:]
	}
	r := p.c.Transmit(apdu)
	if sw := r[len(r)-2:]; sw[0] == 0x61 || sw[0] == 0x6C {
		p.Errorf("%X: a SIM answers %X", apdu[:5], sw)
	} else if sw[0] == 0x9F {
		sw[0] = 0x61
	}
	return r
}

func split(r []byte) ([]byte, uint16) {
	n := len(r) - 2
	return r[:n], uint16(r[n])<<8 | uint16(r[n+1])
}

// fetch takes a proactive command, reacts and gives the next status word.
func (p *phone) fetch(n byte) uint16 {
	p.Helper()
	cmd, sw := split(p.transmit([]byte{0x80, 0x12, 0, 0, n}))
	if sw != 0x9000 {
		p.Fatalf("FETCH: %04X", sw)
	}
	body := cmd[2:]
	if cmd[1] == 0x81 {
		body = cmd[3:]
	}
	var s screen
	var details, tpdu []byte
	tlvs(p, body, func(tag byte, v []byte) {
		switch tag {
		case 0x01:
			details, s.kind, s.qualifier = v, v[1], v[2]
		case 0x0D:
			s.text = decode(p, applet.Text{Coding: applet.TextCoding(v[0]), Octets: v[1:]})
		case 0x11:
			s.lo, s.hi = v[0], v[1]
		case 0x0B:
			tpdu = v
		case 0x0F:
			s.text += string(v[1:]) + "|"
		}
	})
	r := p.react(s, tpdu)
	_, sw = split(p.transmit(terminalResponse(details, r)))
	return sw
}

func (p *phone) react(s screen, tpdu []byte) reaction {
	p.Helper()
	switch s.kind {
	case 0x02:
		p.more++
		return ok()
	case 0x03:
		p.polls++
		return ok()
	case 0x25:
		p.menus = append(p.menus, s)
		return ok()
	case 0x13:
		p.tried = append(p.tried, bytes.Clone(tpdu))
		if len(p.smsFail) > 0 {
			r := p.smsFail[0]
			if p.smsFail = p.smsFail[1:]; r.result >= 0x10 {
				return r
			}
		}
		p.sent = append(p.sent, bytes.Clone(tpdu))
		return ok()
	}
	p.screens = append(p.screens, s)
	if s.kind == 0x21 && s.qualifier&0x80 == 0 {
		return ok()
	}
	if len(p.script) == 0 {
		p.Fatalf("nobody is there to answer %v", s)
	}
	r := p.script[0]
	p.script = p.script[1:]
	return r
}

func terminalResponse(details []byte, r reaction) []byte {
	b := append([]byte{0x81, 0x03}, details...)
	b = append(b, 0x82, 0x02, 0x82, 0x81, 0x83, byte(1+len(r.info)), r.result)
	b = append(b, r.info...)
	if r.text != "" {
		b = append(b, 0x8D, byte(1+len(r.text)), 0x04)
		b = append(b, r.text...)
	}
	if r.item != 0 {
		b = append(b, 0x90, 1, r.item)
	}
	return append([]byte{0x80, 0x14, 0, 0, byte(len(b))}, b...)
}

func tlvs(t testing.TB, b []byte, f func(tag byte, v []byte)) {
	t.Helper()
	for len(b) > 0 {
		n, at := int(b[1]), 2
		if n == 0x81 {
			n, at = int(b[2]), 3
		}
		f(b[0]&0x7F, b[at:at+n])
		b = b[at+n:]
	}
}

func decode(t testing.TB, x applet.Text) string {
	t.Helper()
	s, err := x.Decode()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
