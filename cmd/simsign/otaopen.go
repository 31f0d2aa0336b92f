package main

import (
	"errors"
	"fmt"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// OTAOpenCmd opens a packet of either kind.
type OTAOpenCmd struct {
	otaKeys
	appletFlags
	Of       string   `name:"of" placeholder:"HEX|@FILE" help:"The request that an --answer must be for."`
	SPI      string   `name:"spi" placeholder:"HEX" help:"For a response packet: the SPI of the command that it answers."`
	Response bool     `help:"It is a response packet. Not needed where its user data header stands before it."`
	Packet   []string `arg:"" placeholder:"HEX|@FILE|-" help:"The packet; or its short messages: header and data of each, SMS-DELIVER, SMS-SUBMIT, an ENVELOPE (D1) or SEND SHORT MESSAGE (D0) around one."`
}

// Run prints the fields, one a line.
func (k *OTAOpenCmd) Run(c *cli) error {
	packet, cpi, err := k.packet(c)
	if err != nil {
		return err
	}
	if cpi == sms.ResponseCPI || k.Response {
		return k.policy(k.response(c, packet))
	}
	if k.K0 != "" && k.Answer {
		return k.answer(c, packet)
	}
	return k.policy(k.command(c, packet))
}

// packet reads the arguments and joins segments.
func (k *OTAOpenCmd) packet(c *cli) ([]byte, sms.CPI, error) {
	var parts []sms.Part
	for i, arg := range k.Packet {
		b, err := c.octets(fmt.Sprintf("packet %d", i+1), arg)
		if err != nil {
			return nil, 0, err
		}
		p, err := partOf(b)
		if err != nil {
			return nil, 0, fmt.Errorf("packet %d: %w", i+1, err)
		}
		parts = append(parts, p)
	}
	return sms.Join(nil, parts)
}

func (k *OTAOpenCmd) command(c *cli, packet []byte) error {
	h, err := ota.ParseHeader(packet)
	if err != nil {
		return err
	}
	ks, err := k.keySet(c, h.KIc, h.KID, h.SPI.Ciphered(), h.SPI.Integrity() == ota.IntegrityCC)
	if err != nil {
		return err
	}
	cmd, err := ks.Open(nil, packet)
	if err != nil {
		return err
	}
	security := ota.Security{Lab: k.Lab}
	if nested := k.K0 != "" && cmd.SPI == (ota.SPI{}); !nested { // which is lawful around what has all of it
		err := k.holds(func() error { return security.CheckIncoming(&cmd) }, func() error { return security.CheckKeys(ks) })
		if err != nil {
			return err
		}
	}
	c.printf("command packet\n")
	c.commandFields(&cmd)
	if k.K0 != "" {
		return k.inner(c, cmd.TAR, cmd.Data)
	}
	return nil
}

func (c *cli) commandFields(cmd *ota.Command) {
	c.printf("  SPI      %s  %s\n", cmd.SPI, cmd.SPI.Describe())
	c.printf("  KIc      %02X\n  KID      %02X\n", cmd.KIc, cmd.KID)
	c.printf("  TAR      %s\n", cmd.TAR)
	c.printf("  CNTR     %s\n", cmd.CNTR)
	c.fields(cmd.PCNTR, cmd.MAC, cmd.SPI.Integrity(), cmd.Data)
}

func (k *OTAOpenCmd) response(c *cli, packet []byte) error {
	if k.SPI == "" {
		return usage("a response packet needs the --spi of its command")
	}
	spi, err := ota.ParseSPI(k.SPI)
	if err != nil {
		return fmt.Errorf("--spi: %w", err)
	}
	kic, kid, err := k.octets()
	if err != nil {
		return err
	}
	ks, err := k.keySet(c, kic, kid, spi.PoRCiphered(), spi.PoRIntegrity() == ota.IntegrityCC)
	if err != nil {
		return err
	}
	r, err := ks.OpenResponse(nil, packet, spi)
	if err != nil {
		return err
	}
	security := ota.Security{Lab: k.Lab}
	if err := k.holds(func() error { return security.CheckKeys(ks) }); err != nil {
		return err
	}
	verdict := security.CheckResponse(spi, &r)
	if verdict != nil && !k.Any && !errors.Is(verdict, ota.ErrUnauthenticated) {
		return verdict
	}
	kind := spi.PoRIntegrity()
	if len(r.MAC) == 0 {
		kind = ota.IntegrityNone
	}
	c.printf("response packet\n")
	c.printf("  TAR      %s\n", r.TAR)
	c.printf("  CNTR     %s\n", r.CNTR)
	c.printf("  status   %02X  %s\n", byte(r.Status), r.Status)
	c.fields(r.PCNTR, r.MAC, kind, r.Data)
	if k.Any && errors.Is(verdict, ota.ErrPolicy) {
		return nil
	}
	return verdict
}

// fields prints what both kinds of packet have.
func (c *cli) fields(pcntr byte, mac []byte, kind ota.Integrity, data []byte) {
	c.printf("  PCNTR    %d\n", pcntr)
	if len(mac) > 0 {
		c.printf("  %s       %X  right\n", kind, mac)
	} else {
		c.printf("  no check value\n")
	}
	c.printf("  data     %X\n", data)
}
