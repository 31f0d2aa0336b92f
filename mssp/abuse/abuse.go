// Package abuse holds the rules that keep a person from being asked until he
// gives in. They count by the number that is asked and by the provider that
// asks: so many prompts of one provider in any minute, and after some of its
// prompts within ten minutes that he has seen and cancelled, or seen and left, a
// while in which it does not reach him. Around that stands a larger limit for all
// providers together, to which one of them can add no more than its own limit
// lets it: so the misuse of one keeps no other from a user, and many together
// keep him from nothing but them.
//
// What was never shown says nothing about the user: a phone that is off, a
// network that does not deliver, a place in the queue that never came. What one
// provider may ask in a second of whomever is counted elsewhere.
//
// The rules are pure: a Record goes in with the present time, and what comes
// out is the record as it is then, or the fault that refuses, which tells a
// provider of its own requests alone. Package store keeps the records as rows and
// writes one in the very commit that accepts or ends the request. So they hold
// across a restart and for all boxes together, a repeat of a request counts once,
// and one that is refused leaves no trace.
package abuse

import (
	"time"

	"github.com/simsign/simsign/mssp"
)

const (
	// promptWindow is how long a prompt counts.
	promptWindow = time.Minute
	// unsignedWindow is how long a request that was not signed counts.
	unsignedWindow = 10 * time.Minute
	// recheckPause lies between two questions to a card about its blocked codes.
	recheckPause = time.Minute
)

// Rules are the limits of an installation. A limit of zero or less is none. Those
// of all providers together should be larger than those of one.
type Rules struct {
	PromptsPerMinute    int           // of one provider to one number
	AllPromptsPerMinute int           // of all to one number
	CoolOffAfter        int           // requests of one provider not signed within ten minutes
	AllCoolOffAfter     int           // of all
	CoolOff             time.Duration // the pause that follows
}

// Off reports whether prompts are neither counted nor refused.
func (r Rules) Off() bool {
	return r.PromptsPerMinute <= 0 && r.AllPromptsPerMinute <= 0 && r.CoolOffAfter <= 0 && r.AllCoolOffAfter <= 0
}

// Check is the fault that refuses a prompt of a provider now; nil when it may go.
// It changes nothing.
func (r Rules) Check(rec *Record, ap mssp.APID, now time.Time) *mssp.Fault {
	own := rec.of(ap)
	if r.CoolOffAfter > 0 && r.holds(own.Peace, now) {
		return mssp.Faultf(mssp.SignatureProcess, "the user has cancelled or not answered %d of your requests within %d minutes and is left in peace until %s: ask again after that",
			r.CoolOffAfter, int(unsignedWindow.Minutes()), own.Peace.UTC().Format(time.RFC3339))
	}
	if r.AllCoolOffAfter > 0 && r.holds(rec.Peace, now) {
		return mssp.Faultf(mssp.SignatureProcess, "the user is left in peace until %s: ask again after that", rec.Peace.UTC().Format(time.RFC3339))
	}
	if recent := since(own.Prompts, now, promptWindow); r.PromptsPerMinute > 0 && len(recent) >= r.PromptsPerMinute {
		return mssp.Faultf(mssp.SignatureProcess, "%d of your requests to this user within a minute: try again in %d s", len(recent), wait(recent[0], now))
	}
	n, first := 0, now
	for i := range rec.By {
		if recent := since(rec.By[i].Prompts, now, promptWindow); len(recent) > 0 {
			n += len(recent)
			first = earlier(first, recent[0])
		}
	}
	if r.AllPromptsPerMinute > 0 && n >= r.AllPromptsPerMinute {
		return mssp.Faultf(mssp.SignatureProcess, "this user takes no more requests at present: try again in %d s", wait(first, now))
	}
	return nil
}

// holds reports whether a pause is not over. One that lies farther ahead than a
// pause can began before somebody set the clock back.
func (r Rules) holds(peace, now time.Time) bool {
	return now.Before(peace) && peace.Sub(now) <= r.CoolOff+unsignedWindow
}

// wait is how many seconds the oldest prompt of a minute counts.
func wait(first, now time.Time) int { return int((promptWindow - now.Sub(first)).Seconds()) + 1 }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Prompt counts a prompt, or refuses it and leaves the record as it is.
func (r Rules) Prompt(rec *Record, ap mssp.APID, now time.Time) *mssp.Fault {
	if f := r.Check(rec, ap, now); f != nil {
		return f
	}
	if r.PromptsPerMinute > 0 || r.AllPromptsPerMinute > 0 {
		rec.change(ap, now, func(c *Count) { c.Prompts = append(since(c.Prompts, now, promptWindow), now) })
	}
	return nil
}

// Counts reports whether the end of a transaction counts against its provider and
// its number: the user was asked, and did not sign. shown: the card said that it
// asks him, or at least the network that the phone has the message. An answer of
// the card needs no such word.
func (r Rules) Counts(tx *mssp.Transaction, shown bool) bool {
	if r.CoolOffAfter <= 0 && r.AllCoolOffAfter <= 0 || tx.Kind != mssp.KindSign || tx.AP == "" || tx.Attempt == 0 {
		return false
	}
	return shown && (tx.Status == mssp.UserCancel || tx.Status == mssp.ExpiredTransaction)
}

// Ended counts the end of a transaction that Counts. It returns the ends of the
// pauses that begin with it, of its provider and of all; zero when none does.
func (r Rules) Ended(rec *Record, ap mssp.APID, now time.Time) (own, all time.Time) {
	rec.change(ap, now, func(c *Count) {
		c.Unsigned = append(since(c.Unsigned, now, unsignedWindow), now)
		if most := max(r.CoolOffAfter, 0); most > 0 && len(c.Unsigned) > most {
			c.Unsigned = c.Unsigned[len(c.Unsigned)-most:]
		}
		if r.CoolOffAfter > 0 && r.after(c.Unsigned, c.Peace) >= r.CoolOffAfter {
			own = now.Add(r.CoolOff)
			c.Peace = own
		}
	})
	n := 0
	for i := range rec.By {
		n += r.after(since(rec.By[i].Unsigned, now, unsignedWindow), rec.Peace)
	}
	if r.AllCoolOffAfter > 0 && n >= r.AllCoolOffAfter {
		all = now.Add(r.CoolOff)
		rec.Peace = all
	}
	return own, all
}

// after counts the requests that were not signed since a pause began.
func (r Rules) after(unsigned []time.Time, peace time.Time) (n int) {
	for _, t := range unsigned {
		if peace.IsZero() || t.After(peace.Add(-r.CoolOff)) {
			n++
		}
	}
	return n
}

// within reports whether a time is nearer than the window. Clocks of boxes differ
// a little, so one ahead of now counts as well; one that is farther ahead was
// noted before somebody set the clock back, and counts no more: the rows keep no
// other time, and a user must not be out of reach for hours because of that (F14).
func within(t, now time.Time, window time.Duration) bool { return now.Sub(t).Abs() < window }

// since is what of ts is younger than the window, in a slice of its own.
func since(ts []time.Time, now time.Time, window time.Duration) []time.Time {
	recent := make([]time.Time, 0, len(ts)+1)
	for _, t := range ts {
		if within(t, now, window) {
			recent = append(recent, t)
		}
	}
	return recent
}
