package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/ota/sms"
)

// ModemCmd is about GSM modems.
type ModemCmd struct {
	Probe   ModemProbeCmd   `cmd:"" help:"Tell what is at a port, what it can do, and what stands in the way."`
	Emulate ModemEmulateCmd `cmd:"" help:"An emulated modem on a terminal device or a TCP port, with an emulated card in it."`
}

// ModemProbeCmd looks at a modem. It reads no messages and changes nothing
// that lasts.
type ModemProbeCmd struct {
	Device  string `arg:"" help:"A tty such as /dev/ttyUSB2, or tcp://host:port."`
	Baud    int    `default:"115200" help:"Speed of a tty (${default})."`
	PINFile string `name:"pin-file" placeholder:"FILE" help:"PIN of the SIM. It is tried once; not where the modem says that less than two attempts are left."`
	SMS     string `name:"sms" placeholder:"NUMBER" help:"Send a test message to this number."`
	Accept  string `placeholder:"NUMBER" help:"Send an empty packet for the SIM of this number (class 2, PID 7F) and wait for its status report: does the network carry such messages?"`
}

// Run prints a line for each finding.
func (k *ModemProbeCmd) Run(c *cli) error {
	o := modem.ProbeOptions{Open: modem.Port(k.Device, k.Baud), Accept: k.Accept != ""}
	var err error
	if k.PINFile != "" {
		if o.PIN, err = config.PIN(k.PINFile); err != nil {
			return err
		}
	}
	for i, text := range []string{k.SMS, k.Accept} {
		if text == "" {
			continue
		}
		n, err := sms.ParseMSISDN(text)
		if err != nil {
			return &exitError{Code: exitUsage, Err: fmt.Errorf("%s: %w", []string{"--sms", "--accept"}[i], err)}
		}
		if o.Number != "" && o.Number != n {
			return &exitError{Code: exitUsage, Err: errors.New("--sms and --accept want the same number")}
		}
		o.Number = n
	}
	if k.SMS != "" {
		o.Text = "simsign test"
	}
	o.Found = func(f modem.Finding) {
		mark := " "
		if f.Bad {
			mark = "!"
		}
		c.printf("%s %-10s %s\n", mark, f.What, f.Text)
	}
	if err := modem.Probe(c.ctx, o); err != nil {
		if strings.Contains(err.Error(), strings.TrimPrefix(k.Device, "tcp://")) { // it says so itself
			return &exitError{Code: exitFailed, Err: err}
		}
		return &exitError{Code: exitFailed, Err: fmt.Errorf("%s: %w", k.Device, err)}
	}
	return nil
}
