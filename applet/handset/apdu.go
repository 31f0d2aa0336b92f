package handset

import "fmt"

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
	statusBusy status = 0x9300 // toolkit busy (TS 102 221 10.2.1.1)
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

// apdu runs one command with everything that belongs to it: GET RESPONSE
// after 61xx (9Fxx of older cards), the right length after 6Cxx. hide marks
// octets that no trace may show. The data are valid until the next call.
func (h *Handset) apdu(name string, b []byte, hide span) ([]byte, status) {
	data, sw := h.transmit(name, b, hide)
	for range 4 {
		switch sw.sw1() {
		case 0x61, 0x9F:
			h.get = [5]byte{b[0] & 0x03, insGetResponse, 0, 0, sw.sw2()}
			data, sw = h.transmit("GET RESPONSE", h.get[:], span{})
		case 0x6C:
			again := append(h.again[:0], b...)
			again[len(again)-1] = sw.sw2()
			h.again = again
			data, sw = h.transmit(name, again, hide)
		default:
			h.noteStatus(sw)
			return data, sw
		}
	}
	return data, sw
}

// transmit is the one place where octets go into the card.
func (h *Handset) transmit(name string, b []byte, hide span) ([]byte, status) {
	if h.tracing() {
		shown := hide.mask(b)
		h.trace(LayerAPDU, ToCard, name, shown, commandFields(shown))
	}
	r := h.o.Card.Transmit(b)
	if len(r) < 2 {
		h.log.Error("card gave no status", "command", name, "octets", len(r))
		return nil, 0x6F00
	}
	if h.tracing() {
		h.trace(LayerAPDU, FromCard, name, r, responseFields(r))
	}
	n := len(r) - 2
	return r[:n], status(r[n])<<8 | status(r[n+1])
}

// noteStatus remembers that the card has a command to fetch.
func (h *Handset) noteStatus(sw status) {
	if sw.sw1() == 0x91 {
		h.fetch = int(sw.sw2())
		if h.fetch == 0 {
			h.fetch = 256
		}
	}
}

// ok tells whether a status means success, with or without a command to fetch.
func (s status) ok() bool { return s == statusOK || s.sw1() == 0x91 }

func (s status) String() string { return fmt.Sprintf("%04X", uint16(s)) }
