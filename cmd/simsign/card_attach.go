package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/vpcd"
)

// CardAttachCmd offers an emulated card to PC/SC programs and to phones.
type CardAttachCmd struct {
	Card   string `required:"" placeholder:"FILE" help:"File of an emulated card. It is for tests: its keys and codes are in clear."`
	Listen string `placeholder:"127.0.0.1:PORT" help:"Wait there for a phone (simsign handset --card tcp://...) in place of going to a reader."`
	VPCD   string `name:"vpcd" default:"127.0.0.1:35963" placeholder:"127.0.0.1:PORT" help:"Address of the virtual reader (${default})."`
}

// Help explains what the flags do not.
func (*CardAttachCmd) Help() string {
	return `Puts an emulated card into the virtual reader of pcscd (on Debian: apt-get
install pcscd vsmartcard-vpcd), where pcsc_scan, opensc-tool, pyscard and any
other PC/SC program find it. The reader may come later and may go: the card
comes back. The virtual reader listens on every interface of the machine; a
firewall or a network namespace keeps others away from it.

With --listen the card is the one that is dialled, by "simsign handset --card
tcp://127.0.0.1:PORT" or any reader that speaks the same wire (its help has it),
one at a time.`
}

// Run keeps the card in the reader until Ctrl-C.
func (k *CardAttachCmd) Run(c *cli) error {
	lasting()
	if !loopbackAddress(k.VPCD) {
		return &exitError{Code: exitUsage, Err: errors.New("--vpcd: needs a loopback address and a port, for example 127.0.0.1:35963")}
	}
	if k.Listen != "" && !loopbackAddress(k.Listen) {
		return usage("--listen: needs a loopback address and a port, for example 127.0.0.1:35963")
	}
	sim, err := card.Load(k.Card, card.Options{})
	if err != nil {
		return cardHint(err)
	}
	defer sim.Close()
	if k.Listen != "" {
		return k.wait(c, sim)
	}
	c.printf("card %s for the reader at %s; Ctrl-C takes it out\n", sim.Profile().ICCID, k.VPCD)
	vpcd.Serve(c.ctx, vpcd.Options{
		Card:   sim,
		Logger: slog.New(slog.NewTextHandler(c.stderr, nil)),
		Dial: func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", k.VPCD)
		},
	})
	return nil
}

// wait serves readers that dial in, until Ctrl-C.
func (k *CardAttachCmd) wait(c *cli, sim *card.Card) error {
	l, err := net.Listen("tcp", k.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	c.printf("card %s at tcp://%s; Ctrl-C takes it out\n", sim.Profile().ICCID, l.Addr())
	return vpcd.Listen(c.ctx, l, vpcd.Options{Card: sim, Logger: slog.New(slog.NewTextHandler(c.stderr, nil))})
}
