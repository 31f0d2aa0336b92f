package store

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
)

// Completions is the part of a Store that keeps who has still to be told that a
// transaction has ended. The commit that ends a transaction with an observer
// makes a row here, and it stays until the observer has been told: across
// failures, restarts and the death of the box that was telling him. Rows of an
// observer that nobody asks for wait.
type Completions struct{ *db }

// Completion is an end that an observer is told.
type Completion struct {
	Tx  mssp.Transaction // final
	Try int              // counts from 1
}

const (
	sqlCompleted = `INSERT INTO completion (tx_seq, observer, due_at, tries, holder) VALUES ($1, $2, $3, 0, 0)`

	// sqlFreeCompletions: what an earlier start of this box, or one that is gone, was telling.
	sqlFreeCompletions = `UPDATE completion SET holder = 0, due_at = $1
	WHERE holder <> 0 AND (holder = $2 OR holder NOT IN (SELECT start FROM box))`

	sqlTxBySeq = `SELECT ` + txCols + ` FROM tx WHERE seq = $1`

	// sqlDueCompletion is when an observer has to be told the first.
	sqlDueCompletion = `SELECT MIN(due_at) FROM completion WHERE observer = $1`

	// sqlClaimCompletions names a row twice: on PostgreSQL the outer condition is
	// looked at again when another box has just taken the row.
	sqlClaimCompletions = `UPDATE completion SET holder = $5, due_at = $4, tries = tries + 1 WHERE due_at <= $2 AND tx_seq IN
	(SELECT tx_seq FROM completion WHERE observer = $1 AND due_at <= $2 ORDER BY due_at, tx_seq LIMIT $3)
	AND ` + sqlFence + `$5` + sqlKept + ` RETURNING tx_seq, tries`

	sqlRetryCompletion = `UPDATE completion SET holder = 0, due_at = $2 WHERE tx_seq = $1 AND holder = $3`
)

// completed notes, in the commit that ends a transaction, that its observer
// has to be told.
func completed(q querier, tx *mssp.Transaction) error {
	if tx.Observer.Name == "" {
		return nil
	}
	_, err := q.exec(sqlCompleted, tx.Seq, tx.Observer.Name, tx.FinishedAt)
	return err
}

// FreeCompletions makes due what was being told when its box died, and lists
// the observers for whom something waits. At the start of this box nothing can
// be its own any more: mine frees that too.
func (s *Completions) FreeCompletions(ctx context.Context, now time.Time, mine bool) (observers []string, err error) {
	own := int64(0) // nobody's
	if mine {
		own = s.boxes.me.Start
	}
	err = s.do(ctx, func(q querier) (err error) {
		if _, err = q.exec(sqlFreeCompletions, now, own); err != nil {
			return err
		}
		observers, err = allOf(q, func(r *row) (string, error) { return r.text(), r.err() }, `SELECT DISTINCT observer FROM completion ORDER BY observer`)
		return err
	})
	return observers, err
}

// CompletionDue is when an observer has to be told something; zero when there
// is nothing to tell.
func (s *Completions) CompletionDue(ctx context.Context, observer string) (time.Time, error) {
	return readOne(ctx, s.db, func(r *row) (time.Time, error) { return r.time(), r.err() }, sqlDueCompletion, observer)
}

// ClaimCompletions takes what is due for an observer, the longest due first. It
// is this box's until Told or RetryCompletion, but not longer than until: then
// it is due again.
func (s *Completions) ClaimCompletions(ctx context.Context, observer string, now, until time.Time, limit int) ([]Completion, error) {
	due, err := s.CompletionDue(ctx, observer)
	if err != nil || due.IsZero() || due.After(now) {
		return nil, err
	}
	var cs []Completion
	err = s.hold(ctx, func(q querier) error {
		cs = nil
		err := q.each(sqlClaimCompletions, func(r *row) error {
			cs = append(cs, Completion{Tx: mssp.Transaction{Seq: r.int()}, Try: int(r.int())})
			return r.err()
		}, observer, now, limit, until, s.boxes.me.Start)
		if err != nil {
			return err
		}
		if len(cs) == 0 {
			return s.boxes.fenced(q, nil)
		}
		for i := range cs {
			if cs[i].Tx, err = oneTx(q, sqlTxBySeq, cs[i].Tx.Seq); err != nil {
				return err
			}
		}
		return nil
	})
	return cs, err
}

// Told ends a completion: its observer knows.
func (s *Completions) Told(ctx context.Context, c Completion) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(`DELETE FROM completion WHERE tx_seq = $1`, c.Tx.Seq)
		return err
	})
}

// RetryCompletion gives a completion back: its observer is told again at that time.
func (s *Completions) RetryCompletion(ctx context.Context, c Completion, at time.Time) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(sqlRetryCompletion, c.Tx.Seq, at, s.boxes.me.Start)
		return err
	})
}
