package abuse

import (
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
)

// Record is what counts against one number. The zero Record is that of a
// number that nobody has asked yet.
type Record struct {
	Peace   time.Time  // until then no provider reaches him
	Recheck time.Time  // when his card was last asked whether its code is still blocked
	By      []Provider // who has asked lately, in the order of their ids
}

// Provider is what counts of one provider. The one without an id is whoever asked
// before an earlier release was replaced, which did not note it.
type Provider struct {
	ID mssp.APID
	Count
}

// Count is what counts of one provider against one number.
type Count struct {
	Prompts  []time.Time // oldest first
	Unsigned []time.Time // requests that he cancelled or did not answer, oldest first
	Peace    time.Time   // until then the provider does not reach him
}

func (rec *Record) find(ap mssp.APID) (int, bool) {
	return slices.BinarySearchFunc(rec.By, ap, func(p Provider, ap mssp.APID) int { return strings.Compare(string(p.ID), string(ap)) })
}

func (rec *Record) of(ap mssp.APID) Count {
	if i, ok := rec.find(ap); ok {
		return rec.By[i].Count
	}
	return Count{}
}

// change lets f count something of a provider, and forgets those of whom nothing
// counts any more.
func (rec *Record) change(ap mssp.APID, now time.Time, f func(*Count)) {
	rec.By = slices.DeleteFunc(slices.Clone(rec.By), func(p Provider) bool { return p.ID != ap && p.until().Before(now) })
	i, ok := rec.find(ap)
	if !ok {
		rec.By = slices.Insert(rec.By, i, Provider{ID: ap})
	}
	f(&rec.By[i].Count)
}

// Lift takes away what counts of one provider, or of all (""), and with it the
// pause of all. It reports whether there was anything.
func (rec *Record) Lift(ap mssp.APID) bool {
	if ap == "" {
		had := len(rec.By) > 0 || !rec.Peace.IsZero()
		rec.By, rec.Peace = nil, time.Time{}
		return had
	}
	i, ok := rec.find(ap)
	if ok {
		rec.By = slices.Delete(slices.Clone(rec.By), i, i+1)
	}
	return ok
}

// MayRecheck reports whether the card may be asked for its state again.
func (rec *Record) MayRecheck(now time.Time) bool { return !within(rec.Recheck, now, recheckPause) }

// Until is when the record is worth nothing any more.
func (rec *Record) Until() time.Time {
	until := rec.Peace
	if !rec.Recheck.IsZero() {
		until = later(until, rec.Recheck.Add(recheckPause))
	}
	for i := range rec.By {
		until = later(until, rec.By[i].until())
	}
	return until
}

// At is what counts at a time: prompts within a minute, requests not signed within
// ten, and the end of the pause; zero when there is none.
func (c *Count) At(now time.Time) (prompts, unsigned int, peace time.Time) {
	if now.Before(c.Peace) {
		peace = c.Peace
	}
	return len(since(c.Prompts, now, promptWindow)), len(since(c.Unsigned, now, unsignedWindow)), peace
}

func (c *Count) until() time.Time {
	until := c.Peace
	if n := len(c.Prompts); n > 0 {
		until = later(until, c.Prompts[n-1].Add(promptWindow))
	}
	if n := len(c.Unsigned); n > 0 {
		until = later(until, c.Unsigned[n-1].Add(unsignedWindow))
	}
	return until
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
