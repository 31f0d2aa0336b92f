package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// sqlite is the engine of one box: a writer that groups commits,
// and a few readers that see committed state.
type sqliteEngine struct {
	path    string
	lock    *os.File
	writer  *writer
	readers chan *sqliteConn
	nread   int
	closed  chan struct{}
}

// pragma is a setting that is made and read back: a setting that SQLite does
// not know or does not take is silent otherwise (rule D).
type pragma struct{ name, set, want string }

// writerPragmas: WAL with FULL is one fdatasync a commit and loses nothing
// that was acknowledged (F1, F2).
func writerPragmas() []pragma {
	return []pragma{
		{"busy_timeout", "5000", "5000"},
		{"journal_mode", "WAL", "wal"},
		{"synchronous", "FULL", "2"}, // an fdatasync of the log before each answer
		{"fullfsync", "ON", "1"},     // where a sync alone does not reach the disk (macOS)
		{"ignore_check_constraints", "OFF", "0"},
		{"foreign_keys", "ON", "1"},
		{"wal_autocheckpoint", "4000", "4000"}, // pages: 16 MiB
		{"cache_size", "-32768", "-32768"},     // KiB
		{"temp_store", "MEMORY", "2"},
		{"secure_delete", "ON", "1"}, // what is erased is written over
	}
}

func openSQLite(ctx context.Context, path string, d *db) (*sqliteEngine, error) {
	o := &d.o
	e := &sqliteEngine{path: path, readers: make(chan *sqliteConn, o.Readers), closed: make(chan struct{})}
	if _, err := os.Stat(path); o.ReadOnly && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: %s: %w", path, ErrNone)
	}
	if !o.ReadOnly {
		var err error
		if e.lock, err = lockFile(path+".lock", localBox(o, time.Now())); err != nil {
			return nil, err
		}
		if err := e.openWriter(ctx, d); err != nil {
			e.close(nothing)
			return nil, fmt.Errorf("store: %s: %w", path, damaged(err))
		}
	}
	for range o.Readers {
		c, err := dialSQLite(ctx, sqliteURI(path, "ro"), o.auth)
		if err == nil {
			e.nread++
			e.readers <- c
			err = c.script("PRAGMA busy_timeout=5000; PRAGMA query_only=ON; PRAGMA cache_size=-8192")
		}
		if err != nil {
			e.close(nothing)
			return nil, fmt.Errorf("store: %s: open a reader: %w", path, damaged(err))
		}
	}
	return e, nil
}

func (e *sqliteEngine) openWriter(ctx context.Context, d *db) error {
	o := &d.o
	// The file holds sealed keys and personal data: nobody else reads it.
	f, err := os.OpenFile(e.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	if name := networkFS(e.path); name != "" {
		return fmt.Errorf("%w: the file is on a network file system (%s), where SQLite's log does not work: use a disk of this machine, or PostgreSQL", ErrNotDurable, name)
	}
	c, err := dialSQLite(ctx, sqliteURI(e.path, "rw"), o.auth)
	if err != nil {
		return err
	}
	for _, p := range writerPragmas() {
		if err := c.pragma(p); err != nil {
			c.close()
			return err
		}
	}
	if err := migrate(sqliteMigrator{c}, sqliteDDL(), o.Clock()); err != nil {
		c.close()
		return err
	}
	// The names of both files must outlive a power cut too. SQLite syncs the
	// folder, but does not tell when that fails.
	if err := syncFolder(filepath.Dir(e.path)); err != nil {
		c.close()
		return err
	}
	res := &reserve{m: d.m, log: o.Logger}
	if !o.Visitor {
		res = newReserve(e.path, o, d.m)
	}
	e.writer = startWriter(c, res, d)
	return nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("sync the folder %s: %w", path, err)
	}
	return nil
}

// pragma sets one and reads it back.
func (s *sqliteConn) pragma(p pragma) error {
	if err := s.script("PRAGMA " + p.name + "=" + p.set); err != nil {
		return fmt.Errorf("PRAGMA %s=%s: %w", p.name, p.set, err)
	}
	r, err := s.one("PRAGMA " + p.name)
	if err != nil {
		return fmt.Errorf("PRAGMA %s: %w", p.name, err)
	}
	if got := fmt.Sprint(r.next()); got != p.want {
		return fmt.Errorf("PRAGMA %s is %s, must be %s; is the file on a file system without shared memory?", p.name, got, p.want)
	}
	return nil
}

