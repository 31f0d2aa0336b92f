package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/store"
	lib "modernc.org/sqlite/lib"
)

// refusals are the statements that SQLite refuses, by their beginning, and with what.
type refusals map[string]int

func (r refusals) refuse(sql string) error {
	for begin, code := range r {
		if strings.HasPrefix(sql, begin) {
			return store.SQLiteError(code)
		}
	}
	return nil
}

// What the writer says when SQLite refuses one of its statements, and whether it
// goes on: the machine refused, and the batch is not there; it is not known whether it
// is there; the file is damaged; or it was the job's own fault, which is its matter.
//
// Supports: F3, F4, F7, C
func TestRefusedStatements(t *testing.T) {
	const insert = "INSERT INTO meta"
	machine, unknown, damage, job := store.ErrNotWritten, store.ErrOutcomeUnknown, store.ErrCorrupt, errors.New("the job's")
	for _, c := range []struct {
		refused refusals
		want    error
	}{
		{refusals{"BEGIN": lib.SQLITE_BUSY}, machine}, // another program holds the file
		{refusals{"BEGIN": lib.SQLITE_IOERR}, machine},
		{refusals{"BEGIN": lib.SQLITE_CORRUPT}, damage},
		{refusals{insert: lib.SQLITE_IOERR_WRITE}, machine},
		{refusals{insert: lib.SQLITE_FULL}, machine},
		{refusals{insert: lib.SQLITE_NOMEM}, machine},
		{refusals{insert: lib.SQLITE_READONLY}, machine},
		{refusals{insert: lib.SQLITE_CANTOPEN}, machine},
		{refusals{insert: lib.SQLITE_CORRUPT}, damage},
		{refusals{insert: lib.SQLITE_NOTADB}, damage},
		{refusals{insert: lib.SQLITE_CONSTRAINT}, job},
		{refusals{insert: lib.SQLITE_TOOBIG}, job},
		{refusals{insert: lib.SQLITE_CONSTRAINT, "ROLLBACK": lib.SQLITE_IOERR}, unknown},
		{refusals{insert: lib.SQLITE_IOERR, "ROLLBACK": lib.SQLITE_IOERR}, unknown},
		{refusals{"COMMIT": lib.SQLITE_IOERR_FSYNC}, unknown},
		{refusals{"COMMIT": lib.SQLITE_BUSY}, unknown},
		{refusals{"COMMIT": lib.SQLITE_FULL}, machine},
		{refusals{"COMMIT": lib.SQLITE_FULL, "ROLLBACK": lib.SQLITE_IOERR}, unknown},
	} {
		t.Run(strings.ReplaceAll(fmt.Sprint(c.refused), " ", "_"), func(t *testing.T) {
			l := onSQLite(t)
			before := l.counts()["commit_unknown_total"]
			l.Refuse(c.refused.refuse)
			err := l.SetMeta(ctx, "refused", []byte("x"))
			for _, kind := range []error{machine, unknown, damage} {
				if errors.Is(err, kind) != (kind == c.want) {
					t.Errorf("%v is %q: %v", err, kind, kind != c.want)
				}
			}
			if err == nil {
				t.Fatal("no error")
			}
			over := c.want == unknown || c.want == damage
			if over != (l.Failure() != nil) || over && !errors.Is(l.Failure(), c.want) {
				t.Errorf("the failure of the store: %v", l.Failure())
			}
			select {
			case <-l.Stopped():
				if !over {
					t.Error("the store has stopped")
				}
			default:
				if over {
					t.Error("the store has not stopped")
				}
			}
			if n := l.counts()["commit_unknown_total"] - before; (n == 1) != (c.want == unknown) {
				t.Errorf("%v unknown commits are counted", n)
			}
			l.Refuse(nil)
			if over {
				l.wantErr("once all is well", l.SetMeta(ctx, "after", nil), c.want)
				l.wantErr("Scrub", l.Scrub(ctx), c.want)
				l.wantErr("Close", l.Close(), c.want)
				// What is under way is not closed as long as this process lives: only readers can come.
				l.Store, err = store.Open(ctx, store.Options{DSN: l.dsn, ReadOnly: true})
				l.ok(err)
			} else {
				l.ok(l.SetMeta(ctx, "after", nil))
			}
			_, err = l.Meta(ctx, "refused")
			l.wantErr("what was refused", err, store.ErrNotFound)
		})
	}
}

