package main

import (
	"errors"
	"os"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/smpp/esme"
)

// SMSCCmd manages the short message centres of a running service.
type SMSCCmd struct {
	Run   SMSCRunCmd   `cmd:"" default:"withargs" help:"Run an emulated centre with a network for emulated handsets."`
	List  SMSCListCmd  `cmd:"" help:"List the short message centres of the running service: binds, window, queue, rate."`
	Drain SMSCDrainCmd `cmd:"" help:"Submit nothing more to a centre and wait for its responses; the binds stay."`
	Stop  SMSCStopCmd  `cmd:"" help:"Drain, then unbind."`
	Start SMSCStartCmd `cmd:"" help:"Bind and submit again after drain or stop."`
	Trace SMSCTraceCmd `cmd:"" help:"Write the last PDUs of a centre to a capture file for Wireshark."`
}

// SMSCListCmd lists centres.
type SMSCListCmd struct{ ConfigFlag }

// Run prints one line each.
func (k *SMSCListCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		list, err := b.ListSMSCs(c.ctx, operator.Page{})
		if err != nil {
			return err
		}
		t := c.table("NAME", "STATE", "BOUND", "OF", "IN FLIGHT", "WINDOW", "QUEUED", "OLDEST", "RATE", "FAULT")
		for _, s := range list {
			t.row(s.Name, s.State, s.Bound, s.Binds, s.InFlight, s.Window, s.Queued, s.Oldest.Round(time.Millisecond), rate(s.Rate), s.Fault)
		}
		return t.flush()
	})
}

func rate(r float64) any {
	if r == 0 {
		return "-"
	}
	return r
}

// SMSCDrainCmd drains a centre.
type SMSCDrainCmd struct {
	ConfigFlag
	Name string        `arg:"" help:"Name of the bearer."`
	Wait time.Duration `default:"30s" help:"How long to wait for responses (${default})."`
}

// Run drains it.
func (k *SMSCDrainCmd) Run(c *cli) error { return k.order(c, "drain") }

// SMSCStopCmd stops a centre.
type SMSCStopCmd struct{ SMSCDrainCmd }

// Run stops it.
func (k *SMSCStopCmd) Run(c *cli) error { return k.order(c, "stop") }

// SMSCStartCmd starts a centre.
type SMSCStartCmd struct {
	ConfigFlag
	Name string `arg:"" help:"Name of the bearer."`
}

// Run starts it.
func (k *SMSCStartCmd) Run(c *cli) error {
	return (&SMSCDrainCmd{ConfigFlag: k.ConfigFlag, Name: k.Name, Wait: time.Second}).order(c, "start")
}

func (k *SMSCDrainCmd) order(c *cli, do string) error {
	seconds := int((k.Wait + time.Second - 1) / time.Second)
	if seconds < 1 {
		return errors.New("--wait must be at least 1s")
	}
	return k.administer(c, func(b admin.Backend) error {
		s, err := b.OrderSMSC(c.ctx, admin.SMSCOrder{Name: k.Name, Do: do, Wait: seconds})
		if err != nil {
			return err
		}
		c.printf("%s is %s: %s\n", s.Name, s.State, bindsText(s))
		return nil
	})
}

func bindsText(s esme.Status) string {
	switch {
	case s.State == "stopped":
		return "not bound"
	case s.Bound == s.Binds:
		return "all binds up"
	case s.Bound == 0:
		return "no bind up yet"
	}
	return "some binds up"
}

// SMSCTraceCmd exports the trace of a centre.
type SMSCTraceCmd struct {
	ConfigFlag
	Name string `arg:"" help:"Name of the bearer."`
	Out  string `required:"" placeholder:"FILE" help:"Capture file to write."`
}

// Run writes the file, readable by its owner only: it may hold numbers and texts.
func (k *SMSCTraceCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		t, err := b.TraceSMSC(c.ctx, admin.SMSCName{Name: k.Name})
		if err != nil {
			return err
		}
		if err := os.WriteFile(k.Out, t.PCAP, 0o600); err != nil {
			return err
		}
		c.printf("%s: %d octets\n", k.Out, len(t.PCAP))
		return nil
	})
}
