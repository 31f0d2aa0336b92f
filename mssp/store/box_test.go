package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
)

// never is a lease that runs out in no test.
const never = 1000 * time.Hour

// A second box on one database is refused, whatever its name, and told who is
// there. A visitor is let in on PostgreSQL: he changes records and holds nothing.
//
// Supports: F18
func TestSecondBox(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.ok(l.Close())
		host, _ := os.Hostname()
		first, err := store.Open(ctx, store.Options{DSN: l.dsn, Box: "one"})
		l.ok(err)
		for _, name := range []string{"one", "two"} {
			_, err := store.Open(ctx, store.Options{DSN: l.dsn, Box: name, Lease: never}) // however slow the first is
			l.wantErr("box "+name, err, store.ErrLocked)
			want := fmt.Sprintf("another simsign, box one (pid %d on %s, since ", os.Getpid(), host)
			if err == nil || !strings.Contains(err.Error(), want) {
				l.Errorf("%v, want %q in it", err, want)
			}
		}
		if l.onPostgres() {
			visitor, err := store.Open(ctx, store.Options{DSN: l.dsn, Visitor: true})
			l.ok(err)
			l.ok(visitor.AddAP(ctx, mssp.AP{ID: bank, Name: "Bank"}))
			if _, err := visitor.Accept(ctx, newTx(), nil, seal); err == nil || errors.Is(err, store.ErrFenced) {
				l.Errorf("a visitor takes in a transaction: %v", err)
			}
			l.ok(visitor.Close())
		}
		if r, err := first.Accept(ctx, newTx(), nil, seal); err != nil || r.Dispatched == nil {
			l.Errorf("the first is disturbed: %v", err)
		}
		l.ok(first.Close())
		l.open()
	})
}

func (l *lab) onPostgres() bool { return strings.HasPrefix(l.dsn, "postgres") }

// Every start of a box has a number that was never there before, and whoever
// has left in order leaves no row.
func TestStartsRise(t *testing.T) {
	onBoth(t, func(l *lab) {
		last := l.Me().Start
		for _, name := range []string{"one", "two", "one"} {
			l.ok(l.Close())
			s, err := store.Open(ctx, store.Options{DSN: l.dsn, Box: name})
			l.ok(err)
			l.Store = s
			crew, err := l.Crew(ctx)
			l.ok(err)
			if len(crew) != 1 || crew[0].Name != name || crew[0].Start <= last || crew[0].PID != os.Getpid() || crew[0].SeenAt.IsZero() {
				l.Errorf("%+v after start %d", crew, last)
			}
			last = crew[0].Start
		}
	})
}

// After kill -9 the next start goes on at once, under the same name or another:
// it does not wait for the lease of the dead, which is far longer than the test.
//
// Supports: F1
func TestKilledBoxIsNotWaitedFor(t *testing.T) {
	onBoth(t, func(l *lab) {
		for i := range crashCards {
			importCard(t, l.Store, crashCard(i))
		}
		l.ok(l.Close())
		for _, name := range []string{"", "another"} {
			cmd := childCommand(t, l.dsn)
			out, err := cmd.StdoutPipe()
			l.ok(err)
			l.ok(cmd.Start())
			a := &acks{packets: map[string]int{}}
			a.read(out, 20, func() { cmd.Process.Kill() })
			cmd.Wait()
			l.Store, err = store.Open(ctx, store.Options{DSN: l.dsn, Box: name, Lease: never})
			l.ok(err)
			a.verify(t, l.Store)
			l.ok(l.Close())
		}
		l.open()
	})
}

// Locks that no box is known to have are those of one that has just gone: the
// server may take its time with the end of a session.
func TestSlowEndOfASession(t *testing.T) {
	l, db, going, key := lockTaken(t)
	opened := make(chan error, 1)
	go func() {
		s, err := store.Open(ctx, store.Options{DSN: l.dsn, Lease: never})
		l.Store = s
		opened <- err
	}()
	for tries := map[string]bool{}; len(tries) < 2; { // until it has waited once in vain
		var at string
		switch err := db.QueryRow("SELECT query_start FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'").Scan(&at); {
		case err == nil:
			tries[at] = true
		case !errors.Is(err, sql.ErrNoRows):
			t.Fatal(err)
		}
		select {
		case err := <-opened:
			t.Fatalf("not waited for: %v", err)
		default:
		}
	}
	_, err := going.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", key)
	l.ok(err)
	l.ok(<-opened)
	l.ok(l.Close())
}

