package store

import (
	"context"
	"strconv"
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

	sqlRetryCompletion = `UPDATE completion SET holder = 0, due_at = $2 WHERE tx_seq = $1 AND holder = $3`
)

// sqlDueCompletion finds when the first of some observers has to be told.
func sqlDueCompletion(observers int) string {
	return `SELECT MIN(due_at) FROM completion WHERE observer IN (` + params(1, observers) + `)`
}

// sqlClaimCompletions names a row twice: on PostgreSQL the outer condition is
// looked at again when another box has just taken the row.
func sqlClaimCompletions(observers int) string {
	return `UPDATE completion SET holder = $1, due_at = $2, tries = tries + 1 WHERE due_at <= $3 AND tx_seq IN
	(SELECT tx_seq FROM completion WHERE observer IN (` + params(5, observers) + `) AND due_at <= $3 ORDER BY due_at, tx_seq LIMIT $4)
	AND ` + sqlFence + `$1` + sqlKept + ` RETURNING tx_seq, tries`
}

// params are the places of n arguments from number first on.
func params(first, n int) string {
	s := make([]byte, 0, 4*n)
	for i := range n {
		if i > 0 {
			s = append(s, ", "...)
		}
		s = strconv.AppendInt(append(s, '$'), int64(first+i), 10)
	}
	return string(s)
}

func withNames(args []any, names []string) []any {
	for _, n := range names {
		args = append(args, n)
	}
	return args
}

// completed notes, in the commit that ends a transaction, that its observer
// has to be told.
func completed(q querier, tx *mssp.Transaction) error {
	if tx.Observer.Name == "" {
		return nil
	}
	_, err := q.exec(sqlCompleted, tx.Seq, tx.Observer.Name, tx.FinishedAt)
	return err
}

// FreeCompletions makes due what was being told when its process ended, and
// lists the observers for whom something waits. Call it at the start.
func (s *Completions) FreeCompletions(ctx context.Context, now time.Time) (observers []string, err error) {
	err = s.do(ctx, func(q querier) error {
		observers = nil
		if _, err := q.exec(sqlFreeCompletions, now, s.boxes.me.Start); err != nil {
			return err
		}
		return q.each(`SELECT DISTINCT observer FROM completion ORDER BY observer`, func(r *row) error {
			observers = append(observers, r.text())
			return r.err()
		})
	})
	return observers, err
}

// CompletionDue is when the first of these observers has to be told something;
// zero when there is nothing to tell.
func (s *Completions) CompletionDue(ctx context.Context, observers []string) (time.Time, error) {
	if len(observers) == 0 {
		return time.Time{}, nil
	}
	return readOne(ctx, s.db, func(r *row) (time.Time, error) { return r.time(), r.err() },
		sqlDueCompletion(len(observers)), withNames(nil, observers)...)
}

// ClaimCompletions takes what is due for these observers, the longest due
// first. It is this box's until Told or RetryCompletion, but not longer than
// until: then it is due again.
func (s *Completions) ClaimCompletions(ctx context.Context, observers []string, now, until time.Time, limit int) ([]Completion, error) {
	due, err := s.CompletionDue(ctx, observers)
	if err != nil || due.IsZero() || due.After(now) {
		return nil, err
	}
	var cs []Completion
	err = s.hold(ctx, func(q querier) error {
		cs = nil
		args := withNames([]any{s.boxes.me.Start, until, now, limit}, observers)
		err := q.each(sqlClaimCompletions(len(observers)), func(r *row) error {
			cs = append(cs, Completion{Tx: mssp.Transaction{Seq: r.int()}, Try: int(r.int())})
			return r.err()
		}, args...)
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
