package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Inbound is the part of a Store that keeps what cards have sent: the parts of
// answers until a set is complete, and complete ones until they are consumed.
//
// Anybody can send a part in the name of any number, so a part claims nothing:
// one with other octets is kept beside the first as a variant of it, and a set
// with another total beside the set. Which of the variants belong together only
// the checksum of the packet knows, which the caller checks (Joined.Choices).
// All of it is bounded, and what a part costs the writer does not depend on
// how much is stored.
type Inbound struct {
	*db
	room room
}

// Inbound header states.
const (
	moCollecting = 0
	moComplete   = 1 // has all parts, and they were not looked at yet
	moConsumed   = 2
	moAside      = 3 // looked at in vain, or one too many; its next part takes it up again
)

// Errors that refuse an inbound part for good: store nothing, acknowledge it.
var (
	// ErrParts: a part number or total that cannot be, or more parts than Options.MaxParts.
	ErrParts = errors.New("concatenation reference out of bounds")
	// ErrFlood: the source has too many octets in incomplete messages, or all together
	// have, and no other has more.
	ErrFlood = errors.New("too many incomplete messages")
)

const (
	// sqlSet finds the set that takes the part, or begins it (mask 0), and locks
	// it: the database serialises reassembly, whatever order and however many at
	// once the parts come in.
	sqlSet = `INSERT INTO mo_header (source, ref, slot, total, mask, state, first_at, last_at) VALUES ($1, $2, $3, $4, 0, 0, $5, $5)
	ON CONFLICT (source, ref, slot) DO UPDATE SET slot = mo_header.slot RETURNING id, mask, state, stored, octets, first_at`

	// sqlOtherTotal: sets that take parts under the same reference.
	sqlOtherTotal = `SELECT COUNT(*) FROM mo_header WHERE source = $1 AND ref = $2 AND slot < 0 AND state <> 2 AND id <> $3 AND first_at >= $4`

	sqlGrow = `UPDATE mo_header SET mask = $2, state = $3, stored = $4, octets = $5, last_at = $6 WHERE id = $1`

	// sqlGiveWay moves a set out of the way of a new one with its reference.
	sqlGiveWay = `UPDATE mo_header SET slot = id WHERE id = $1`

	sqlVariants = `SELECT variant, udh, ud FROM mo_part WHERE header = $1 AND part = $2 ORDER BY variant`

	sqlInsertPart = `INSERT INTO mo_part (header, part, variant, udh, ud) VALUES ($1, $2, $3, $4, $5)`

	sqlDropVariant = `DELETE FROM mo_part WHERE header = $1 AND part = $2 AND variant = $3`

	// sqlAside: a set in which no choice was an answer, unless it has grown since.
	sqlAside = `UPDATE mo_header SET state = 3 WHERE id = $1 AND state = 1 AND stored = $2 RETURNING octets`

	sqlSeen = `INSERT INTO mo_seen (place, digest, seen, last_at) VALUES ($1, $2, 1, $3)
	ON CONFLICT (place) DO UPDATE SET seen = CASE WHEN mo_seen.digest = excluded.digest THEN mo_seen.seen + 1 ELSE 1 END,
	digest = excluded.digest, last_at = excluded.last_at RETURNING seen`
)

