package store_test

import (
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
)

// admin runs statements on the server of the tests.
func admin(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// as is the address with another user and other settings.
func as(t *testing.T, dsn, user string, set ...string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i < len(set); i += 2 {
		q.Set(set[i], set[i+1])
	}
	u.RawQuery, u.User = strings.ReplaceAll(q.Encode(), "+", "%20"), url.User(user)
	return u.String()
}

// A commit that PostgreSQL may lose is as bad as none: wherever the weakness is
// said (address, role, database, a single table), nobody who writes comes in.
//
// Supports: F2, D
func TestPostgresMustBeDurable(t *testing.T) {
	dsn := postgresDSN(t)
	s, err := store.Open(ctx, store.Options{DSN: dsn}) // makes the tables
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	admin(t, dsn, "CREATE ROLE weak SUPERUSER LOGIN", "ALTER ROLE weak SET synchronous_commit = off",
		"CREATE ROLE blind SUPERUSER LOGIN", "ALTER ROLE blind SET zero_damaged_pages = on",
		"CREATE ROLE ruleless SUPERUSER LOGIN", "ALTER ROLE ruleless SET session_replication_role = replica",
		"CREATE ROLE near SUPERUSER LOGIN", "ALTER ROLE near SET synchronous_commit = local")
	for _, c := range []struct{ name, dsn, want string }{
		{"address", as(t, dsn, "simsign", "synchronous_commit", "off"), "synchronous_commit = off"},
		{"options of the address", as(t, dsn, "simsign", "options", "-c synchronous_commit=off"), "synchronous_commit = off"},
		{"role", as(t, dsn, "weak"), "synchronous_commit = off"},
		{"role that hides damage", as(t, dsn, "blind"), "zero_damaged_pages = on"},
		{"role without rules", as(t, dsn, "ruleless"), "session_replication_role = replica"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, o := range []store.Options{{DSN: c.dsn}, {DSN: c.dsn, Visitor: true}} {
				s, err := store.Open(ctx, o)
				if err == nil {
					s.Close()
				}
				if !errors.Is(err, store.ErrNotDurable) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("visitor %v: %v, want %q", o.Visitor, err, c.want)
				}
			}
		})
	}
	t.Run("unlogged table", func(t *testing.T) {
		admin(t, dsn, "ALTER TABLE completion SET UNLOGGED", "CREATE UNLOGGED TABLE somebody_elses (n INT)")
		_, err := store.Open(ctx, store.Options{DSN: dsn})
		if !errors.Is(err, store.ErrNotDurable) || !strings.Contains(err.Error(), "unlogged tables = completion ") {
			t.Error(err)
		}
		admin(t, dsn, "ALTER TABLE completion SET LOGGED")
	})
	// Without a standby local is what on is, and a table of somebody else is his matter.
	if s, err = store.Open(ctx, store.Options{DSN: as(t, dsn, "near")}); err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// A reload of the server's file while the service runs: nothing more is written,
// the service says why, and goes on when it is durable again.
//
// Supports: F2
func TestPostgresBecomesWeak(t *testing.T) {
	var pg storetest.Postgres // of its own: its settings change
	dsn := pg.DSN(t)
	t.Cleanup(pg.Stop)
	s, err := store.Open(ctx, store.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	importCard(t, s, cardA)
	for _, set := range []string{"fsync", "full_page_writes"} {
		admin(t, dsn, "ALTER SYSTEM SET "+set+" = off", "SELECT pg_reload_conf()")
		for s.Writable(ctx) == nil { // until the next sign of life has seen it
		}
		_, err = s.Accept(ctx, newTx(), nil, seal)
		if !errors.Is(err, store.ErrNotWritten) || !errors.Is(err, store.ErrNotDurable) || !strings.Contains(err.Error(), set+" = off") {
			t.Errorf("a request: %v", err)
		}
		admin(t, dsn, "ALTER SYSTEM RESET "+set, "SELECT pg_reload_conf()")
		for s.Writable(ctx) != nil {
		}
	}
	// Whatever is set now, every connection of the service waits for the disk.
	admin(t, dsn, "ALTER SYSTEM SET synchronous_commit = off", "ALTER ROLE simsign SET synchronous_commit = off", "SELECT pg_reload_conf()",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
	for range 3 {
		for _, err = s.Accept(ctx, newTx(), nil, seal); errors.Is(err, store.ErrNotWritten); {
			_, err = s.Accept(ctx, newTx(), nil, seal)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if v, err := s.CommitSetting(); err != nil || v != "on" {
		t.Errorf("synchronous_commit is %s, %v", v, err)
	}
	if _, err := store.Open(ctx, store.Options{DSN: dsn, Visitor: true}); !errors.Is(err, store.ErrNotDurable) {
		t.Errorf("the next start: %v", err)
	}
}

// With standbys named, what does not wait for one's disk is weaker than on.
func TestPostgresStandbys(t *testing.T) {
	for _, c := range []struct {
		commit, standbys string
		durable          bool
	}{
		{"on", "", true},
		{"on", "b", true},
		{"remote_apply", "b", true},
		{"local", "", true},
		{"local", "b", false},
		{"remote_write", "", true},
		{"remote_write", "b", false},
		{"off", "", false},
	} {
		if err := store.Durability(c.commit, c.standbys); (err == nil) != c.durable {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
