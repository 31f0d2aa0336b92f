// Command simsign is a Mobile Signature Service gateway for one box: it asks
// the applet on a user's SIM for a signature, by secured short messages, and
// answers the application provider with a signature that it has verified.
//
// Each command is a struct with flags and a Run method in a file of its own;
// main only parses and dispatches. run takes everything it touches as
// arguments, so tests drive the whole program without a process.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/simsign/simsign/mssp/audit"
)

func main() {
	crashLoud()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands is the command line: kong reads names and help from the tags.
type commands struct {
	Demo      DemoCmd      `cmd:"" help:"Run everything in one process, emulated: service, network, two users with handsets."`
	Serve     ServeCmd     `cmd:"" help:"Run the service."`
	Check     CheckCmd     `cmd:"" help:"Tell everything that is wrong with a configuration file."`
	AP        APCmd        `cmd:"" name:"ap" help:"Application providers: add, list, show, edit, password, disable, enable, remove."`
	Card      CardCmd      `cmd:"" help:"Cards and their keys: import, list, show, rotate, activate, deactivate, slots, slot, release, advance, unblocking-code, install; emulated ones: emulate, attach."`
	User      UserCmd      `cmd:"" help:"Users: add, list, show, identify, device, pop, expiring, lift, suspend, reactivate, revoke, change-card, unregister, erase, register, renew, code, applet."`
	Issuer    IssuerCmd    `cmd:"" help:"Card issuers: add, list, show, edit, assign, remove."`
	Client    ClientCmd    `cmd:"" help:"Clients of the JSON interface for RA and operator: add, list, show, password, certificate, disable, enable, remove."`
	RA        RACmd        `cmd:"" name:"ra" help:"Ask the interface for RA and operator: user-add, identify, device, init, complete, status, register, unblock, reset, show, suspend, reactivate, revoke, unregister, notify, duties, pop, pop-check, unblocking-code, activate, deactivate, expiring, audit, audit-verify, renew, change-card, applet, users, cards, card, transactions, slots, empty-slot, call; the operator's part: work, confirm."`
	CA        CACmd        `cmd:"" name:"ca" help:"The built-in certification authority: init."`
	Audit     AuditCmd     `cmd:"" help:"Who did what, on whom, when: list, export, verify, key."`
	Retention RetentionCmd `cmd:"" help:"What is not kept for ever: show, erase."`
	Texts     TextsCmd     `cmd:"" help:"Show the text messages that users get, in each language."`
	Tx        TxCmd        `cmd:"" help:"Transactions: list, show, export, cancel."`
	SMSC      SMSCCmd      `cmd:"" name:"smsc" help:"Short message centres of the running service: list, drain, stop, start, trace; run emulates one."`
	Modem     ModemCmd     `cmd:"" help:"GSM modems: probe one, or emulate one."`
	Sign      SignCmd      `cmd:"" help:"Ask for a signature like an application provider: wait, verify, save it."`
	Handset   HandsetCmd   `cmd:"" help:"An emulated handset in the terminal, around an emulated card."`
	OTA       OTACmd       `cmd:"" name:"ota" help:"Secured packets from the shell: seal, wrap, open, keys, respond, show, verify-vectors."`
	Version   VersionCmd   `cmd:"" help:"Print the version and what it was built from."`
}

const description = "A Mobile Signature Service gateway: signatures made in the SIM, asked for over a web service."

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	// kong leaves by calling Exit in the middle of parsing (--help); the panic
	// brings us back here instead of ending the process under a test.
	type leave int
	defer func() {
		if r := recover(); r != nil {
			l, ok := r.(leave)
			if code = int(l); !ok {
				fmt.Fprintf(stderr, "simsign: the program has failed: %v\n%s", r, debug.Stack())
				code = exitFailed
			}
		}
	}()
	ctx = audit.With(ctx, audit.Actor{Name: shellUser(), Role: audit.Administrator, Door: "cli"})
	c := &cli{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr}
	var cmds commands
	parser, err := kong.New(&cmds,
		kong.Name("simsign"), kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(n int) { panic(leave(n)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "simsign:", err)
		return exitUsage
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = empty(parsed)
	}
	if err != nil {
		fmt.Fprintf(stderr, "simsign: %v\nTry: simsign --help\n", err)
		return exitUsage
	}
	c.command = parsed.Command()
	if parsed.Command() != "serve" { // that one reloads
		var stop context.CancelFunc
		c.ctx, stop = hangUp(ctx)
		defer stop()
	}
	return c.report(parsed.Run(c))
}

// report prints an error the way people read it and finds its exit code.
func (c *cli) report(err error) int {
	if err == nil {
		return exitOK
	}
	code := exitFailed
	var ee *exitError
	if errors.As(err, &ee) {
		code = ee.Code
		if ee.Err == nil {
			return code
		}
	}
	fmt.Fprintln(c.stderr, "simsign:", err)
	if ee != nil && ee.Hint != "" {
		fmt.Fprintln(c.stderr, "hint:", ee.Hint)
	}
	return code
}