// In a batch in which one job fails, each runs apart: what one of them has written
// before it failed is taken back alone; where that cannot be done, nobody is told that
// anything of his was written.
//
// Supports: F6
func TestRefusedApart(t *testing.T) {
	own := store.SQLiteError(lib.SQLITE_CONSTRAINT)
	for _, c := range []struct {
		name    string
		refused refusals
		all     error // what everybody in the batch is told
	}{
		{"each", nil, nil},
		{"nothing apart", refusals{"SAVEPOINT": lib.SQLITE_IOERR}, store.ErrNotWritten},
		{"no room for it", refusals{"SAVEPOINT": lib.SQLITE_FULL}, store.ErrNotWritten},
		{"not taken back", refusals{"ROLLBACK TO": lib.SQLITE_IOERR}, store.ErrNotWritten},
		{"not released", refusals{"RELEASE": lib.SQLITE_IOERR}, store.ErrNotWritten},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := onSQLite(t)
			n := 0
			l.Refuse(func(sql string) error {
				if strings.HasPrefix(sql, "INSERT INTO meta") {
					if n++; n == 2 {
						return own // the second of them; so the others run again, each apart
					}
				}
				return c.refused.refuse(sql)
			})
			put := func(name string) func() error {
				return func() error { return l.SetMeta(ctx, name, []byte(name)) }
			}
			taken := func() error { // its first statement writes
				return l.AddMeta(ctx, "one", nil)
			}
			errs := l.Together(put("one"), put("two"), taken, func() error { return l.HalfWrite("half") }, put("three"))
			l.Refuse(nil)
			if !errors.Is(errs[1], own) {
				t.Errorf("the one that was refused: %v", errs[1])
			}
			if c.all != nil {
				for _, i := range []int{0, 2, 3, 4} {
					l.wantErr(fmt.Sprint("job ", i), errs[i], c.all)
				}
			} else {
				l.ok(errors.Join(errs[0], errs[4]))
				l.wantErr("the row that is there", errs[2], store.ErrExists)
				l.wantErr("the half", errs[3], store.ErrBroken)
			}
			for name, want := range map[string]bool{"one": c.all == nil, "two": false, "half": false, "three": c.all == nil} {
				if _, err := l.Meta(ctx, name); (err == nil) != want {
					t.Errorf("%s: %v", name, err)
				}
			}
			l.ok(l.SetMeta(ctx, "after", nil))
		})
	}
}

// Nothing of the machine's is said of who only reads; what SQLite refuses there is
// told, and damage ends the store.
func TestRefusedReads(t *testing.T) {
	for code, damaged := range map[int]bool{lib.SQLITE_IOERR: false, lib.SQLITE_BUSY: false, lib.SQLITE_CORRUPT: true, lib.SQLITE_NOTADB: true} {
		l := onSQLite(t)
		l.Refuse(refusals{"SELECT": code}.refuse)
		_, err := l.Meta(ctx, "x")
		if err == nil || !store.Unavailable(err) || errors.Is(err, store.ErrCorrupt) != damaged || (l.Failure() != nil) != damaged {
			t.Errorf("%d: %v, the store %v", code, err, l.Failure())
		}
		l.Refuse(nil)
		if damaged {
			l.wantErr("Close", l.Close(), store.ErrCorrupt)
			l.open()
		}
	}
}

// A box that cannot say farewell is closed all the same: whoever comes next finds it
// dead. A store is closed once, whoever does it again.
func TestCloseWithoutFarewell(t *testing.T) {
	l := onSQLite(t)
	l.Refuse(refusals{"DELETE FROM box": lib.SQLITE_FULL}.refuse)
	l.ok(l.Close())
	l.ok(l.Close())
	l.wantErr("after it", l.SetMeta(ctx, "x", nil), store.ErrClosed)
	l.wantErr("after it", l.Scrub(ctx), store.ErrClosed)
	_, err := l.Meta(ctx, "x")
	l.wantErr("read after it", err, store.ErrClosed)
	l.open()
	if crew, err := l.Crew(ctx); err != nil || len(crew) != 1 {
		t.Errorf("%+v, %v", crew, err)
	}
}

// A log that cannot be moved into the database at the end is told, with what to do.
func TestCloseWithoutSettling(t *testing.T) {
	l := onSQLite(t)
	l.Refuse(refusals{"PRAGMA wal_checkpoint(PASSIVE)": lib.SQLITE_IOERR}.refuse)
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "the -wal file stays") {
		t.Error(err)
	}
	l.open()
}

// A box whose row somebody has taken away is dead here too: it writes nothing more for
// its cards, and stops.
//
// Supports: F18
func TestFencedOnAFile(t *testing.T) {
	l := onSQLite(t)
	d := l.accept(newTx()).Dispatched
	l.ok(nothing(l.raw().Exec("DELETE FROM box")))
	l.wantErr("an outcome", l.RecordOutcomes(ctx, outcomes(store.SegAccepted, d.Segments...)), store.ErrFenced)
	l.wantErr("Failure", l.Failure(), store.ErrFenced)
	select {
	case <-l.Stopped():
	default:
		t.Error("it goes on")
	}
	l.wantErr("Close", l.Close(), store.ErrFenced)
	var err error
	l.Store, err = store.Open(ctx, store.Options{DSN: l.dsn, ReadOnly: true})
	l.ok(err)
}
