package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// pgSession is the connection whose locks show that this box lives. It is one
// of its own, outside of the pool: the server drops the locks when it ends,
// and it ends with the process. (So a pooler that shares sessions must not
// stand between simsign and PostgreSQL.)
type pgSession struct {
	mu      sync.Mutex
	db      *sql.DB // nil: lost, or never there
	conn    *sql.Conn
	backend int64
	adrift  atomic.Bool // lost, and not had back
}

// Locks are numbers for the whole database; the names are those of a schema.
func pgKey(schema, name string) int64 {
	sum := sha256.Sum256([]byte("simsign\x00" + schema + "\x00" + name))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// pgLockPatience is how long the session of a process that has just ended may
// take to go: the server hears of its end at once, and has some work with it.
// When it is known that the process is no more, when its session was told to end,
// or when no box is known that has the lock (it has just gone, or just come), a
// slow server is waited for pgLockTries times as long.
const (
	pgLockPatience = "1s"
	pgLockTries    = 30
	pgLeave        = 5 * time.Second // for the server to hear that a box lets go
)

// pgKeepAlive lets the server find out within seconds that a machine vanished
// (it means nothing on a Unix socket).
const pgKeepAlive = `SET lock_timeout = '` + pgLockPatience + `'; SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3`

// board takes the locks of a box in a session of its own: that of its name, and
// the one that lets one box alone be there for now. ErrLocked names the other.
func (e *pgEngine) board(ctx context.Context, b *Boxes) (*sql.DB, *sql.Conn, int64, error) {
	db, err := dialPostgres(e.dsn, true, &e.word.opened)
	if err != nil {
		return nil, nil, 0, err
	}
	conn, backend, err := e.locked(ctx, db, b)
	if err != nil {
		db.Close()
		return nil, nil, 0, err
	}
	return db, conn, backend, nil
}

func (e *pgEngine) locked(ctx context.Context, db *sql.DB, b *Boxes) (conn *sql.Conn, backend int64, err error) {
	if conn, err = db.Conn(ctx); err != nil {
		return nil, 0, fmt.Errorf("store: PostgreSQL: %w", err)
	}
	var schema string
	err = conn.QueryRowContext(ctx, "SELECT pg_backend_pid(), current_schema()").Scan(&backend, &schema)
	if err == nil {
		_, err = conn.ExecContext(ctx, pgKeepAlive)
	}
	if err != nil {
		conn.Close()
		return nil, 0, fmt.Errorf("store: PostgreSQL: %w", err)
	}
	alone := "pg_advisory_lock"
	if e.beside {
		alone = "pg_advisory_lock_shared"
	}
	for _, l := range [...]struct {
		lock string
		key  int64
	}{{alone, pgKey(schema, "")}, {"pg_advisory_lock", pgKey(schema, b.me.Name)}} {
		if err = e.lock(ctx, conn, b, l.lock, l.key); err != nil {
			letGo(conn)
			return nil, 0, err
		}
	}
	return conn, backend, nil
}

// lock waits a little for a lock. A session that holds it and whose box has
// given no sign of life for longer than its lease is ended.
func (e *pgEngine) lock(ctx context.Context, conn *sql.Conn, b *Boxes, lock string, key int64) error {
	for try, ended := 1, false; ; try++ {
		_, err := conn.ExecContext(ctx, "SELECT "+lock+"($1)", key)
		var pe *pgconn.PgError
		if err == nil {
			return nil
		}
		if !errors.As(err, &pe) || pe.Code != "55P03" { // lock_not_available
			return fmt.Errorf("store: PostgreSQL: %w", err)
		}
		q := &pgTx{ctx: ctx, tx: conn}
		other, err := whoHas(q, key)
		if errors.Is(err, ErrNotFound) && try < pgLockTries {
			continue
		}
		if err != nil {
			return inUse("", "this database")
		}
		quiet, err := b.silent(q, other.Start)
		switch {
		case err == nil && quiet && !ended:
			_, err = q.exec("SELECT pg_terminate_backend($1)", other.session)
			ended = true
		case err == nil && (quiet || other.isNoMore()) && try < pgLockTries:
			continue
		default:
			err = errors.Join(inUse(other.String(), "this database"), err)
		}
		if err != nil {
			return err
		}
	}
}

// whoHas is the box whose session holds a lock.
func whoHas(q querier, key int64) (Box, error) {
	r, err := q.one(`SELECT `+boxCols+` FROM box WHERE session IN (SELECT pid FROM pg_locks
		WHERE locktype = 'advisory' AND granted AND classid::BIGINT = $1 AND objid::BIGINT = $2) ORDER BY seen_at DESC`,
		int64(uint64(key)>>32), int64(uint64(key)&0xFFFFFFFF))
	if err != nil {
		return Box{}, err
	}
	return scanBox(r)
}

func (e *pgEngine) enter(ctx context.Context, b *Boxes) error {
	s := &e.session
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.db, s.conn, s.backend, err = e.board(ctx, b); err != nil {
		return err
	}
	b.me.session = s.backend
	return e.migrate(ctx, b.clock()) // while nobody else can be at work
}

// keep gives a sign of life through the session. When that is lost it takes
// the locks again; nobody may have declared the box dead meanwhile.
func (e *pgEngine) keep(ctx context.Context, b *Boxes) (again bool, err error) {
	s := &e.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, err // the driver ends a session that is asked so late
	}
	if s.db != nil {
		err := pulse(&pgTx{ctx: ctx, tx: s.conn}, b, s.backend)
		if err == nil {
			err = e.look(ctx, s.conn)
		}
		var pe *pgconn.PgError
		switch {
		case err == nil:
			return false, nil
		case errors.Is(err, ErrFenced):
			return false, e.halt(err)
		case errors.As(err, &pe) && pe.Severity != "FATAL" && pe.Severity != "PANIC":
			return false, err // the session is there
		}
		s.end()
		s.adrift.Store(true)
	}
	if s.db, s.conn, s.backend, err = e.board(ctx, b); err != nil {
		if fence := b.fenced(&pgTx{ctx: ctx, tx: e.db}, nil); errors.Is(err, ErrLocked) && errors.Is(fence, ErrFenced) {
			return false, e.halt(fence)
		}
		return false, err
	}
	if err = pulse(&pgTx{ctx: ctx, tx: s.conn}, b, s.backend); err != nil {
		s.end()
		if errors.Is(err, ErrFenced) {
			return false, e.halt(err)
		}
		return false, err
	}
	s.adrift.Store(false)
	return true, nil
}

