package handset

import (
	"fmt"
	"log/slog"
)

// Transmitter is a card as a reader sees it: one APDU in, one answer (data
// and two status octets) out. A card that can be reset also has ATR.
type Transmitter interface {
	Transmit(apdu []byte) []byte
}

// status is SW1 SW2.
type status uint16

func (s status) sw1() byte { return byte(s >> 8) }
func (s status) sw2() byte { return byte(s) }

const (
	statusOK   status = 0x9000
	statusBusy status = 0x9300 // toolkit busy (TS 102 221 10.2.1.2)
)

// Instructions (TS 102 221 10.1.2).
const (
	insTerminalProfile  = 0x10
	insFetch            = 0x12
	insTerminalResponse = 0x14
	insSelect           = 0xA4
	insReadBinary       = 0xB0
	insReadRecord       = 0xB2
	insGetResponse      = 0xC0
	insEnvelope         = 0xC2
	insStatus           = 0xF2
)

// simSession is what the phone knows of its card, from one reset to the next,
// and the one way in: APDUs.
type simSession struct {
	card     Transmitter
	log      *slog.Logger
	trace    *tracer
	fetch    int // octets of the proactive command that waits; 0 is none
	services ust
	second   bool   // the phone is of the second generation
	sim      bool   // class A0 is spoken
	centre   []byte // service centre of EF.SMSP

	get   [5]byte
	again []byte
	buf   []byte // of the command that is written
}

// apdu runs one command with everything that belongs to it: GET RESPONSE
// after 61xx (9Fxx of older cards), the right length after 6Cxx. hide marks
// octets that no trace may show. The data are valid until the next call.
func (c *simSession) apdu(name string, b []byte, hide span) ([]byte, status) {
	data, sw := c.transmit(name, b, hide)
	for range 4 {
		switch sw.sw1() {
		case 0x61, 0x9F:
			c.get = [5]byte{b[0] & 0x03, insGetResponse, 0, 0, sw.sw2()}
			data, sw = c.transmit("GET RESPONSE", c.get[:], span{})
		case 0x6C:
			again := append(c.again[:0], b...)
			again[len(again)-1] = sw.sw2()
			c.again = again
			data, sw = c.transmit(name, again, hide)
		default:
			c.noteStatus(sw)
			return data, sw
		}
	}
	return data, sw
}

// transmit is the one place where octets go into the card.
func (c *simSession) transmit(name string, b []byte, hide span) ([]byte, status) {
	if c.sim {
		b = c.older(b)
	}
	if c.trace.on() {
		shown := hide.mask(b)
		c.trace.see(LayerAPDU, ToCard, name, shown, commandFields(shown))
	}
	r := c.card.Transmit(b)
	if len(r) < 2 {
		c.log.Error("card gave no status", "command", name, "octets", len(r))
		return nil, 0x6400 // not 6Fxx, with which a message would be acknowledged that nobody has
	}
	if c.trace.on() {
		c.trace.see(LayerAPDU, FromCard, name, r, responseFields(r))
	}
	n := len(r) - 2
	return r[:n], status(r[n])<<8 | status(r[n+1])
}

// noteStatus remembers that the card has a command to fetch.
func (c *simSession) noteStatus(sw status) {
	if sw.sw1() == 0x91 {
		c.fetch = int(sw.sw2())
		if c.fetch == 0 {
			c.fetch = 256
		}
	}
}

// ok tells whether a status means success, with or without a command to fetch.
func (s status) ok() bool { return s == statusOK || s.sw1() == 0x91 }

func (s status) String() string { return fmt.Sprintf("%04X", uint16(s)) }
