package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

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
		disable := func() error {
			_, err := l.ChangeAP(ctx, bank, func(ap *mssp.AP) error { ap.Disabled = true; return nil })
			return err
		}
		if !strings.HasPrefix(l.dsn, "postgres") {
			l.ok(l.Twice(nil, disable))
		} else {
			l.ok(disable())
		}
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

// What is older than retention keeps is cut off in commits that say so, and the rest
// verifies; again and again.
//
// Supports: I8
func TestAuditIsCut(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		for i := range 5 {
			l.ok(l.Audit(ctx, audit.Entry{Action: "x", Detail: fmt.Sprint(i)}))
		}
		for _, keeps := range []bool{true, false, false} {
			before := epoch.Add(time.Second)
			if keeps {
				before = epoch
			}
			had := l.head()
			n, err := l.CutAudit(ctx, before)
			v, err2 := l.VerifyAudit(ctx, nil)
			l.ok(errors.Join(err, err2))
			first, last, _ := v.Extent()
			if keeps != (n == 0) || !keeps && (first != had+1 || last != had+1) || keeps && first != 1 {
				l.Errorf("%d cut off, left are %d to %d of %d", n, first, last, had)
			}
		}
	})
}

// Two boxes write at the same time: one chain, without a gap or a fork.
//
// Supports: I8, I14
func TestAuditOfTwoBoxes(t *testing.T) {
	dsn := postgresDSN(t)
	var boxes [2]*store.Store
	for i := range boxes {
		s, err := store.Open(ctx, store.Options{DSN: dsn, Box: fmt.Sprint("box", i), Beside: true, Lease: never})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		boxes[i] = s
	}
	from, _, err := boxes[0].AuditHead(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const each = 20
	for n := range 8 {
		wg.Go(func() {
			s := boxes[n%2]
			for i := range each {
				if err := s.AddAP(ctx, mssp.AP{ID: mssp.APID(fmt.Sprintf("http://%d.%d", n, i))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	v, err := boxes[1].VerifyAudit(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, last, _ := v.Extent(); last != from+8*each {
		t.Errorf("%d entries, want %d", last-from, 8*each)
	}
}
