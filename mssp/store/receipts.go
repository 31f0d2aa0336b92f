package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// A delivery receipt finds its segment by (route, message id), and by the
// number where the receipt says one (see destEnd): ids are unique at one centre
// at best. It may come before the response that tells the id, on another bind, or after a
// restart. One that fits nothing yet is parked.
const (
	sqlReport = `UPDATE segment SET report_at = $4, delivered = $5, cause = $6 WHERE id = (SELECT MAX(id) FROM segment
	WHERE message_id = $1 AND message_id <> '' AND report = 1 AND route = $2 AND '+' || dest LIKE '%' || $3) RETURNING tx_seq`

	sqlPark = `INSERT INTO receipt (route, message_id, dest, delivered, cause, report_at, parked_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (route, message_id, dest) DO UPDATE SET delivered = excluded.delivered, cause = excluded.cause,
	report_at = excluded.report_at, parked_at = excluded.parked_at`

	sqlParkLimit = `DELETE FROM receipt WHERE id <= (SELECT MAX(id) FROM receipt) - $1`

	sqlUnpark = `DELETE FROM receipt WHERE id = $1`

	sqlParked = `SELECT r.id, r.route, r.message_id, r.dest, r.delivered, r.cause, r.report_at FROM receipt r
	WHERE EXISTS (SELECT 1 FROM segment s WHERE s.message_id = r.message_id AND s.message_id <> '' AND s.report = 1
	AND s.route = r.route AND '+' || s.dest LIKE '%' || r.dest)
	AND (r.dest NOT LIKE '+%' OR r.parked_at >= $2) ORDER BY r.id LIMIT $1`

	sqlParkedOld = `SELECT COUNT(*) FROM (SELECT parked_at FROM receipt ORDER BY id LIMIT 1) AS oldest WHERE parked_at < $1`

	sqlResolve = `UPDATE segment SET state = $2, route = $3, message_id = $4, next_at = $5
	WHERE id = $1 AND (state = 'ambiguous' OR state = 'sent' AND $2 = 'accepted')
	AND ` + sqlFence + `$6` + sqlKept + ` RETURNING tx_seq`
)

const (
	maxParked = 10_000         // receipts that fit nothing; the oldest give way
	parkedAge = 48 * time.Hour // and are forgotten then
	// Those that only a text says wait for a response that is on its way, and for no
	// longer: else anybody could leave there what ends requests to come.
	parkedText = time.Minute
)

// Receipt is a delivery receipt that has found its segment.
type Receipt struct {
	TxID      mssp.TransID // "" for a plain text
	Dest      sms.MSISDN   // as the receipt says it
	Delivered bool
	Cause     string
}

// Report stores a delivery report; see Reported.
func (s *Store) Report(ctx context.Context, r bearer.Report) error {
	_, err := s.Reported(ctx, r)
	return err
}

// Reported stores a delivery report and tells whose segment it was: "" for a
// plain text, or when the report fits no segment so far. Such a one is parked:
// MatchReceipts will find its segment when the id becomes known.
func (s *Store) Reported(ctx context.Context, r bearer.Report) (id mssp.TransID, err error) {
	now := s.clock()
	end, ok := destEnd(&r)
	if !ok || r.MessageID == "" || r.Bearer == "" {
		return "", nil // it fits nothing, now and later
	}
	err = s.do(ctx, func(q querier) error {
		var found bool
		if id, found, err = report(q, &r, end); err != nil || found {
			return err
		}
		if _, err := q.exec(sqlPark, r.Bearer, r.MessageID, end, r.Delivered, r.Cause, r.At, now); err != nil {
			return err
		}
		_, err := q.exec(sqlParkLimit, maxParked)
		return err
	})
	return id, err
}

// fewest digits that the end of a number must have to say which one it is.
const fewestDigits = 7

// destEnd is what the number of a segment, with its plus sign, must end with:
// the whole of it, or the national form that some centres write. "" is every
// number, which only the centre itself may say; ok is false when the receipt
// can be about no segment at all. Only digits come in: "%" and "_" are patterns.
func destEnd(r *bearer.Report) (end string, ok bool) {
	n := string(r.Dest)
	switch {
	case n == "":
		return "", !r.Text
	case strings.Trim(n, "0123456789") != "":
		return "", false
	case r.Text || len(n) < fewestDigits:
		return "+" + n, true
	}
	return n, true
}

// report notes a delivery report in its segment.
func report(q querier, r *bearer.Report, end string) (id mssp.TransID, found bool, err error) {
	got, err := q.one(sqlReport, r.MessageID, r.Bearer, end, r.At, r.Delivered, r.Cause)
	if err != nil {
		return "", false, notFoundIsNil(err)
	}
	id, err = txOf(q, got.int(), got.err())
	return id, true, err
}

