package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/store"
)

// entries are what was written behind a record.
func (l *lab) entries(after int64) (out []audit.Entry) {
	l.Helper()
	records, err := l.AuditRecords(ctx, after, 1<<20)
	l.ok(err)
	for i := range records {
		e, err := records[i].Parse()
		l.ok(err)
		out = append(out, e)
	}
	return out
}

func (l *lab) head() int64 {
	l.Helper()
	n, _, err := l.AuditHead(ctx)
	l.ok(err)
	return n
}

// Each edge of a transaction's life leaves one entry, in the commit that stores it.
//
// Supports: I8
func TestAuditOfEdges(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		l.user()
		from, tx := l.head(), newTx()
		as := audit.With(ctx, audit.Actor{Name: string(bank), Role: audit.System, Door: "api"})
		_, err := l.Accept(as, tx, nil, seal)
		l.ok(err)
		l.ok(l.MarkPrompted(ctx, tx.ID))
		l.ok(l.MarkPrompted(ctx, tx.ID)) // stores nothing
		l.finish(done(tx))
		l.finish(done(tx)) // neither
		var have []string
		for _, e := range l.entries(from) {
			have = append(have, fmt.Sprintf("%s %s %s>%s %v", e.Actor.Name, e.Action, e.Before, e.After, e.Subject.Name == string(tx.ID)))
		}
		want := []string{
			string(bank) + " tx.accepted >queued true", string(bank) + " tx.turn queued>sending true",
			"simsign tx.prompted sending>prompted true", "simsign tx.answered prompted>done true",
		}
		l.same("entries", want, have)
		first := l.entries(from)[0].Subject
		if !l.IsWho(&first, string(tx.MSISDN)) || l.IsWho(&first, string(numberB)) || strings.Contains(first.Who, string(tx.MSISDN)) {
			l.Errorf("the person of %+v", first)
		}
	})
}

// A job that runs again notes anew, and one that fails leaves no entry and no gap.
//
// Supports: I8
func TestAuditOfJobs(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.ok(l.AddAP(ctx, mssp.AP{ID: bank, Name: "Bank"}))
		from := l.head()
		l.ok(l.Twice(nil, func() error {
			_, err := l.ChangeAP(ctx, bank, func(ap *mssp.AP) error { ap.Disabled = true; return nil })
			return err
		}))
		no := errors.New("no")
		if _, err := l.ChangeAP(ctx, bank, func(*mssp.AP) error { return no }); !errors.Is(err, no) {
			l.Fatal(err)
		}
		if err := l.AddAP(ctx, mssp.AP{ID: bank}); !errors.Is(err, store.ErrExists) {
			l.Fatal(err)
		}
		es := l.entries(from)
		if len(es) != 1 || es[0].Action != "ap.change" || es[0].Before != "active" || es[0].After != "disabled" || es[0].Detail != "Disabled" {
			l.Errorf("%+v", es)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if err := l.Audit(ended, audit.Entry{Action: "x"}); err == nil || l.head() != from+1 {
			l.Errorf("an ended context: %v, head %d", err, l.head())
		}
	})
}

// Whoever changes the rows is found by Check, and where.
//
// Supports: I8
func TestAuditIsChecked(t *testing.T) {
	for what, sql := range map[string]string{
		"entry 2 was changed":     `UPDATE audit SET at = at + 1 WHERE seq = 2`,
		"entry 2 is missing":      `DELETE FROM audit WHERE seq = 2`,
		"entry 4 is missing":      `DELETE FROM audit WHERE seq >= 4`,
		"entry 1 is missing, and": `DELETE FROM audit WHERE seq < 3`,
		"entry 3 was added":       `UPDATE audit_head SET seq = 2`,
	} {
		l := onSQLite(t)
		for i := range 3 {
			l.ok(l.Audit(ctx, audit.Entry{Action: "x", Detail: fmt.Sprint(i)}))
		}
		_, err := l.raw().Exec(sql)
		l.ok(err)
		bad, ok := errors.AsType[*audit.Bad](l.Check(ctx))
		if !ok || !strings.Contains(bad.Error(), what) {
			l.Errorf("%s: %v", what, bad)
		}
		l.raw().Exec(`DELETE FROM audit; DELETE FROM audit_head`)
	}
}
