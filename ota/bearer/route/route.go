// Package route chooses among bearers: by the beginning of the number, by
// ranges of ICCID and IMSI, by the kind of card.
//
// Every rule names a bearer and says what it is for. A destination goes to
// the rules that say the most about it: one that names the card goes before
// one that names the number only, a longer prefix before a shorter, and a
// rule without conditions takes what no other takes. Among those that are
// left the priority decides; bearers of one priority share the load by
// weight, each phone always with the same one as long as it is attached.
//
// A bearer that is busy, whose queue is full, or that gives no answer in its
// share of the time is followed by the next: the octets are the same, so a
// card that gets both copies takes the second for a repeat. A bearer that is
// attached and takes nothing, message after message, is passed over (breaker):
// what waits there moves on at once, and from time to time one message probes
// whether it is back. This is not kept over a restart: to find out again costs two
// or three messages a part of their time, and a centre that was mended meanwhile
// has them at once. All parts of a message go the same way.
package route

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// Rule says what a bearer is for. Conditions of one kind are alternatives;
// all kinds that are given must hold.
type Rule struct {
	Bearer   bearer.Bearer
	Prefixes []string // of the MSISDN, without plus sign
	ICCID    []Range
	IMSI     []Range
	Profiles []string      // card profiles
	Priority int           // the lowest goes first
	Weight   int           // share of the load among rules of one priority; 0 counts as 1
	Patience time.Duration // how long the bearer may have one message; 0: as long as its caller waits
}

// Range is a range of numbers by their beginnings, both ends included: 894101
// to 894103 holds all that begin with 894101, 894102 or 894103.
type Range struct{ From, To string }

// ParseRange reads "894101-894103", or "894101" for one beginning.
func ParseRange(s string) (Range, error) {
	from, to, two := strings.Cut(s, "-")
	if !two {
		to = from
	}
	for _, p := range [...]string{from, to} {
		if len(p) < 1 || len(p) > 20 || strings.Trim(p, "0123456789") != "" {
			return Range{}, fmt.Errorf("needs 1 to 20 digits, or two such numbers with a hyphen between them, has %q", s)
		}
	}
	if len(from) != len(to) || from > to {
		return Range{}, fmt.Errorf("needs two numbers of one length, the lower first, has %q", s)
	}
	return Range{from, to}, nil
}

// Holds reports whether the range holds a number.
func (r Range) Holds(n string) bool {
	return len(n) >= len(r.From) && len(n) >= len(r.To) && n[:len(r.From)] >= r.From && n[:len(r.To)] <= r.To
}

// Router is a fixed list of rules. It is safe for concurrent use.
type Router struct {
	rules    []Rule
	breakers []*breaker // of the rule at the same place; rules of one bearer share one
	byCard   bool
}

// New makes a router. changed, when not nil, hears of a bearer that is passed
// over because it takes nothing, with the reason, and with nil when it takes
// messages again; it must not block.
func New(rules []Rule, changed func(name string, fault error)) *Router {
	r := &Router{rules: slices.Clone(rules)}
	of := map[bearer.Bearer]*breaker{}
	for i := range r.rules {
		u := &r.rules[i]
		u.Weight = max(u.Weight, 1)
		r.byCard = r.byCard || len(u.ICCID)+len(u.IMSI)+len(u.Profiles) > 0
		if of[u.Bearer] == nil {
			of[u.Bearer] = &breaker{Bearer: u.Bearer, patience: u.Patience, changed: changed, attempts: map[*context.CancelCauseFunc]bool{}, users: map[string]bool{}}
		}
		r.breakers = append(r.breakers, of[u.Bearer])
	}
	return r
}

// Fault is why a bearer is passed over although it is attached; nil when it is not.
func (r *Router) Fault(name string) error {
	for i, b := range r.breakers {
		if u := &r.rules[i]; u.Bearer.Name() == name {
			return b.fault()
		}
	}
	return nil
}