// txOf is the id of a transaction; "" for 0.
func txOf(q querier, seq int64, err error) (mssp.TransID, error) {
	if err != nil || seq == 0 {
		return "", err
	}
	got, err := q.one(`SELECT id FROM tx WHERE seq = $1`, seq)
	if err != nil {
		return "", notFoundIsNil(err)
	}
	id := mssp.TransID(got.text())
	return id, got.err()
}

// Reach is how far a transaction has come that has not ended.
func (s *Store) Reach(ctx context.Context, tx *mssp.Transaction) (r mssp.Reach, err error) {
	err = s.read(ctx, func(q querier) error {
		got, err := q.one(`SELECT COUNT(*), COUNT(CASE WHEN delivered = 1 THEN 1 END) FROM segment WHERE tx_seq = $1 AND report = 1`, tx.Seq)
		if err != nil {
			return err
		}
		asked, receipts := got.int() > 0, got.int() > 0
		r = mssp.ReachOf(tx.State, asked, receipts)
		return got.err()
	})
	return r, err
}

// MatchReceipts gives parked receipts to the segments whose ids have become
// known, and forgets those that are too old. Without parked receipts it costs
// one small read. Call it from time to time: on PostgreSQL a receipt and a
// response that are stored at the same moment do not see each other.
func (s *Store) MatchReceipts(ctx context.Context, limit int) (done []Receipt, err error) {
	type parked struct {
		id  int64
		end string // see destEnd
		bearer.Report
	}
	var found []parked
	var old int64
	err = s.read(ctx, func(q querier) error {
		r, err := q.one(sqlParkedOld, s.clock().Add(-parkedAge))
		if err != nil {
			return err
		}
		if old = r.int(); r.err() != nil {
			return r.err()
		}
		return q.each(sqlParked, func(r *row) error {
			p := parked{id: r.int()}
			p.Bearer, p.MessageID, p.end = r.text(), r.text(), r.text()
			p.Dest = sms.MSISDN(strings.TrimPrefix(p.end, "+"))
			p.Delivered, p.Cause, p.At = r.bool(), r.text(), r.time()
			found = append(found, p)
			return r.err()
		}, limit, s.clock().Add(-parkedText))
	})
	if err != nil || len(found) == 0 && old == 0 {
		return nil, err
	}
	err = s.do(ctx, func(q querier) error {
		done = nil
		for i := range found {
			p := &found[i]
			if n, err := q.exec(sqlUnpark, p.id); err != nil {
				return err
			} else if n == 0 {
				continue // another process was faster
			}
			id, ok, err := report(q, &p.Report, p.end)
			if err != nil {
				return err
			}
			if ok {
				done = append(done, Receipt{id, p.Dest, p.Delivered, p.Cause})
			}
		}
		_, err := q.exec(`DELETE FROM receipt WHERE parked_at < $1`, s.clock().Add(-parkedAge))
		return err
	})
	return done, err
}

// Resolve stores what became of a segment whose fate was unknown: State is
// Accepted, Rejected, or Queued at NextAt. Only an Ambiguous segment can be
// rejected or queued by it: one that is on its way again has another answer to
// come. It tells the transaction, "" for a plain text; changed is false when
// the segment was not waiting for it.
func (s *Store) Resolve(ctx context.Context, o SegmentOutcome) (id mssp.TransID, changed bool, err error) {
	now := s.clock()
	err = s.change(ctx, func(w *work) error {
		id, changed = "", false
		got, err := w.one(sqlResolve, o.ID, string(o.State), o.Route, o.MessageID, o.NextAt, w.me())
		if errors.Is(err, ErrNotFound) {
			return w.fenced(nil)
		}
		if err != nil {
			return err
		}
		seq := got.int()
		if err := got.err(); err != nil {
			return err
		}
		changed = true
		if seq != 0 && o.State == SegAccepted {
			if err := w.sent([]int64{seq}, now); err != nil {
				return err
			}
		}
		id, err = txOf(w, seq, nil)
		return err
	})
	return id, changed, err
}

// Alert makes the segments to a number due at once: its phone is back. It
// tells how many there are.
func (s *Store) Alert(ctx context.Context, number sms.MSISDN, now time.Time) (n int64, err error) {
	err = s.do(ctx, func(q querier) error {
		n, err = q.exec(`UPDATE segment SET next_at = $2 WHERE dest = $1 AND state IN ('queued', 'ambiguous') AND next_at > $2`, string(number), now)
		return err
	})
	return n, err
}
