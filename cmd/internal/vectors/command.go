package vectors

import (
	"bytes"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// command checks a command packet: sealed, opened, taken apart, cut.
func (e *entry) command(c *check) {
	if e.Packet == nil {
		c.fail("packet is missing")
		return
	}
	if e.ExpectError != nil {
		e.refusedCommand(c, *e.Packet, *e.ExpectError)
		return
	}
	e.names(c)
	if !e.sealed(c, *e.Packet) {
		return
	}
	c.number("packet_len", len(*e.Packet), e.PacketLen)
	e.segments(c, *e.Packet, sms.CommandCPI)
}

// sealed seals the fields and opens the packet: each must give the other.
func (e *entry) sealed(c *check, packet []byte) bool {
	want, err := e.fields()
	if c.failed("fields", err) {
		return false
	}
	have, opened, err := e.roundTrip(want, packet)
	if c.failed("codec", err) {
		return false
	}
	expect := octets(packet)
	c.octets("packet", have, &expect)
	payload := octets(want.Data)
	c.octets("opened data", opened.Data, &payload)
	if opened.SPI != want.SPI || opened.KIc != want.KIc || opened.KID != want.KID || opened.TAR != want.TAR || opened.CNTR != want.CNTR {
		c.fail("the opened header is not the one that was sealed")
	}
	e.apart(c, packet, opened)
	return c.err == nil
}

func (e *entry) roundTrip(want ota.Command, packet []byte) (sealed []byte, opened ota.Command, err error) {
	macLen := 8
	if h, err := ota.ParseHeader(packet); err == nil {
		macLen = h.MACLen
	}
	ks, err := e.keySet(want.SPI.Ciphered(), want.SPI.Integrity(), macLen)
	if err != nil {
		return nil, opened, err
	}
	if sealed, err = ks.Seal(nil, &want); err != nil {
		return nil, opened, err
	}
	opened, err = ks.Open(nil, packet)
	return sealed, opened, err
}

// apart compares what the packet is made of.
func (e *entry) apart(c *check, packet []byte, o ota.Command) {
	c.number("payload_len", len(o.Data), e.PayloadLen)
	f := e.Fields
	if f == nil {
		return
	}
	c.number("CPL", int(packet[0])<<8|int(packet[1]), f.CPL)
	c.number("CHL", int(packet[2]), f.CHL)
	c.number("PCNTR", int(o.PCNTR), f.PCNTR)
	c.octets("integrity", o.MAC, f.Integrity)
	counter := append(cntrOctets(o.CNTR), o.PCNTR)
	var covered, ciphered []byte
	if o.SPI.Integrity() != ota.IntegrityNone {
		covered = bytes.Join([][]byte{packet[:10], counter, o.Data, o.Padding}, nil)
	}
	if o.Block > 0 {
		ciphered = bytes.Join([][]byte{counter, o.MAC, o.Data, o.Padding}, nil)
	}
	c.octets("integrity_input", covered, f.IntegrityInput)
	c.octets("cipher_input", ciphered, f.CipherInput)
}

// names compares the words of the entry with the bits of the SPI.
func (e *entry) names(c *check) {
	spi, err := e.spi()
	if c.failed("fields", err) {
		return
	}
	security := [...]string{"", "rc", "cc", "ds"}[spi.Integrity()]
	switch {
	case spi.Ciphered() && security != "":
		security += "+enc"
	case spi.Ciphered():
		security = "enc"
	case security == "":
		security = "none"
	}
	c.text("security", security, e.Security)
	c.number("counter_mode", int(spi.Counter()), e.CounterMode)
	if spi.Integrity() == ota.IntegrityRC && e.KID != nil && len(*e.KID) == 1 {
		c.text("alg_kid", map[byte]string{1: "CRC16", 5: "CRC32"}[(*e.KID)[0]&0x0F], e.AlgKID)
	}
}
