package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/bearer"
)

// Of the text of a plain message the first octet stays, once nobody needs it: it may be a
// registration code.
const sqlOutcome = `UPDATE segment SET state = $2, route = $3, message_id = $4, next_at = $5,
	ud = CASE WHEN tx_seq = 0 AND $2 IN ('accepted', 'rejected') THEN COALESCE(SUBSTR(ud, 1, 1), ud) ELSE ud END
	WHERE id = $1 AND state IN ('sent', 'ambiguous') AND holder = $6 RETURNING tx_seq`

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
// then. Outcomes of segments that are not Sent, or not by this box, are ignored.
func (s *Store) RecordOutcomes(ctx context.Context, o []SegmentOutcome) error {
	return s.change(ctx, func(w *work) error { return recordOutcomes(w, o, s.clock()) })
}

// RecordOutcomesLazy stores outcomes with the next commit, at most some 20 ms
// later, and does not wait. A crash in between makes the segments ambiguous:
// they go out once more with the same octets and the card refuses the copy.
func (s *Store) RecordOutcomesLazy(o []SegmentOutcome) { s.b.lazy(o) }

// recordOutcomes stores many at once where there are many: a statement a
// segment is what an outbox under load spends most of its time on.
func recordOutcomes(w *work, outcomes []SegmentOutcome, now time.Time) error {
	for len(outcomes) >= outcomeChunk {
		if err := recordChunk(w, outcomes[:outcomeChunk], now); err != nil {
			return err
		}
		outcomes = outcomes[outcomeChunk:]
	}
	var accepted []int64 // distinct transactions, mostly in runs
	for _, o := range outcomes {
		r, err := w.one(sqlOutcome, o.ID, string(o.State), o.Route, o.MessageID, o.NextAt, w.me())
		if errors.Is(err, ErrNotFound) {
			if err := w.fenced(nil); err != nil {
				return err
			}
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
	return w.sent(accepted, now)
}

// outcomeChunk is how many outcomes one statement stores.
const outcomeChunk = 16

// The statements for a chunk, made once.
var sqlOutcomes, sqlOpenOf = chunkSQL()

// chunkSQL are the statements that store outcomeChunk outcomes and look for
// their open transactions. Columns of VALUES are column1, column2, ... on both
// engines.
func chunkSQL() (outcomes, transactions string) {
	var values, ids strings.Builder
	for i := range outcomeChunk {
		if i > 0 {
			values.WriteString(", ")
			ids.WriteString(", ")
		}
		n := 5 * i
		fmt.Fprintf(&values, "(CAST($%d AS BIGINT), CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS BIGINT))", n+1, n+2, n+3, n+4, n+5)
		fmt.Fprintf(&ids, "$%d", i+1)
	}
	return `UPDATE segment SET state = v.column2, route = v.column3, message_id = v.column4, next_at = v.column5,
	ud = CASE WHEN tx_seq = 0 AND v.column2 IN ('accepted', 'rejected') THEN COALESCE(SUBSTR(ud, 1, 1), ud) ELSE ud END
	FROM (VALUES ` + values.String() + `) AS v WHERE segment.id = v.column1 AND segment.state IN ('sent', 'ambiguous') AND segment.holder = $` + strconv.Itoa(5*outcomeChunk+1),
		`SELECT DISTINCT s.tx_seq FROM segment s JOIN tx t ON t.seq = s.tx_seq WHERE s.id IN (` + ids.String() + `)
	AND s.state = 'accepted' AND t.finished_at = 0`
}

// recordChunk is recordOutcomes for outcomeChunk of them. A segment that
// stands in it twice is stored one after the other, like everywhere.
func recordChunk(w *work, chunk []SegmentOutcome, now time.Time) error {
	args := make([]any, 0, 5*outcomeChunk+1)
	ids := make([]any, 0, outcomeChunk)
	seen := make(map[int64]bool, outcomeChunk)
	for _, o := range chunk {
		if seen[o.ID] {
			for len(chunk) > 0 { // rare
				n := min(len(chunk), outcomeChunk-1)
				if err := recordOutcomes(w, chunk[:n], now); err != nil {
					return err
				}
				chunk = chunk[n:]
			}
			return nil
		}
		seen[o.ID] = true
		args = append(args, o.ID, string(o.State), o.Route, o.MessageID, o.NextAt)
		ids = append(ids, o.ID)
	}
	n, err := w.exec(sqlOutcomes, append(args, w.me())...)
	if err == nil && int(n) < len(chunk) {
		err = w.fenced(nil)
	}
	if err != nil {
		return err
	}
	var seqs []int64
	err = w.each(sqlOpenOf, func(r *row) error {
		seqs = append(seqs, r.int())
		return r.err()
	}, ids...)
	if err != nil {
		return err
	}
	return w.sent(seqs, now)
}

// EnqueueText puts the segments of one plain text message into the outbox.
func (s *Store) EnqueueText(ctx context.Context, segs []bearer.Segment) ([]Outbound, error) {
	var out []Outbound
	now := s.clock()
	err := s.do(ctx, func(q querier) error {
		out = textOutbound(segs, now)
		return insertSegments(q, 0, nobody, out)
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
		return q.each(`SELECT `+packetCols+`
			FROM tx t JOIN packet p ON p.iccid = t.iccid AND p.tx_seq = t.seq WHERE t.id = $1 ORDER BY p.attempt`,
			func(r *row) error {
				p := scanPacket(r)
				p.TxID = id
				ps = append(ps, p)
				return r.err()
			}, string(id))
	})
	return ps, err
}
