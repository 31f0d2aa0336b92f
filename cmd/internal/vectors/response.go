package vectors

import (
	"bytes"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// response checks a response packet: opened, taken apart, sealed again, cut.
func (e *entry) response(c *check) {
	if e.RawPacket == nil {
		c.fail("raw_packet is missing")
		return
	}
	if e.ExpectError != nil {
		e.refused(c, *e.RawPacket, *e.ExpectError)
		return
	}
	if e.Decoded == nil {
		c.fail("decoded is missing")
		return
	}
	e.opened(c, *e.RawPacket)
	if c.err == nil {
		e.segments(c, *e.RawPacket, sms.ResponseCPI)
	}
}

// openResponse opens a packet, whatever it is, with the keys of the entry.
func (e *entry) openResponse(packet []byte) (*ota.KeySet, ota.SPI, ota.Response, error) {
	spi, err := e.spi()
	if err != nil {
		return nil, spi, ota.Response{}, err
	}
	macLen := 8
	if h, err := ota.ParseResponseHead(packet); err == nil {
		macLen = h.MACLen
	}
	ks, err := e.keySet(spi.PoRCiphered(), spi.PoRIntegrity(), macLen)
	if err != nil {
		return nil, spi, ota.Response{}, err
	}
	r, err := ks.OpenResponse(nil, packet, spi)
	return ks, spi, r, err
}

// opened compares what is in the packet and makes it again.
func (e *entry) opened(c *check, packet []byte) {
	ks, spi, r, err := e.openResponse(packet)
	if c.failed("codec", err) {
		return
	}
	compareResponse(c, packet, r, e.Decoded)
	if e.KID != nil && len(*e.KID) == 1 {
		r.KID = (*e.KID)[0]
	}
	if len(r.MAC) == 0 {
		spi = spi.PlainPoR()
		if r.Block > 0 {
			spi[1] |= 0x10 // ciphered only
		}
	}
	again, err := ks.SealResponse(nil, spi, &r)
	if c.failed("codec", err) {
		return
	}
	if bytes.Count(r.Padding, []byte{0}) == len(r.Padding) {
		want := octets(packet)
		c.octets("packet", again, &want)
	} else if len(again) != len(packet) || bytes.Equal(again, packet) {
		c.fail("a packet with padding other than zeros must differ from ours in nothing but that")
	}
}

func compareResponse(c *check, packet []byte, r ota.Response, d *decoded) {
	if d.Status == nil || d.CNTR == nil || d.Data == nil && d.SecuredData == nil {
		c.fail("decoded lacks status, cntr or additional_data")
		return
	}
	c.octets("TAR", r.TAR[:], d.TAR)
	c.octets("CNTR", cntrOctets(r.CNTR), d.CNTR)
	c.number("status", int(r.Status), d.Status)
	c.octets("additional_data", r.Data, d.Data)
	c.octets("secured_data", r.Data, d.SecuredData)
	c.number("RPL", int(packet[0])<<8|int(packet[1]), d.RPL)
	c.number("RHL", int(packet[2]), d.RHL)
	c.number("PCNTR", int(r.PCNTR), d.PCNTR)
	c.octets("integrity", r.MAC, d.Integrity)
	var covered []byte
	if len(r.MAC) > 0 {
		covered = bytes.Join([][]byte{
			{0x02, 0x71, 0x00}, packet[:6], cntrOctets(r.CNTR), {r.PCNTR, byte(r.Status)}, r.Data, r.Padding,
		}, nil)
	}
	c.octets("integrity_input", covered, d.IntegrityInput)
	if d.Compact == nil {
		return
	}
	if len(r.Data) < 3 {
		c.fail("%d octets are no answer of remote management", len(r.Data))
		return
	}
	c.number("number_of_commands", int(r.Data[0]), d.Compact.Commands)
	c.octets("last_sw", r.Data[1:3], d.Compact.SW)
	c.octets("last_data", r.Data[3:], d.Compact.Data)
}
