package store

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp/audit"
)

// Whoever erases by age must know the time, and a machine may not: its battery is
// empty, and it starts years ahead or behind before somebody tells it better. So
// the store keeps a time that has certainly come. It goes on with the time that
// processes have run, and follows the clock while that stays within Slack of it.
// A clock that is further ahead is not believed: ages are counted by the certain
// time, until the clock has come back, is known to be right, or an operator says
// that it is. What was dated meanwhile counts as no older than the end of that while,
// whatever time stands in its row.
//
// Of the boxes on one database one erases, for as long as it lives.

// Slack is how far a clock may be from the time that is certain. It is less than
// the shortest time for which anything is kept.
const Slack = 24 * time.Hour

// Turn is what erasing by age goes by, from Erasures.Turn.
type Turn struct {
	Other string        // the box that erases, where that is another one; "": this one
	Now   time.Time     // by which ages are counted
	Ahead time.Duration // how far the clock is from what is certain, as long as it is not believed; else 0
	Grace time.Time     // nothing is erased by age before, so that an operator can decide; zero: at once

	odd span
}

// span are transactions that a wrong clock has dated: later than from, up to
// to, and no older than at.
type span struct {
	from, to int64
	at       time.Time
}

func (s *span) has(seq int64) bool { return seq > s.from && seq <= s.to }

// Machine is what a process knows of the time.
type Machine struct {
	Now     time.Time     // of its clock
	Known   bool          // somebody keeps that clock right (NTP)
	Sure    time.Time     // Sure of its last turn, zero for the first
	Elapsed time.Duration // since then, by a clock that nobody sets
	// Grace is how long nothing is erased when there are transactions already, and
	// no operator has said how long they are kept; 0: he has.
	Grace time.Duration
}

// turn is the row of table retention.
type turn struct {
	holder int64
	sure   time.Time
	last   int64 // the newest transaction then
	off    bool  // the clock was not believed then
	grace  time.Time
	odd    span
}

const (
	sqlRetention = `SELECT holder, sure_at, last_seq, off, grace_until, odd_from, odd_to, odd_at FROM retention WHERE id = 1`

	sqlFirstTurn = `INSERT INTO retention (id, holder, sure_at, last_seq, off, grace_until, odd_from, odd_to, odd_at)
	VALUES (1, 0, $1, $2, 0, $3, 0, 0, 0) ON CONFLICT DO NOTHING`

	sqlTakeTurn = `UPDATE retention SET holder = $1, sure_at = $2, last_seq = $3, off = $4, grace_until = $5, odd_from = $6, odd_to = $7, odd_at = $8
	WHERE id = 1 AND holder = $9 AND sure_at = $10 AND last_seq = $11 AND (holder = $1 OR holder NOT IN (SELECT start FROM box)) AND ` + sqlFence + `$1` + sqlKept

	// sqlMyTurn: nobody declares this box dead before its commit.
	sqlMyTurn = `SELECT holder FROM retention WHERE id = 1 AND holder = $1 AND ` + sqlFence + `$1` + sqlKept

	sqlNewestTx = `SELECT seq, created_at FROM tx ORDER BY seq DESC LIMIT 1`

	sqlSayClock = `UPDATE retention SET sure_at = $1, grace_until = 0, odd_to = CASE WHEN off = 1 THEN odd_from ELSE odd_to END, off = 0 WHERE id = 1`
)

func scanTurn(r *row) (turn, error) {
	t := turn{holder: r.int(), sure: r.time(), last: r.int(), off: r.bool(), grace: r.time()}
	t.odd = span{r.int(), r.int(), r.time()}
	return t, r.err()
}

