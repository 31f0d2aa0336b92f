// Package storetest starts a throw-away PostgreSQL for the tests of whatever
// keeps its data in a store: as an ordinary user, on a Unix socket in a
// temporary folder, without a port. A small watcher process ends the server and
// removes the folder when the test process is gone, however it went.
package storetest

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the store
)

// Postgres is a server for the tests of one package; the zero value is ready.
// It is started by the first test that asks.
type Postgres struct {
	once sync.Once
	err  error
	dir  string
	bin  string
	cred *syscall.SysProcAttr
	n    atomic.Int64

	watcher *exec.Cmd
	alive   io.Closer // the watcher's stdin
}

var errNoPostgres = errors.New("no initdb in the PATH or in /usr/lib/postgresql: install the package postgresql")

// DSN is a fresh schema on the server. The test is skipped where PostgreSQL is
// not installed, unless SIMSIGN_REQUIRE_PEERS=1.
func (s *Postgres) DSN(t testing.TB) string {
	t.Helper()
	s.once.Do(func() { s.err = s.start() })
	if errors.Is(s.err, errNoPostgres) && os.Getenv("SIMSIGN_REQUIRE_PEERS") != "1" {
		t.Skip(s.err)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	dsn := "postgres://simsign@/postgres?host=" + s.dir
	schema := fmt.Sprintf("t%d", s.n.Add(1))
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	return dsn + "&search_path=" + schema
}

// Cut ends the session that shows that a box lives, as a lost connection and
// the death of its process do, and waits until it is gone.
func Cut(t testing.TB, dsn, box string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var session int
	if err := db.QueryRow("SELECT session FROM box WHERE name = $1", box).Scan(&session); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("SELECT pg_terminate_backend($1)", session); err != nil {
		t.Fatal(err)
	}
	for left := 1; left > 0; {
		if err := db.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", session).Scan(&left); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *Postgres) start() error {
	if s.bin = findPostgres(); s.bin == "" {
		return errNoPostgres
	}
	dir, err := os.MkdirTemp("", "simsign-pg-")
	if err != nil {
		return err
	}
	s.dir = dir
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		nobody, err := user.Lookup("nobody")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		s.cred = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chown(dir, uid, gid); err != nil {
			return err
		}
	}
	data := filepath.Join(dir, "data")
	if err := s.run("initdb", "-D", data, "-U", "simsign", "-A", "trust", "-N", "--locale=C", "-E", "UTF8"); err != nil {
		return err
	}
	if err := s.watch(); err != nil {
		return err
	}
	return s.run("pg_ctl", "-D", data, "-w", "-t", "300", "-l", filepath.Join(dir, "log"), "-o",
		"-k "+dir+" -c listen_addresses='' -c max_connections=200", "start")
}

// watch starts a shell that stops the server and removes its folder when its
// stdin ends: also when this process panics or is killed.
func (s *Postgres) watch() (err error) {
	s.watcher = exec.Command("sh", "-c", `trap '' INT; read x; "$0/pg_ctl" -D "$1/data" -m immediate stop; rm -rf "$1"`, s.bin, s.dir)
	s.watcher.Dir, s.watcher.SysProcAttr = "/", s.cred
	if s.alive, err = s.watcher.StdinPipe(); err != nil {
		return err
	}
	return s.watcher.Start()
}

func (s *Postgres) run(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.cred
	// Not a pipe: the server would keep it open.
	log, err := os.Create(filepath.Join(s.dir, name+".out"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s: %w\n%s", name, err, text)
	}
	return nil
}

// Stop ends the server, for example at the end of TestMain.
func (s *Postgres) Stop() {
	if s.watcher != nil {
		s.alive.Close()
		s.watcher.Wait()
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

func findPostgres() string {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(all) > 0 {
		return filepath.Dir(all[len(all)-1])
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(p)
		}
	}
	return ""
}
