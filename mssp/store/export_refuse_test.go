package store

import (
	"context"
	"database/sql/driver"
	"runtime"
	"sync"
	"unsafe"

	"modernc.org/sqlite"
)

// SQLiteError is an error of SQLite as its driver gives it, which makes none for others.
func SQLiteError(code int) error {
	e := new(sqlite.Error)
	*(*struct {
		msg  string
		code int
	})(unsafe.Pointer(e)) = struct {
		msg  string
		code int
	}{sqlite.ErrorCodeString[code], code}
	if e.Code() != code {
		panic("the driver has other errors now")
	}
	return e
}

// Refuse makes SQLite refuse statements: those for which f has an error. Of nil: none.
func (s *Store) Refuse(f func(sql string) error) {
	e := s.b.(*sqliteEngine)
	if w := e.writer; w != nil {
		w.turn.Lock()
		w.c.refuse(f)
		w.turn.Unlock()
	}
	for range e.nread {
		c := <-e.readers
		c.refuse(f)
		e.readers <- c
	}
}

func (s *sqliteConn) refuse(f func(string) error) {
	for q, st := range s.stmts {
		st.Close()
		delete(s.stmts, q)
	}
	if r, ok := s.c.(*refusing); ok {
		s.c = r.Conn
	}
	if f != nil {
		s.c = &refusing{s.c, f}
	}
}

// refusing is a connection that refuses statements.
type refusing struct {
	driver.Conn
	f func(sql string) error
}

func (c *refusing) Prepare(q string) (driver.Stmt, error) {
	st, err := c.Conn.Prepare(q)
	return &refusingStmt{st, q, c.f}, err
}

func (c *refusing) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.f(q); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
}

type refusingStmt struct {
	driver.Stmt
	q string
	f func(sql string) error
}

func (s *refusingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.f(s.q); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *refusingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.f(s.q); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// Together runs methods that write, one job each, in one batch and in this order.
func (s *Store) Together(fs ...func() error) []error {
	w := s.b.(*sqliteEngine).writer
	errs := make([]error, len(fs))
	var all sync.WaitGroup
	w.turn.Lock()
	for i, f := range fs {
		all.Go(func() { errs[i] = f() })
		for s.Waiting() <= i {
			runtime.Gosched()
		}
	}
	w.turn.Unlock()
	w.nudge()
	all.Wait()
	return errs
}

// KeepOutcomesOfFile is what happens to outcomes that the file did not take.
func (s *Store) KeepOutcomesOfFile(o []SegmentOutcome) bool {
	return s.b.(*sqliteEngine).writer.again(o)
}

// HalfWrite is a job that writes a row and fails then.
func (s *Store) HalfWrite(name string) error {
	return s.do(context.Background(), func(q querier) error {
		if _, err := q.exec(`INSERT INTO meta (name, value) VALUES ($1, $2)`, name, []byte{1}); err != nil {
			return err
		}
		return ErrBroken
	})
}

// RefuseWriter is Refuse for what writes, whoever reads at the moment.
func (s *Store) RefuseWriter(f func(sql string) error) {
	w := s.b.(*sqliteEngine).writer
	w.turn.Lock()
	defer w.turn.Unlock()
	w.c.refuse(f)
}

// ReaderSetting is a PRAGMA of a reader.
func (s *Store) ReaderSetting(name string) (n int64, err error) {
	err = s.read(context.Background(), func(q querier) error {
		r, err := q.one("PRAGMA " + name)
		if err == nil {
			n, err = r.int(), r.err()
		}
		return err
	})
	return n, err
}
