package store

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
)

// rowsMark is the mark of migration 10: rows that decide have no tag yet. It is
// believed only while no row has one, and is replaced by a tagged one before the
// first row is, so that an adoption that was cut off goes on. A mark that comes
// back later is somebody's attempt to pass off rows of his own.
const rowsMark = "rows"

const adoptPurpose = "adoption of rows"

// adoptEnds: transactions that ended so long before the upgrade are not given to
// anybody any more; the others are tagged too.
const adoptEnds = 48 * time.Hour

// errMark: the mark is there, and is not to be believed.
var errMark = errors.New("the database says that its rows are of an earlier release, and they are not: none is taken over")

func (s *Store) adoptRows(ctx context.Context, t Tagger) (adopted int, err error) {
	switch err := s.believeMark(ctx, t); {
	case errors.Is(err, ErrNotFound):
		return 0, nil
	case errors.Is(err, errMark):
		s.o.Logger.Error(err.Error())
		s.auth.raise("meta "+rowsMark, err.Error()+"; simsign check --data lists the rows that are not ours")
		return 0, nil
	case err != nil:
		return 0, err
	}
	// Until here no row was asked for a tag that it cannot have.
	for _, t := range tables {
		n, err := s.adoptTable(ctx, t)
		if adopted += n; err != nil {
			return adopted, err
		}
	}
	n, err := s.adoptEnded(ctx, s.clock().Add(-adoptEnds))
	if adopted += n; err != nil {
		return adopted, err
	}
	err = s.do(ctx, func(q querier) error {
		_, err := q.exec(`DELETE FROM meta WHERE name = $1`, rowsMark)
		return err
	})
	return adopted, err
}

// believeMark is nil when the rows may be adopted. ErrNotFound: there is nothing to adopt.
func (s *Store) believeMark(ctx context.Context, t Tagger) error {
	return s.do(ctx, func(q querier) error {
		mark, err := oneOf(q, scanBlob, sqlMeta, rowsMark)
		if err != nil {
			return err
		}
		if t.CheckTag(mark, adoptPurpose) == nil {
			return nil
		}
		for _, t := range tables {
			if _, err := q.one(`SELECT 1 FROM ` + t.name + ` WHERE LENGTH(tag) > 0 LIMIT 1`); err == nil {
				return errMark
			} else if !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		for _, name := range [...]string{rowsMark, oldRequests} {
			tag, err := t.AppendTag(nil, markPurpose(name))
			if err != nil {
				return err
			}
			if _, err := q.exec(`UPDATE meta SET value = $2 WHERE name = $1`, name, tag); err != nil {
				return err
			}
		}
		return nil
	})
}

func markPurpose(name string) string {
	if name == rowsMark {
		return adoptPurpose
	}
	return "mark of " + name
}

// adoptTable tags the rows of a table that have no tag.
func (s *Store) adoptTable(ctx context.Context, t *table) (done int, err error) {
	for more := true; more && err == nil; {
		err = s.do(ctx, func(q querier) error {
			more = false
			keys, err := t.untagged(q, adoptBatch)
			for _, k := range keys {
				if err == nil {
					err = t.seal(q, k...)
				}
			}
			more = len(keys) == adoptBatch
			if err == nil && len(keys) > 0 {
				done += len(keys)
				q.note(audit.Entry{Action: "row.adopt", Subject: audit.Of("row", t.name), Times: int64(len(keys))})
			}
			return err
		})
	}
	return done, err
}

// adoptEnded tags what has ended since.
func (s *Store) adoptEnded(ctx context.Context, since time.Time) (done int, err error) {
	for after, more := int64(0), true; more && err == nil; {
		err = s.do(ctx, func(q querier) error {
			last, n, err := adoptEnds1(q, after, since)
			more, after = n == adoptBatch, last
			if done += n; n > 0 {
				q.note(audit.Entry{Action: "row.adopt", Subject: audit.Of("row", "tx"), Times: int64(n)})
			}
			return err
		})
	}
	return done, err
}

func adoptEnds1(q querier, after int64, since time.Time) (last int64, n int, err error) {
	type untagged struct {
		tx  mssp.Transaction
		tag []byte
	}
	var found []untagged
	last = after
	err = q.each(`SELECT `+txCols+` FROM tx WHERE seq > $1 AND finished_at >= $2 AND (tag IS NULL OR LENGTH(tag) = 0) ORDER BY seq LIMIT $3`, func(r *row) error {
		auth := r.auth
		r.auth = nil // there is no tag to look at
		tx, err := scanTx(r)
		last = tx.Seq
		if err == nil && tx.Damage == "" {
			var tag []byte
			tag, err = auth.endTag(&tx)
			found = append(found, untagged{tx, tag})
		}
		n++
		return err
	}, after, since, adoptBatch)
	for _, u := range found {
		if err == nil {
			_, err = q.exec(`UPDATE tx SET tag = $2 WHERE seq = $1`, u.tx.Seq, u.tag)
		}
	}
	return last, n, err
}

// AdoptAltered tags rows that decide as they are now, when their values are such
// as can be: for an operator who has changed them by hand and knows it. It
// answers how many.
func (s *Store) AdoptAltered(ctx context.Context) (n int, err error) {
	list, err := s.shapes(ctx)
	for _, t := range tables {
		for _, sh := range list {
			if sh.table == t.name && err == nil {
				var found int
				found, err = s.adoptAltered(ctx, t, &sh)
				n += found
			}
		}
	}
	return n, err
}

func (s *Store) adoptAltered(ctx context.Context, t *table, sh *shape) (n int, err error) {
	var keys [][]any
	_, err = s.eachRow(ctx, sh, func(r *row) {
		o := sh.ordered(r, append(t.columns[:len(t.columns):len(t.columns)], "tag"))
		for i, v := range r.v {
			if sh.value(i, v) != "" {
				return
			}
		}
		o.i = len(t.columns)
		if o.authentic(t, 0); errors.Is(o.bad, ErrAltered) {
			var k []any
			for _, v := range o.v[:t.keys] {
				k = append(k, raw{v})
			}
			keys = append(keys, k)
		}
	})
	for _, k := range keys {
		if err == nil {
			err = s.do(ctx, func(q querier) error {
				q.note(audit.Entry{Action: "row.adopt", Subject: audit.Of("row", t.name)})
				return t.seal(q, k...)
			})
			n++
		}
	}
	return n, err
}
