package handset

import "time"

// deadlines are the phone's clocks: one timer for all of them.
type deadlines struct {
	at    [numTimers]time.Time // zero is not running
	timer *time.Timer
	armed time.Time // when timer fires; zero is never
}

// The clocks. Those of TIMER MANAGEMENT (1 to 8) follow the last one.
const (
	timerPrompt  = iota // the user takes too long
	timerDriver         // a driver's answer is due
	timerNotice         // a text that was answered already goes from the screen
	timerNetwork        // the network takes too long
	timerLater          // a delayed or reordered segment is due
	timerPoll           // STATUS
	timerCard           // TIMER MANAGEMENT timer 1
	numTimers    = timerCard + 8
)

func (d *deadlines) init() {
	d.timer = time.NewTimer(time.Hour)
	d.timer.Stop()
}

func (d *deadlines) stop() { d.timer.Stop() }

func (d *deadlines) set(which int, wait time.Duration) { d.at[which] = time.Now().Add(wait) }
func (d *deadlines) clear(which int)                   { d.at[which] = time.Time{} }
func (d *deadlines) running(which int) bool            { return !d.at[which].IsZero() }

// arm makes the timer fire at the next deadline. A timer that fires too early,
// because its deadline went away, is cheaper than one that is always reset.
func (d *deadlines) arm() {
	var next time.Time
	for _, t := range d.at {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if next.IsZero() || !d.armed.IsZero() && !next.Before(d.armed) {
		return
	}
	d.armed = next
	d.timer.Reset(time.Until(next))
}

// fired calls f for each clock that has run out.
func (d *deadlines) fired(f func(which int)) {
	d.armed = time.Time{}
	now := time.Now()
	for i, t := range d.at {
		if !t.IsZero() && !t.After(now) {
			d.at[i] = time.Time{}
			f(i)
		}
	}
}
