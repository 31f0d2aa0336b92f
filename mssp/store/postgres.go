package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/simsign/simsign/mssp/audit"
)

// pgEngine runs each job as its own transaction; jobs of one card serialise
// because each touches the card's row before anything else. READ COMMITTED is
// enough for that: every statement after the touch sees what the job before
// has committed.
type pgEngine struct {
	db  *sql.DB
	log *slog.Logger
	m   *metrics
	rec recorder

	dsn     string
	auth    *authority
	beside  bool
	session pgSession
	word    pgWord
	limit   time.Duration // of a job

	mu     sync.Mutex
	lazies []SegmentOutcome
	timer  *time.Timer
	flying sync.WaitGroup
	closed bool  // takes nothing more
	ended  bool  // and keeps nothing for later
	halted error // why the store has; nil as long as it goes on
	stop   chan struct{}
}

func openPostgres(ctx context.Context, o *Options, m *metrics, rec recorder) (*pgEngine, error) {
	e := &pgEngine{log: o.Logger, m: m, rec: rec, auth: o.auth, dsn: o.DSN, beside: o.Beside, limit: jobTimeout, stop: make(chan struct{})}
	var err error
	if e.db, err = dialPostgres(o.DSN, !o.ReadOnly, &e.word.opened); err != nil {
		return nil, err
	}
	n := max(16, o.Readers)
	e.db.SetMaxOpenConns(n)
	e.db.SetMaxIdleConns(n)
	if err := e.begin(ctx, o.Visitor && !o.ReadOnly, o.Clock()); err != nil {
		e.db.Close()
		return nil, err
	}
	return e, nil
}

// begin reaches the server, and refuses one that is not durable. A visitor
// migrates at once, a box when it has its locks.
func (e *pgEngine) begin(ctx context.Context, visitor bool, now time.Time) error {
	if err := e.db.PingContext(ctx); err != nil {
		return fmt.Errorf("store: PostgreSQL: %w", err)
	}
	e.word.opened.Store(true)
	if !visitor {
		return nil
	}
	return e.migrate(ctx, now)
}

// migrate brings the schema up to date.
func (e *pgEngine) migrate(ctx context.Context, now time.Time) error {
	// Two processes that start at once migrate one after the other.
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("store: PostgreSQL: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", pgMigrationLock); err != nil {
		return fmt.Errorf("store: PostgreSQL: %w", err)
	}
	defer conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", pgMigrationLock)
	return migrate(pgMigrator{ctx, conn}, pgDDL(), now)
}

const pgMigrationLock = 0x73696d73 // any number that nobody else takes

// pgRetries: a job that met a serialization failure or a deadlock runs again.
const pgRetries = 10

func (e *pgEngine) do(ctx context.Context, f func(querier) error) error {
	if err := e.open(); err != nil {
		return err
	}
	begin := time.Now()
	for try := 1; ; try++ {
		err := e.once(ctx, f)
		if try < pgRetries && retryable(err) {
			continue
		}
		e.m.batch(1, time.Since(begin))
		return err
	}
}

// jobTimeout bounds a job on PostgreSQL. The caller's context only counts
// until the job begins: a commit under way is waited for, like on SQLite.
const jobTimeout = 30 * time.Second

func (e *pgEngine) once(ctx context.Context, f func(querier) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.sturdy(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.limit)
	defer cancel()
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return e.notWritten(fmt.Errorf("begin: %w", err))
	}
	if err := f(&pgTx{ctx: ctx, auth: e.auth, tx: tx}); err != nil {
		tx.Rollback()
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ErrSilent, err)
		}
		if short(err) || ctx.Err() != nil {
			return e.notWritten(err)
		}
		return err
	}
	err = tx.Commit()
	var pe *pgconn.PgError
	switch {
	case err == nil:
		e.wrote()
		return nil
	case short(err):
		return e.notWritten(err) // the server says that it has rolled back
	case errors.As(err, &pe) && pe.Severity != "FATAL" && pe.Severity != "PANIC":
		return err // the server says that it has rolled back
	}
	e.m.unknown()
	return e.halt(fmt.Errorf("%w: %w", ErrOutcomeUnknown, err))
}

// retryable: 40001 serialization_failure, 40P01 deadlock_detected, or a row
// that was not any more as the job had read it.
func retryable(err error) bool {
	var pe *pgconn.PgError
	return errors.Is(err, errMoved) || errors.As(err, &pe) && (pe.Code == "40001" || pe.Code == "40P01")
}

// passing: the server is away or short of something, and said nothing against
// the statement. Classes 08 connection, 53 resources, 57 operator, 58 system.
func passing(err error) bool {
	var pe *pgconn.PgError
	return !errors.As(err, &pe) || pe.Severity == "FATAL" || len(pe.Code) == 5 && strings.Contains("08 53 57 58", pe.Code[:2])
}

