package modem

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/simsign/simsign/ota/bearer"
)

// quota is what the SIM has sent of its quota in the last 24 hours. One name may have
// a part of what the others leave, so that who sends most does not spend the day of
// all: there is always something left for a name that has sent nothing yet.
type quota struct {
	most, share int
	used        int
	names       map[string]int
}

// quota reads it; m.mu is held.
func (m *Modem) quota() quota {
	q := quota{most: m.o.Quota, share: m.o.QuotaShare}
	if m.o.Alone != nil && m.o.Alone() {
		q.share = 100
	}
	q.used, q.names = m.state.sentBy(m.info.SIM(), m.o.Clock())
	return q
}

// left is what all have left; -1: there is no limit.
func (q *quota) left() int {
	if q.most == 0 {
		return -1
	}
	return max(0, q.most-q.used)
}

// leftOf is what one name has left, -1: there is no limit. A part of a message is a whole one.
func (q *quota) leftOf(name string) int {
	left, has := q.left(), q.names[name]
	if left < 0 {
		return left
	}
	return min(left, max(0, ((left+has)*q.share+99)/100-has))
}

// spent is why no message may go out in a name, or nil.
func (q *quota) spent(name string) error {
	switch {
	case q.left() == 0:
		return q.over()
	case q.leftOf(name) == 0:
		return fmt.Errorf("%w of the quota of %d messages in 24 hours: %s has sent %d", bearer.ErrSpent, q.most, called(name), q.names[name])
	}
	return nil
}

// over says who has had most of a quota that is used up.
func (q *quota) over() error {
	err := fmt.Errorf("quota of %d messages in 24 hours is used up", q.most)
	names := slices.SortedFunc(maps.Keys(q.names), func(a, b string) int {
		return cmp.Or(cmp.Compare(q.names[b], q.names[a]), cmp.Compare(a, b))
	})
	if len(names) == 0 {
		return err
	}
	return fmt.Errorf("%w, most of it by %s: %d", err, called(names[0]), q.names[names[0]])
}

// called is how people read a name.
func called(name string) string {
	if name == "" {
		return "the service itself"
	}
	return name
}

// Spent implements bearer.Rationer.
func (m *Modem) Spent(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.quota()
	if q.left() == 0 {
		return nil // which is no matter of a name
	}
	return q.spent(name)
}

// Down implements bearer.Judge: a quota that is used up comes back in hours.
func (m *Modem) Down() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q := m.quota(); q.left() == 0 {
		return q.over()
	}
	return nil
}

// Shares is how many messages the service itself, and each name that has sent in the
// last 24 hours, may send now; -1: no limit.
func (m *Modem) Shares() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.quota()
	shares := map[string]int{"": q.leftOf("")}
	for name := range q.names {
		shares[name] = q.leftOf(name)
	}
	return shares
}
