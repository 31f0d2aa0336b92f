package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// OTASealCmd makes a command packet, or with --status a response packet.
type OTASealCmd struct {
	otaKeys
	appletFlags
	SPI    string `name:"spi" placeholder:"HEX" help:"How the packet and its answer are protected, for example 1639; with --k0 that of the packet around the applet's own (0000)."`
	TAR    string `name:"tar" required:"" placeholder:"HEX" help:"The applet, 6 digits."`
	CNTR   string `name:"cntr" default:"0" placeholder:"HEX" help:"The counter, up to 10 digits. Where the SPI has none it goes into the packet all the same."`
	Inner  string `name:"inner-cntr" default:"1" placeholder:"HEX" help:"The counter of the packet under the applet's keys (${default})."`
	Of     string `name:"of" placeholder:"HEX|@FILE" help:"The request that an --answer is for: its hash (B7) is put behind the data."`
	Data   string `default:"" placeholder:"HEX|@FILE|-" help:"The data to be sent."`
	Status string `placeholder:"HEX" help:"Make a response packet with this status; SPI, KIc and KID are those of the command."`

	Segments bool   `xor:"form" help:"Print the header and the data of each short message."`
	TPDU     string `name:"tpdu" enum:",deliver,submit,envelope" default:"" placeholder:"deliver|submit|envelope" help:"Print the SMS-DELIVER or SMS-SUBMIT of each short message, or the ENVELOPE with which a phone gives it to the card."`
	Number   string `default:"+41790000000" help:"The number in the TPDU (${default})."`
	Ref      uint16 `default:"1" help:"Concatenation reference (${default})."`
	Ref16    bool   `help:"Use a 16-bit concatenation reference."`
	CPIFirst bool   `name:"cpi-first" help:"Put element 70 before the concatenation element."`
}

// Run prints the packet, or the messages that carry it, one a line.
func (k *OTASealCmd) Run(c *cli) error {
	if k.Segments && k.TPDU != "" {
		return usage("choose --segments or --tpdu")
	}
	packet, cpi, err := k.seal(c)
	if err != nil {
		return k.policy(err)
	}
	if !k.Segments && k.TPDU == "" {
		c.printf("%X\n", packet)
		return nil
	}
	parts, err := sms.Split(packet, sms.SplitOptions{CPI: cpi, Ref: k.Ref, Ref16: k.Ref16, CPIFirst: k.CPIFirst})
	if err != nil {
		return err
	}
	for _, p := range parts {
		if k.Segments {
			c.printf("%X %X\n", p.UDH, p.UD)
			continue
		}
		tpdu, err := k.tpdu(p)
		if err != nil {
			return err
		}
		c.printf("%X\n", tpdu)
	}
	return nil
}

func (k *OTASealCmd) seal(c *cli) ([]byte, sms.CPI, error) {
	cmd, err := k.command(c)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case k.Status != "":
		return k.sealResponse(c, cmd)
	case k.K0 != "":
		return k.sealApplet(c, cmd)
	}
	ks, err := k.keySet(c, cmd.KIc, cmd.KID, cmd.SPI.Ciphered(), cmd.SPI.Integrity() == ota.IntegrityCC)
	if err != nil {
		return nil, 0, err
	}
	security := ota.Security{Lab: k.Lab}
	if err := security.CheckCommand(cmd); err != nil {
		return nil, 0, err
	}
	if err := security.CheckKeys(ks); err != nil {
		return nil, 0, err
	}
	packet, err := ks.Seal(nil, cmd)
	return packet, sms.CommandCPI, err
}

