package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/simsign/simsign/cmd/internal/app/demo"
)

// DemoCmd runs everything in one process, emulated.
type DemoCmd struct {
	Data    string `placeholder:"DIR" help:"Keep everything there; the next demo with it goes on. Without: a temporary folder."`
	Auto    string `placeholder:"CODE" help:"Answer every prompt with this code. Without: prompts wait in the browser."`
	API     int    `name:"api-port" default:"9061" help:"Port of the web service (${default}, or the next free one)."`
	Console int    `name:"console-port" default:"9062" help:"Port of the console (${default}, or the next free one)."`
	CA      int    `name:"ca-port" default:"9063" help:"Port of CRL and OCSP (${default}, or the next free one)."`
	Metrics int    `name:"metrics-port" default:"9064" help:"Port of /metrics, /healthz and /readyz (${default}, or the next free one)."`
	Network int    `name:"network-port" default:"9065" help:"Port of the emulated mobile network (${default}, or the next free one)."`
	SMPP    bool   `name:"smpp" help:"Put an emulated SMSC between the service and the handsets, and reach it over SMPP."`
	SMSC    int    `name:"smsc-port" default:"2775" help:"Port of that SMSC (${default}, or the next free one)."`
	Faults  string `name:"smsc-faults" placeholder:"SCRIPT|@FILE" help:"Let that SMSC misbehave: see simsign smsc run --help."`
	Log     bool   `help:"Write the service's log to standard error."`
}

// Help explains what the flags do not.
func (*DemoCmd) Help() string {
	return `Starts the service, an emulated mobile network, and three users with emulated
handsets and cards, all on 127.0.0.1. There is one card of each carriage: packet
(what a standard Java Card can do), own (without keys of its security domain), and
response (INT6 version 01). It makes a demo CA and card keys, registers the
users, and prints where everything is and two commands that work as they are.
Ctrl-C ends it.

Requests for +41000092NNN get fault NNN: 401 the user cancels, 402 code
blocked, 404 no key, 208 never answers, 209 delivery fails, ...`
}

// Run starts the demonstration and waits for the end.
func (k *DemoCmd) Run(c *cli) error {
	if k.Auto != "" {
		if err := demo.CheckCode(k.Auto); err != nil {
			return &exitError{Code: exitUsage, Err: fmt.Errorf("--auto: %w", err)}
		}
	}
	for name, port := range map[string]int{"api": k.API, "console": k.Console, "ca": k.CA, "metrics": k.Metrics, "network": k.Network, "smsc": k.SMSC} {
		if port < 0 || port > 65535 {
			return &exitError{Code: exitUsage, Err: fmt.Errorf("--%s-port: %d is no port: take 0 (any) to 65535", name, port)}
		}
	}
	// Whoever reads the output may end first ("| tee", and Ctrl-C for both):
	// everything is put away all the same.
	lasting()
	faults, err := faultScript(k.Faults)
	if err != nil || k.Faults != "" && !k.SMPP {
		return &exitError{Code: exitUsage, Err: fmt.Errorf("--smsc-faults: %w", cmp.Or(err, errors.New("it needs --smpp")))}
	}
	log := slog.New(slog.DiscardHandler)
	if k.Log {
		log = slog.New(slog.NewTextHandler(c.stderr, nil))
	}
	if _, err := os.Stat(filepath.Join(k.Data, "demo.json")); k.Data != "" && err == nil {
		c.printf("Going on with %s ...\n", k.Data)
	} else {
		c.printf("Making keys, cards and certificates, and registering three users ...\n")
	}
	d, err := demo.Start(c.ctx, demo.Options{
		Data: k.Data, Auto: k.Auto, Version: version(), Logger: log,
		Ports: demo.Ports{API: k.API, Console: k.Console, CA: k.CA, Metrics: k.Metrics, Network: k.Network, SMSC: k.SMSC},
		SMPP:  k.SMPP, Faults: faults,
	})
	switch {
	case err != nil && c.ctx.Err() != nil: // what was under way says "canceled" in its own words
		return &exitError{Code: exitStopped, Err: errors.New("stopped before everything was ready")}
	case err != nil:
		return storeHint(err)
	}
	k.tell(c.stdout, d)
	select {
	case <-c.ctx.Done():
	case <-d.App.Done():
	}
	c.printf("\nStopping ...\n")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 20*time.Second)
	defer cancel()
	return storeHint(d.Stop(ctx))
}

