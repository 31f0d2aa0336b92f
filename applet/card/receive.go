package card

import (
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// receive takes a command packet and gives the user data of the
// SMS-DELIVER-REPORT. Nothing below the card's level and nothing
// unauthenticated ever makes the card ask the user or send a message.
func (c *Card) receive(packet []byte, from sms.Address) ([]byte, uint16) {
	o, refusal, ok := c.security.open(packet, from)
	switch {
	case !ok:
		return refusal, swOK
	case o.status != ota.StatusOK:
		return c.report(o), swOK
	}
	if !c.opt.sealsAnswers() {
		return c.applet.accept(o), swOK
	}
	return c.handOver(o)
}

// handOver gives a packet to an applet that answers for itself. What the OTA layer says
// when SPI2 asks for it is that it has done so: 00 without data. It says it before the
// applet works, and by a short message only to somebody who has keys.
func (c *Card) handOver(o opened) ([]byte, uint16) {
	var report []byte
	room := !c.toolkit.full()
	if o.spi.PoR() == ota.PoRAlways {
		from := o.origin
		if !o.authentic() { // nothing that anybody chose is sealed
			from.spi = o.spi.PlainPoR()
		}
		packet := c.security.seal(from, ota.StatusOK, nil, !o.spi.PoRSubmit())
		switch {
		case !o.spi.PoRSubmit():
			report = packet
		case o.authentic() && packet != nil:
			c.submit(packet, o.origin)
		}
	}
	if !c.applet.take(o, room || !c.opt.Strict) && c.opt.Strict {
		return nil, swOther // the applet's exception; a report is not asked for after it
	}
	return report, swOK
}

// report answers an authenticated packet with an error, on the way that its
// SPI2 asks for.
func (c *Card) report(o opened) []byte {
	packet := c.security.fault(o)
	if packet == nil {
		return nil
	}
	if !o.spi.PoRSubmit() || !o.authentic() {
		return append([]byte(responseUDH), packet...)
	}
	c.submit(packet, o.origin)
	return nil
}

// submit is the job of sending a response packet.
func (c *Card) submit(packet []byte, o origin) {
	c.toolkit.begin(&job{run: func(s *session) {
		c.sender.submit(s, sms.ResponseCPI, packet, c.applet.destination(o))
	}})
}
