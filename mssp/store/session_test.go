package store_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
	"github.com/simsign/simsign/ota"
)

// A sign of life that the server refuses costs the session nothing, as long as it is
// there; one that was just had back is given up again, and the next try gets it.
//
// Supports: I14
func TestSignOfLifeIsRefused(t *testing.T) {
	dsn := postgresDSN(t)
	s, err := store.Open(ctx, store.Options{DSN: dsn, Box: "one", Lease: never})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l := &lab{T: t, Store: s, dsn: dsn}
	db := operator(t, dsn)
	session := func() (pid, locks int) {
		l.ok(db.QueryRow("SELECT session FROM box").Scan(&pid))
		l.ok(db.QueryRow("SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = $1", pid).Scan(&locks))
		return pid, locks
	}
	was, _ := session()
	refusing(t, db, "box", raise("53100"), 1, false)
	if pe, ok := errors.AsType[*pgconn.PgError](l.Beat(ctx)); !ok || pe.Code != "53100" {
		t.Errorf("a sign of life: %v", pe)
	}
	l.ok(l.Beat(ctx))
	if pid, locks := session(); pid != was || locks != 2 {
		t.Errorf("session %d is given up for %d, which has %d locks", was, pid, locks)
	}
	storetest.Cut(t, dsn, "one")
	refusing(t, db, "box", raise("53100"), 1, false)
	if pe, ok := errors.AsType[*pgconn.PgError](l.Beat(ctx)); !ok || pe.Code != "53100" {
		t.Errorf("a sign of life through a new session: %v", pe)
	}
	if err := l.AddAP(ctx, mssp.AP{ID: bank}); err != nil { // holds nothing
		t.Errorf("a record: %v", err)
	}
	l.ok(l.Writable(ctx)) // gives the sign anew
	if pid, locks := session(); pid == was || locks != 2 {
		t.Errorf("session %d after %d has %d locks", pid, was, locks)
	}
	storetest.Cut(t, dsn, "one")
	if _, err := db.Exec("DELETE FROM box"); err != nil {
		t.Fatal(err)
	}
	l.wantErr("a sign of life of the dead", l.Beat(ctx), store.ErrFenced)
	l.wantErr("Failure", l.Failure(), store.ErrFenced)
}

// A lock that cannot be had for another reason than that somebody has it is told as
// what it is, and one that somebody has of whom nothing can be known is in use.
func TestLockOfNobodyKnown(t *testing.T) {
	l, db, _, _ := lockTaken(t)
	opened := make(chan error, 1)
	open := func() {
		s, err := store.Open(ctx, store.Options{DSN: l.dsn, Lease: never})
		if err == nil {
			s.Close()
		}
		opened <- err
	}
	go open()
	for pid, ended := 0, false; !ended; { // the one that waits
		if db.QueryRow("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory' AND query LIKE 'SELECT pg_advisory_lock%'").Scan(&pid) == nil {
			l.ok(db.QueryRow("SELECT pg_terminate_backend($1)", pid).Scan(&ended))
		}
	}
	if err := <-opened; err == nil || errors.Is(err, store.ErrLocked) {
		t.Errorf("the session has ended: %v", err)
	}
	_, err := db.Exec("DROP TABLE box CASCADE")
	l.ok(err)
	go open()
	if err := <-opened; !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "another simsign uses this database") {
		t.Errorf("there is no table of boxes: %v", err)
	}
}

