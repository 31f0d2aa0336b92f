package card

import (
	"bytes"

	"github.com/simsign/simsign/applet/card/uicc"
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
	case c.opt.toNeighbour(o.tar):
		return c.handToNeighbour(o)
	case c.opt.sealsAnswers():
		return c.handOver(o)
	}
	return c.answerWithPoR(o), swOK
}

// handOver gives a packet to an applet that answers for itself. What the OTA layer says
// when SPI2 asks for it is that it has done so: 00 without data. It says it before the
// applet works, and by a short message only to somebody who has keys.
func (c *Card) handOver(o opened) ([]byte, uint16) {
	var report []byte
	if o.SPI.PoR() == ota.PoRAlways {
		from := o.Origin
		if !o.authentic() { // nothing that anybody chose is sealed
			from.SPI = o.SPI.PlainPoR()
		}
		packet := c.security.seal(o.tar, from, ota.StatusOK, nil, !o.SPI.PoRSubmit())
		switch {
		case !o.SPI.PoRSubmit():
			report = packet
		case o.authentic() && packet != nil:
			c.submit(packet, o.From)
		}
	}
	err := c.toolkit.trigger(o.event())
	_ = c.nv.Commit() // the counter is used whatever the applet did; a failure shows in the next command
	if err != nil && c.nv.failed == nil {
		return nil, swOther // the applet's exception; no report is asked for after it
	}
	return report, swOK
}

// answerWithPoR gives a packet to an applet whose answer is the PoR: into the
// SMS-DELIVER-REPORT when SPI2 wants it there, nobody was asked yet and it fits; otherwise
// the PoR says that it follows, and the applet has it made later (uicc.System.Respond).
func (c *Card) answerWithPoR(o opened) []byte {
	e := o.event()
	var report []byte
	open := o.SPI.PoR() == ota.PoRAlways && !o.SPI.PoRSubmit()
	e.Envelope.Post = func(data []byte) bool {
		if s := c.toolkit.running; !open || s == nil || s.sent {
			return false
		}
		b := c.security.seal(o.tar, o.Origin, ota.StatusOK, data, true)
		if b == nil || len(b) > maxReport {
			return false
		}
		report, open = b, false
		return true
	}
	_ = c.toolkit.trigger(e)
	open = false
	if c.nv.Commit() != nil || report != nil || o.SPI.PoR() != ota.PoRAlways {
		return report
	}
	return c.security.seal(o.tar, o.Origin, ota.StatusFollowsInSubmit, nil, true)
}

// handToNeighbour gives a packet to the second applet: what it posts before its first
// command goes into the PoR.
func (c *Card) handToNeighbour(o opened) ([]byte, uint16) {
	e := o.event()
	var posted []byte
	e.Envelope.Post = func(data []byte) bool {
		posted = bytes.Clone(data)
		return true
	}
	err := c.toolkit.trigger(e)
	_ = c.nv.Commit()
	if err != nil || o.SPI.PoR() != ota.PoRAlways {
		return nil, swOK
	}
	submit := o.SPI.PoRSubmit()
	packet := c.security.seal(o.tar, o.Origin, ota.StatusOK, posted, !submit)
	if !submit && len(packet) > maxReport { // more than the report holds is lost
		packet = c.security.seal(o.tar, o.Origin, ota.StatusOK, nil, true)
	}
	if submit && packet != nil {
		c.submit(packet, o.From)
		return nil, swOK
	}
	return packet, swOK
}

// event is what the applet gets of a packet.
func (o *opened) event() *uicc.Event {
	return &uicc.Event{Kind: uicc.Message, Envelope: &uicc.Envelope{
		Origin: o.Origin, TAR: o.tar, KIc: o.kic, KID: o.kid, Data: o.data, Post: func([]byte) bool { return false },
	}}
}

// report answers an authenticated packet with an error, on the way that its
// SPI2 asks for.
func (c *Card) report(o opened) []byte {
	packet := c.security.fault(o)
	if packet == nil {
		return nil
	}
	if !o.SPI.PoRSubmit() || !o.authentic() {
		return append([]byte(responseUDH), packet...)
	}
	c.submit(packet, o.From)
	return nil
}

// submit is the task of sending a response packet of the card's own: to the server of the
// card's profile, or where the command came from.
func (c *Card) submit(packet []byte, from sms.Address) {
	to := uicc.Address(c.opt.ServerAddress, from)
	c.toolkit.begin(func(h uicc.Handler) {
		c.reference++
		c.sender.Submit(h, sms.ResponseCPI, c.reference, packet, to)
	})
}
