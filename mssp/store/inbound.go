package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Inbound is the part of a Store that keeps what cards have sent: the parts of
// answers until a set is complete, and complete ones until they are consumed.
type Inbound struct {
	*db
	room room
}

// Inbound header states.
const (
	moCollecting = 0
	moComplete   = 1
	moConsumed   = 2
)

// Errors that refuse an inbound part for good: store nothing, acknowledge it.
var (
	// ErrParts: a part number or total that cannot be, or more parts than Options.MaxParts.
	ErrParts = errors.New("concatenation reference out of bounds")
	// ErrFlood: the source, or all together, have too many octets in incomplete messages.
	ErrFlood = errors.New("too many incomplete messages")
)

const (
	// sqlPart locks the header row of the set and counts the part in it, when
	// the total agrees and the set still collects: the database serialises
	// reassembly, whatever order and however many at once the parts come in.
	sqlPart = `INSERT INTO mo_header (source, ref, slot, total, mask, prev, state, first_at) VALUES ($1, $2, 0, $3, $4, 0, 0, $5)
	ON CONFLICT (source, ref, slot) DO UPDATE SET prev = mo_header.mask,
	mask = CASE WHEN mo_header.total = excluded.total AND mo_header.state = 0 AND mo_header.first_at >= $6
		THEN mo_header.mask | excluded.mask ELSE mo_header.mask END
	RETURNING id, total, mask, prev, state, first_at`

	// sqlGiveWay moves a set out of the way of a new one with its reference.
	sqlGiveWay = `UPDATE mo_header SET slot = id WHERE id = $1`

	sqlInsertPart = `INSERT INTO mo_part (header, part, udh, ud) VALUES ($1, $2, $3, $4)`

	sqlOnePart = `SELECT udh, ud FROM mo_part WHERE header = $1 AND part = $2`

	sqlParts = `SELECT udh, ud FROM mo_part WHERE header = $1 ORDER BY part`

	sqlComplete = `UPDATE mo_header SET state = 1 WHERE id = $1`

	sqlPendingOctets = `SELECT COALESCE(SUM(LENGTH(p.ud)), 0) FROM mo_header h JOIN mo_part p ON p.header = h.id
	WHERE h.source = $1 AND h.state = 0 AND h.first_at >= $2`

	sqlSeen = `INSERT INTO mo_seen (place, digest, seen, last_at) VALUES ($1, $2, 1, $3)
	ON CONFLICT (place) DO UPDATE SET seen = CASE WHEN mo_seen.digest = excluded.digest THEN mo_seen.seen + 1 ELSE 1 END,
	digest = excluded.digest, last_at = excluded.last_at RETURNING seen`
)

// SaveMO stores one part of an answer. The call that stores the last missing
// part answers the joined message; it stays pending (PendingMO) until Finish
// or ConsumeMO takes it, so that a crash in between loses nothing. A part
// that was stored before is a Duplicate, one with other octets or another
// total a Conflict, and neither changes anything. A set that is complete, or
// whose first part is older than Options.PartAge, gives way to new octets
// under the same reference. ErrParts and ErrFlood refuse the part for good.
//
// A single-segment message (Total 0 or 1) that no transaction took is only
// noted by its digest; Complete is set when it was not seen before. The
// answer that ends a transaction goes to Finish instead.
func (s *Inbound) SaveMO(ctx context.Context, mo bearer.MO, ref ConcatRef) (MOResult, error) {
	if mo.ReceivedAt.IsZero() {
		mo.ReceivedAt = s.clock()
	}
	var res MOResult
	err := error(nil)
	if ref.Total <= 1 {
		err = s.do(ctx, func(q querier) error { res, err = seenMO(q, &mo); return err })
		return res, err
	}
	if ref.Total > s.o.MaxParts || ref.Part < 1 || ref.Part > ref.Total {
		return res, fmt.Errorf("store: part %d of %d, at most %d parts: %w", ref.Part, ref.Total, s.o.MaxParts, ErrParts)
	}
	var evicted bool
	err = s.do(ctx, func(q querier) error {
		res, evicted, err = s.savePart(q, &mo, ref)
		return err
	})
	if err == nil && res.Conflict {
		s.m.conflicts.Inc()
	}
	if err == nil && evicted {
		s.m.evicted.Inc()
	}
	return res, err
}

func seenMO(q querier, mo *bearer.MO) (MOResult, error) {
	sum := sha256.Sum256(packMO(mo))
	r, err := q.one(sqlSeen, int64(sum[0])<<8|int64(sum[1]), sum[:16], mo.ReceivedAt)
	if err != nil {
		return MOResult{}, err
	}
	if r.int() > 1 {
		return MOResult{Duplicate: true}, r.err()
	}
	return MOResult{Complete: &Joined{Source: mo.Source, UDH: mo.UDH, UD: mo.UD, At: mo.ReceivedAt}}, r.err()
}

// header is what sqlPart answers.
type header struct {
	id, total, mask, prev, state int64
	firstAt                      time.Time
}