// Turn takes the right to erase by age, unless a box has it that lives, and says
// what time it is. Sure is for the next Machine. Call it before anything is dated by
// this process, and before each round.
func (s *Erasures) Turn(ctx context.Context, m Machine) (t Turn, sure time.Time, err error) {
	err = s.hold(ctx, func(q querier) error {
		t, sure = Turn{}, time.Time{}
		newest, dated, err := newestTx(q)
		if err != nil {
			return err
		}
		is, err := firstTurn(q, newest, dated, &m)
		if err != nil {
			return err
		}
		if me := s.boxes.me.Start; is.holder != me {
			if other, err := oneOf(q, scanBox, `SELECT `+boxCols+` FROM box WHERE start = $1`, is.holder); err == nil {
				t.Other = other.String()
				return nil
			} else if !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		was := is
		t = is.judge(newest, &m)
		sure = is.sure
		n, err := q.exec(sqlTakeTurn, s.boxes.me.Start, is.sure, newest, is.off, is.grace, is.odd.from, is.odd.to, is.odd.at, was.holder, was.sure, was.last)
		if err == nil && n == 0 {
			err = s.boxes.fenced(q, errMoved)
		}
		return err
	})
	return t, sure, err
}

func newestTx(q querier) (seq int64, dated time.Time, err error) {
	r, err := q.one(sqlNewestTx)
	if err != nil {
		return 0, dated, notFoundIsNil(err)
	}
	seq, dated = r.int(), r.time()
	return seq, dated, r.err()
}

// firstTurn is the row, which begins with what is known of the time: that the
// newest transaction was taken in.
func firstTurn(q querier, newest int64, dated time.Time, m *Machine) (is turn, err error) {
	is, err = oneOf(q, scanTurn, sqlRetention)
	if !errors.Is(err, ErrNotFound) {
		return is, err
	}
	is = turn{sure: dated, last: newest}
	if dated.IsZero() {
		is.sure = m.Now
	} else if m.Grace > 0 {
		is.grace = dated.Add(m.Grace)
		if (m.Now.Sub(dated)).Abs() <= Slack || m.Known {
			is.grace = m.Now.Add(m.Grace)
		}
	}
	if _, err := q.exec(sqlFirstTurn, is.sure, is.last, is.grace); err != nil {
		return is, err
	}
	return oneOf(q, scanTurn, sqlRetention)
}

// judge finds out what time it is, and notes it.
func (is *turn) judge(newest int64, m *Machine) Turn {
	certain := is.sure
	if certain.Equal(m.Sure) {
		certain = certain.Add(m.Elapsed)
	}
	now, ahead := m.Now, m.Now.Sub(certain)
	if ahead.Abs() <= Slack || m.Known || newest == 0 { // nothing is there that could be lost
		ahead = 0
	}
	was := is.off
	is.sure, is.off = now, ahead != 0
	if is.off {
		is.sure = certain
	}
	if is.off || was {
		if is.odd.to == is.odd.from {
			is.odd.from = is.last
		}
		is.odd.to, is.odd.at = newest, is.sure
	}
	if ahead > 0 {
		now = certain
	}
	if m.Grace == 0 {
		is.grace = time.Time{}
	}
	return Turn{Now: now, Ahead: ahead, Grace: is.grace, odd: is.odd}
}

// Believe is an operator's word: this is the time, its clock was right all
// along, and what is due may go.
func (s *Erasures) Believe(ctx context.Context, now time.Time) error {
	return s.do(ctx, func(q querier) error {
		if _, err := q.exec(sqlFirstTurn, now, int64(0), time.Time{}); err != nil {
			return err
		}
		q.note(audit.Entry{Action: "clock.believe", Subject: audit.Of("clock", now.UTC().Format(time.RFC3339))})
		_, err := q.exec(sqlSayClock, now)
		return err
	})
}

// Due counts by kind what an erasure at its turn would take.
func (s *Erasures) Due(ctx context.Context, keep Retention) (Erased, error) {
	due := Erased{}
	err := s.read(ctx, func(q querier) error {
		for i, before := range keep.times() {
			if before.IsZero() {
				continue
			}
			n, err := oneOf(q, scanInt, sqlDue[i], before)
			if err != nil {
				return err
			}
			due[erasable[i].kind] = n
		}
		return nil
	})
	return due, err
}
