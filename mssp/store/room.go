package store

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// Bounds of what one source may have stored, whoever sends in its name.
const (
	maxOpen     = 8  // sets that collect; of more the longest untouched is set aside
	maxKept     = 64 // sets in all; those aside go first, the longest untouched first
	maxVariants = 8  // of a part

	// leastWeight is what an empty part counts: its row takes room too.
	leastWeight = 64
)

func weight(ud []byte) int64 { return int64(max(len(ud), leastWeight)) }

const (
	// "state <> 2" is the condition of the index mo_open; SQLite wants to read it.
	sqlOfSource = `SELECT COUNT(*), COUNT(CASE WHEN state = 0 THEN 1 END), CAST(COALESCE(SUM(octets), 0) AS BIGINT)
	FROM mo_header WHERE source = $1 AND state <> 2 AND id <> $2`

	sqlOneAside = `UPDATE mo_header SET state = 3 WHERE id =
	(SELECT id FROM mo_header WHERE source = $1 AND state = 0 AND state <> 2 AND id <> $2 ORDER BY last_at, id LIMIT 1)`

	sqlFirstToGo = `SELECT id, octets, first_at FROM mo_header WHERE source = $1 AND state <> 1 AND state <> 2 AND id <> $2
	ORDER BY CASE WHEN state = 3 THEN 0 ELSE 1 END, last_at, id LIMIT 1`

	sqlAllPending = `SELECT source, first_at, octets FROM mo_header WHERE state <> 1 AND state <> 2 AND first_at >= $1`
)

// makeRoom keeps a source within its bounds, so that the set id can have some
// octets: its other sets are set aside, and then go.
func (s *Inbound) makeRoom(q querier, source sms.MSISDN, id, octets int64) (dropped int, err error) {
	r, err := q.one(sqlOfSource, string(source), id)
	if err != nil {
		return 0, err
	}
	sets, open, sum := r.int(), r.int(), octets+r.int()
	if err := r.err(); err != nil {
		return 0, err
	}
	for ; open >= maxOpen; open-- {
		if _, err := q.exec(sqlOneAside, string(source), id); err != nil {
			return 0, err
		}
	}
	for ; sets >= maxKept || sum > int64(s.o.MaxOctets); sets-- {
		r, err := q.one(sqlFirstToGo, string(source), id)
		if errors.Is(err, ErrNotFound) {
			return 0, fmt.Errorf("store: %d octets wait, at most %d: %w", sum, s.o.MaxOctets, ErrFlood)
		}
		if err != nil {
			return 0, err
		}
		h := header{id: r.int(), octets: r.int(), firstAt: r.time()}
		if err := r.err(); err != nil {
			return 0, err
		}
		if err := s.drop(q, source, &h); err != nil {
			return 0, err
		}
		sum -= h.octets
		dropped++
	}
	return dropped, nil
}

// makeWay finds a place for n more octets of a source among those of all: when
// they are too many, who has most gives up a set, and that may be the source
// itself. So whoever sends in the name of many takes the places of his own sets,
// and not those of an answer that a card has sent once.
func (s *Inbound) makeWay(q querier, source sms.MSISDN, id, n int64, at time.Time) (dropped int, err error) {
	if err := s.room.load(q, at, &s.o); err != nil {
		return 0, err
	}
	for {
		most, full := s.room.full(source, n, int64(s.o.MaxPending))
		if !full {
			return dropped, nil
		}
		r, err := q.one(sqlFirstToGo, string(most), id)
		switch {
		case errors.Is(err, ErrNotFound) && most == source:
			return 0, fmt.Errorf("store: incomplete messages have %d octets at most: %w", s.o.MaxPending, ErrFlood)
		case errors.Is(err, ErrNotFound): // they were deleted with the person, say
			s.room.forget(most)
			continue
		case err != nil:
			return 0, err
		}
		h := header{id: r.int(), octets: r.int(), firstAt: r.time()}
		if err := r.err(); err != nil {
			return 0, err
		}
		if err := s.drop(q, most, &h); err != nil {
			return 0, err
		}
		dropped++
	}
}

