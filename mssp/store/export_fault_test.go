package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrBroken is the error of a statement that was made to fail.
var ErrBroken = errors.New("this statement was made to fail")

// Fault makes one statement of a method fail, or gives it a row that cannot be read.
type Fault struct {
	At    int  // which one, counted from 1
	Row   bool // the row, not the statement
	count int
	hit   bool
	odd   []*row
}

// Happened reports whether there was such a statement, and whoever asked for the
// row has looked at it.
func (f *Fault) Happened() bool {
	for _, r := range f.odd {
		if r.i > 0 {
			return true
		}
	}
	return f.hit && !f.Row
}

// Over reports whether the method had fewer statements.
func (f *Fault) Over() bool { return f.count < f.At }

// With runs f while the store has that fault (SQLite).
func (s *Store) With(fault *Fault, f func() error) error {
	was := s.b
	s.b = &faulty{was, fault}
	defer func() { s.b = was }()
	return f()
}

type faulty struct {
	backend
	f *Fault
}

func (b *faulty) do(ctx context.Context, f func(querier) error) error {
	return b.backend.do(ctx, func(q querier) error { return f(&faultyQuerier{q, b.f}) })
}

func (b *faulty) read(ctx context.Context, f func(querier) error) error {
	return b.backend.read(ctx, func(q querier) error { return f(&faultyQuerier{q, b.f}) })
}

func (b *faulty) shared() bool { return true } // as PostgreSQL is

type faultyQuerier struct {
	querier
	f *Fault
}

// now counts the statements.
func (q *faultyQuerier) now() bool {
	q.f.count++
	q.f.hit = q.f.hit || q.f.count == q.f.At
	return q.f.count == q.f.At
}

// strange is a row of which a column has not the type that it should have.
func (q *faultyQuerier) strange(r *row) *row {
	o := &row{v: r.v, auth: r.auth, bad: fmt.Errorf("a column holds something else: %w", ErrAltered)}
	q.f.odd = append(q.f.odd, o)
	return o
}

func (q *faultyQuerier) exec(sql string, args ...any) (int64, error) {
	if q.now() && !q.f.Row {
		return 0, ErrBroken
	}
	return q.querier.exec(sql, args...)
}

// tolerant statements read rows of which a damaged one is no error: it says so
// itself (judge), or is held.
func tolerant(sql string) bool {
	return strings.Contains(sql, "observer_data") || sql == sqlCertificatesAfter || sql == sqlSealKeys
}

func (q *faultyQuerier) one(sql string, args ...any) (*row, error) {
	now := q.now()
	if now && !q.f.Row {
		return nil, ErrBroken
	}
	r, err := q.querier.one(sql, args...)
	if now && err == nil && !tolerant(sql) {
		r = q.strange(r)
	}
	return r, err
}

func (q *faultyQuerier) each(sql string, f func(*row) error, args ...any) error {
	now := q.now()
	if now && !q.f.Row {
		return ErrBroken
	}
	return q.querier.each(sql, func(r *row) error {
		if now && !tolerant(sql) {
			r = q.strange(r)
		}
		return f(r)
	}, args...)
}

// Wrong is what is wrong with a value of a column.
func Wrong(table, column, kind string, v any) string {
	return (&shape{table: table, names: []string{column}, types: []string{kind}}).value(0, v)
}

// Setting is a PRAGMA of the writer.
func (s *Store) Setting(name string) (n int64, err error) {
	err = s.do(context.Background(), func(q querier) error {
		r, err := q.one("PRAGMA " + name)
		if err == nil {
			n, err = r.int(), r.err()
		}
		return err
	})
	return n, err
}
