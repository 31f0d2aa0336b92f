package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
)

// endSession is what a server that shuts down does.
const endSession = "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60)"

func raise(code string) string { return "RAISE EXCEPTION 'no' USING ERRCODE = '" + code + "'" }

// refusing makes PostgreSQL say something the first times that a table is written to,
// to the statement, or only to the commit.
func refusing(t *testing.T, db *sql.DB, table, say string, times int, commit bool) {
	t.Helper()
	kind, when := "TRIGGER refuses BEFORE", ""
	if commit {
		kind, when = "CONSTRAINT TRIGGER refuses AFTER", "DEFERRABLE INITIALLY DEFERRED"
	}
	for _, s := range []string{
		"DROP SEQUENCE IF EXISTS refusal",
		"CREATE SEQUENCE refusal", // which no rollback takes back
		fmt.Sprintf(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN IF nextval('refusal') <= %d THEN %s; END IF; RETURN COALESCE(NEW, OLD); END $$`, times, say),
		fmt.Sprintf("DROP TRIGGER IF EXISTS refuses ON %s", table),
		fmt.Sprintf("CREATE %s INSERT OR UPDATE OR DELETE ON %s %s FOR EACH ROW EXECUTE FUNCTION refuse()", kind, table, when),
	} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
}

// What the server says against a statement or a commit: a job that met another one
// runs again, ten times at most; of what the server is short of, nothing was written;
// when it goes away under a commit nobody knows, and the store stops.
//
// Supports: F4
func TestWhatPostgresSays(t *testing.T) {
	l := &lab{T: t, dsn: postgresDSN(t)}
	l.open()
	defer func() { l.Close() }()
	db := operator(t, l.dsn)
	const tries = 10
	for _, commit := range []bool{false, true} {
		for _, tc := range []struct {
			say   string
			times int
			runs  int // of the job
			want  error
			code  string
		}{
			{raise("40001"), tries - 1, tries, nil, ""},
			{raise("40P01"), tries - 1, tries, nil, ""},
			{raise("40001"), tries, tries, nil, "40001"},
			{raise("53100"), 1, 1, store.ErrNotWritten, "53100"},
			{raise("53200"), 1, 1, store.ErrNotWritten, "53200"},
			{raise("58030"), 1, 1, store.ErrNotWritten, "58030"},
			{raise("23514"), 1, 1, nil, "23514"},
			{raise("57014"), 1, 1, nil, "57014"},
			{endSession, 1, 1, nil, "57P01"}, // the last: at the end of a commit it is the end
		} {
			what := fmt.Sprintf("%s, %d times, to the commit %v", tc.say, tc.times, commit)
			refusing(t, db, "meta", tc.say, tc.times, commit)
			name := fresh("x%d")
			err := l.SetMeta(ctx, name, []byte("1"))
			pe, _ := errors.AsType[*pgconn.PgError](err)
			lost := commit && tc.say == endSession
			if tc.code == "" && err != nil || tc.code != "" && (pe == nil || pe.Code != tc.code) ||
				errors.Is(err, store.ErrNotWritten) != (tc.want != nil) || errors.Is(err, store.ErrOutcomeUnknown) != lost {
				t.Errorf("%s: %v", what, err)
			}
			var runs int
			l.ok(db.QueryRow("SELECT last_value FROM refusal").Scan(&runs))
			if runs != tc.runs {
				t.Errorf("%s: it has run %d times", what, runs)
			}
			if lost {
				break
			}
			l.ok(l.Failure())
			l.ok(l.Writable(ctx))
			l.ok(l.SetMeta(ctx, name, []byte("2")))
			if v, err := l.Meta(ctx, name); string(v) != "2" || err != nil {
				t.Errorf("%s: then %q, %v", what, v, err)
			}
		}
	}
	select {
	case <-l.Stopped():
	default:
		t.Error("the store goes on")
	}
	l.wantErr("what comes next", l.SetMeta(ctx, "x", []byte("3")), store.ErrOutcomeUnknown)
	l.wantErr("Failure", l.Failure(), store.ErrOutcomeUnknown)
	if v, err := l.Meta(ctx, "none such"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a stopped store is still read: %q, %v", v, err)
	}
	l.wantErr("Close", l.Close(), store.ErrOutcomeUnknown)
	if n := l.counts()["commit_unknown_total"]; n != 1 {
		t.Errorf("%v are counted", n)
	}
}

// Outcomes that the server could not take at the moment are kept, those that it does
// not want are not, and neither stops the store.
//
// Supports: F4
func TestWhatPostgresSaysToOutcomes(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	db := operator(t, l.dsn)
	for _, tc := range []struct {
		name, say string
		times     int
		line      string // "": there is none
		want      mssp.State
	}{
		{"another one at the same moment", raise("40001"), 9, "", mssp.Waiting},
		{"its disk is full", raise("53100"), 1, "kept=true", mssp.Waiting},
		{"somebody has stopped it", raise("57014"), 1, "kept=true", mssp.Waiting},
		{"its file", raise("58030"), 1, "kept=true", mssp.Waiting},
		{"it goes away", endSession, 1, "kept=true", mssp.Waiting},
		{"it does not want them", raise("23514"), 1, "kept=false", mssp.Sending},
		{"always another one", raise("40P01"), 10, "kept=false", mssp.Sending},
	} {
		l.ok(l.Close())
		lines := make(chan string, 64)
		s, err := store.Open(ctx, store.Options{DSN: l.dsn, Lease: never, Logger: slog.New(tell{slog.DiscardHandler, lines})})
		l.ok(err)
		l.Store = s
		tx := newTx()
		tx.ICCID = l.freshCard()
		r := l.accept(tx)
		refusing(t, db, "segment", tc.say, tc.times, false)
		l.RecordOutcomesLazy(outcomes(store.SegAccepted, r.Dispatched.Segments...))
		for line := tc.line; line != "" && !strings.HasPrefix(line, "segment outcomes"); {
			if line = <-lines; strings.HasPrefix(line, "segment outcomes") && !strings.Contains(line, tc.line) {
				t.Errorf("%s: %s", tc.name, line)
			}
		}
		l.ok(l.Failure())
		l.ok(l.Close()) // takes what is kept along
		l.open()
		if tx := l.transaction(tx.ID); tx.State != tc.want {
			t.Errorf("%s: it is %s", tc.name, tx.State)
		}
	}
}

// Outcomes of a box that was declared dead are somebody else's now: it stops.
func TestOutcomesOfTheDead(t *testing.T) {
	one, two, a, _, _ := twoBoxes(t)
	segs, err := one.Segments(ctx, a.ID)
	one.ok(err)
	storetest.Cut(t, one.dsn, "one")
	_, err = two.TakeOver(ctx)
	two.ok(err)
	one.RecordOutcomesLazy(outcomes(store.SegAccepted, segs...))
	<-one.Stopped()
	one.wantErr("Failure", one.Failure(), store.ErrFenced)
	two.wantSegments(a.ID, store.SegAmbiguous)
	if one.KeepOutcomes(outcomes(store.SegAccepted, segs...)) {
		t.Error("and keeps some")
	}
}

// So many outcomes are kept, and no more; those of the longer past go before.
func TestOutcomesKept(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	nobodys := make([]store.SegmentOutcome, 1<<16+1)
	if l.KeepOutcomes(nobodys) {
		t.Error("one too many")
	}
	d := l.accept(newTx()).Dispatched
	first := outcomes(store.SegAmbiguous, d.Segments...)
	l.RecordOutcomesLazy(outcomes(store.SegAccepted, d.Segments...))
	if !l.KeepOutcomes(first) {
		t.Error("they are not kept")
	}
	l.ok(l.Close())
	if l.KeepOutcomes(first) {
		t.Error("kept after the end")
	}
	l.open()
	l.wantState(d.Tx.ID, mssp.Waiting)
	if got := l.Space(); got != (store.Space{Free: -1}) {
		t.Errorf("of the disk of a server is known: %+v", got)
	}
}

// A box that leaves and cannot say so is told of; one that has left says nothing more.
func TestEndIsNotTold(t *testing.T) {
	lines := make(chan string, 64)
	dsn := postgresDSN(t)
	s, err := store.Open(ctx, store.Options{DSN: dsn, Lease: never, Logger: slog.New(tell{slog.DiscardHandler, lines})})
	if err != nil {
		t.Fatal(err)
	}
	refusing(t, operator(t, dsn), "box", raise("23514"), 1, false)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	close(lines)
	n := 0
	for line := range lines {
		if strings.HasPrefix(line, "PostgreSQL was not told of the end") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("it was said %d times", n)
	}
}

// A server that does not answer in time is told as such, to who writes and to who
// reads, and nothing was written; who does not wait so long himself is told that.
//
// Supports: F4
func TestPostgresIsSilent(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	l.ok(l.SetMeta(ctx, "x", []byte("1")))
	hold, err := operator(t, l.dsn).Begin()
	l.ok(err)
	_, err = hold.Exec("LOCK TABLE meta")
	l.ok(err)
	impatient, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := l.Meta(impatient, "x"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrSilent) {
		t.Errorf("read by who does not wait: %v", err)
	}
	l.LimitJobs(50 * time.Millisecond)
	if _, err := l.Meta(ctx, "x"); !errors.Is(err, store.ErrSilent) {
		t.Errorf("read: %v", err)
	}
	for {
		err := l.SetMeta(ctx, "x", []byte("2"))
		l.wantErr("written", err, store.ErrNotWritten)
		if errors.Is(err, store.ErrSilent) || err == nil {
			break // else it was not even asked
		}
	}
	if l.Writable(ctx) == nil {
		t.Error("it is writable all the same")
	}
	l.ok(l.Failure())
	l.ok(hold.Rollback())
	l.LimitJobs(time.Hour)
	if v, err := l.Meta(ctx, "x"); string(v) != "1" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	l.ok(l.Writable(ctx))
}