// short: the server has refused one statement for want of something: its disk
// is full (53100), its memory, its files (58).
func short(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Severity == "ERROR" && (strings.HasPrefix(pe.Code, "53") || strings.HasPrefix(pe.Code, "58"))
}

func (e *pgEngine) open() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.halted != nil {
		return e.halted
	}
	if e.closed {
		return ErrClosed
	}
	return nil
}

func (e *pgEngine) halt(err error) error {
	e.log.Error("the store has stopped; end the process and start it again", "error", err)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.halted == nil {
		e.halted = err
		close(e.stop)
	}
	return err
}

func (e *pgEngine) stopped() <-chan struct{} { return e.stop }

func (e *pgEngine) why() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.halted
}

// space: the server knows its disk, and says when it is full.
func (e *pgEngine) space() Space { return Space{Free: -1} }

func (e *pgEngine) room() error { return nil }

func (e *pgEngine) lazy(o []SegmentOutcome) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.halted != nil {
		return
	}
	if len(e.lazies) == 0 {
		e.timer = time.AfterFunc(lazyDelay, e.flush)
	}
	e.lazies = append(e.lazies, o...)
}

// again keeps outcomes for later that could not be stored: the server may be
// away for a moment, and without them their segments would count as under way
// until the next start.
func (e *pgEngine) again(o []SegmentOutcome) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended || e.halted != nil || len(e.lazies)+len(o) > maxLazy {
		return false
	}
	if len(e.lazies) == 0 && !e.closed {
		e.timer = time.AfterFunc(lazyAgain, e.flush)
	}
	e.lazies = append(o[:len(o):len(o)], e.lazies...) // in their order
	return true
}

func (e *pgEngine) flush() {
	e.mu.Lock()
	o := e.lazies
	e.lazies = nil
	e.flying.Add(1)
	e.mu.Unlock()
	defer e.flying.Done()
	if len(o) == 0 {
		return
	}
	run, told := e.rec(o)
	err := e.once(context.Background(), run)
	for try := 1; try < pgRetries && retryable(err); try++ {
		err = e.once(context.Background(), run)
	}
	told(err)
	if errors.Is(err, ErrFenced) {
		e.halt(err) // they are somebody else's segments now
		return
	}
	if err != nil {
		e.log.Error("segment outcomes were not recorded", "kept", passing(err) && e.again(o), "error", err)
	}
}

func (e *pgEngine) read(ctx context.Context, f func(querier) error) error {
	if err := e.open(); errors.Is(err, ErrClosed) {
		return err
	}
	own, cancel := context.WithTimeout(ctx, e.limit)
	defer cancel()
	err := f(&pgTx{ctx: own, auth: e.auth, tx: e.db})
	if err != nil && own.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrSilent, err)
	}
	return err
}

func (e *pgEngine) check(ctx context.Context) error { return e.db.PingContext(ctx) }

func (e *pgEngine) close(last func(querier) error) error {
	e.mu.Lock()
	already := e.closed
	e.closed = true
	if e.timer != nil {
		e.timer.Stop()
	}
	e.mu.Unlock()
	if already {
		return nil
	}
	e.flying.Wait() // what a try under way could not store comes back, for the last one
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	e.flush()
	e.flying.Wait()
	if e.why() == nil {
		if err := e.once(context.Background(), last); err != nil {
			e.log.Warn("PostgreSQL was not told of the end", "error", err)
		}
	}
	e.leave()
	return errors.Join(e.why(), e.db.Close())
}

// pgTx is the querier of one transaction, or of reads outside of one.
type pgTx struct {
	auth *authority
	ctx  context.Context
	tx   interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	}
}

func pgArgs(args []any) []any {
	v := make([]any, len(args))
	for i, a := range args {
		v[i] = value(a)
	}
	return v
}

func (t *pgTx) authority() *authority { return t.auth }

func (t *pgTx) note(audit.Entry) { panic(errNote) }

func (t *pgTx) exec(q string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(t.ctx, pgText(q), pgArgs(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *pgTx) one(q string, args ...any) (*row, error) {
	var found *row
	err := t.each(q, func(r *row) error {
		if found == nil {
			found = &row{v: append([]driver.Value(nil), r.v...), auth: t.auth}
		}
		return nil
	}, args...)
	if err == nil && found == nil {
		err = ErrNotFound
	}
	return found, err
}

func (t *pgTx) each(q string, f func(*row) error, args ...any) error {
	rows, err := t.tx.QueryContext(t.ctx, pgText(q), pgArgs(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return err
	}
	vals := make([]any, len(cols))
	into := make([]any, len(cols))
	for i := range vals {
		into[i] = &vals[i]
	}
	out := make([]driver.Value, len(cols))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i := range vals {
			out[i] = vals[i]
		}
		if err := f(&row{v: out, auth: t.auth}); err != nil {
			return err
		}
	}
	return rows.Err()
}