// pulse notes that the box lives; ErrFenced when its row is gone.
func pulse(q querier, b *Boxes, session int64) error {
	now, err := b.time(q)
	if err != nil {
		return err
	}
	n, err := q.exec(sqlPulse, b.me.Start, now, session)
	if err == nil && n == 0 {
		err = b.fenced(q, nil)
	}
	return err
}

// adrift: the session was lost and is not there again.
func (e *pgEngine) adrift() bool { return e.session.adrift.Load() }

// gone: the lock of a box can be had when its session has ended.
func (e *pgEngine) gone(q querier, other *Box) (bool, error) {
	r, err := q.one("SELECT current_schema()")
	if err != nil {
		return false, err
	}
	r, err = q.one("SELECT CASE WHEN pg_try_advisory_xact_lock($1) THEN 1 ELSE 0 END", pgKey(r.text(), other.Name))
	if err != nil {
		return false, err
	}
	return r.bool(), r.err()
}

func (e *pgEngine) leave() {
	e.session.mu.Lock()
	defer e.session.mu.Unlock()
	if e.session.db != nil {
		letGo(e.session.conn)
	}
	e.session.end()
}

// letGo gives the locks of a session back and ends it. The server ends a session
// some time after its client: without this, who starts right after may find it there.
func letGo(conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), pgLeave)
	defer cancel()
	conn.ExecContext(ctx, "SELECT pg_advisory_unlock_all()") // a server that does not hear it ends the session
	conn.Close()
}

// end ends the session, and so lets go of its locks.
func (s *pgSession) end() {
	if s.db != nil {
		s.conn.Close()
		s.db.Close()
		s.db, s.conn = nil, nil
	}
}

// shared: other boxes may be on this database.
func (e *pgEngine) shared() bool { return true }

func (e *pgEngine) clockSQL() string {
	return "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT"
}

// pgText lights up what is a comment to SQLite.
func pgText(q string) string { return strings.Replace(q, "/*FOR KEY SHARE*/", "FOR KEY SHARE", 1) }

// DefaultLease and the time after which an engine looks around again are the
// bound within which the work of a machine that vanished goes on: ten seconds.
const DefaultLease = 5 * time.Second