// sealApplet makes a packet under keys of the applet, in the one form that INT6 permits, and
// around a request the packet that brings it.
func (k *OTASealCmd) sealApplet(c *cli, cmd *ota.Command) ([]byte, sms.CPI, error) {
	keys, err := k.keys(c)
	if err != nil {
		return nil, 0, err
	}
	if k.Answer {
		if k.Of != "" {
			request, err := c.octets("--of", k.Of)
			if err != nil {
				return nil, 0, err
			}
			cmd.Data = withRequest(cmd.Data, request)
		}
		packet, err := carriage.SealAnswer(nil, keys, cmd.TAR, cmd.CNTR, cmd.Data)
		return packet, sms.CommandCPI, err
	}
	m := carriage.Command{TAR: cmd.TAR, SPI: cmd.SPI, Lab: k.Lab, Message: cmd.Data, DomainCNTR: cmd.CNTR, Applet: keys}
	if m.AppletCNTR, err = ota.ParseCNTR(k.Inner); err != nil {
		return nil, 0, fmt.Errorf("--inner-cntr: %w", err)
	}
	if cmd.SPI != (ota.SPI{}) {
		if m.Domain, err = k.keySet(c, cmd.KIc, cmd.KID, cmd.SPI.Ciphered(), cmd.SPI.Integrity() == ota.IntegrityCC); err != nil {
			return nil, 0, err
		}
	}
	packet, err := carriage.Own{}.Seal(nil, &m)
	return packet, sms.CommandCPI, err
}

func (k *OTASealCmd) sealResponse(c *cli, cmd *ota.Command) ([]byte, sms.CPI, error) {
	status, err := strconv.ParseUint(k.Status, 16, 8)
	if err != nil {
		return nil, 0, usage("--status needs one octet in hexadecimal")
	}
	ks, err := k.keySet(c, cmd.KIc, cmd.KID, cmd.SPI.PoRCiphered(), cmd.SPI.PoRIntegrity() == ota.IntegrityCC)
	if err != nil {
		return nil, 0, err
	}
	security := ota.Security{Lab: k.Lab}
	if err := security.CheckSPI(cmd.SPI); err != nil {
		return nil, 0, err
	}
	if err := security.CheckKeys(ks); err != nil {
		return nil, 0, err
	}
	packet, err := ks.SealResponse(nil, cmd.SPI, &ota.Response{
		TAR: cmd.TAR, CNTR: cmd.CNTR, KID: cmd.KID, Status: ota.ResponseStatus(status), Data: cmd.Data,
	})
	return packet, sms.ResponseCPI, err
}

func (k *OTASealCmd) command(c *cli) (*ota.Command, error) {
	var cmd ota.Command
	var err error
	switch {
	case k.SPI != "":
		if cmd.SPI, err = ota.ParseSPI(k.SPI); err != nil {
			return nil, fmt.Errorf("--spi: %w", err)
		}
	case k.K0 == "":
		return nil, usage("missing flags: --spi=HEX")
	}
	if cmd.TAR, err = ota.ParseTAR(k.TAR); err != nil {
		return nil, fmt.Errorf("--tar: %w", err)
	}
	if cmd.CNTR, err = ota.ParseCNTR(k.CNTR); err != nil {
		return nil, fmt.Errorf("--cntr: %w", err)
	}
	if cmd.KIc, cmd.KID, err = k.octets(); err != nil {
		return nil, err
	}
	cmd.CNTRAnyway = true
	cmd.Data, err = c.octets("--data", k.Data)
	return &cmd, err
}

func (k *OTASealCmd) tpdu(p sms.Part) ([]byte, error) {
	number, err := sms.ParseMSISDN(k.Number)
	if err != nil {
		return nil, fmt.Errorf("--number: %w", err)
	}
	a := sms.AddressOf(number)
	if k.TPDU == "submit" {
		s := sms.Submit{Destination: a, PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UDH: p.UDH, UD: p.UD}
		return s.AppendBinary(nil)
	}
	d := sms.Deliver{
		Originator: a, PID: sms.PIDDownload, DCS: sms.DCSClass2Data,
		Time: sms.NewTimestamp(time.Now()), UDH: p.UDH, UD: p.UD,
	}
	b, err := d.AppendBinary(nil)
	if err == nil && k.TPDU == "envelope" {
		b = envelope(b)
	}
	return b, err
}
