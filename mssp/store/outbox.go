package store

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/bearer"
)

const (
	sqlDueSegments = `SELECT ` + segmentCols + ` FROM segment s LEFT JOIN tx t ON t.seq = s.tx_seq
	WHERE s.state IN ('queued', 'ambiguous') AND s.next_at <= $1 ORDER BY s.next_at, s.id LIMIT $2`

	// sqlDropDead takes out what must not leave any more: the transaction is
	// final, or it is too late for the message.
	sqlDropDead = `UPDATE segment SET state = 'dropped'
	WHERE state IN ('queued', 'ambiguous') AND next_at <= $1 AND (expires_at < $1
	OR EXISTS (SELECT 1 FROM tx WHERE tx.seq = segment.tx_seq AND tx.finished_at <> 0))`

	sqlClaim = `UPDATE segment SET state = 'sent', tries = tries + 1 WHERE id = $1 AND state IN ('queued', 'ambiguous')`

	sqlOutcome = `UPDATE segment SET state = $2, route = $3, message_id = $4, next_at = $5
	WHERE id = $1 AND state IN ('sent', 'ambiguous') RETURNING tx_seq`

	// sqlAllAccepted: the network has every segment. It looks at the
	// transaction first, which mostly is further already.
	sqlAllAccepted = `UPDATE tx SET state = 'waiting', version = version + 1 WHERE seq = $1 AND state = 'sending'
	AND NOT EXISTS (SELECT 1 FROM segment WHERE tx_seq = $1 AND state NOT IN ('accepted', 'dropped'))`
)

// ClaimSegments hands out segments whose time has come, at most limit, and
// stores them as Sent first. A segment of a transaction that has ended, or
// whose time is over, is dropped instead: Finish leaves that to this place.
func (s *Store) ClaimSegments(ctx context.Context, now time.Time, limit int) ([]Outbound, error) {
	due, err := s.dueSegments(ctx, now, limit)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	var out []Outbound
	err = s.do(ctx, func(q querier) error {
		out = out[:0]
		if _, err := q.exec(sqlDropDead, now); err != nil {
			return err
		}
		for _, o := range due {
			n, err := q.exec(sqlClaim, o.ID)
			if err != nil {
				return err
			}
			if n == 1 {
				o.State, o.Tries = SegSent, o.Tries+1
				out = append(out, o)
			}
		}
		return nil
	})
	return out, err
}

func (s *Store) dueSegments(ctx context.Context, now time.Time, limit int) ([]Outbound, error) {
	return s.outbound(ctx, sqlDueSegments, now, limit)
}

func (s *Store) outbound(ctx context.Context, sql string, args ...any) (out []Outbound, err error) {
	err = s.read(ctx, func(q querier) error {
		return q.each(sql, func(r *row) error {
			o, err := scanOutbound(r)
			out = append(out, o)
			return err
		}, args...)
	})
	return out, err
}

// RecordOutcomes stores what became of submitted segments and returns when it
// is durable. A transaction whose segments the network all has is Waiting
// then. Outcomes of segments that are not Sent are ignored.
func (s *Store) RecordOutcomes(ctx context.Context, o []SegmentOutcome) error {
	return s.do(ctx, func(q querier) error { return recordOutcomes(q, o) })
}

// RecordOutcomesLazy stores outcomes with the next commit, at most some 20 ms
// later, and does not wait. A crash in between makes the segments ambiguous:
// they go out once more with the same octets and the card refuses the copy.
func (s *Store) RecordOutcomesLazy(o []SegmentOutcome) { s.b.lazy(o) }

func recordOutcomes(q querier, outcomes []SegmentOutcome) error {
	var accepted []int64 // distinct transactions, mostly in runs
	for _, o := range outcomes {
		r, err := q.one(sqlOutcome, o.ID, string(o.State), o.Route, o.MessageID, o.NextAt)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		seq := r.int()
		if err := r.err(); err != nil {
			return err
		}
		if seq != 0 && o.State == SegAccepted && (len(accepted) == 0 || accepted[len(accepted)-1] != seq) {
			accepted = append(accepted, seq)
		}
	}
	for _, seq := range accepted {
		if _, err := q.exec(sqlAllAccepted, seq); err != nil {
			return err
		}
	}
	return nil
}

// EnqueueText puts the segments of one plain text message into the outbox.
func (s *Store) EnqueueText(ctx context.Context, segs []bearer.Segment) ([]Outbound, error) {
	var out []Outbound
	now := s.clock()
	err := s.do(ctx, func(q querier) error {
		out = textOutbound(segs, now)
		return insertSegments(q, 0, out)
	})
	return out, err
}

// Segments lists the segments of a transaction, every attempt, in order.
func (s *Store) Segments(ctx context.Context, id mssp.TransID) ([]Outbound, error) {
	return s.outbound(ctx, `SELECT `+segmentCols+` FROM tx t JOIN segment s ON s.tx_seq = t.seq WHERE t.id = $1 ORDER BY s.id`, string(id))
}

// Packets lists the packets of a transaction, one for each attempt.
func (s *Store) Packets(ctx context.Context, id mssp.TransID) (ps []Packet, err error) {
	err = s.read(ctx, func(q querier) error {
		return q.each(`SELECT p.iccid, p.cntr, p.kvn, p.tar, p.attempt, p.sealed_at
			FROM tx t JOIN packet p ON p.iccid = t.iccid AND p.tx_seq = t.seq WHERE t.id = $1 ORDER BY p.attempt`,
			func(r *row) error {
				p := Packet{TxID: id}
				p.ICCID, p.CNTR, p.KVN = iccidOf(r), cntrOf(r), byte(r.int())
				p.TAR, p.Attempt, p.SealedAt = tarOf(r.int()), int(r.int()), r.time()
				ps = append(ps, p)
				return r.err()
			}, string(id))
	})
	return ps, err
}
