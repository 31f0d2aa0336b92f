package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// otaForm is how a packet is printed.
type otaForm struct {
	Segments bool   `help:"Print the header and the data of each short message."`
	TPDU     string `name:"tpdu" enum:",deliver,submit,envelope" default:"" placeholder:"deliver|submit|envelope" help:"Print the SMS-DELIVER or SMS-SUBMIT of each short message, or the data of the ENVELOPE (80 C2 00 00 Lc) with which a phone gives it to the card."`
	Number   string `default:"+41790000000" help:"The number in the TPDU (${default})."`
	PID      string `name:"pid" default:"7F" placeholder:"HEX" help:"TP-PID (${default})."`
	DCS      string `name:"dcs" default:"F6" placeholder:"HEX" help:"TP-DCS (${default})."`
	Ref      uint16 `default:"1" help:"Concatenation reference (${default})."`
	Ref16    bool   `help:"Use a 16-bit concatenation reference."`
	CPIFirst bool   `name:"cpi-first" help:"Put element 70 before the concatenation element."`
}

// OTASealCmd makes a command packet, or with --status a response packet.
type OTASealCmd struct {
	otaKeys
	appletFlags
	Carriage string `enum:"response,packet,own" default:"response" help:"Hold the SPI to the rules of this carriage: response, packet or own (${default}; with --k0 own)."`
	SPI      string `name:"spi" placeholder:"HEX" help:"How the packet and its answer are protected, for example 1639; with --k0 that of the packet around the applet's own (0000), with --answer that of the answer (1600)."`
	TAR      string `name:"tar" required:"" placeholder:"HEX" help:"The applet, 6 digits."`
	CNTR     string `name:"cntr" default:"0" placeholder:"HEX" help:"The counter, up to 10 digits. Where the SPI has none it goes into the packet all the same."`
	PCNTR    string `name:"pcntr" placeholder:"HEX" help:"Claim so many octets of padding; they are there when they fill whole blocks. Needs --any. With --k0 that of the packet under the applet's keys."`
	Inner    string `name:"inner-cntr" default:"1" placeholder:"HEX" help:"The counter of the packet under the applet's keys (${default})."`
	InnerSPI string `name:"inner-spi" default:"1600" placeholder:"HEX" help:"The SPI of that packet (${default}); another needs --any, as do the next three."`
	InnerKIc string `name:"inner-kic" placeholder:"HEX" help:"Its KIc octet (the key set, and 2)."`
	InnerKID string `name:"inner-kid" placeholder:"HEX" help:"Its KID octet (the key set, and 2)."`
	InnerTAR string `name:"inner-tar" placeholder:"HEX" help:"Its TAR (that of --tar)."`
	Of       string `name:"of" placeholder:"HEX|@FILE" help:"The request that an --answer is for: its hash (B7) is put behind the data."`
	Data     string `default:"" placeholder:"HEX|@FILE|-" help:"The data to be sent."`
	Status   string `placeholder:"HEX" help:"Make a response packet with this status; SPI, KIc and KID are those of the command."`
	otaForm
}

// Help says how to come to what must be refused.
func (*OTASealCmd) Help() string {
	return `What an applet or a gateway must refuse is made with --any: any SPI, any counter,
--pcntr, and under --k0 any --inner-spi, --inner-kic, --inner-kid, --inner-tar (with
--answer: --spi, --kic, --kid, --tar). The packet is sealed as it says itself, so
that nothing but what was asked for is wrong with it; only an SPI that asks for a
digital signature gets none. A packet that was cut or
changed by hand goes into short messages with "simsign ota wrap".`
}

// Run prints the packet, or the messages that carry it, one a line.
func (k *OTASealCmd) Run(c *cli) error {
	packet, cpi, err := k.seal(c)
	if err != nil {
		return k.policy(err)
	}
	return k.print(c, packet, cpi)
}

// OTAWrapCmd makes short messages of a packet that is there.
type OTAWrapCmd struct {
	Response bool   `help:"It is a response packet (element 71), not a command packet (70)."`
	Plain    bool   `help:"It is no packet: no element says so."`
	Packet   string `arg:"" placeholder:"HEX|@FILE|-" help:"The octets; nothing about them is looked at."`
	otaForm
}

// Run prints the messages, one a line.
func (k *OTAWrapCmd) Run(c *cli) error {
	packet, err := c.octets("the packet", k.Packet)
	if err != nil {
		return err
	}
	cpi := sms.CommandCPI
	switch {
	case k.Response && k.Plain:
		return usage("choose --response or --plain")
	case k.Response:
		cpi = sms.ResponseCPI
	case k.Plain:
		cpi = sms.NoCPI
	}
	if k.TPDU == "" {
		k.Segments = true
	}
	return k.print(c, packet, cpi)
}