// The session of a process of this machine that is no more is waited for, however
// slow the server is to end it.
func TestSessionOutlivesItsProcess(t *testing.T) {
	l, db, has, key := lockTaken(t)
	host, err := os.Hostname()
	l.ok(err)
	_, err = has.ExecContext(ctx, "INSERT INTO box (name, start, host, pid, session, started_at, seen_at) SELECT 'gone', 900, $1, $2, pg_backend_pid(), t, t FROM (SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT) AS now(t)", host, 1<<30)
	l.ok(err)
	opened := make(chan error, 1)
	go func() {
		s, err := store.Open(ctx, store.Options{DSN: l.dsn, Lease: never})
		l.Store = s
		opened <- err
	}()
	for tries := map[string]bool{}; len(tries) < 2; { // until it has waited once in vain
		var at string
		if db.QueryRow("SELECT query_start FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory' AND query LIKE 'SELECT pg_advisory_lock%'").Scan(&at) == nil {
			tries[at] = true
		}
		select {
		case err := <-opened:
			t.Fatalf("not waited for: %v", err)
		default:
		}
	}
	_, err = has.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", key)
	l.ok(err)
	l.ok(<-opened)
	l.ok(l.Close())
}

// Whichever statement of a look around fails, somebody is told; what a dead box held is
// taken over by the next ones, once, and nothing of the living.
//
// Supports: F1
func TestTakeOverMayFail(t *testing.T) {
	one, two, a, _, b := twoBoxes(t)
	storetest.Cut(t, one.dsn, "one")
	f := &store.Fault{}
	boxes := two.Faulty(f)
	var taken []ota.ICCID
	for at := 1; ; at++ {
		*f = store.Fault{At: at}
		rec, err := boxes.TakeOver(ctx)
		taken = append(taken, rec.Taken...)
		if !f.Over() {
			two.wantErr(fmt.Sprintf("statement %d", at), err, store.ErrBroken)
			continue
		}
		if two.ok(err); at < 8 || len(rec.Dead) != 1 || rec.Open != 3 || len(rec.Idle) != 0 {
			t.Errorf("after %d statements: %+v", at, rec)
		}
		break
	}
	if len(taken) != 1 || taken[0] != cardA {
		t.Errorf("taken are %v", taken)
	}
	two.wantSegments(a.ID, store.SegAmbiguous)
	two.wantSegments(b.ID, store.SegSent)
	*f = store.Fault{}
	if rec, err := boxes.TakeOver(ctx); err != nil || len(rec.Dead)+rec.Open != 0 {
		t.Errorf("nobody has died since: %+v, %v", rec, err)
	}
}

// A card that another box serves is counted by that one.
func TestRecoverLeavesTheCardsOfOthers(t *testing.T) {
	one, two, _, _, _ := twoBoxes(t)
	db := operator(t, one.dsn)
	queued := func() (n int) {
		one.ok(db.QueryRow("SELECT queued FROM card WHERE iccid = $1", string(cardA)).Scan(&n))
		return n
	}
	_, err := db.Exec("UPDATE card SET queued = 7 WHERE iccid = $1", string(cardA))
	one.ok(err)
	_, err = two.Recover(ctx)
	two.ok(err)
	if n := queued(); n != 7 {
		t.Errorf("another has counted %d", n)
	}
	_, err = one.Recover(ctx)
	one.ok(err)
	if n := queued(); n != 1 {
		t.Errorf("who serves it has counted %d", n)
	}
}

// A box that gives a sign of life while another declares it dead, and has to begin
// anew, lives.
func TestSignOfLifeDuringTheBurial(t *testing.T) {
	one, _, _, _, _ := twoBoxes(t)
	var asked int
	three := one.beside("three", func(o *store.Options) {
		o.DatabaseClock = func() time.Time {
			if asked++; asked == 2 {
				return time.Now().Add(2 * never)
			}
			return time.Now()
		}
	})
	db := operator(t, one.dsn)
	refusing(t, db, "box", raise("40001"), 1, true)
	rec, err := three.TakeOver(ctx)
	three.ok(err)
	var tries, boxes int
	one.ok(db.QueryRow("SELECT last_value, (SELECT COUNT(*) FROM box) FROM refusal").Scan(&tries, &boxes))
	if len(rec.Dead)+len(rec.Taken) != 0 || tries != 1 || boxes != 3 {
		t.Errorf("after %d tries of %d boxes: %+v", tries, boxes, rec)
	}
	one.ok(one.Beat(ctx))
}