// TookLate says that the network of a bearer has taken a message whose submission
// had ended as bearer.ErrUnknown.
func (r *Router) TookLate(name string) {
	for i, b := range r.breakers {
		if r.rules[i].Bearer.Name() == name {
			b.tookLate()
		}
	}
}

// Awaits reports whether a bearer that is passed over has been left in peace for
// so long that only a message can tell whether it is back: whoever holds messages
// back because of its Fault must send one.
func (r *Router) Awaits(name string) bool {
	for i, b := range r.breakers {
		if u := &r.rules[i]; u.Bearer.Name() == name {
			return b.awaits()
		}
	}
	return false
}

// ByCard reports whether any rule looks at the card.
func (r *Router) ByCard() bool { return r.byCard }

// match says how much a rule says about a destination; -1: it is not for it.
func (u *Rule) match(d *bearer.Destination) int {
	score := 0
	for _, c := range [...]struct {
		ranges []Range
		n      string
	}{{u.ICCID, string(d.ICCID)}, {u.IMSI, d.IMSI}} {
		if len(c.ranges) == 0 {
			continue
		}
		if !slices.ContainsFunc(c.ranges, func(r Range) bool { return r.Holds(c.n) }) {
			return -1
		}
		score += 100
	}
	if len(u.Profiles) > 0 {
		if !slices.Contains(u.Profiles, d.Profile) {
			return -1
		}
		score += 100
	}
	if len(u.Prefixes) == 0 {
		return score
	}
	longest := 0
	for _, p := range u.Prefixes {
		if len(p) > longest && strings.HasPrefix(string(d.MSISDN), p) {
			longest = len(p)
		}
	}
	if longest == 0 {
		return -1
	}
	return score + longest
}

// Route gives the bearer for a destination: one, or several behind each other
// as one; nil when no rule is for it.
func (r *Router) Route(d bearer.Destination) bearer.Bearer {
	best := -1
	var found []int
	for i := range r.rules {
		switch n := r.rules[i].match(&d); {
		case n < 0 || n < best:
		case n > best:
			best, found = n, append(found[:0], i)
		default:
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return nil
	}
	r.order(found, string(d.MSISDN))
	c := &chain{list: make([]*breaker, len(found)), name: d.For}
	for i, n := range found {
		c.list[i] = r.breakers[n]
	}
	return c
}

// spent is why a bearer takes no more in a name, or nil.
func spent(b bearer.Bearer, name string) error {
	if r, ok := b.(bearer.Rationer); ok {
		return r.Spent(name)
	}
	return nil
}

// down is why a bearer takes nothing in any name, where it can tell, or nil.
func down(b bearer.Bearer) error {
	if j, ok := b.(bearer.Judge); ok {
		return j.Down()
	}
	return nil
}

// attached asks a bearer whether messages can pass, where it can tell.
func attached(b bearer.Bearer) bool {
	a, ok := b.(bearer.Attacher)
	return !ok || a.Attached()
}

// order sorts rules: those whose bearers are attached and take messages
// first, then by priority, then by what falls to this phone of the shared load
// (weighted rendezvous hashing).
func (r *Router) order(found []int, phone string) {
	if len(found) == 1 {
		return
	}
	type place struct {
		down     bool
		priority int
		draw     float64
	}
	places := make(map[int]place, len(found))
	for i, n := range found {
		u := &r.rules[n]
		h := fnv.New64a()
		fmt.Fprintf(h, "%s/%d/%s", phone, i, u.Bearer.Name())
		// An exponential waiting time at rate Weight; the shortest wins.
		x := (float64(mix(h.Sum64())>>11) + 0.5) / (1 << 53)
		places[n] = place{!attached(u.Bearer) || !r.breakers[n].ready(), u.Priority, -math.Log(x) / float64(u.Weight)}
	}
	slices.SortStableFunc(found, func(a, b int) int {
		p, q := places[a], places[b]
		if p.down != q.down {
			if p.down {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(p.priority, q.priority), cmp.Compare(p.draw, q.draw))
	})
}

// mix spreads the bits of a hash of short texts (the finalizer of MurmurHash3).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
