package life

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota/sms"
)

// mood is what a user does at the next screen that waits for him.
type mood int

const (
	agree    mood = iota
	cancel        // ends the session
	leave         // does nothing: the phone gives up
	hold          // does nothing yet
	mistype       // a wrong code, once; or the repetition differs
	forgot        // wrong codes only, until this is over
	cardfail      // the phone cannot show it
)

// General results of a terminal response (TS 102 223 8.12).
const (
	resultDone     = 0x00
	resultEnded    = 0x10
	resultNoAnswer = 0x12
	resultUnable   = 0x20
	resultNetwork  = 0x21
)

// screen is a proactive command.
type screen struct {
	kind, qualifier byte
	details         []byte
	text            string
	tpdu            []byte
}

const (
	kindSend    = 0x13
	kindDisplay = 0x21
	kindInput   = 0x23
)

// waits reports whether a person answers it.
func (s *screen) waits() bool {
	return s.kind == kindInput || s.kind == kindDisplay && s.qualifier&0x80 != 0
}

// phone is a terminal with a card and a user. It meets the card by APDUs only, and
// everything in it happens at once.
type phone struct {
	card     *card.Card
	off      bool
	mood     mood // of the next screen
	mute     int  // so many messages the network refuses
	open     *screen
	held     [][]byte // what the network keeps, or the card was too busy for
	sent     []sms.Submit
	shown    []string // every text that waited for him
	codes    [2]string
	fresh    int // codes chosen so far
	chosen   string
	choosing int
	bad      func(format string, args ...any)
	aborted  int // sessions that a loss of power has ended
}

func (p *phone) boot() {
	p.card.Reset()
	p.follow(p.command(append([]byte{0x80, 0x10, 0, 0, 20}, bytes.Repeat([]byte{0xFF}, 20)...)))
}

// power switches the phone off or on.
func (p *phone) power(on bool) {
	if on == !p.off {
		return
	}
	if p.off = !on; p.off {
		if p.open != nil {
			p.aborted++
		}
		p.open = nil
		return
	}
	p.boot()
	p.again()
}

// again gives the card what it has not taken yet.
func (p *phone) again() {
	held := p.held
	p.held = nil
	for _, tpdu := range held {
		p.deliver(tpdu)
	}
}

// deliver takes an SMS-DELIVER for the card.
func (p *phone) deliver(tpdu []byte) {
	if p.off {
		p.held = append(p.held, tpdu)
		return
	}
	body := append([]byte{0x82, 0x02, 0x83, 0x81, 0x8B}, length(len(tpdu))...)
	body = append(body, tpdu...)
	b := append([]byte{0xD1}, length(len(body))...)
	b = append(b, body...)
	sw := p.command(append([]byte{0x80, 0xC2, 0, 0, byte(len(b))}, b...))
	if sw == 0x9300 {
		p.held = append(p.held, tpdu)
		return
	}
	p.follow(sw)
}

func length(n int) []byte {
	if n > 0x7F {
		return []byte{0x81, byte(n)}
	}
	return []byte{byte(n)}
}

// command sends a command and takes its data from the card: nobody wants them.
func (p *phone) command(apdu []byte) uint16 {
	_, sw := p.transmit(apdu)
	if sw>>8 == 0x61 {
		_, sw = p.transmit([]byte{0x80, 0xC0, 0, 0, byte(sw)})
	}
	return sw
}

func (p *phone) transmit(apdu []byte) ([]byte, uint16) {
	r := p.card.Transmit(apdu)
	n := len(r) - 2
	return r[:n], uint16(r[n])<<8 | uint16(r[n+1])
}

// follow does what the card wants until a person is asked or nothing is left.
func (p *phone) follow(sw uint16) {
	for sw>>8 == 0x91 && p.open == nil {
		b, got := p.transmit([]byte{0x80, 0x12, 0, 0, byte(sw)})
		if got != 0x9000 {
			p.bad("FETCH: %04X", got)
			return
		}
		s := parse(b)
		r, text := p.react(&s)
		if p.open != nil {
			return
		}
		sw = p.command(response(s.details, r, text))
	}
	if sw>>8 != 0x91 && p.open == nil && len(p.held) > 0 && !p.off {
		held := p.held[0]
		p.held = p.held[1:]
		p.deliver(held)
	}
}

