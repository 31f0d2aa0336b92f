package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// Supports: F
func TestOneProcess(t *testing.T) {
	l := onSQLite(t)
	_, err := store.Open(ctx, store.Options{DSN: l.dsn})
	l.wantErr("a second Open", err, store.ErrLocked)
	host, _ := os.Hostname()
	if want := fmt.Sprintf("(pid %d on %s, since ", os.Getpid(), host); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q in it", err, want)
	}
	if fi, err := os.Stat(l.dsn); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	// A reader beside it sees what is committed and changes nothing.
	r, err := store.Open(ctx, store.Options{DSN: "sqlite:" + l.dsn, ReadOnly: true})
	l.ok(err)
	defer r.Close()
	tx := l.accept(newTx()).Tx
	if got, err := r.Transaction(ctx, tx.ID); err != nil || got.Seq != tx.Seq {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := r.Accept(ctx, newTx(), nil, seal); err == nil {
		t.Error("a read-only store accepts")
	}
	l.ok(r.Check(ctx))
}

// A database that a reader cannot open is an error at the start, which names it;
// only one that is not there has an error of its own.
func TestReaderCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop.db")
	if err := os.Symlink("loop.db", loop); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path          string
		none, corrupt bool
	}{
		{filepath.Join(dir, "none.db"), true, false},
		{loop, false, false},
		{filepath.Join(dir, strings.Repeat("x", 300)), false, false}, // longer than a name may be
		{text, false, true},
	} {
		s, err := store.Open(ctx, store.Options{DSN: c.path, ReadOnly: true})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.path) || errors.Is(err, store.ErrNone) != c.none || errors.Is(err, store.ErrCorrupt) != c.corrupt {
			t.Errorf("%.80s: %v", c.path, err)
		}
	}
}

func TestNewerSchema(t *testing.T) {
	l := onSQLite(t)
	l.ok(l.Close())
	db := rawDB(t, l.dsn)
	if _, err := db.Exec("INSERT INTO schema_version VALUES (99, 0)"); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(ctx, store.Options{DSN: l.dsn})
	l.wantErr("Open", err, store.ErrNewer)
	if _, err := db.Exec("DELETE FROM schema_version WHERE version = 99"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	l.open()
}

func rawDB(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// While one job is under way the others wait and form one batch; a job of the
// batch that fails does not fail the others.
//
// Supports: F6, B
func TestFailingJobInABatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "simsign.db")
	reg := prometheus.NewRegistry()
	s, err := store.Open(ctx, store.Options{DSN: path, Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const n = 40
	for i := range n + 1 {
		importCard(t, s, benchCard(i))
	}
	commits := commitsOf(t, reg)
	broken := errors.New("broken")
	var wg sync.WaitGroup
	errs := make([]error, n+1)
	accept := func(i int, f store.SealFunc) {
		tx := newTx()
		tx.ICCID = benchCard(i)
		_, errs[i] = s.Accept(ctx, tx, nil, f)
	}
	under, on := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		accept(n, func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
			close(under)
			<-on
			return seal(tx, ks)
		})
	})
	<-under
	for i := range n {
		wg.Go(func() {
			accept(i, func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
				if i%5 == 0 {
					return store.Sealed{}, broken
				}
				return seal(tx, ks)
			})
		})
	}
	for s.Waiting() < n {
		runtime.Gosched()
	}
	close(on)
	wg.Wait()
	for i, err := range errs {
		if bad := i < n && i%5 == 0; bad && !errors.Is(err, broken) || !bad && err != nil {
			t.Errorf("job %d: %v", i, err)
		}
	}
	if got := commitsOf(t, reg) - commits; got != 2 {
		t.Errorf("%v commits for one job and the %d that waited for it, want 2", got, n)
	}
	txs, err := s.Transactions(ctx, store.TransactionFilter{})
	if err != nil || len(txs) != 1+n-n/5 {
		t.Errorf("%d transactions, %v", len(txs), err)
	}
	noted := map[string]bool{}
	if err := s.EachAudit(ctx, func(r *audit.Record) error {
		e, err := r.Parse()
		if e.Subject.Kind == "tx" {
			noted[e.Subject.Name] = true
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	for i := range txs {
		if !noted[string(txs[i].ID)] {
			t.Errorf("%s is not noted", txs[i].ID)
		}
	}
	if _, err := s.VerifyAudit(ctx, nil); err != nil || len(noted) != len(txs) {
		t.Errorf("%d noted of %d: %v", len(noted), len(txs), err)
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

// Somebody asks one user far more often than he may, all at once. What has to
// be taken out of the batch for that costs the others in it one more run, not one
// for each.
//
// Supports: F6, I12
func TestRefusedJobsInABatch(t *testing.T) {
	l := onSQLite(t)
	l.user()
	const flood, others = 60, 20
	for i := range others + 1 {
		importCard(t, l.Store, benchCard(100+i))
	}
	p := l.prompt()
	var wg sync.WaitGroup
	var passed, runs atomic.Int64
	accept := func(i int, f store.SealFunc) {
		tx := newTx()
		tx.ICCID, tx.MSISDN = benchCard(100+i), sms.MSISDN(fmt.Sprintf("4178%07d", i))
		if _, err := l.Accept(ctx, tx, nil, f); err != nil {
			t.Errorf("another's request: %v", err)
		}
	}
	under, on := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		accept(others, func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
			close(under)
			<-on
			return seal(tx, ks)
		})
	})
	<-under
	for i := range flood {
		wg.Go(func() {
			if _, err := l.Accept(ctx, newTx(), p, seal); err == nil {
				passed.Add(1)
			}
		})
		if i < others {
			wg.Go(func() {
				accept(i, func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
					runs.Add(1)
					return seal(tx, ks)
				})
			})
		}
	}
	for l.Waiting() < flood+others {
		runtime.Gosched()
	}
	close(on)
	wg.Wait()
	if passed.Load() != 3 {
		t.Errorf("%d of the flood have passed, want 3", passed.Load())
	}
	if n := runs.Load(); n > 2*others {
		t.Errorf("the %d others ran %d times", others, n)
	}
	if txs, err := l.Transactions(ctx, store.TransactionFilter{}); err != nil || len(txs) != 3+others+1 {
		t.Errorf("%d transactions, %v", len(txs), err)
	}
}