func sqliteURI(path, mode string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "mode=" + mode}).String()
}

// lockFile takes the lock that says "this process owns the database". The
// kernel drops it when the process ends, however it ends; the file stays, and
// says who has it.
func lockFile(path string, me Box) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("store: lock %s: %w", path, err)
		}
		other, _ := os.ReadFile(path) // what it has written, "" while it has not
		return nil, inUse(string(other), strings.TrimSuffix(path, ".lock"))
	}
	if err := f.Truncate(0); err != nil {
		return nil, fmt.Errorf("store: lock %s: %w", path, err)
	}
	fmt.Fprintln(f, me)
	return f, nil
}

func (e *sqliteEngine) do(ctx context.Context, f func(querier) error) error {
	if e.writer == nil {
		return errReadOnly
	}
	return e.writer.do(ctx, f)
}

func (e *sqliteEngine) lazy(o []SegmentOutcome) {
	if e.writer != nil {
		e.writer.lazy(o)
	}
}

// The lock of the file shows that this process lives, and lets nobody else in:
// whatever other box has a row is dead.

func (e *sqliteEngine) enter(context.Context, *Boxes) error { return nil }

func (e *sqliteEngine) keep(context.Context, *Boxes) (bool, error) { return false, nil }

func (e *sqliteEngine) adrift() bool { return false }

func (e *sqliteEngine) gone(querier, *Box) (bool, error) { return true, nil }

func (e *sqliteEngine) leave() {}

func (e *sqliteEngine) shared() bool { return false }

func (e *sqliteEngine) clockSQL() string {
	return "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
}

func (e *sqliteEngine) halt(err error) error {
	if e.writer == nil {
		return err
	}
	return e.writer.halt(err)
}

func (e *sqliteEngine) stopped() <-chan struct{} {
	if e.writer == nil {
		return nil
	}
	return e.writer.stop
}

func (e *sqliteEngine) lastUnwritten() error {
	if e.writer == nil {
		return nil
	}
	return e.writer.lastUnwritten()
}

func (e *sqliteEngine) why() error {
	if e.writer == nil {
		return nil
	}
	return e.writer.why()
}

func (e *sqliteEngine) space() Space {
	if e.writer == nil {
		return Space{Free: -1}
	}
	return e.writer.res.space()
}

func (e *sqliteEngine) room() error {
	if e.writer == nil {
		return nil
	}
	return e.writer.res.room()
}

// read gives f a connection of its own. Each statement sees one committed
// state; a read of several statements may see several.
func (e *sqliteEngine) read(ctx context.Context, f func(querier) error) error {
	select {
	case c := <-e.readers:
		defer func() { e.readers <- c }()
		return e.found(f(c))
	case <-e.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// found stops the store when a read has met damage: what is read there is
// never served, and what is written may make it worse.
func (e *sqliteEngine) found(err error) error {
	if err = damaged(err); errors.Is(err, ErrCorrupt) && e.writer != nil {
		return e.writer.halt(err)
	}
	return err
}

// check lets SQLite look at every page and index.
func (e *sqliteEngine) check(ctx context.Context) error {
	return e.read(ctx, func(q querier) error {
		var bad []error
		err := q.each("PRAGMA quick_check(20)", func(r *row) error {
			if s := r.text(); s != "ok" {
				bad = append(bad, fmt.Errorf("quick_check: %s", s))
			}
			return nil
		})
		return errors.Join(append(bad, err)...)
	})
}

func (e *sqliteEngine) close(last func(querier) error) error {
	select {
	case <-e.closed:
		return nil
	default:
		close(e.closed)
	}
	var errs []error
	for range e.nread {
		errs = append(errs, (<-e.readers).close())
	}
	if e.writer != nil {
		errs = append(errs, e.writer.close(last))
	}
	if e.lock != nil {
		// A child that is just being started has a copy of the file until it runs.
		errs = append(errs, syscall.Flock(int(e.lock.Fd()), syscall.LOCK_UN), e.lock.Close())
	}
	return errors.Join(errs...)
}