func (k *otaForm) print(c *cli, packet []byte, cpi sms.CPI) error {
	if k.Segments && k.TPDU != "" {
		return usage("choose --segments or --tpdu")
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
	if err := k.idle(); err != nil {
		return nil, 0, err
	}
	switch {
	case k.Status != "":
		return k.sealResponse(c, cmd)
	case k.K0 != "":
		packet, err := k.sealApplet(c, cmd)
		return packet, sms.CommandCPI, err
	}
	packet, err := k.sealDomain(c, cmd, ota.Security{Lab: k.Lab, Apart: k.Carriage != carriage.Response{}.Name()})
	return packet, sms.CommandCPI, err
}

// idle refuses flags that would say nothing.
func (k *OTASealCmd) idle() error {
	request := k.K0 != "" && !k.Answer
	for _, f := range [...]struct {
		name        string
		given, says bool
	}{
		{"--answer", k.Answer, k.K0 != ""},
		{"--of", k.Of != "", k.K0 != "" && k.Answer},
		{"--inner-cntr", k.Inner != "1", request},
		{"--inner-spi", k.InnerSPI != "1600", request},
		{"--inner-kic", k.InnerKIc != "", request},
		{"--inner-kid", k.InnerKID != "", request},
		{"--inner-tar", k.InnerTAR != "", request},
		{"--pcntr", k.PCNTR != "", k.Status == ""},
		{"--status", k.Status != "", k.K0 == ""},
	} {
		if f.given && !f.says {
			return usage("%s says nothing here: it is about a packet under the applet's keys (--k0, without --answer a request), --pcntr and --status about one of another kind", f.name)
		}
	}
	if request && (k.SPI == "" || k.SPI == "0000") && k.CNTR != "0" && !k.Any {
		return usage("--cntr is that of the packet around the request, which has no counter: --inner-cntr is the applet's")
	}
	return nil
}

// sealDomain makes a packet of the security domain.
func (k *OTASealCmd) sealDomain(c *cli, cmd *ota.Command, security ota.Security) ([]byte, error) {
	ks, err := k.keySet(c, cmd.KIc, cmd.KID, cmd.SPI.Ciphered(), cmd.SPI.Integrity() == ota.IntegrityCC)
	if err != nil {
		return nil, err
	}
	err = k.holds(func() error { return security.CheckCommand(cmd) }, func() error {
		if cmd.SPI == (ota.SPI{}) { // which needs none
			return nil
		}
		return security.CheckKeys(ks)
	}, func() error { return checkPCNTR(cmd) })
	if err != nil {
		return nil, err
	}
	return sealAny(ks, cmd)
}

// sealAny seals under any SPI: with one that asks for a digital signature, which nobody makes, as if
// it asked for no check value.
func sealAny(ks *ota.KeySet, cmd *ota.Command) ([]byte, error) {
	c := *cmd
	if c.SPI.Integrity() == ota.IntegrityDS {
		c.SPI[0] &^= byte(ota.IntegrityDS)
	}
	packet, err := ks.Seal(nil, &c)
	if err == nil {
		copy(packet[3:], cmd.SPI[:])
	}
	return packet, err
}

// checkPCNTR refuses padding that was asked for.
func checkPCNTR(cmd *ota.Command) error {
	if cmd.PCNTRAnyway {
		return fmt.Errorf("%w: --pcntr makes a packet that is to be refused", ota.ErrPolicy)
	}
	return nil
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
	if err := k.holds(func() error { return security.CheckSPI(cmd.SPI) }, func() error { return security.CheckKeys(ks) }); err != nil {
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
	if k.PCNTR != "" {
		b, err := c.octets("--pcntr", k.PCNTR)
		if err != nil || len(b) != 1 {
			return nil, usage("--pcntr needs one octet in hexadecimal, for example 10")
		}
		cmd.PCNTR, cmd.PCNTRAnyway = b[0], true
	}
	cmd.Data, err = c.octets("--data", k.Data)
	return &cmd, err
}

func (k *otaForm) tpdu(p sms.Part) ([]byte, error) {
	number, err := sms.ParseMSISDN(k.Number)
	if err != nil {
		return nil, fmt.Errorf("--number: %w", err)
	}
	pid, err := strconv.ParseUint(k.PID, 16, 8)
	if err != nil {
		return nil, usage("--pid needs one octet in hexadecimal, for example 7F")
	}
	dcs, err := strconv.ParseUint(k.DCS, 16, 8)
	if err != nil {
		return nil, usage("--dcs needs one octet in hexadecimal, for example F6")
	}
	a := sms.AddressOf(number)
	if k.TPDU == "submit" {
		s := sms.Submit{Destination: a, PID: byte(pid), DCS: byte(dcs), UDH: p.UDH, UD: p.UD}
		return s.AppendBinary(nil)
	}
	d := sms.Deliver{
		Originator: a, PID: byte(pid), DCS: byte(dcs),
		Time: sms.NewTimestamp(time.Now()), UDH: p.UDH, UD: p.UD,
	}
	b, err := d.AppendBinary(nil)
	if err == nil && k.TPDU == "envelope" {
		b = envelope(b)
	}
	return b, err
}
