package store

import (
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// Piece is one variant of a part.
type Piece struct{ UDH, UD []byte }

type variant struct {
	number int64
	Piece
}

const (
	maxChoices = 256     // of a set that are tried at a time
	maxSteps   = 1 << 14 // combinations that are looked at for them
)

const sqlParts = `SELECT part, udh, ud FROM mo_part WHERE header = $1 ORDER BY part, variant DESC`

func variantsOf(q querier, id int64, part int) (vs []variant, err error) {
	err = q.each(sqlVariants, func(r *row) error {
		vs = append(vs, variant{r.int(), Piece{r.blob(), r.blob()}})
		return r.err()
	}, id, part)
	return vs, err
}

// join reads a set in which no part is missing.
func join(q querier, id, stored int64, source sms.MSISDN, at time.Time) (Joined, error) {
	j := Joined{ID: id, Stored: stored, Source: source, At: at}
	last := int64(0)
	err := q.each(sqlParts, func(r *row) error {
		if part := r.int(); part != last {
			last = part
			j.Variants = append(j.Variants, nil)
		}
		i := len(j.Variants) - 1
		j.Variants[i] = append(j.Variants[i], Piece{r.blob(), r.blob()})
		return r.err()
	}, id)
	j.newest()
	return j, err
}

// newest makes UDH and UD those of the variants that came last.
func (j *Joined) newest() {
	j.UDH, j.UD = nil, nil
	for i, vs := range j.Variants {
		if i == 0 {
			j.UDH = vs[0].UDH
		}
		j.UD = append(j.UD, vs[0].UD...)
	}
}

// only leaves one variant of a part. Where rows of parts are missing, which the
// header says are there, there is no message to be had of this set.
func (j *Joined) only(part int, p Piece) {
	if part > len(j.Variants) {
		return
	}
	j.Variants[part-1] = []Piece{p}
	j.newest()
}

// Several reports whether more was stored than one message.
func (j *Joined) Several() bool { return j.Stored > int64(len(j.Variants)) }

// Choices are the messages that the variants can be, each with the header of
// its first part: the newest variants first, then those with one older, and so
// on, at most 256. A packet begins with its length in two octets (TS 102 225 5.1,
// 5.2: CPL, RPL), so of several only those are messages whose length is right.
func (j *Joined) Choices() iter.Seq2[[]byte, []byte] {
	return func(yield func(udh, ud []byte) bool) {
		c := choosing{j: j, yield: yield, picked: make([]Piece, len(j.Variants)), rest: make([]int, len(j.Variants)+1)}
		for i := len(j.Variants) - 1; i >= 0; i-- {
			c.rest[i] = c.rest[i+1] + len(j.Variants[i]) - 1
		}
		if c.rest[0] == 0 {
			yield(j.UDH, j.UD)
			return
		}
		for older := 0; older <= c.rest[0] && c.pick(0, older, 0); older++ {
		}
	}
}

// choosing is a walk over the combinations of variants.
type choosing struct {
	j      *Joined
	yield  func(udh, ud []byte) bool
	picked []Piece
	rest   []int // how much older the parts from here on can be in all
	steps  int   // combinations seen
	given  int
}

// pick takes variants of the parts from part i on that are older by exactly so
// much in all; the parts before have n octets. It is false when the walk is over.
func (c *choosing) pick(i, older, n int) bool {
	if i == len(c.picked) {
		return c.give(n)
	}
	vs := c.j.Variants[i]
	for k := max(0, older-c.rest[i+1]); k <= min(older, len(vs)-1); k++ {
		c.picked[i] = vs[k]
		if !c.pick(i+1, older-k, n+len(vs[k].UD)) {
			return false
		}
	}
	return true
}

func (c *choosing) give(n int) bool {
	if c.steps++; c.steps > maxSteps || c.given == maxChoices {
		return false
	}
	first := c.picked[0].UD
	if len(first) < 2 || int(binary.BigEndian.Uint16(first))+2 != n {
		return true
	}
	c.given++
	uds := make([][]byte, len(c.picked))
	for i := range c.picked {
		uds[i] = c.picked[i].UD
	}
	return c.yield(c.picked[0].UDH, slices.Concat(uds...))
}
