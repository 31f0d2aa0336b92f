package store_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"runtime"
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
	select {
	case t.c <- line:
	default: // the test has seen enough: the store must not wait for it
	}
	return nil
}

// PostgreSQL goes away for a moment: what the network said of segments
// meanwhile is kept, and nothing else is harmed.
//
// Supports: F4
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
	q := u.Query()
	name := "away_" + q.Get("search_path") // goes with the server
	order("CREATE DATABASE " + name)
	q.Del("search_path")
	u.Path, u.RawQuery = "/"+name, q.Encode()
	dsn := u.String()
	lines := make(chan string, 256)
	l := &lab{T: t, dsn: dsn}
	l.Store, err = store.Open(ctx, store.Options{DSN: dsn, Logger: slog.New(tell{slog.DiscardHandler, lines})})
	l.ok(err)
	importCard(t, l.Store, cardA)
	r := l.accept(newTx())

	order("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false")
	order("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'")
	for left := 1; left > 0; { // a backend is told, and then takes its time
		if err := operator.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", name).Scan(&left); err != nil {
			t.Fatal(err)
		}
	}
	l.RecordOutcomesLazy(outcomes(store.SegAccepted, r.Dispatched.Segments...))
	for line := range lines {
		if strings.HasPrefix(line, "segment outcomes") {
			if !strings.Contains(line, "kept=true") {
				t.Error(line)
			}
			break
		}
	}
	if err := l.Beat(ctx); err == nil {
		t.Error("a sign of life while nobody is there")
	}
	tx := newTx()
	if _, err := l.Accept(ctx, tx, nil, seal); err == nil || errors.Is(err, store.ErrOutcomeUnknown) {
		t.Errorf("accepted: %v", err)
	}
	if l.Failure() != nil {
		t.Errorf("stopped: %v", l.Failure())
	}
	order("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true")
	if r := l.accept(tx); r.Duplicate {
		t.Error("it was there")
	}
	l.ok(l.Close()) // takes what is kept along
	l.open()
	defer l.Close()
	l.wantState(r.Tx.ID, mssp.Waiting)
}

// A store that is told to stop while a try to keep an outcome is under way and
// then fails keeps the outcome all the same.
//
// Supports: F4
func TestPostgresClosesDuringATry(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	r := l.accept(newTx())
	operator, err := sql.Open("pgx", l.dsn)
	l.ok(err)
	defer operator.Close()
	hold, err := operator.Begin()
	l.ok(err)
	_, err = hold.Exec("LOCK TABLE segment")
	l.ok(err)
	l.RecordOutcomesLazy(outcomes(store.SegAccepted, r.Dispatched.Segments...))
	const waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'segment'::regclass"
	var pid int
	for pid == 0 {
		if err := operator.QueryRow(waiting).Scan(&pid); err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
	}
	closed := make(chan error)
	go func() { closed <- l.Close() }()
	for !errors.Is(l.SetMeta(ctx, "x", nil), store.ErrClosed) {
		runtime.Gosched()
	}
	_, err = operator.Exec("SELECT pg_terminate_backend($1)", pid)
	l.ok(err)
	l.ok(hold.Rollback())
	l.ok(<-closed)
	l.open()
	l.wantState(r.Tx.ID, mssp.Waiting)
}
