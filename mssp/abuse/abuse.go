// Package abuse holds the rules that keep a person from being asked until he
// gives in. They count by his number, whoever asks: so many prompts in any
// minute, and after some requests within ten minutes that he has cancelled or
// left unanswered a while in which nobody reaches him. What one provider may
// ask in a second is counted elsewhere, by provider, so that the haste of one
// is not charged to another.
//
// The rules are pure: a Record goes in with the present time, and what comes
// out is the record as it is then, or the fault that refuses. Package store
// keeps the records as rows and writes one in the very commit that accepts or
// ends the request. So they hold across a restart and for all boxes together,
// a repeat of a request counts once, and one that is refused leaves no trace.
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

// Rules are the limits of an installation. A limit of zero or less is none.
type Rules struct {
	PromptsPerMinute int           // of one number
	CoolOffAfter     int           // requests not signed within ten minutes
	CoolOff          time.Duration // the pause that follows
}

// Record is what counts against one number. The zero Record is that of a
// number that nobody has asked yet.
type Record struct {
	Prompts  []time.Time // oldest first
	Unsigned []time.Time // requests that he cancelled or did not answer, oldest first
	Peace    time.Time   // until then nobody reaches him
	Recheck  time.Time   // when his card was last asked whether its code is still blocked
}

// Off reports whether prompts are neither counted nor refused.
func (r Rules) Off() bool { return r.PromptsPerMinute <= 0 && r.CoolOffAfter <= 0 }

// Check is the fault that refuses a prompt now; nil when it may go. It changes nothing.
func (r Rules) Check(rec *Record, now time.Time) *mssp.Fault {
	if now.Before(rec.Peace) && rec.Peace.Sub(now) <= r.CoolOff+unsignedWindow && r.CoolOffAfter > 0 {
		return mssp.Faultf(mssp.SignatureProcess, "the user has cancelled or not answered %d requests within %d minutes and is left in peace until %s: ask again after that",
			r.CoolOffAfter, int(unsignedWindow.Minutes()), rec.Peace.UTC().Format(time.RFC3339))
	}
	recent := since(rec.Prompts, now, promptWindow)
	if r.PromptsPerMinute <= 0 || len(recent) < r.PromptsPerMinute {
		return nil
	}
	wait := promptWindow - now.Sub(recent[0])
	return mssp.Faultf(mssp.SignatureProcess, "%d requests to this user within a minute: try again in %d s", len(recent), int(wait.Seconds())+1)
}

// Prompt counts a prompt, or refuses it and leaves the record as it is.
func (r Rules) Prompt(rec *Record, now time.Time) *mssp.Fault {
	if f := r.Check(rec, now); f != nil {
		return f
	}
	if r.PromptsPerMinute > 0 {
		rec.Prompts = append(since(rec.Prompts, now, promptWindow), now)
	}
	return nil
}

// Counts reports whether the end of a transaction counts against its number:
// the request reached the phone, and the user did not sign.
func (r Rules) Counts(tx *mssp.Transaction) bool {
	return r.CoolOffAfter > 0 && tx.Kind == mssp.KindSign && tx.Attempt > 0 &&
		(tx.Status == mssp.UserCancel || tx.Status == mssp.ExpiredTransaction)
}

// Ended counts the end of a transaction, when it Counts. It returns the end of
// the pause that begins with it; zero when none does.
func (r Rules) Ended(rec *Record, tx *mssp.Transaction, now time.Time) (peace time.Time) {
	if !r.Counts(tx) {
		return time.Time{}
	}
	rec.Unsigned = append(since(rec.Unsigned, now, unsignedWindow), now)
	if len(rec.Unsigned) < r.CoolOffAfter {
		return time.Time{}
	}
	rec.Unsigned, rec.Peace = nil, now.Add(r.CoolOff)
	return rec.Peace
}

// MayRecheck reports whether the card may be asked for its state again.
func (rec *Record) MayRecheck(now time.Time) bool { return !within(rec.Recheck, now, recheckPause) }

// Until is when the record is worth nothing any more.
func (rec *Record) Until() time.Time {
	until := rec.Peace
	later := func(t time.Time) {
		if t.After(until) {
			until = t
		}
	}
	if n := len(rec.Prompts); n > 0 {
		later(rec.Prompts[n-1].Add(promptWindow))
	}
	if n := len(rec.Unsigned); n > 0 {
		later(rec.Unsigned[n-1].Add(unsignedWindow))
	}
	if !rec.Recheck.IsZero() {
		later(rec.Recheck.Add(recheckPause))
	}
	return until
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
