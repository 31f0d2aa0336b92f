package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/store"
)

// A database that cannot be opened to write is an error at the start that says what is in
// the way, and nothing is left locked.
func TestWriterCannotBeOpened(t *testing.T) {
	link := func(to string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Symlink(to, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	script := func(sql string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			db := rawDB(t, path)
			if _, err := db.Exec(sql); err != nil {
				t.Fatal(err)
			}
			db.Close()
		}
	}
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		at   string // what is made, beside the database
		says string
	}{
		"a folder":                 {func(t *testing.T, path string) { os.Mkdir(path, 0o700) }, "", "is a directory"},
		"a lock that is a folder":  {func(t *testing.T, path string) { os.Mkdir(path, 0o700) }, ".lock", "store: lock: open "},
		"a lock without a length":  {link("/dev/full"), ".lock", "store: lock "},
		"a device":                 {link("/dev/full"), "", "simsign.db"},
		"no log":                   {func(t *testing.T, path string) { os.Mkdir(path, 0o700) }, "-wal", "simsign.db"},
		"no version":               {script("CREATE TABLE schema_version (n INTEGER)"), "", "read the schema version"},
		"no table of the versions": {script("CREATE TABLE x (n INTEGER); CREATE INDEX schema_version ON x (n)"), "", "read the schema version"},
		"tables of somebody else":  {script("CREATE TABLE ap (n INTEGER)"), "", "migrate to schema version 1: "},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "simsign.db")
			c.make(t, path+c.at)
			s, err := store.Open(ctx, store.Options{DSN: path})
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if c.at == "" {
				err = os.Rename(path, path+".away")
			} else {
				err = os.Remove(path + c.at)
			}
			if err != nil {
				t.Fatal(err)
			}
			if s, err = store.Open(ctx, store.Options{DSN: path}); err != nil {
				t.Fatalf("once it is away: %v", err)
			}
			s.Close()
		})
	}
	for _, dsn := range []string{filepath.Join(t.TempDir(), "none", "simsign.db"), "postgres://x:y@127.0.0.1:1/%zz", "postgresql://127.0.0.1:1/x?sslmode=odd"} {
		for _, o := range []store.Options{{DSN: dsn}, {DSN: dsn, ReadOnly: true}} {
			s, err := store.Open(ctx, o)
			if err == nil {
				s.Close()
			}
			if err == nil || errors.Is(err, store.ErrLocked) {
				t.Errorf("%s: %v", dsn, err)
			}
		}
	}
}

// On PostgreSQL likewise; who only reads asks nobody whether commits last.
func TestPostgresCannotBeOpened(t *testing.T) {
	for name, c := range map[string]struct{ sql, says string }{
		"no version":              {"CREATE TABLE schema_version (n INTEGER)", "read the schema version"},
		"tables of somebody else": {"CREATE TABLE ap (n INTEGER)", "migrate to schema version 1: "},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			dsn := postgresDSN(t)
			admin(t, dsn, c.sql)
			s, err := store.Open(ctx, store.Options{DSN: dsn})
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if c.sql != "CREATE TABLE ap (n INTEGER)" {
				return
			}
			admin(t, dsn, "DROP TABLE ap") // nothing of the version that failed is there
			if s, err = store.Open(ctx, store.Options{DSN: dsn}); err != nil {
				t.Fatal(err)
			}
			s.Close()
			r, err := store.Open(ctx, store.Options{DSN: as(t, dsn, "simsign", "synchronous_commit", "off"), ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := r.Crew(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// Every connection has the settings without which an answer would not last, what was
// erased would stay, or one would wait for the other for ever.
//
// Supports: D, F2
func TestSettingsOfConnections(t *testing.T) {
	l := onSQLite(t)
	for name, want := range map[string]int64{
		"busy_timeout": 5000, "synchronous": 2, "fullfsync": 1, "ignore_check_constraints": 0, "foreign_keys": 1,
		"cache_size": -32768, "temp_store": 2, "secure_delete": 1,
	} {
		if n, err := l.Setting(name); err != nil || n != want {
			t.Errorf("the writer has %s = %d, %v, want %d", name, n, err, want)
		}
	}
	for name, want := range map[string]int64{"busy_timeout": 5000, "query_only": 1, "cache_size": -8192} {
		if n, err := l.ReaderSetting(name); err != nil || n != want {
			t.Errorf("a reader has %s = %d, %v, want %d", name, n, err, want)
		}
	}
	var mode string
	l.ok(l.raw().QueryRow("PRAGMA journal_mode").Scan(&mode))
	if mode != "wal" {
		t.Errorf("the journal is %s", mode)
	}
}

// Each version of the schema is recorded once, with the time at which it was made.
func TestVersionsAreRecorded(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.reopen()
		rows, err := l.raw().Query("SELECT version, applied_at FROM schema_version ORDER BY version")
		l.ok(err)
		defer rows.Close()
		n := 0
		for ; rows.Next(); n++ {
			var version, at int64
			if err := rows.Scan(&version, &at); err != nil || version != int64(n+1) || at != epoch.UnixMicro() {
				l.Errorf("version %d at %d, %v", version, at, err)
			}
		}
		if rows.Err() != nil || n != 15 {
			l.Errorf("%d versions, %v", n, rows.Err())
		}
	})
}
