package store

import (
	"fmt"
	"sync"
	"time"
)

// roomAge is how long the sum of the incomplete octets is good for.
const roomAge = 5 * time.Second

const sqlAllPending = `SELECT COALESCE(SUM(LENGTH(p.ud)), 0) FROM mo_header h JOIN mo_part p ON p.header = h.id
	WHERE h.state = 0 AND h.first_at >= $1`

// room bounds the octets of all incomplete messages together (F11). The rows
// are summed up every few seconds and what comes in between is added, so it
// may say "full" a little early and never much too late, and a flood costs no
// more than one such sum in that time.
type room struct {
	mu     sync.Mutex
	at     time.Time // of the sum
	octets int64
}

// take counts a part that came at that time; ErrFlood when it is one too many.
func (m *room) take(q querier, at time.Time, o *Options, n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if age := at.Sub(m.at); age > roomAge || age < -roomAge {
		r, err := q.one(sqlAllPending, at.Add(-o.PartAge))
		if err != nil {
			return err
		}
		if m.octets = r.int(); r.err() != nil {
			return r.err()
		}
		m.at = at
	}
	if m.octets+int64(n) > int64(o.MaxPending) {
		return fmt.Errorf("store: %d octets of incomplete messages wait, at most %d: %w", m.octets, o.MaxPending, ErrFlood)
	}
	m.octets += int64(n)
	return nil
}
