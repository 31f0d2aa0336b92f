package carriage

import (
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Response is the carriage of INT6 version 01: the answer is the data of the
// response packet, under the keys of the command.
type Response struct{}

// Name is "response".
func (Response) Name() string { return "response" }

// Version is 01.
func (Response) Version() byte { return 1 }

// Needs are the keys of the domain.
func (Response) Needs(ota.SPI) Needs { return Needs{Domain: true} }

// Security asks for a protected answer.
func (Response) Security(spi ota.SPI, lab bool) ota.Security {
	return ota.Security{SPI: spi, Lab: lab}
}

// Room is that of a sealed packet.
func (Response) Room(octets int, _ ota.SPI) int { return sealedRoom(octets) }

// Seal makes a packet of the domain.
func (c Response) Seal(dst []byte, m *Command) ([]byte, error) {
	return sealByDomain(dst, c.Security(m.SPI, m.Lab), m, m.Message)
}

// sealByDomain makes a packet of the domain, held to the rules of its profile.
func sealByDomain(dst []byte, sec ota.Security, m *Command, data []byte) ([]byte, error) {
	p := ota.Command{SPI: m.SPI, TAR: m.TAR, CNTR: m.DomainCNTR, Data: data}
	if err := sec.CheckCommand(&p); err != nil {
		return dst, err
	}
	return m.Domain.Seal(dst, &p)
}

// Open opens a response packet under the keys of the domain.
func (c Response) Open(dst []byte, e *Expected, cpi sms.CPI, ud []byte) (Heard, error) {
	if cpi != sms.ResponseCPI {
		return Heard{}, ErrMark
	}
	r, err := e.Domain.OpenResponse(dst, ud, e.SPI)
	if err == nil {
		err = c.Security(e.SPI, e.Lab).CheckResponse(e.SPI, &r)
	}
	if err != nil {
		return Heard{}, err
	}
	h := heardResponse(&r)
	if r.Status == ota.StatusOK && len(r.Data) > 0 {
		h.Kind, h.INT6 = Answer, r.Data
	}
	return h, nil
}

// heardResponse is what a response packet says of the command.
func heardResponse(r *ota.Response) Heard {
	h := Heard{Kind: Refused, Status: r.Status, CNTR: r.CNTR, Response: r}
	switch r.Status {
	case ota.StatusOK, ota.StatusMoreTime, ota.StatusFollowsByUSSD:
		h.Kind = Arrived
	case ota.StatusFollowsInSubmit:
		h.Kind = Shown
	}
	return h
}