// answer is what the user does with a screen that he had left open.
func (p *phone) answer(m mood) {
	s := p.open
	if s == nil {
		return
	}
	p.open = nil
	if p.mood = m; s.waits() {
		p.shown = p.shown[:len(p.shown)-1] // it is the same one
	}
	r, text := p.react(s)
	if p.open == nil {
		p.follow(p.command(response(s.details, r, text)))
	}
}

func parse(b []byte) screen {
	body := b[2:]
	if b[1] == 0x81 {
		body = b[3:]
	}
	var s screen
	for len(body) > 1 {
		n, at := int(body[1]), 2
		if n == 0x81 {
			n, at = int(body[2]), 3
		}
		v := body[at : at+n]
		switch body[0] & 0x7F {
		case 0x01:
			s.details, s.kind, s.qualifier = bytes.Clone(v), v[1], v[2]
		case 0x0D:
			s.text, _ = applet.Text{Coding: applet.TextCoding(v[0]), Octets: v[1:]}.Decode()
		case 0x0B:
			s.tpdu = bytes.Clone(v)
		}
		body = body[at+n:]
	}
	return s
}

func response(details []byte, result byte, text string) []byte {
	b := append([]byte{0x81, 0x03}, details...)
	b = append(b, 0x82, 0x02, 0x82, 0x81)
	if result == resultUnable {
		b = append(b, 0x83, 2, result, 0)
	} else {
		b = append(b, 0x83, 1, result)
	}
	if text != "" {
		b = append(b, 0x8D, byte(1+len(text)), 0x04)
		b = append(b, text...)
	}
	return append([]byte{0x80, 0x14, 0, 0, byte(len(b))}, b...)
}

func (p *phone) react(s *screen) (result byte, text string) {
	if s.kind == kindSend {
		return p.send(s.tpdu), ""
	}
	if !s.waits() {
		return resultDone, ""
	}
	p.shown = append(p.shown, s.text)
	m := p.mood
	if m != forgot {
		p.mood = agree
	}
	switch m {
	case hold:
		p.open = s
		return resultDone, ""
	case cancel:
		return resultEnded, ""
	case leave:
		return resultNoAnswer, ""
	case cardfail:
		return resultUnable, ""
	}
	if s.kind == kindDisplay {
		if m == mistype {
			p.mood = m // at the code
		}
		return resultDone, ""
	}
	return resultDone, p.enter(s.text, m != agree)
}

// send is SEND SHORT MESSAGE.
func (p *phone) send(tpdu []byte) byte {
	if p.mute > 0 {
		p.mute--
		return resultNetwork
	}
	m, err := sms.ParseSubmit(tpdu)
	if err != nil {
		p.bad("the card sends what is no SMS-SUBMIT: %v", err)
		return resultDone
	}
	m.UDH, m.UD = slices.Clone(m.UDH), slices.Clone(m.UD)
	p.sent = append(p.sent, m)
	return resultDone
}

// enter is what the user types at a prompt.
func (p *phone) enter(prompt string, wrong bool) string {
	if strings.Contains(prompt, "registration code") {
		return "59380"
	}
	i := 0
	if strings.Contains(prompt, "signature code") {
		i = 1
	}
	switch {
	case strings.Contains(prompt, "again"):
		if wrong {
			return "80246135"
		}
		p.codes[p.choosing] = p.chosen
		return p.chosen
	case strings.Contains(prompt, "Choose"):
		pool := []string{"714936", "258083", "905172", "361849", "470258"}
		for p.fresh++; slices.Contains(p.codes[:], pool[p.fresh%len(pool)]); p.fresh++ {
		}
		p.choosing, p.chosen = i, pool[p.fresh%len(pool)]
		return p.chosen
	case wrong:
		return "80246135"[:6]
	}
	return p.codes[i]
}

// newCard is a card with its phone.
func newPhone(o card.Options, bad func(string, ...any)) (*phone, error) {
	o.Sleep = func(time.Duration) {}
	c, err := card.New(o)
	if err != nil {
		return nil, err
	}
	p := &phone{card: c, bad: bad}
	p.boot()
	return p, nil
}
