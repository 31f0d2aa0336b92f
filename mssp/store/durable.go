package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// ErrNotDurable: the database is set up so that it may lose what it has
// acknowledged. A counter could be used twice then, and a signature that
// somebody has got would never have been asked for.
var ErrNotDurable = errors.New("database may lose what it has acknowledged")

// durability is what PostgreSQL says of itself on one connection: settings come
// from the server's file, the database, the role and the address, and each may
// weaken what the one before says.
type durability struct {
	fsync, pages, commit, standbys, zero, role string
	unlogged                                   string // tables of ours that a crash empties
}

var sqlDurability = `SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
	current_setting('synchronous_standby_names'), current_setting('zero_damaged_pages'), current_setting('session_replication_role'),
	COALESCE((SELECT string_agg(c.relname, ', ' ORDER BY c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND c.relpersistence <> 'p' AND c.relname IN (` + ownTables() + `)), '')`

// ownTables are the tables of the schema files, quoted.
func ownTables() string {
	create := regexp.MustCompile(`(?i)CREATE TABLE (?:IF NOT EXISTS )?(\w+)`)
	names := []string{"'schema_version'"}
	for v := 1; v <= schemaVersion; v++ {
		ddl, err := schemaFiles.ReadFile(fmt.Sprintf("schema/%04d.sql", v))
		if err != nil {
			panic(err) // it is part of the program
		}
		for _, m := range create.FindAllSubmatch(ddl, -1) {
			names = append(names, "'"+string(m[1])+"'")
		}
	}
	return strings.Join(names, ", ")
}

// fault is ErrNotDurable with what is wrong and what to do, or nil. That commits
// wait for the own disk only (local), or for the memory of a standby
// (remote_write), is weaker where standbys are named.
func (d *durability) fault() error {
	var bad []string
	say := func(setting, value, advice string) {
		bad = append(bad, fmt.Sprintf("%s = %s (%s)", setting, value, advice))
	}
	if d.fsync != "on" {
		say("fsync", d.fsync, "set it to on in postgresql.conf")
	}
	if d.pages != "on" {
		say("full_page_writes", d.pages, "set it to on in postgresql.conf")
	}
	weaker := d.standbys != "" && (d.commit == "local" || d.commit == "remote_write")
	if d.commit == "off" || weaker {
		say("synchronous_commit", d.commit, "set it to on for the server, the database, the role and the address of store.dsn")
	}
	if d.zero != "off" {
		say("zero_damaged_pages", d.zero, "set it to off: damaged rows would vanish in silence")
	}
	if d.role == "replica" {
		say("session_replication_role", d.role, "set it to origin: the database would keep no rule between rows")
	}
	if d.unlogged != "" {
		say("unlogged tables", d.unlogged, "ALTER TABLE ... SET LOGGED")
	}
	if bad == nil {
		return nil
	}
	return fmt.Errorf("%w: PostgreSQL has %s", ErrNotDurable, strings.Join(bad, ", "))
}

func (d *durability) into() []any {
	return []any{&d.fsync, &d.pages, &d.commit, &d.standbys, &d.zero, &d.role, &d.unlogged}
}

// pgPinned keeps on a connection what was found right at the opening: no change
// for the server or the role reaches it. (Without standbys on is what local is.)
const pgPinned = `SET synchronous_commit = 'on'`

// dialPostgres is a pool whose every connection was asked whether its commits
// last. opened: the service runs, its connections wait for the disk whatever
// somebody has set meanwhile. Who only reads is not asked.
func dialPostgres(dsn string, ask bool, opened *atomic.Bool) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if !ask {
		return stdlib.OpenDB(*cfg), nil
	}
	return stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		var d durability
		if err := c.QueryRow(ctx, sqlDurability).Scan(d.into()...); err != nil {
			return err
		}
		if d.commit != "remote_apply" { // that is more than on
			if opened.Load() {
				d.commit = "on"
			}
			if _, err := c.Exec(ctx, pgPinned); err != nil {
				return err
			}
		}
		return d.fault()
	})), nil
}

// pgWord is what the engine knows of whether the server takes what it is given.
type pgWord struct {
	opened    atomic.Bool
	mu        sync.Mutex
	weak      error // the server's settings have become weak; nothing is written
	unwritten error // why the last job was not written; nil after a commit
}

// look asks again, with each sign of life, what a reload of the server's file
// may have changed. As long as it is weak nothing is written.
func (e *pgEngine) look(ctx context.Context, conn *sql.Conn) error {
	var d durability
	if err := conn.QueryRowContext(ctx, sqlDurability).Scan(d.into()...); err != nil {
		return err
	}
	weak := d.fault()
	e.word.mu.Lock()
	was := e.word.weak
	e.word.weak = weak
	if weak != nil {
		e.word.unwritten = weak
	}
	e.word.mu.Unlock()
	switch {
	case weak != nil && was == nil:
		e.log.Error("nothing more is stored until PostgreSQL is durable again", "error", weak)
	case weak == nil && was != nil:
		e.log.Info("PostgreSQL is durable again")
	}
	return nil
}

// sturdy is nil as long as what is written will last.
func (e *pgEngine) sturdy() error {
	e.word.mu.Lock()
	defer e.word.mu.Unlock()
	if e.word.weak != nil {
		return fmt.Errorf("store: %w: %w", ErrNotWritten, e.word.weak)
	}
	return nil
}

// notWritten keeps that the server did not take a job, and gives the error its name.
func (e *pgEngine) notWritten(err error) error {
	err = fmt.Errorf("store: %w: %w", ErrNotWritten, err)
	e.word.mu.Lock()
	defer e.word.mu.Unlock()
	e.word.unwritten = err
	return err
}

func (e *pgEngine) wrote() {
	e.word.mu.Lock()
	defer e.word.mu.Unlock()
	e.word.unwritten = e.word.weak
}

func (e *pgEngine) lastUnwritten() error {
	e.word.mu.Lock()
	defer e.word.mu.Unlock()
	return e.word.unwritten
}
