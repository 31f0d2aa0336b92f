package store

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
)

// sqlOurTimer: the timers of a card's transactions belong to the box that serves
// the card; those of a card that nobody alive serves, or that is not there, belong
// to everybody.
const sqlOurTimer = ` AND NOT EXISTS (SELECT 1 FROM card c WHERE c.iccid = tx.iccid
	AND c.holder <> $1 AND c.holder IN (SELECT start FROM box))`

const sqlExpired = `SELECT ` + txCols + ` FROM tx WHERE finished_at = 0 AND deadline <= $2 AND deadline > 0` + sqlOurTimer + ` ORDER BY deadline LIMIT $3`

// Expired lists the transactions whose deadline has passed and that nobody
// has finished, the longest overdue first, as far as their timers are run here.
func (s *Store) Expired(ctx context.Context, now time.Time, limit int) ([]mssp.Transaction, error) {
	return s.transactions(ctx, sqlExpired, s.me.Start, now, limit)
}

const sqlNextDue = `SELECT (SELECT deadline FROM tx WHERE finished_at = 0 AND deadline > 0` + sqlOurTimer + ` ORDER BY deadline LIMIT 1),
	(SELECT MIN(next_at) FROM segment WHERE state IN ('queued', 'ambiguous') AND next_at > $2),
	(SELECT COUNT(*) FROM segment WHERE state IN ('queued', 'ambiguous') AND next_at = 0)`

// NextDue is when the sweep must run next: the earliest deadline or the
// earliest segment that waits. It is zero when there is nothing to wait for.
// Segments that were due at asked do not count: those who had no place for them
// then say themselves when there is one. Zero leaves out none.
func (s *Store) NextDue(ctx context.Context, asked time.Time) (due time.Time, err error) {
	err = s.read(ctx, func(q querier) error {
		r, err := q.one(sqlNextDue, s.me.Start, asked)
		if err != nil {
			return err
		}
		due = r.time()
		segment, now := r.time(), r.int() > 0
		if now && asked.IsZero() { // after a restart: at once
			segment = s.clock()
		}
		if due.IsZero() || !segment.IsZero() && segment.Before(due) {
			due = segment
		}
		return r.err()
	})
	return due, err
}

// Purge deletes inbound parts that retention does not keep, a bounded number of rows in a
// commit, so that requests are not held up; call it again while Purged.More.
func (s *Store) Purge(ctx context.Context, keep Retention) (Purged, error) {
	var p Purged
	err := s.do(ctx, func(q querier) error {
		p = Purged{}
		return purgeParts(q, keep, &p)
	})
	return p, err
}

// purgeBatch: Purge looks at that many of the oldest rows of each table, so
// that its time is bounded when nothing is old enough too.
const purgeBatch = 500

// purgeParts: consumed sets, which are kept a while so that a redelivery is
// recognised, and incomplete ones, which are worth nothing once they are old;
// a complete one that was not consumed is somebody's answer and stays.
func purgeParts(q querier, keep Retention, p *Purged) error {
	for _, k := range [...]struct {
		which  string
		before time.Time
	}{
		{`(SELECT id FROM (SELECT id, state, first_at FROM mo_header ORDER BY id LIMIT $2) AS oldest WHERE state <> 1 AND first_at < $1)`, keep.Parts},
		{`(SELECT id FROM mo_header WHERE state <> 1 AND state <> 2 AND first_at < $1 ORDER BY id LIMIT $2)`, keep.Incomplete},
	} {
		if k.before.IsZero() {
			continue
		}
		if _, err := q.exec(`DELETE FROM mo_part WHERE header IN `+k.which, k.before, purgeBatch); err != nil {
			return err
		}
		n, err := q.exec(`DELETE FROM mo_header WHERE id IN `+k.which, k.before, purgeBatch)
		if err != nil {
			return err
		}
		p.Parts, p.More = p.Parts+n, p.More || n == purgeBatch
	}
	return nil
}