// drop deletes a set. The header goes first: whoever adds a part has locked it,
// so that no part is left without one.
func (s *Inbound) drop(q querier, source sms.MSISDN, h *header) error {
	if _, err := q.exec(`DELETE FROM mo_header WHERE id = $1`, h.id); err != nil {
		return err
	}
	s.room.add(source, h.firstAt, -h.octets)
	_, err := q.exec(`DELETE FROM mo_part WHERE header = $1`, h.id)
	return err
}

// room bounds the octets of all incomplete messages together (F11). It is a
// running sum, by the second in which a set began: what is older than
// Options.PartAge leaves it, so that a job that was counted and rolled back is
// forgotten too. Each box counts what it has taken, and at its start what is there.
// Sources of which the sums have the same number of bits are a class, so that one
// of those that have most is found at once, however many there are.
type room struct {
	mu      sync.Mutex
	begun   map[int64]map[sms.MSISDN]int64 // octets by second and source
	sources map[sms.MSISDN]int64
	class   [64]map[sms.MSISDN]bool
	octets  int64
	swept   int64 // the second up to which sets have left
}

// load counts what is there, the first time, and lets go what is too old.
func (m *room) load(q querier, at time.Time, o *Options) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun == nil {
		type set struct {
			source sms.MSISDN
			second int64
			octets int64
		}
		sets, err := allOf(q, func(r *row) (set, error) {
			v := set{sms.MSISDN(r.text()), r.time().Unix(), r.int()}
			return v, r.err()
		}, sqlAllPending, at.Add(-o.PartAge))
		if err != nil {
			return err
		}
		m.begun, m.sources = map[int64]map[sms.MSISDN]int64{}, map[sms.MSISDN]int64{}
		for _, v := range sets {
			m.count(v.source, v.second, v.octets)
		}
	}
	over := at.Add(-o.PartAge).Unix()
	if over == m.swept {
		return nil
	}
	for second, sources := range m.begun {
		if second >= over {
			continue
		}
		for source, n := range sources {
			m.count(source, second, -n)
		}
	}
	m.swept = over
	return nil
}

// full says whether n more octets of a source are too many, and who has most then:
// another of the highest class, or the source itself where it is alone in it.
func (m *room) full(source sms.MSISDN, n, limit int64) (most sms.MSISDN, full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.octets+n <= limit {
		return "", false
	}
	own := bits.Len64(uint64(m.sources[source] + n))
	for c := len(m.class) - 1; c >= own; c-- {
		for most := range m.class[c] {
			if most != source {
				return most, true
			}
		}
	}
	return source, true
}

// add counts octets of a set that began at that time; less than 0 takes them back.
func (m *room) add(source sms.MSISDN, began time.Time, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if second := began.Unix(); m.begun != nil && second >= m.swept {
		m.count(source, second, n)
	}
}

// forget lets go all that a source has.
func (m *room) forget(source sms.MSISDN) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for second, sources := range m.begun {
		m.count(source, second, -sources[source])
	}
}

// count needs the lock.
func (m *room) count(source sms.MSISDN, second, n int64) {
	there := m.begun[second]
	if there == nil {
		there = map[sms.MSISDN]int64{}
		m.begun[second] = there
	}
	n = max(n, -there[source]) // never below nothing
	if there[source] += n; there[source] == 0 {
		delete(there, source)
	}
	if len(there) == 0 {
		delete(m.begun, second)
	}
	was := m.sources[source]
	m.octets += n
	m.sources[source] = was + n
	delete(m.class[bits.Len64(uint64(was))], source)
	if was+n == 0 {
		delete(m.sources, source)
		return
	}
	c := &m.class[bits.Len64(uint64(was+n))]
	if *c == nil {
		*c = map[sms.MSISDN]bool{}
	}
	(*c)[source] = true
}
