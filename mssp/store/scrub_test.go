package store_test

import (
	"context"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/simsign/simsign/mssp/store"
	lib "modernc.org/sqlite/lib"
)

// A log that somebody reads is not cut: it is tried for some time, or as long as whoever
// asks waits, and an operator hears that what was erased may stand there still.
func TestScrubWhileSomebodyReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "simsign.db")
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, path)
		release := l.HoldReader(t)
		l.ok(l.SetMeta(ctx, "x", []byte("not yet in the database")))
		gone, cancel := context.WithCancel(ctx)
		cancel()
		l.wantErr("nobody waits", l.Scrub(gone), context.Canceled)
		if err := l.Scrub(ctx); err == nil || !strings.Contains(err.Error(), "somebody reads it") {
			t.Errorf("%v", err)
		}
		tries := 0
		var on chan error
		l.RefuseWriter(func(sql string) error {
			if strings.HasPrefix(sql, "PRAGMA wal_checkpoint") {
				if tries++; tries == 3 {
					release()
				}
			}
			if tries == 2 && on == nil { // somebody writes meanwhile, and is not forgotten
				on = make(chan error, 1)
				go func() { on <- l.SetMeta(ctx, "y", nil) }()
				for l.Waiting() == 0 {
					runtime.Gosched()
				}
			}
			return nil
		})
		l.ok(l.Scrub(ctx))
		l.ok(<-on)
		l.RefuseWriter(nil)
		if tries < 3 {
			t.Errorf("%d tries", tries)
		}
		if ms, err := l.Setting("busy_timeout"); err != nil || ms != 5000 {
			t.Errorf("from then on others are waited for %d ms, %v", ms, err)
		}
	})
}

// What SQLite refuses of it is told, and only that: the store goes on.
func TestScrubIsRefused(t *testing.T) {
	l := onSQLite(t)
	for _, begin := range []string{"PRAGMA busy_timeout=0", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		l.Refuse(refusals{begin: lib.SQLITE_IOERR}.refuse)
		if err := l.Scrub(ctx); !store.Unavailable(err) {
			t.Errorf("%s: %v", begin, err)
		}
		l.Refuse(nil)
		l.ok(l.SetMeta(ctx, "x", nil))
		l.ok(l.Scrub(ctx))
	}
	if ms, err := l.Setting("busy_timeout"); err != nil || ms != 5000 {
		t.Errorf("from then on others are waited for %d ms, %v", ms, err)
	}
}

// On PostgreSQL each table from which something is erased has the room of its dead rows
// free again, and one for which that cannot be done is named.
func TestScrubOnPostgres(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	db := l.raw()
	l.ended()
	later := epoch.Add(1000 * 3600e9)
	l.erase(store.Retention{Texts: later, Octets: later, Signatures: later, Numbers: later, Repeat: later})
	l.ok(l.Scrub(ctx))
	for _, table := range []string{"tx", "segment", "packet", "subscriber", "identity", "device", "pop", "certificate", "key_pair", "mo_header", "mo_part", "patience", "receipt", "erasure"} {
		for n := 0; n == 0; { // its statistics come a little later
			l.ok(db.QueryRow("SELECT vacuum_count FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = $1", table).Scan(&n))
		}
	}
	l.ok(nothing(db.Exec("ALTER TABLE patience RENAME TO hidden")))
	if err := l.Scrub(ctx); err == nil || !strings.Contains(err.Error(), "vacuum patience") {
		t.Errorf("%v", err)
	}
	l.ok(nothing(db.Exec("ALTER TABLE hidden RENAME TO patience")))
	l.ok(l.Close())
	l.wantErr("once it is closed", l.Scrub(ctx), store.ErrClosed)
	l.open()
}

// Who only reads changes nothing, and is told so; he has nothing to say about the disk or
// about how commits end.
func TestReadOnlyStore(t *testing.T) {
	l := onSQLite(t)
	r, err := store.Open(ctx, store.Options{DSN: l.dsn, ReadOnly: true, Readers: 1})
	l.ok(err)
	defer r.Close()
	for what, err := range map[string]error{
		"SetMeta": r.SetMeta(ctx, "x", nil), "Scrub": r.Scrub(ctx), "Writable": r.Writable(ctx), "Write": r.Write(ctx),
	} {
		if err == nil || !strings.Contains(err.Error(), "opened read-only") {
			t.Errorf("%s: %v", what, err)
		}
	}
	r.RecordOutcomesLazy([]store.SegmentOutcome{{ID: 1}})
	if s := r.Space(); s != (store.Space{Free: -1}) {
		t.Errorf("the disk: %+v", s)
	}
	if r.Stopped() != nil || r.Failure() != nil {
		t.Error("it has stopped")
	}
	l.ok(r.Ping(ctx))
	// All its readers are busy: whoever waits need not wait for ever.
	release := r.HoldReader(t)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = r.Meta(gone, "x")
	l.wantErr("nobody waits", err, context.Canceled)
	release()
	// Damage that it meets is told, and is no reason to stop.
	r.Refuse(refusals{"SELECT": lib.SQLITE_CORRUPT}.refuse)
	_, err = r.Meta(ctx, "x")
	l.wantErr("damage", err, store.ErrCorrupt)
	r.Refuse(nil)
	l.ok(r.Ping(ctx))
	l.ok(r.Close())
	_, err = r.Meta(ctx, "x")
	l.wantErr("once it is closed", err, store.ErrClosed)
}
