package store_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// A centre may give ids that are no text, and anybody may send an AP_ID that
// is none: both engines take them, and neither confuses them with another.
func TestOctetsThatAreNoText(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.accept(newTx())
		o := outcomes(store.SegAccepted, r.Dispatched.Segments...)
		for i := range o {
			o[i].Route, o[i].MessageID = "centre", "caf\xe9"
		}
		l.ok(l.RecordOutcomes(ctx, o))
		l.wantState(r.Tx.ID, mssp.Waiting)
		segs, err := l.Segments(ctx, r.Tx.ID)
		l.ok(err)
		if want := `caf\xE9`; segs[0].MessageID != want {
			l.Errorf("message id %q, want %q", segs[0].MessageID, want)
		}
		for _, id := range []mssp.APID{"http://a\x00b", "http://a\xffb"} {
			_, err := l.AP(ctx, id)
			l.wantErr("AP", err, store.ErrNotFound)
		}
		_, err = l.Transaction(ctx, "h\x00")
		l.wantErr("transaction", err, store.ErrNotFound)
		l.ok(l.Report(ctx, bearer.Report{Bearer: "centre", MessageID: "\xfe", Cause: "\xff\x00"}))
	})
}

// tell sends the messages of a log on.
type tell struct {
	slog.Handler
	c chan string
}

func (tell) Enabled(context.Context, slog.Level) bool { return true }

func (t tell) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	t.c <- line
	return nil
}

// PostgreSQL goes away for a moment: what the network said of segments
// meanwhile is kept, and nothing else is harmed.
//
// Covers: F4
func TestPostgresGoesAway(t *testing.T) {
	u, err := url.Parse(postgresDSN(t))
	if err != nil {
		t.Fatal(err)
	}
	operator, err := sql.Open("pgx", u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	order := func(sql string) {
		if _, err := operator.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	order("CREATE DATABASE away")
	defer order("DROP DATABASE away")
	q := u.Query()
	q.Del("search_path")
	u.Path, u.RawQuery = "/away", q.Encode()
	dsn := u.String()
	lines := make(chan string, 16)
	l := &lab{T: t, dsn: dsn}
	l.Store, err = store.Open(ctx, store.Options{DSN: dsn, Logger: slog.New(tell{slog.DiscardHandler, lines})})
	l.ok(err)
	importCard(t, l.Store, cardA)
	r := l.accept(newTx())

	order("ALTER DATABASE away ALLOW_CONNECTIONS false")
	order("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'away'")
	l.RecordOutcomesLazy(outcomes(store.SegAccepted, r.Dispatched.Segments...))
	for line := range lines {
		if strings.HasPrefix(line, "segment outcomes") {
			if !strings.Contains(line, "kept=true") {
				t.Error(line)
			}
			break
		}
	}
	tx := newTx()
	if _, err := l.Accept(ctx, tx, seal); err == nil || errors.Is(err, store.ErrOutcomeUnknown) {
		t.Errorf("accepted: %v", err)
	}
	if l.Failure() != nil {
		t.Errorf("stopped: %v", l.Failure())
	}
	order("ALTER DATABASE away ALLOW_CONNECTIONS true")
	if r := l.accept(tx); r.Duplicate {
		t.Error("it was there")
	}
	l.ok(l.Close()) // takes what is kept along
	l.open()
	defer l.Close()
	l.wantState(r.Tx.ID, mssp.Waiting)
}