// A panic inside a commit, whoever runs it, stops the store; nobody waits for
// ever, and nothing of it is there afterwards.
func TestPanicInAJob(t *testing.T) {
	l := onSQLite(t)
	tx := newTx()
	_, err := l.Accept(ctx, tx, nil, func(*mssp.Transaction, mssp.CardKeys) (store.Sealed, error) { panic("odd") })
	l.wantErr("the request", err, store.ErrOutcomeUnknown)
	_, err = l.Accept(ctx, newTx(), nil, seal)
	l.wantErr("the next request", err, store.ErrOutcomeUnknown)
	select {
	case <-l.Stopped():
	default:
		t.Error("the store goes on")
	}
	l.Close()
	// What was under way is not closed as long as this process lives: only readers can come.
	l.Store, err = store.Open(ctx, store.Options{DSN: l.dsn, ReadOnly: true})
	l.ok(err)
	_, err = l.Transaction(ctx, tx.ID)
	l.wantErr("the transaction", err, store.ErrNotFound)
}

func commitsOf(t *testing.T, reg *prometheus.Registry) float64 {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.GetName() == "simsign_store_commits_total" {
			return m.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("no such metric")
	return 0
}

// A setting that SQLite does not take is not passed over in silence.
//
// Supports: D
func TestPragmasAreReadBack(t *testing.T) {
	l := onSQLite(t)
	for _, p := range [][3]string{
		{"synchronous", "FUL", "2"}, // SQLite takes this for NORMAL
		{"journal_moode", "WAL", "wal"},
		{"busy_timeout", "5000", "6000"},
	} {
		if err := l.Pragma(p[0], p[1], p[2]); err == nil {
			t.Errorf("PRAGMA %s=%s passes", p[0], p[1])
		}
	}
	l.ok(l.Pragma("synchronous", "FULL", "2"))
}

func TestHotStatementsUseIndexes(t *testing.T) {
	l := onSQLite(t)
	for name, sql := range store.HotStatements() {
		plan, err := l.Plan(sql)
		l.ok(err)
		for _, step := range plan {
			// A partial index holds only what is open or waits; a few names are a list in memory.
			if strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, "INDEX") && !strings.Contains(step, "CONSTANT ROW") && step != "SCAN names" {
				t.Errorf("%s: %s", name, step)
			}
		}
	}
}

