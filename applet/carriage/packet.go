package carriage

import (
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Packet is the carriage for cards that keep to the standards: a packet of the
// domain to the card, a packet of the applet back.
type Packet struct{}

// Name is "packet".
func (Packet) Name() string { return "packet" }

// Version is 02.
func (Packet) Version() byte { return 2 }

// Needs are the keys of the domain for requests, and the applet's for answers.
func (Packet) Needs(ota.SPI) Needs { return Needs{Domain: true, Answer: true} }

// Security asks for no answer in a response packet.
func (Packet) Security(spi ota.SPI, lab bool) ota.Security {
	return ota.Security{SPI: spi, Lab: lab, Apart: true}
}

// Room is that of a sealed packet.
func (Packet) Room(octets int, _ ota.SPI) int { return sealedRoom(octets) }

// Seal makes a packet of the domain.
func (c Packet) Seal(dst []byte, m *Command) ([]byte, error) {
	return sealByDomain(dst, c.Security(m.SPI, m.Lab), m, m.Message)
}

// Begin takes answer packets of the applet, and response packets where they can be
// authentic.
func (c Packet) Begin(e *Expected, cpi sms.CPI, ud []byte) (ota.Start, error) {
	switch {
	case cpi == sms.CommandCPI:
		return beginAnswer(e, ud)
	case cpi != sms.ResponseCPI:
		return ota.Start{}, ErrMark
	case !e.authenticPoR():
		return ota.Start{}, ErrNoAnswer
	}
	return ota.ParseResponseStart(ud)
}

// Open opens an answer packet, or a response packet of the domain that says where
// the request is.
func (c Packet) Open(dst []byte, e *Expected, cpi sms.CPI, ud []byte) (h Heard, err error) {
	switch {
	case cpi == sms.CommandCPI:
		err = openAnswer(&h, dst, e, ud)
		return h, err
	case cpi != sms.ResponseCPI:
		return Heard{}, ErrMark
	case !e.authenticPoR():
		return Heard{}, ErrNoAnswer
	}
	return c.openResponse(dst, e, ud)
}

// openResponse opens a response packet. One with data is none: the OTA layer has nothing to say
// about an applet that answers for itself, so somebody else made it.
func (c Packet) openResponse(dst []byte, e *Expected, ud []byte) (Heard, error) {
	r, err := e.Domain.OpenResponse(dst, ud, e.SPI)
	if err == nil {
		err = c.Security(e.SPI, e.Lab).CheckResponse(e.SPI, &r)
	}
	if err != nil {
		return Heard{}, err
	}
	if len(r.Data) > 0 {
		return Heard{}, ErrNoAnswer
	}
	h := heardResponse(&r)
	if r.Status == ota.StatusOK { // handed over to the applet, which asks at once
		h.Kind = Shown
	}
	return h, nil
}
