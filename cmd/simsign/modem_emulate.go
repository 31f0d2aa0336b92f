package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// ModemEmulateCmd is an emulated GSM modem.
type ModemEmulateCmd struct {
	Network     string `required:"" placeholder:"127.0.0.1:PORT" help:"Address of the emulated network (demo and serve print it)."`
	Number      string `required:"" placeholder:"+NUMBER" help:"Telephone number to attach with, in international form."`
	Card        string `required:"" placeholder:"FILE" help:"File of an emulated card. It is for tests: its keys and codes are in clear."`
	PTY         string `name:"pty" placeholder:"LINK" help:"Offer a terminal device; LINK becomes a symbolic link to it."`
	Listen      string `placeholder:"127.0.0.1:PORT" help:"Offer a TCP port, as a serial server does."`
	PIN         string `name:"pin" placeholder:"PIN" help:"The SIM wants this PIN; its PUK is 12345678."`
	HostToolkit bool   `help:"Leave the card's toolkit to the host (+CUSATP): for ofono's phonesim driver."`
	Trace       bool   `help:"Print what passes between host and modem. It shows numbers and texts."`
}

// Help explains what the flags do not.
func (*ModemEmulateCmd) Help() string {
	return `Speaks AT commands (TS 27.005, 27.007) like a GSM modem, with an emulated card in
it, and sends and receives through the emulated network. Lines on standard input
make it fail as real ones do:

  unplug, plug               take it from the bus and put it back
  reboot                     a reset in mid-run
  silent on|off              reads and says nothing
  errors on|off              answers every command with ERROR
  network on|off             in and out of the network's reach
  signal N                   what +CSQ says, 0 to 31 or 99
  fill SM|ME                 fill a message memory
  forget                     +CNMI back to 0 without a word
  say TEXT                   an unsolicited line, for example ^RSSI: 18
  inject HEX                 octets as they are
  fault CMD late|lose|noprompt|mute [SECONDS]
                             the next CMD, for example +CMGS, goes wrong
  fault off                  no more faults
  quit                       end`
}

// Run serves hosts until the input says quit or Ctrl-C.
func (k *ModemEmulateCmd) Run(c *cli) error {
	lasting()
	usage := func(err error) error { return &exitError{Code: exitUsage, Err: err} }
	number, err := sms.ParseMSISDN(k.Number)
	if err != nil {
		return usage(fmt.Errorf("--number: %w", err))
	}
	if !loopbackAddress(k.Network) {
		return usage(errors.New("--network: needs a loopback address and a port, for example 127.0.0.1:9065"))
	}
	if k.PTY == "" && k.Listen == "" {
		return usage(errors.New("--pty or --listen: one way for the host is needed"))
	}
	if k.Listen != "" && !loopbackAddress(k.Listen) {
		return usage(errors.New("--listen: needs a loopback address and a port, for example 127.0.0.1:7000"))
	}
	sim, err := card.Load(k.Card, card.Options{})
	if err != nil {
		return cardHint(err)
	}
	defer sim.Close()
	o := emulator.Options{
		Number: number, Dial: loopback.TCP(k.Network), Card: sim, PIN: k.PIN, HostToolkit: k.HostToolkit,
		Logger: slog.New(slog.NewTextHandler(c.stderr, nil)),
	}
	if k.Trace {
		o.Trace = k.tracer(c)
	}
	m, err := emulator.New(o)
	if err != nil {
		return err
	}
	m.Start()
	defer m.Stop()
	if k.PTY != "" {
		if err := m.OpenPTY(k.PTY); err != nil {
			return err
		}
		c.printf("modem at %s\n", k.PTY)
	}
	if k.Listen != "" {
		addr, err := m.Listen(k.Listen)
		if err != nil {
			return err
		}
		c.printf("modem at tcp://%s\n", addr)
	}
	return modemKnobs(c, m)
}

func loopbackAddress(s string) bool {
	host, _, err := net.SplitHostPort(s)
	return err == nil && net.ParseIP(host) != nil && net.ParseIP(host).IsLoopback()
}

