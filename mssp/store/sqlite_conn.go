package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/simsign/simsign/mssp/audit"
	"modernc.org/sqlite"
)

// sqliteConn is one connection to SQLite with its prepared statements. It
// speaks to the driver without database/sql in between, whose pool, locks and
// conversions cost as much as the statements themselves, and it is used by
// one goroutine at a time.
type sqliteConn struct {
	c     driver.Conn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue
	dest  []driver.Value
	row   row
	auth  *authority
	dirty bool          // a statement may have changed rows since the flag was cleared
	noted []audit.Entry // by the jobs of this transaction that have done the rest
}

func dialSQLite(ctx context.Context, uri string, auth *authority) (*sqliteConn, error) {
	cn, err := sqlite.NewConnector(uri)
	if err != nil {
		return nil, err
	}
	c, err := cn.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &sqliteConn{c: c, stmts: make(map[string]driver.Stmt), auth: auth}, nil
}

func (s *sqliteConn) authority() *authority { return s.auth }

func (s *sqliteConn) note(audit.Entry) { panic(errNote) }

func (s *sqliteConn) keep(entries []audit.Entry) { s.noted = append(s.noted, entries...) }

func (s *sqliteConn) close() error {
	for _, st := range s.stmts {
		st.Close()
	}
	return s.c.Close()
}

// script runs SQL that is not kept: pragmas, migrations.
func (s *sqliteConn) script(q string) error {
	_, err := s.c.(driver.ExecerContext).ExecContext(context.Background(), q, nil)
	return err
}

func (s *sqliteConn) prepare(q string, args []any) (driver.Stmt, error) {
	st, ok := s.stmts[q]
	if !ok {
		var err error
		if st, err = s.c.Prepare(q); err != nil {
			return nil, fmt.Errorf("store: prepare %.60q: %w", q, err)
		}
		s.stmts[q] = st
	}
	s.args = s.args[:0]
	for i, a := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: value(a)})
	}
	return st, nil
}

// The driver watches a context that can end from a goroutine of its own for
// each statement. Statements here take microseconds: none is given.

func (s *sqliteConn) exec(q string, args ...any) (int64, error) {
	st, err := s.prepare(q, args)
	if err != nil {
		return 0, err
	}
	res, err := st.(driver.StmtExecContext).ExecContext(context.Background(), s.args)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	s.dirty = s.dirty || n != 0
	return n, err
}

func (s *sqliteConn) one(q string, args ...any) (*row, error) {
	var found bool
	err := s.each(q, func(r *row) error {
		if found {
			return errMany
		}
		found = true
		return nil
	}, args...)
	if err != nil && err != errMany {
		return nil, err
	}
	if !found {
		return nil, ErrNotFound
	}
	return &s.row, nil
}

var errMany = errors.New("more than one row")

func (s *sqliteConn) each(q string, f func(*row) error, args ...any) error {
	st, err := s.prepare(q, args)
	if err != nil {
		return err
	}
	rows, err := st.(driver.StmtQueryContext).QueryContext(context.Background(), s.args)
	if err != nil {
		return err
	}
	s.dirty = s.dirty || q[0] != 'S' // whatever is no SELECT has RETURNING
	n := len(rows.Columns())
	if cap(s.dest) < n {
		s.dest = make([]driver.Value, n)
	}
	for err == nil {
		// The last row must survive the step that finds the end: the driver
		// does not touch dest then.
		if err = rows.Next(s.dest[:n]); err == nil {
			s.row = row{v: s.dest[:n], auth: s.auth}
			err = f(&s.row)
		}
	}
	if cerr := rows.Close(); cerr != nil && err == io.EOF {
		return cerr
	}
	if err == io.EOF {
		return nil
	}
	return err
}