func (s *Inbound) savePart(q querier, mo *bearer.MO, ref ConcatRef) (res MOResult, evicted bool, err error) {
	for {
		h, err := s.countPart(q, mo, ref)
		if err != nil {
			return res, evicted, err
		}
		bit := int64(1) << (ref.Part - 1)
		over := h.state != moCollecting
		stale := !over && h.firstAt.Before(mo.ReceivedAt.Add(-s.o.PartAge))
		switch {
		case !over && !stale && h.prev&bit == 0 && h.mask&bit != 0:
			res, err = s.newPart(q, mo, ref, h)
			return res, evicted, err
		case !stale && h.prev&bit != 0 && h.total == int64(ref.Total):
			same, err := samePart(q, mo, ref, h.id)
			if err != nil || same {
				return MOResult{Duplicate: same}, evicted, err
			}
		}
		if !over && !stale {
			return MOResult{Conflict: true}, evicted, nil
		}
		// The set is over; its reference begins a new message.
		if err := giveWay(q, h); err != nil {
			return res, evicted, err
		}
		evicted = evicted || stale
	}
}

// giveWay frees the reference: a set that never became complete is deleted, a
// complete one stays until it is consumed and purged.
func giveWay(q querier, h header) error {
	if h.state != moCollecting {
		_, err := q.exec(sqlGiveWay, h.id)
		return err
	}
	if _, err := q.exec(`DELETE FROM mo_part WHERE header = $1`, h.id); err != nil {
		return err
	}
	_, err := q.exec(`DELETE FROM mo_header WHERE id = $1`, h.id)
	return err
}

func (s *Inbound) countPart(q querier, mo *bearer.MO, ref ConcatRef) (h header, err error) {
	r, err := q.one(sqlPart, string(mo.Source), refNumber(ref), ref.Total, int64(1)<<(ref.Part-1), mo.ReceivedAt, mo.ReceivedAt.Add(-s.o.PartAge))
	if err != nil {
		return h, fmt.Errorf("store: inbound header: %w", err)
	}
	h = header{id: r.int(), total: r.int(), mask: r.int(), prev: r.int(), state: r.int(), firstAt: r.time()}
	return h, r.err()
}

// refNumber keeps 8-bit and 16-bit references apart.
func refNumber(ref ConcatRef) int64 {
	n := int64(ref.Ref)
	if ref.Ref16 {
		n |= 1 << 16
	}
	return n
}

func samePart(q querier, mo *bearer.MO, ref ConcatRef, id int64) (bool, error) {
	r, err := q.one(sqlOnePart, id, ref.Part)
	if err != nil {
		return false, notFoundIsNil(err) // purged: nothing to compare with
	}
	return bytes.Equal(r.blob(), mo.UDH) && bytes.Equal(r.blob(), mo.UD), r.err()
}

func (s *Inbound) newPart(q querier, mo *bearer.MO, ref ConcatRef, h header) (MOResult, error) {
	if h.prev == 0 { // a new set
		r, err := q.one(sqlPendingOctets, string(mo.Source), mo.ReceivedAt.Add(-s.o.PartAge))
		if err != nil {
			return MOResult{}, err
		}
		if n := r.int(); n+int64(len(mo.UD)) > int64(s.o.MaxOctets) {
			return MOResult{}, fmt.Errorf("store: %d octets wait, at most %d: %w", n, s.o.MaxOctets, ErrFlood)
		}
	}
	if err := s.room.take(q, mo.ReceivedAt, &s.o, len(mo.UD)); err != nil {
		return MOResult{}, err
	}
	if _, err := q.exec(sqlInsertPart, h.id, ref.Part, mo.UDH, mo.UD); err != nil {
		return MOResult{}, err
	}
	if h.mask != int64(1)<<ref.Total-1 {
		return MOResult{}, nil
	}
	if _, err := q.exec(sqlComplete, h.id); err != nil {
		return MOResult{}, err
	}
	j, err := join(q, h.id, mo.Source, h.firstAt)
	return MOResult{Complete: &j}, err
}

// join puts the parts of a set together.
func join(q querier, id int64, source sms.MSISDN, at time.Time) (Joined, error) {
	j := Joined{ID: id, Source: source, At: at}
	first := true
	err := q.each(sqlParts, func(r *row) error {
		udh := r.blob()
		if first {
			j.UDH, first = udh, false
		}
		j.UD = append(j.UD, r.blob()...)
		return r.err()
	}, id)
	return j, err
}

// ConsumeMO records that a joined message needs no further work: it was
// applied, or it fits no transaction.
func (s *Inbound) ConsumeMO(ctx context.Context, id int64) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(sqlConsume, id)
		return err
	})
}

// PendingMO lists the joined messages that were stored but not consumed, the
// oldest first: what a crash has left between the last part and Finish.
func (s *Inbound) PendingMO(ctx context.Context) ([]Joined, error) {
	var js []Joined
	err := s.read(ctx, func(q querier) error {
		js = nil
		err := q.each(`SELECT id, source, first_at FROM mo_header WHERE state = 1 ORDER BY first_at, id`, func(r *row) error {
			js = append(js, Joined{ID: r.int(), Source: sms.MSISDN(r.text()), At: r.time()})
			return r.err()
		})
		for i := range js {
			if err == nil {
				js[i], err = join(q, js[i].ID, js[i].Source, js[i].At)
			}
		}
		return err
	})
	return js, err
}
