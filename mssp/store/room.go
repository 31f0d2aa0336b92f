package store

import (
	"errors"
	"fmt"
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

	sqlAllPending = `SELECT first_at, octets FROM mo_header WHERE state <> 1 AND state <> 2 AND first_at >= $1`
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
		if err := s.drop(q, &h); err != nil {
			return 0, err
		}
		sum -= h.octets
		dropped++
	}
	return dropped, nil
}

// drop deletes a set.
func (s *Inbound) drop(q querier, h *header) error {
	if _, err := q.exec(`DELETE FROM mo_part WHERE header = $1`, h.id); err != nil {
		return err
	}
	s.room.add(h.firstAt, -h.octets)
	_, err := q.exec(`DELETE FROM mo_header WHERE id = $1`, h.id)
	return err
}

// room bounds the octets of all incomplete messages together (F11). It is a
// running sum, by the second in which a set began: what is older than
// Options.PartAge leaves it, so that a job that was counted and rolled back is
// forgotten too. Each box counts what it has taken, and at its start what is there.
type room struct {
	mu     sync.Mutex
	begun  map[int64]int64 // octets by second
	octets int64
	swept  int64 // the second up to which sets have left
}

// check says whether n more octets have a place: ErrFlood when not.
func (m *room) check(q querier, at time.Time, o *Options, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun == nil {
		begun, sum := map[int64]int64{}, int64(0)
		err := q.each(sqlAllPending, func(r *row) error {
			second, octets := r.time().Unix(), r.int()
			begun[second] += octets
			sum += octets
			return r.err()
		}, at.Add(-o.PartAge))
		if err != nil {
			return err
		}
		m.begun, m.octets = begun, sum
	}
	if over := at.Add(-o.PartAge).Unix(); over != m.swept {
		m.swept = over
		for second, octets := range m.begun {
			if second < over {
				m.octets -= octets
				delete(m.begun, second)
			}
		}
	}
	if m.octets+n > int64(o.MaxPending) {
		return fmt.Errorf("store: %d octets of incomplete messages wait, at most %d: %w", m.octets, o.MaxPending, ErrFlood)
	}
	return nil
}

// add counts octets of a set that began at that time; less than 0 takes them back.
func (m *room) add(began time.Time, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	second := began.Unix()
	if m.begun == nil || second < m.swept {
		return
	}
	m.begun[second] += n
	m.octets += n
	if left := m.begun[second]; left <= 0 { // never below nothing
		m.octets -= left
		delete(m.begun, second)
	}
}
