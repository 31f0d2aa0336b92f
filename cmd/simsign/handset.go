package main

import (
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
	Card    string `required:"" xor:"card" placeholder:"FILE" help:"File of an emulated card. It is for tests: its keys and codes are in clear."`
	Reader  string `required:"" xor:"card" placeholder:"NAME" help:"PC/SC reader with a test SIM, or a part of its name; only in builds with the tag pcsc."`
	Auto    string `placeholder:"CODE" help:"Answer every prompt, with this personal code where one is asked for."`
	Strict  bool   `help:"Answer the card's commands by the letter of TS 102 223: 32 to what must be understood and is not, 36 where something is missing, 04 for an icon."`
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
	sim, err := k.open(log)
	if err != nil {
		return cardHint(err)
	}
	defer sim.Close()
	o := handset.Options{Card: sim, Number: number, Dial: loopback.TCP(k.Network), Logger: log, Strict: k.Strict}
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
	if err := phone.Start(c.ctx); err != nil {
		return err
	}
	defer phone.Stop()
	return ui.run(c.ctx)
}

// simCard is a card that a phone can have in it.
type simCard interface {
	handset.Transmitter
	Reset() []byte
	Close() error
}

// open takes the emulated card, or the one in the reader.
func (k *HandsetCmd) open(log *slog.Logger) (simCard, error) {
	if k.Reader != "" {
		return pcsc.Open(k.Reader, log)
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
