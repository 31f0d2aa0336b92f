package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/applet/pcsc"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// HandsetCmd is an emulated handset in a terminal.
type HandsetCmd struct {
	Network string `required:"" placeholder:"127.0.0.1:PORT" help:"Address of the emulated network (demo and serve print it)."`
	Number  string `required:"" placeholder:"+NUMBER" help:"Telephone number to attach with, in international form."`
	Card    string `required:"" xor:"card" placeholder:"FILE|tcp://HOST:PORT" help:"File of an emulated card (for tests: its keys and codes are in clear), or the address of a card that is a program; listen://127.0.0.1:PORT where it dials."`
	Reader  string `required:"" xor:"card" placeholder:"NAME" help:"PC/SC reader with a test SIM, or a part of its name; only in builds with the tag pcsc."`
	Auto    string `placeholder:"CODE" help:"Answer every prompt, with this personal code where one is asked for."`
	Strict  bool   `help:"Answer the card's commands by the letter of TS 102 223: 32 to what must be understood and is not, 36 where something is missing, 04 for an icon."`
	SIM     bool   `name:"sim" help:"A phone of the second generation, which speaks class A0 to the card. Others do so when the card knows no other."`
	Log     bool   `help:"Write the handset's and the card's log to standard error."`
}

// Help explains what the flags do not.
func (*HandsetCmd) Help() string {
	return `Puts an emulated card into an emulated handset and attaches it to an emulated
network. Prompts of the card appear as text; Enter is OK, and

  /cancel /back /help    other keys of a prompt
  /menu [ITEM]           the SIM menu, or one item of it
  /inbox                 received messages
  /off /on               switch the handset
  /away /here            out of coverage, and back
  /quit                  end

What is typed into a hidden prompt is not shown. Only one handset can hold a
number or a card file: stop the demo before you take one of its cards.

With --card tcp://HOST:PORT the phone dials a card that is a program (vicc
--reversed, simsign card attach --listen), and with listen://127.0.0.1:PORT it
waits for one that dials in (jCardSim, vicc, simsign card attach --vpcd). The wire
is that of vsmartcard: frames of a length of two octets, the high one first, and
that many octets. One octet from the phone is about the contacts: 00 power off,
01 power on, 02 reset, all without an answer, 04 "what is your ATR", whose answer
is the ATR. A longer frame is a command APDU of T=0 (at most 261 octets), and has
one answer, data and status (2 to 258 octets). Switching the phone off is 00,
switching it on 00, 01, 04. The phone needs EF.ICCID and a USIM with EF.UST on the card, disabled
PIN, and TERMINAL PROFILE. A card that goes, sends anything else, or is silent (10
seconds; 120 where an applet may work) ends the phone. Codes go over that wire in
clear.

With --reader the phone is around the card in a PC/SC reader, whose PIN must be
disabled: go build -tags pcsc ./cmd/simsign (libpcsclite-dev, a C compiler).`
}

// Run attaches the handset and serves its user until /quit or Ctrl-C.
func (k *HandsetCmd) Run(c *cli) error {
	number, err := sms.ParseMSISDN(k.Number)
	if err != nil {
		return &exitError{Code: exitUsage, Err: fmt.Errorf("--number: %w", err)}
	}
	if host, _, err := net.SplitHostPort(k.Network); err != nil || net.ParseIP(host) == nil || !net.ParseIP(host).IsLoopback() {
		return &exitError{Code: exitUsage, Err: errors.New("--network: needs a loopback address and a port, for example 127.0.0.1:9065")}
	}
	if strings.Trim(k.Auto, "0123456789") != "" {
		return &exitError{Code: exitUsage, Err: errors.New("--auto: a personal code has digits only")}
	}
	log := slog.New(slog.DiscardHandler)
	if k.Log {
		log = slog.New(slog.NewTextHandler(c.stderr, nil))
	}
	sim, err := k.open(c, log)
	switch {
	case err != nil && c.ctx.Err() != nil: // stopped while it waited for a card
		return nil
	case err != nil:
		return cardHint(err)
	}
	defer sim.Close()
	ctx, lost := withCard(c.ctx, sim)
	o := handset.Options{Card: sim, Number: number, Dial: loopback.TCP(k.Network), Logger: log, Strict: k.Strict, SecondGeneration: k.SIM}
	if k.Auto != "" {
		// A moment to read, as a person would take.
		o.Driver = &handset.Auto{Code: k.Auto, Think: handset.Think{Read: 300 * time.Millisecond, Type: 300 * time.Millisecond}}
	}
	phone, err := handset.New(o)
	if err != nil {
		return err
	}
	ui := newPhoneUI(c, phone)
	defer ui.close()
	if err := phone.Start(ctx); err != nil {
		return cmp.Or(lost(), err)
	}
	defer phone.Stop()
	err = ui.run(ctx)
	return cmp.Or(lost(), err)
}

// simCard is a card that a phone can have in it.
type simCard interface {
	handset.Transmitter
	Reset() []byte
	Close() error
}

// open takes the emulated card, or the one in the reader.
func (k *HandsetCmd) open(c *cli, log *slog.Logger) (simCard, error) {
	if k.Reader != "" {
		return pcsc.Open(k.Reader, log)
	}
	if remoteCard(k.Card) {
		return dialCard(c, k.Card)
	}
	return card.Load(k.Card, card.Options{Logger: log})
}

func cardHint(err error) error {
	if errors.Is(err, pcsc.ErrNotBuilt) {
		return &exitError{Code: exitUsage, Err: fmt.Errorf("--reader: %w", err), Hint: "go build -tags pcsc ./cmd/simsign, with libpcsclite-dev and a C compiler"}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &exitError{Code: exitFailed, Err: err, Hint: "simsign card emulate makes card files, simsign demo --data DIR too"}
	}
	if errors.Is(err, card.ErrInUse) {
		return &exitError{Code: exitFailed, Err: err, Hint: "stop the other one (simsign demo or simsign handset) first"}
	}
	return err
}

// printable keeps a text from the card from driving the terminal: line feeds
// stay, other control characters become dots.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (r < ' ' || r >= 0x7F && r < 0xA0 || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069) {
			return '·'
		}
		return r
	}, s)
}

// indent puts prefix before every line.
func indent(w io.Writer, prefix, s string) {
	for _, l := range strings.Split(s, "\n") {
		fmt.Fprintf(w, "%s%s\n", prefix, l)
	}
}