// tell prints what a newcomer needs.
func (k *DemoCmd) tell(w io.Writer, d *demo.Demo) {
	users := d.Holders()
	number := users[0].Number.String()
	fmt.Fprintf(w, `
EMULATED: no real SIM, no real network, test keys only.

  Console         http://%s/
  Web service     http://%s/rest/service   (ETSI TS 102 204 as JSON)
  CA              http://%s/ca.crl and /ocsp
  Metrics         http://%s/metrics
  Network         %s   (simsign handset --network)
%s  Data            %s

  AP_ID           %s
  AP_PWD          %s
`, d.App.Addr("console"), d.App.APIAddr(), d.App.Addr("ca"), d.App.Addr("metrics"), d.Network(), smscLine(d), d.Data, demo.APID, d.Password)
	for _, u := range users {
		fmt.Fprintf(w, "  User            %s   %s, %s, card of carriage %s, unblocking code %s\n", u.Number, u.Name, u.Algorithm, u.Carriage, u.UnblockingCode)
	}
	fmt.Fprintf(w, "  Personal code   %s   (for signatures: %s)\n", d.Code(), demo.SignCode(d.Code()))
	if d.Earlier() {
		fmt.Fprint(w, `
NOTE: an earlier version made this folder, and its cards are all of carriage
response (INT6 version 01). A new folder has one card of each carriage.
`)
	}
	if k.Auto != "" && k.Auto != d.Code() {
		fmt.Fprintf(w, `
NOTE: the users of this folder chose %s, and prompts are answered with %s now:
wrong codes block the cards. Unless it was changed since: --auto %s
`, d.Code(), k.Auto, d.Code())
	}
	prompts := "answer it in the console"
	if k.Auto != "" {
		prompts = "answered automatically with " + k.Auto
	}
	fmt.Fprintf(w, `
Ask for a signature (the prompt appears on the handset; %s):

  %s sign --url http://%s --ap %s --password %s --msisdn %s --text "Log in to Example Portal?" --ca %s

  %s

Ctrl-C ends it.
`, prompts, self(), d.App.APIAddr(), demo.APID, d.Password, number, shellQuote(d.CAFile()), curlLine(d, number))
}

// smscLine says where the emulated SMSC is, when there is one.
func smscLine(d *demo.Demo) string {
	if d.SMSC() == "" {
		return ""
	}
	return fmt.Sprintf("  SMSC            %s   (simsign smsc list|trace -c %s)\n", d.SMSC(), shellQuote(filepath.Join(d.Data, "simsign.toml")))
}

// self is the command as the user typed it: a binary of "go run" is gone
// when it ends, so its line is the go run line.
func self() string {
	exe, err := os.Executable()
	if err != nil || strings.Contains(exe, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/simsign"
	}
	if len(os.Args) > 0 && filepath.Base(os.Args[0]) == filepath.Base(exe) {
		return shellQuote(os.Args[0])
	}
	return shellQuote(exe)
}

func shellQuote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// curlLine works as printed, again and again: the shell fills in a new
// AP_TransID and the time.
func curlLine(d *demo.Demo, number string) string {
	return fmt.Sprintf(`curl -s http://%s/rest/service -H 'Content-Type: application/json' -d '{"MSS_SignatureReq":{"MajorVersion":"1","MinorVersion":"2","AP_Info":{"AP_ID":"%s","AP_PWD":"%s","AP_TransID":"T'$(date +%%s%%N)'","Instant":"'$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ)'"},"MSSP_Info":{"MSSP_ID":{"URI":"%s"}},"MobileUser":{"MSISDN":"%s"},"MessagingMode":"synch","TimeOut":"80","DataToBeSigned":{"MimeType":"text/plain","Encoding":"UTF-8","Data":"Pay 120.00 EUR to Example Shop?"},"SignatureProfile":"%s"}}'`,
		d.App.APIAddr(), demo.APID, d.Password, demo.MSSPID, number, demo.Auth)
}