// The schema of each version, as a release has it: what a new database has
// now, and what this program opens and brings up to date.
func TestSchemaDump(t *testing.T) {
	l := onSQLite(t)
	got, err := l.SchemaDump()
	l.ok(err)
	const latest = "testdata/schema-v15.sql"
	want, err := os.ReadFile(latest)
	if err != nil || got != string(want) {
		os.WriteFile(filepath.Join(t.ArtifactDir(), filepath.Base(latest)), []byte(got), 0o600)
		t.Errorf("the schema is not the one of %s (%v); a shipped migration must not change", latest, err)
	}
	for v, file := range map[int]string{1: "testdata/schema-v1.sql", 2: "testdata/schema-v2.sql", 6: "testdata/schema-v6.sql", 10: "testdata/schema-v10.sql", 11: "testdata/schema-v11.sql", 12: "testdata/schema-v12.sql", 13: "testdata/schema-v13.sql", 14: "testdata/schema-v14.sql", 15: latest} {
		dump, err := os.ReadFile(file)
		l.ok(err)
		path := filepath.Join(t.TempDir(), "old.db")
		db := rawDB(t, path)
		for n := range v {
			dump = fmt.Appendf(dump, "INSERT INTO schema_version VALUES (%d, 0);", n+1)
		}
		if _, err := db.Exec(string(dump)); err != nil {
			t.Fatal(err)
		}
		db.Close()
		old := newLab(t, path)
		old.accept(newTx())
		if now, err := old.SchemaDump(); err != nil || now != got {
			t.Errorf("%s becomes another schema than a new database has: %v", file, err)
		}
	}
}

// Supports: F7
func TestDamagedFile(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"truncated":       func(b []byte) []byte { return b[:len(b)/2] },
		"a page of zeros": func(b []byte) []byte { clear(b[5*4096 : 6*4096]); return b },
		"pages of noise":  func(b []byte) []byte { noise(b[4096:]); return b },
		"no database":     func(b []byte) []byte { copy(b, "hello"); return b },
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			path, b := closedDB(t)
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(ctx, store.Options{DSN: path})
			if err != nil {
				if !errors.Is(err, store.ErrCorrupt) {
					t.Errorf("refused at once, and not as damaged: %v", err)
				}
				return
			}
			defer s.Close()
			if err := s.Check(ctx); err == nil {
				t.Error("Check finds nothing")
			}
		})
	}
}

// closedDB is a database of 200 cards that nobody has open, and its octets.
func closedDB(t *testing.T) (path string, octets []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "simsign.db")
	s, err := store.Open(ctx, store.Options{DSN: path})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		importCard(t, s, benchCard(i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	octets, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, octets
}

func noise(b []byte) {
	r := rand.New(rand.NewPCG(7, 7))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

// Whoever meets the damage first, a reader or the writer: the store stops and
// says why, so that the process ends with the exit code of damaged data and
// not with that of an unknown commit.
//
// Supports: F7
func TestDamageIsMetLater(t *testing.T) {
	for name, meet := range map[string]func(s *store.Store) error{
		"reader": func(s *store.Store) error { _, err := s.Cards(ctx, "", 1000); return err },
		"writer": func(s *store.Store) error {
			_, err := s.Purge(ctx, store.Retention{Parts: time.Now()})
			for i := range 200 {
				_, cerr := s.ChangeCard(ctx, benchCard(i), func(*mssp.Card) error { return nil })
				err = errors.Join(err, cerr)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, b := closedDB(t)
			for _, at := range pagesWith(b, string(benchCard(100))) {
				noise(b[at : at+4096])
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(ctx, store.Options{DSN: path})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Failure() != nil {
				t.Error("stopped before anybody met it")
			}
			if err := meet(s); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("met with %v", err)
			}
			select {
			case <-s.Stopped():
			default:
				t.Fatal("the store goes on")
			}
			if err := s.Failure(); !errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrOutcomeUnknown) {
				t.Errorf("stopped with %v", err)
			}
		})
	}
}

// pagesWith finds the pages of a database, without the first, that hold a text.
func pagesWith(b []byte, text string) (at []int) {
	for i := 4096; i < len(b); i += 4096 {
		if strings.Contains(string(b[i:i+4096]), text) {
			at = append(at, i)
		}
	}
	return at
}

// The audits of Check find what they say.
func TestCheckFinds(t *testing.T) {
	for what, sql := range map[string]string{
		"busy with a transaction":      "UPDATE card SET busy_tx = 'h0'",
		"not the one at its card":      "UPDATE card SET busy_tx = ''",
		"counts its queue wrongly":     "UPDATE card SET queued = 7",
		"sealed and has no packet":     "DELETE FROM packet",
		"final state without its time": "UPDATE tx SET finished_at = 1",
	} {
		path := filepath.Join(t.TempDir(), "simsign.db")
		s, err := store.Open(ctx, store.Options{DSN: path})
		if err != nil {
			t.Fatal(err)
		}
		importCard(t, s, cardA)
		if _, err := s.Accept(ctx, newTx(), nil, seal); err != nil {
			t.Fatal(err)
		}
		if _, err := rawDB(t, path).Exec(sql); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(ctx); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", sql, err)
		}
		s.Close()
	}
}
