package store

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
)

// db is the database that the parts of a Store share: one writer, some readers.
type db struct {
	b     backend
	m     *metrics
	clock func() time.Time
	boxes *Boxes
	table mssp.Lifecycle // how the states of transactions change
	o     Options
	auth  *authority
}

// do runs a business transaction: one commit, maybe more than one run. What it notes
// for the audit log is in that commit.
func (d *db) do(ctx context.Context, f func(querier) error) error {
	written := 0
	err := d.b.do(ctx, d.audited(ctx, &written, f))
	if err == nil {
		d.m.audited(written)
	}
	return err
}

// read runs statements that change nothing and see committed state only.
func (d *db) read(ctx context.Context, f func(querier) error) error { return d.b.read(ctx, f) }

// readOne reads the first row of a query; ErrNotFound when there is none.
func readOne[T any](ctx context.Context, d *db, scan func(*row) (T, error), sql string, args ...any) (v T, err error) {
	err = d.read(ctx, func(q querier) error {
		v, err = oneOf(q, scan, sql, args...)
		return err
	})
	return v, err
}

// readAll reads every row of a query.
func readAll[T any](ctx context.Context, d *db, scan func(*row) (T, error), sql string, args ...any) (vs []T, err error) {
	err = d.read(ctx, func(q querier) error {
		vs, err = allOf(q, scan, sql, args...)
		return err
	})
	return vs, err
}

// readGood is readAll without the rows that are damaged or not ours: they keep
// nobody from the others, and an operator is told of each.
func readGood[T any](ctx context.Context, d *db, t *table, scan func(*row) (T, error), sql string, args ...any) (vs []T, err error) {
	err = d.read(ctx, func(q querier) error {
		return q.each(sql, func(r *row) error {
			v, err := scan(r)
			switch {
			case err == nil:
				vs = append(vs, v)
			case errors.Is(err, ErrAltered):
				d.o.Logger.Error("a row is left out of a list", "table", t.name, "row", t.named(r), "error", err)
				d.auth.raise(t.name+" "+t.named(r), "is damaged, or somebody has changed it: it is not used (simsign check --data says what to do)")
			default:
				return err
			}
			return nil
		}, args...)
	})
	return vs, err
}

// oneOf is readOne inside of a job.
func oneOf[T any](q querier, scan func(*row) (T, error), sql string, args ...any) (v T, err error) {
	r, err := q.one(sql, args...)
	if err != nil {
		return v, err
	}
	return scan(r)
}

// allOf is readAll inside of a job.
func allOf[T any](q querier, scan func(*row) (T, error), sql string, args ...any) (vs []T, err error) {
	err = q.each(sql, func(r *row) error {
		v, err := scan(r)
		vs = append(vs, v)
		return err
	}, args...)
	return vs, err
}
