package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp/smsc"
)

// SMSCRunCmd is an emulated short message centre with a mobile network.
type SMSCRunCmd struct {
	Listen     string   `default:"127.0.0.1:2775" help:"Loopback address for SMPP (${default}); port 0 takes a free one."`
	Network    string   `name:"network-listen" default:"127.0.0.1:9065" placeholder:"127.0.0.1:PORT" help:"Loopback address to which emulated handsets attach (${default})."`
	Account    []string `default:"simsign:secret:1234" placeholder:"ID:PASSWORD:NUMBER[,NUMBER]" sep:"none" help:"Application that may bind, and the short numbers whose messages go to it (${default}). Repeatable."`
	Faults     string   `placeholder:"SCRIPT|@FILE" help:"Misbehave: a fault script, see above."`
	IDs        string   `name:"ids" default:"decimal" enum:"decimal,hex,36,64,empty" help:"Form of message ids: ${enum} (${default})."`
	Receipts   []string `default:"text,tlv" enum:"text,tlv,first,none" help:"What delivery receipts consist of: text, tlv; first sends them before the response (${default})."`
	ReceiptIDs string   `name:"receipt-ids" enum:",decimal,hex,36,64,empty" default:"" placeholder:"FORM" help:"Form of message ids in receipts, where it is another one."`
	Sink       []string `placeholder:"PREFIX" help:"Numbers with that prefix need no handset: messages to them count as delivered."`
	Log        bool     `help:"Write the log to standard error."`
}

// Help explains what the flags do not.
func (*SMSCRunCmd) Help() string {
	return `An SMSC for laboratories: applications bind to it over SMPP 3.4, emulated
handsets attach to the network behind it (simsign handset --network). Messages
wait in memory for handsets that are off; receipts, alerts and messages of
handsets go to the application.

A fault script is a list of rules with ";" between them:

  submit_sm#3 drop-after      accept the third, cut the link without an answer
  submit_sm#10-19 throttle    refuse ten with ESME_RTHROTTLED (full: RMSGQFUL)
  submit_sm%7 late=200ms      answer every seventh late
  deliver_sm~0.01 cut         cut the link in one of a hundred, in mid-PDU
  chaos=0.01; seed=42         everything, each with that chance
  seq=high                    own sequence numbers above 2^31; also 0, 1, collide

Of requests of the application: drop-before, drop-after, mute, cut, stall=TIME,
late=TIME, dup, reorder, wrong-seq, nack[=STATUS], status=STATUS, throttle, full,
unbind, receipt-first, alert, unknown, data, payload, empty.
Of deliver_sm: drop-before, drop-after, cut, late=TIME, dup, unbind, lost-ack,
as-data, as-payload, collide, alert, unknown.`
}

// Run serves until Ctrl-C.
func (k *SMSCRunCmd) Run(c *cli) error {
	lasting()
	o, err := k.options(c)
	if err != nil {
		return &exitError{Code: exitUsage, Err: err}
	}
	host, _, err := net.SplitHostPort(k.Listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return &exitError{Code: exitUsage, Err: fmt.Errorf("--listen %s: %w", k.Listen, loopback.ErrNotLoopback)}
	}
	s, err := smsc.New(o)
	if err != nil {
		return err
	}
	defer s.Close()
	network, err := s.Network().Listen(k.Network)
	if err != nil {
		return err
	}
	addr, err := s.Listen(k.Listen)
	if err != nil {
		return err
	}
	c.printf("EMULATED: an SMSC for laboratories, with a network of emulated handsets.\n\n  SMPP            %s\n  Network         %s\n", addr, network)
	for _, a := range o.Accounts {
		c.printf("  Account         %s   %s\n", a.SystemID, strings.Join(a.Numbers, ", "))
	}
	c.printf("\nCtrl-C ends it.\n")
	<-c.ctx.Done()
	c.printf("\nStopping ...\n")
	return s.Close()
}

func (k *SMSCRunCmd) options(c *cli) (smsc.Options, error) {
	o := smsc.Options{Logger: slog.New(slog.DiscardHandler)}
	if k.Log {
		o.Logger = slog.New(slog.NewTextHandler(c.stderr, nil))
	}
	var err error
	for _, text := range k.Account {
		a, err := smsc.ParseAccount(text)
		if err != nil {
			return o, fmt.Errorf("--%w", err) // which begins with "account"
		}
		o.Accounts = append(o.Accounts, a)
	}
	if o.IDs, err = smsc.ParseIDFormat(k.IDs); err != nil {
		return o, err
	}
	if k.ReceiptIDs != "" {
		f, err := smsc.ParseIDFormat(k.ReceiptIDs)
		if err != nil {
			return o, err
		}
		o.Receipts.ID = &f
	}
	o.Receipts.NoText, o.Receipts.NoTLV = true, true
	for _, r := range k.Receipts {
		switch r {
		case "text":
			o.Receipts.NoText = false
		case "tlv":
			o.Receipts.NoTLV = false
		case "first":
			o.Receipts.First = true
		}
	}
	if o.Sink, err = sink(k.Sink); err != nil {
		return o, err
	}
	if o.Faults, err = faultScript(k.Faults); err != nil {
		err = fmt.Errorf("--faults: %w", err)
	}
	return o, err
}

// sink holds the numbers with one of the prefixes.
func sink(prefixes []string) (func(sms.MSISDN) bool, error) {
	if len(prefixes) == 0 {
		return nil, nil
	}
	all := digits(prefixes)
	for i, p := range all {
		if p == "" || strings.Trim(p, "0123456789") != "" {
			return nil, fmt.Errorf("--sink %q: needs the first digits of international numbers, such as 4179", prefixes[i])
		}
	}
	return func(n sms.MSISDN) bool {
		return slices.ContainsFunc(all, func(p string) bool { return strings.HasPrefix(string(n), p) })
	}, nil
}

// faultScript reads the value of a flag: a script, or @ and the file that holds one.
func faultScript(text string) (*smsc.Script, error) {
	if file, ok := strings.CutPrefix(text, "@"); ok {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	return smsc.ParseScript(text)
}
