package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// AuditCmd reads the audit log. All of it reads the database itself, beside a running
// service too.
type AuditCmd struct {
	List   AuditListCmd   `cmd:"" help:"Show what was done, by whom, on whom, and when."`
	Export AuditExportCmd `cmd:"" help:"Print the entries as lines of JSON, which verify takes too."`
	Verify AuditVerifyCmd `cmd:"" help:"Find whatever was edited, removed or cut off."`
	Key    AuditKeyCmd    `cmd:"" help:"Print the public key of the anchors."`
}

// AuditFilter selects entries.
type AuditFilter struct {
	ConfigFlag
	From   string `placeholder:"TIME" help:"Not before this date (YYYY-MM-DD) or time (RFC 3339)."`
	To     string `placeholder:"TIME" help:"Before this date or time."`
	MSISDN string `name:"msisdn" placeholder:"NUMBER" help:"What concerns the user with this number."`
	Actor  string `placeholder:"NAME" help:"What this one did: a user of the machine, an AP_ID, a client."`
	Action string `placeholder:"ACTION" help:"This action, or all that begin with it: tx, user.change, call."`
}

func (k *AuditFilter) filter(core *app.Core) (f audit.Filter, err error) {
	f.Actor, f.Action = k.Actor, k.Action
	if f.From, err = moment("--from", k.From); err == nil {
		f.To, err = moment("--to", k.To)
	}
	if err == nil && k.MSISDN != "" {
		var n sms.MSISDN
		n, err = sms.ParseMSISDN(k.MSISDN)
		f.Who = func(s *audit.Subject) bool { return core.Store.IsWho(s, string(n)) }
	}
	return f, err
}

// moment reads a date or a time; "" is none.
func moment(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &exitError{Code: exitUsage, Err: fmt.Errorf("%s: %q is no date (YYYY-MM-DD) and no time (RFC 3339)", flag, s)}
}

// each calls f for every entry that is selected.
func (k *AuditFilter) each(c *cli, f func(*audit.Record, *audit.Entry) error) (all bool, err error) {
	core, err := k.open(c)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, core.Store.Close()) }()
	filter, err := k.filter(core)
	if err != nil {
		return false, err
	}
	return filter.All(), core.Store.EachAudit(c.ctx, func(r *audit.Record) error {
		e, err := r.Parse()
		if err != nil && filter.All() {
			return f(r, &e) // verify says what is wrong with it
		}
		if err != nil || !filter.Has(r, &e) {
			return nil
		}
		return f(r, &e)
	})
}

func (f *ConfigFlag) open(c *cli) (*app.Core, error) {
	cfg, err := f.load(c)
	if err != nil {
		return nil, err
	}
	core, err := app.OpenAudit(c.ctx, cfg, os.Getenv)
	return core, storeHint(err)
}

// AuditListCmd shows entries.
type AuditListCmd struct {
	AuditFilter
	JSON bool `name:"json" help:"Print lines of JSON."`
}

// Run prints a line for each entry.
func (k *AuditListCmd) Run(c *cli) error {
	if k.JSON {
		_, err := k.each(c, func(r *audit.Record, _ *audit.Entry) error { return c.line(r) })
		return err
	}
	t := c.table("SEQ", "TIME", "ACTOR", "DOOR", "ACTION", "SUBJECT", "OUTCOME", "WHAT")
	_, err := k.each(c, func(r *audit.Record, e *audit.Entry) error {
		t.row(r.Seq, stamp(r.At), e.Actor.Name, e.Actor.Door, e.Action, strings.TrimSpace(e.Subject.Kind+" "+e.Subject.Name), e.Outcome, what(e))
		return nil
	})
	return errors.Join(err, t.flush())
}

// what tells the rest of an entry.
func what(e *audit.Entry) string {
	var parts []string
	if e.Before != "" || e.After != "" {
		parts = append(parts, e.Before+" > "+e.After)
	}
	for _, s := range []string{e.Detail, e.Reason} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Times > 1 {
		parts = append(parts, fmt.Sprintf("%d times", e.Times))
	}
	return strings.Join(parts, "; ")
}

func (c *cli) line(r *audit.Record) error {
	_, err := c.stdout.Write(r.Line())
	return err
}

// AuditExportCmd exports entries.
type AuditExportCmd struct{ AuditFilter }

// Run prints a line of JSON for each entry.
func (k *AuditExportCmd) Run(c *cli) error {
	all, err := k.each(c, func(r *audit.Record, _ *audit.Entry) error { return c.line(r) })
	if err == nil && !all {
		fmt.Fprintln(c.stderr, "Only a part was exported: audit verify needs all of it.")
	}
	return err
}

// AuditKeyCmd shows the public key.
type AuditKeyCmd struct {
	ConfigFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints it in base64.
func (k *AuditKeyCmd) Run(c *cli) error {
	core, err := k.open(c)
	if err != nil {
		return err
	}
	defer core.Store.Close()
	key, err := core.AnchorKey(c.ctx)
	if errors.Is(err, app.ErrNoAnchorKey) {
		return &exitError{Code: exitFailed, Err: err, Hint: "start the service once"}
	}
	if err != nil {
		return err
	}
	if s := base64.StdEncoding.EncodeToString(key); k.JSON {
		c.printf("{\"ed25519\":%q}\n", s)
	} else {
		c.printf("%s\n", s)
	}
	return nil
}

// readKey reads what AuditKeyCmd prints.
func readKey(file string) (ed25519.PublicKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("--key: %s holds no public key as simsign audit key prints it", file)
	}
	return key, nil
}