// SaveMO stores one part of an answer. A call after which the set has every
// part answers it as Complete, with all its variants; it stays pending
// (PendingMO) until Finish or ConsumeMO takes it or SetAside finds it worth
// nothing, so that a crash in between loses nothing. A part that was stored
// before is a Duplicate and changes nothing; one with other octets is a
// Conflict and a variant. A set that was consumed, or whose first part is
// older than Options.PartAge, gives way to new octets under the same
// reference. ErrParts and ErrFlood refuse the part for good.
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
	err = s.do(ctx, func(q querier) error {
		res, err = s.savePart(q, &mo, ref)
		return err
	})
	if err == nil && res.Conflict {
		s.m.conflicts.Inc()
	}
	if err == nil {
		s.m.evicted.Add(float64(res.Dropped))
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

// header is what sqlSet answers.
type header struct {
	id, mask, state, stored, octets int64
	firstAt                         time.Time
}

func (s *Inbound) savePart(q querier, mo *bearer.MO, ref ConcatRef) (res MOResult, err error) {
	for {
		h, err := s.set(q, mo, ref)
		if err != nil {
			return res, err
		}
		over := h.state == moConsumed
		if !h.firstAt.Before(mo.ReceivedAt.Add(-s.o.PartAge)) {
			have, err := variantsOf(q, h.id, ref.Part)
			if err != nil {
				return res, err
			}
			if slices.ContainsFunc(have, func(v variant) bool { return bytes.Equal(v.UDH, mo.UDH) && bytes.Equal(v.UD, mo.UD) }) {
				return MOResult{Duplicate: true, Dropped: res.Dropped}, nil
			}
			if !over {
				return s.grow(q, mo, ref, &h, have, res)
			}
		}
		// The set is over; its reference begins a new message.
		dropped, err := s.giveWay(q, mo.Source, &h)
		if err != nil {
			return res, err
		}
		res.Dropped += dropped
	}
}

func (s *Inbound) set(q querier, mo *bearer.MO, ref ConcatRef) (h header, err error) {
	r, err := q.one(sqlSet, string(mo.Source), refNumber(ref), -ref.Total, ref.Total, mo.ReceivedAt)
	if err != nil {
		return h, fmt.Errorf("store: inbound header: %w", err)
	}
	h = header{id: r.int(), mask: r.int(), state: r.int(), stored: r.int(), octets: r.int(), firstAt: r.time()}
	return h, r.err()
}

// giveWay frees the reference: a set that never became complete is deleted, a
// complete one stays until it is consumed and purged.
func (s *Inbound) giveWay(q querier, source sms.MSISDN, h *header) (dropped int, err error) {
	if h.state == moConsumed || h.state == moComplete {
		_, err := q.exec(sqlGiveWay, h.id)
		return 0, err
	}
	return 1, s.drop(q, source, h)
}

// refNumber keeps 8-bit and 16-bit references apart.
func refNumber(ref ConcatRef) int64 {
	n := int64(ref.Ref)
	if ref.Ref16 {
		n |= 1 << 16
	}
	return n
}

// grow stores a new variant of a part in its set.
func (s *Inbound) grow(q querier, mo *bearer.MO, ref ConcatRef, h *header, have []variant, res MOResult) (MOResult, error) {
	n := weight(mo.UD)
	if h.mask == 0 || h.state == moAside {
		dropped, err := s.makeRoom(q, mo.Source, h.id, h.octets+n)
		if err != nil {
			return res, err
		}
		res.Dropped += dropped
	}
	dropped, err := s.makeWay(q, mo.Source, h.id, n, mo.ReceivedAt)
	if err != nil {
		return res, err
	}
	res.Dropped += dropped
	if len(have) >= maxVariants {
		// The first ones stay and the last ones: whoever comes early or often
		// pushes out neither what came before him nor what comes after.
		mid := have[maxVariants/2]
		if _, err := q.exec(sqlDropVariant, h.id, ref.Part, mid.number); err != nil {
			return res, err
		}
		h.octets -= weight(mid.UD)
		s.room.add(mo.Source, h.firstAt, -weight(mid.UD))
	}
	h.stored++
	h.octets += n
	h.mask |= int64(1) << (ref.Part - 1)
	s.room.add(mo.Source, h.firstAt, n)
	if _, err := q.exec(sqlInsertPart, h.id, ref.Part, h.stored, mo.UDH, mo.UD); err != nil {
		return res, err
	}
	was := h.state
	h.state = moCollecting
	if h.mask == int64(1)<<ref.Total-1 {
		h.state = moComplete
	}
	if _, err := q.exec(sqlGrow, h.id, h.mask, h.state, h.stored, h.octets, mo.ReceivedAt); err != nil {
		return res, err
	}
	if res.Conflict = len(have) > 0; h.stored == 1 {
		r, err := q.one(sqlOtherTotal, string(mo.Source), refNumber(ref), h.id, mo.ReceivedAt.Add(-s.o.PartAge))
		if err != nil {
			return res, err
		}
		if res.Conflict = r.int() > 0; r.err() != nil {
			return res, r.err()
		}
	}
	if h.state != moComplete {
		return res, nil
	}
	j, err := join(q, h.id, h.stored, mo.Source, h.firstAt)
	if err != nil {
		return res, err
	}
	res.Complete = &j
	s.whole(&j, h, was, ref.Part, Piece{mo.UDH, mo.UD})
	return res, nil
}

// whole is a set that has every part with this one: it waits for no more.
func (s *Inbound) whole(j *Joined, h *header, was int64, part int, p Piece) {
	if was == moComplete { // nobody has looked at it yet
		s.room.add(j.Source, h.firstAt, -weight(p.UD))
		return
	}
	s.room.add(j.Source, h.firstAt, -h.octets)
	j.only(part, p) // the rest was tried before
}

// ConsumeMO records that a joined message needs no further work: it was
// applied, or it fits no transaction.
func (s *Inbound) ConsumeMO(ctx context.Context, id int64) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(sqlConsume, id)
		return err
	})
}

// SetAside records that no choice of a joined message is an answer. The set
// goes on taking parts, the true ones may still be to come; unless one has
// come meanwhile, it needs no further look until then.
func (s *Inbound) SetAside(ctx context.Context, j Joined) error {
	return s.do(ctx, func(q querier) error {
		r, err := q.one(sqlAside, j.ID, j.Stored)
		if err != nil {
			return notFoundIsNil(err)
		}
		s.room.add(j.Source, j.At, r.int())
		return r.err()
	})
}

// PendingMO lists the joined messages that were stored but not consumed, the
// oldest first: what a crash has left between the last part and Finish.
func (s *Inbound) PendingMO(ctx context.Context) ([]Joined, error) {
	var js []Joined
	err := s.read(ctx, func(q querier) error {
		err := q.each(`SELECT id, stored, source, first_at FROM mo_header WHERE state = 1 AND state <> 2 ORDER BY first_at, id`, func(r *row) error {
			js = append(js, Joined{ID: r.int(), Stored: r.int(), Source: sms.MSISDN(r.text()), At: r.time()})
			return r.err()
		})
		for i := range js {
			if err == nil {
				js[i], err = join(q, js[i].ID, js[i].Stored, js[i].Source, js[i].At)
			}
		}
		return err
	})
	return js, err
}