// operator is somebody with rights on the same PostgreSQL.
func operator(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// lockTaken is a database whose box has gone, with one of its locks in the hands of
// a session that is no box's.
func lockTaken(t *testing.T) (l *lab, db *sql.DB, has *sql.Conn, key int64) {
	t.Helper()
	l = &lab{T: t, dsn: postgresDSN(t)}
	l.open()
	db = operator(t, l.dsn)
	l.ok(db.QueryRow("SELECT classid::BIGINT << 32 | objid::BIGINT FROM pg_locks WHERE locktype = 'advisory' AND pid = (SELECT session FROM box) LIMIT 1").Scan(&key))
	l.ok(l.Close())
	has, err := db.Conn(ctx)
	l.ok(err)
	t.Cleanup(func() { has.Close() })
	_, err = has.ExecContext(ctx, "SELECT pg_advisory_lock($1)", key) // free at once after Close
	l.ok(err)
	return l, db, has, key
}

// A box whose session is cut takes its locks again before it goes on; when
// somebody else has them meanwhile, it holds nothing any more and stops.
//
// Supports: I14
func TestSessionIsCut(t *testing.T) {
	dsn := postgresDSN(t)
	first, err := store.Open(ctx, store.Options{DSN: dsn, Box: "one", Lease: never})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	importCard(t, first, cardA)
	storetest.Cut(t, dsn, "one")
	if err := first.Beat(ctx); err != nil {
		t.Fatalf("the session is not had back: %v", err)
	}
	_, err = store.Open(ctx, store.Options{DSN: dsn, Box: "two", Lease: never})
	if !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second box beside the one that is there again: %v", err)
	}

	storetest.Cut(t, dsn, "one")
	second, err := store.Open(ctx, store.Options{DSN: dsn, Box: "two", Lease: never})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := first.Beat(ctx); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a sign of life without a session: %v", err)
	}
	_, err = first.Accept(ctx, newTx(), nil, seal)
	if !errors.Is(err, store.ErrLocked) {
		t.Errorf("a box without its session takes in a transaction: %v", err)
	}
	if r, err := second.Accept(ctx, newTx(), nil, seal); err != nil || r.Dispatched == nil {
		t.Errorf("the second: %v", err)
	}
	if err := first.Writable(ctx); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a box without its session is ready: %v", err)
	}
	if rec, err := second.Recover(ctx); err != nil || len(rec.Dead) != 1 {
		t.Errorf("the second finds %+v, %v", rec, err)
	}
	if err := first.Beat(ctx); !errors.Is(err, store.ErrFenced) || !errors.Is(first.Failure(), store.ErrFenced) {
		t.Errorf("a box that was declared dead goes on: %v", err)
	}
}

// A sign of life that nobody waits for any more takes nothing from the session:
// the box goes on with the locks that it has.
//
// Supports: I14
func TestSignOfLifeNotWaitedFor(t *testing.T) {
	dsn := postgresDSN(t)
	s, err := store.Open(ctx, store.Options{DSN: dsn, Box: "one", Lease: never})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	over, cancel := cancelled()
	cancel()
	if err := s.Beat(over); !errors.Is(err, context.Canceled) {
		t.Errorf("a sign of life: %v", err)
	}
	if _, err := store.Open(ctx, store.Options{DSN: dsn, Box: "two", Lease: never}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second box: %v", err)
	}
	db := operator(t, dsn)
	session := func() (pid int) {
		if err := db.QueryRow("SELECT session FROM box WHERE name = 'one'").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	was := session()
	if err := s.Beat(ctx); err != nil {
		t.Errorf("the next sign of life: %v", err)
	}
	if now := session(); now != was {
		t.Errorf("session %d is given up for %d", was, now)
	}
}