// tracer prints octets on a goroutine of its own: the modem must not wait for
// a terminal. What a slow one does not take is left out.
func (*ModemEmulateCmd) tracer(c *cli) func(bool, []byte) {
	lines := make(chan string, 1000)
	var once sync.Once
	return func(toHost bool, b []byte) {
		once.Do(func() {
			go func() {
				for {
					select {
					case l := <-lines:
						c.printf("%s\n", l)
					case <-c.ctx.Done():
						return
					}
				}
			}()
		})
		arrow := ">"
		if toHost {
			arrow = "<"
		}
		select {
		case lines <- fmt.Sprintf("%s %q", arrow, b):
		default:
		}
	}
}

// maxKnob is the longest line that modemKnobs takes: inject of some 64 kB, from
// where on a host knows noise, twice as long in digits.
const maxKnob = 1 << 20

// modemKnobs obeys standard input. Its end leaves the modem running.
func modemKnobs(c *cli, m *emulator.Modem) error {
	lines := make(chan string)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	go func() {
		defer close(lines)
		s := bufio.NewScanner(c.stdin)
		s.Buffer(nil, maxKnob)
		for s.Scan() {
			select {
			case lines <- strings.TrimSpace(s.Text()):
			case <-ctx.Done():
				return
			}
		}
		if s.Err() != nil {
			fmt.Fprintln(c.stderr, "no more lines are read from standard input:", s.Err())
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case l, more := <-lines:
			switch {
			case !more:
				<-ctx.Done()
				return nil
			case l == "quit":
				return nil
			case l == "":
			default:
				if err := turn(m, l); err != nil {
					fmt.Fprintln(c.stderr, err)
				}
			}
		}
	}
}

// turn is one line of modemKnobs.
func turn(m *emulator.Modem, l string) error {
	verb, arg, _ := strings.Cut(l, " ")
	on := arg == "on"
	switch verb {
	case "unplug":
		m.Unplug()
	case "plug":
		return m.Plug()
	case "reboot":
		m.Reboot()
	case "forget":
		m.ResetIndications()
	case "fill":
		m.Fill(arg)
	case "say":
		m.Unsolicited(arg)
	case "inject":
		b, err := hex.DecodeString(arg)
		if err != nil {
			return errors.New("inject: hexadecimal digits")
		}
		m.Inject(b)
	case "signal":
		n, err := strconv.Atoi(arg)
		if err != nil || n < 0 || n > 99 {
			return errors.New("signal: 0 to 31, or 99")
		}
		m.SetSignal(n)
	case "silent", "errors", "network":
		if !on && arg != "off" {
			return fmt.Errorf("%s: on or off", verb)
		}
		map[string]func(bool){"silent": m.SetSilent, "errors": m.SetErrors, "network": m.SetRegistered}[verb](on)
	case "fault":
		return turnFault(m, strings.Fields(arg))
	default:
		return fmt.Errorf("%s: no such knob; simsign modem emulate --help names them", verb)
	}
	return nil
}

func turnFault(m *emulator.Modem, a []string) error {
	if len(a) == 1 && a[0] == "off" {
		m.SetFaults()
		return nil
	}
	actions := map[string]emulator.Action{"late": emulator.Late, "lose": emulator.LoseFinal, "noprompt": emulator.NoPrompt, "mute": emulator.Mute}
	if len(a) < 2 || len(a) > 3 || actions[a[1]] == 0 {
		return errors.New("fault: a command and late, lose, noprompt or mute; or off")
	}
	delay := 5.0
	if len(a) == 3 {
		var err error
		if delay, err = strconv.ParseFloat(a[2], 64); err != nil || delay < 0 || delay > 3600 {
			return errors.New("fault: seconds up to 3600")
		}
	}
	m.SetFaults(emulator.Fault{Command: strings.ToUpper(a[0]), Nth: 1, Action: actions[a[1]], Delay: time.Duration(delay * float64(time.Second))})
	return nil
}
