package store_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
	"github.com/simsign/simsign/ota/bearer"
)

// A box gives signs of life by itself, tells when it cannot, or has lost and had back
// its session, and finds out by itself that it was declared dead.
//
// Supports: I14
func TestBoxGivesSignsOfLife(t *testing.T) {
	dsn, lines := postgresDSN(t), make(chan string, 64)
	s, err := store.Open(ctx, store.Options{DSN: dsn, Box: "one", Lease: time.Second, Logger: slog.New(tell{slog.DiscardHandler, lines})})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{T: t, Store: s, dsn: dsn}
	defer l.Close()
	db := operator(t, dsn)
	seen := func() (at int64) {
		l.ok(db.QueryRow("SELECT seen_at FROM box").Scan(&at))
		return at
	}
	said := func(what string) {
		for line := range lines {
			if strings.HasPrefix(line, what) {
				return
			}
		}
	}
	for first := seen(); seen() == first; { // until there is another
	}
	refusing(t, db, "box", raise("23514"), 1, false)
	said("no sign of life to the database")
	storetest.Cut(t, dsn, "one")
	said("the session that shows that this box lives was lost, and is there again")
	_, err = db.Exec("DELETE FROM box")
	l.ok(err)
	<-l.Stopped()
	l.wantErr("Failure", l.Failure(), store.ErrFenced)
	l.wantErr("Close", l.Close(), store.ErrFenced)
}

// How a box is named to an operator.
func TestBoxInWords(t *testing.T) {
	b := store.Box{Name: "north", PID: 71, Host: "h1", StartedAt: epoch.In(time.FixedZone("", 3600))}
	if got, want := b.String(), "box north (pid 71 on h1, since 2026-03-01T12:00:00Z)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Whoever does not wait any more changes nothing, and after the end nothing is read;
// a job is counted once.
func TestJobs(t *testing.T) {
	onBoth(t, func(l *lab) {
		over, cancel := cancelled()
		cancel()
		l.wantErr("a job that nobody waits for", l.AddAP(over, mssp.AP{ID: bank}), context.Canceled)
		_, err := l.AP(ctx, bank)
		l.wantErr("what it was to write", err, store.ErrNotFound)
		before := l.counts()
		l.ok(l.SetMeta(ctx, "x", []byte("1")))
		after := l.counts()
		for _, name := range []string{"commits_total", "jobs_total"} {
			if n := after[name] - before[name]; n != 1 {
				l.Errorf("%s: %v more", name, n)
			}
		}
		l.ok(l.Close())
		_, err = l.Meta(ctx, "x")
		l.wantErr("after the end", err, store.ErrClosed)
		l.ok(l.Close())
		l.open()
	})
}

// A row that somebody changes while it is erased is left to the next commit, and keeps
// no other from it.
func TestErasedMeanwhile(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	changed, other := l.ended(), l.ended()
	db := operator(t, l.dsn)
	hold, err := db.Begin()
	l.ok(err)
	_, err = hold.Exec("UPDATE tx SET version = version + 1 WHERE seq = $1", changed.Seq)
	l.ok(err)
	keep, turn := store.Retention{Octets: epoch.Add(time.Hour)}, l.turn()
	type result struct {
		gone store.Erased
		more bool
		err  error
	}
	erased := make(chan result)
	go func() {
		gone, more, err := l.Erase(ctx, keep, turn)
		erased <- result{gone, more, err}
	}()
	for waiting := 0; waiting == 0; {
		l.ok(db.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE tx SET kept%'").Scan(&waiting))
	}
	l.ok(hold.Commit())
	if r := <-erased; r.err != nil || !r.more || r.gone[mssp.Octets] != 1 {
		t.Errorf("%+v", r)
	}
	if len(l.transaction(other.ID).Erased.List()) != 1 || l.transaction(changed.ID).Erased != "" {
		t.Error("the other is not the one that went")
	}
	if gone, more, err := l.Erase(ctx, keep, turn); err != nil || more || gone[mssp.Octets] != 1 {
		t.Errorf("then %v, more %v, %v", gone, more, err)
	}
}

// A mark that comes back is told to an operator.
func TestMarkThatComesBack(t *testing.T) {
	l := onSQLite(t)
	v := l.keyed()
	_, err := l.Authenticate(ctx, v)
	l.ok(err)
	l.ok(l.AddAP(ctx, mssp.AP{ID: bank})) // has a tag
	l.ok(l.Close())
	var alerts heard
	s, err := store.Open(ctx, store.Options{DSN: l.dsn, Clock: func() time.Time { return epoch }, Alerts: &alerts})
	l.ok(err)
	l.Store = s
	l.ok(l.SetMeta(ctx, "rows", []byte("old")))
	if n, err := l.Authenticate(ctx, v); n != 0 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	if len(alerts) != 1 || !strings.HasPrefix(alerts[0], "row meta rows: the database says that its rows are of an earlier release, and they are not") {
		t.Errorf("%q", alerts)
	}
}

// To nobody there is nothing to send.
func TestMessageOfNoSegment(t *testing.T) {
	l := onSQLite(t)
	if put, err := l.EnqueueText(ctx, []bearer.Segment{}); len(put) != 0 || err != nil {
		t.Errorf("%v, %v", put, err)
	}
	if got := l.claim(epoch, 10); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// A box that cannot enter says so, and is none.
func TestBoxCannotEnter(t *testing.T) {
	l := onSQLite(t)
	for _, tc := range [][2]string{
		{"ALTER TABLE sequence RENAME TO sequence_x", "ALTER TABLE sequence_x RENAME TO sequence"},
		{"CREATE TRIGGER refuses BEFORE INSERT ON box BEGIN SELECT RAISE(ABORT, 'no'); END", "DROP TRIGGER refuses"},
	} {
		l.ok(l.Close())
		db := rawDB(t, l.dsn)
		_, err := db.Exec(tc[0])
		l.ok(err)
		s, err := store.Open(ctx, store.Options{DSN: l.dsn, Box: "one"})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "enter as box one") {
			t.Errorf("%s: %v", tc[0], err)
		}
		_, err = db.Exec(tc[1])
		l.ok(err)
		db.Close()
		l.open()
	}
	if _, err := store.Open(ctx, store.Options{DSN: "postgres://%zz"}); err == nil {
		t.Error("an address that is none")
	}
}
