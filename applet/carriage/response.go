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

// Begin takes response packets, and command packets that the profile permits.
func (c Response) Begin(e *Expected, cpi sms.CPI, ud []byte) (start ota.Start, err error) {
	switch cpi {
	case sms.ResponseCPI:
		return ota.ParseResponseStart(ud)
	case sms.CommandCPI:
		if start, err = ota.ParseCommandStart(ud); err == nil {
			err = c.Security(e.SPI, e.Lab).CheckIncoming(&ota.Command{SPI: start.SPI, KIc: start.KIc, KID: start.KID})
		}
		return start, err
	}
	return start, ErrMark
}

// Open opens a response packet under the keys of the domain, or a command packet:
// a native applet may answer with one. That has a counter of its own, and a
// packet of ours that somebody sends back opens too; the transaction number in it is all
// that ties it to a request.
func (c Response) Open(dst []byte, e *Expected, cpi sms.CPI, ud []byte) (Heard, error) {
	switch cpi {
	case sms.ResponseCPI:
	case sms.CommandCPI:
		return c.openCommand(dst, e, ud)
	default:
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

func (c Response) openCommand(dst []byte, e *Expected, ud []byte) (Heard, error) {
	p, err := e.Domain.Open(dst, ud)
	if err == nil {
		err = c.Security(e.SPI, e.Lab).CheckIncoming(&p)
	}
	switch {
	case err != nil:
		return Heard{}, err
	case p.TAR != e.TAR:
		return Heard{}, ErrTAR
	}
	return Heard{Kind: Answer, INT6: p.Data}, nil
}

// heardResponse is what a response packet says of the command.
func heardResponse(r *ota.Response) Heard {
	h := Heard{Kind: Refused, Status: r.Status, Response: r}
	switch r.Status {
	case ota.StatusOK, ota.StatusMoreTime, ota.StatusFollowsByUSSD:
		h.Kind = Arrived
	case ota.StatusFollowsInSubmit:
		h.Kind = Shown
	}
	return h
}
