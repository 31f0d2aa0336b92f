package store_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

const day = 24 * time.Hour

// watch is a machine with a clock, and how the store judges it.
type watch struct {
	*lab
	sure  time.Time
	known bool
	grace time.Duration
}

// at is the turn when its clock shows that, so much running time after the last one.
func (w *watch) at(now time.Time, elapsed time.Duration) store.Turn {
	w.Helper()
	t, sure, err := w.Turn(ctx, store.Machine{Now: now, Known: w.known, Sure: w.sure, Elapsed: elapsed, Grace: w.grace})
	w.ok(err)
	w.sure = sure
	return t
}

// restart is another process on the same database.
func (w *watch) restart() {
	w.reopen()
	w.sure = time.Time{}
}

// endedAt is a transaction that has begun and ended at a time.
func (l *lab) endedAt(at time.Time) mssp.TransID {
	l.Helper()
	tx := newTx()
	tx.CreatedAt, tx.Deadline = at, at.Add(time.Minute)
	l.accept(tx)
	f := done(tx)
	f.At = at
	l.finish(f)
	return tx.ID
}

// What a clock says is believed as long as it is near to what is certain, or known
// to be right; ages are counted by what is certain.
func TestTurnJudgesTheClock(t *testing.T) {
	for name, tc := range map[string]struct {
		idle    time.Duration // since the last turn, the machine was off
		step    time.Duration // of the clock besides
		known   bool
		counted time.Duration // from the last turn
		ahead   time.Duration
	}{
		"runs":                 {0, 0, false, 0, 0},
		"off for a night":      {10 * time.Hour, 0, false, 10 * time.Hour, 0},
		"off for a day":        {day, 0, false, day, 0},
		"off for longer":       {day + time.Microsecond, 0, false, 0, day + time.Microsecond},
		"off for longer, NTP":  {40 * day, 0, true, 40 * day, 0},
		"years ahead":          {0, 5 * 365 * day, false, 0, 5 * 365 * day},
		"hours behind":         {0, -10 * time.Hour, false, -10 * time.Hour, 0},
		"years behind":         {0, -20 * 365 * day, false, -20 * 365 * day, -20 * 365 * day},
		"behind, known anyhow": {0, -2 * day, true, -2 * day, 0},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(l *lab) {
				w := &watch{lab: l}
				l.endedAt(epoch)
				w.at(epoch, 0)
				w.restart()
				w.known = tc.known
				got := w.at(epoch.Add(tc.idle+tc.step), 0)
				if !got.Now.Equal(epoch.Add(tc.counted)) || got.Ahead != tc.ahead || got.Other != "" {
					l.Errorf("%+v", got)
				}
			})
		})
	}
}

// A clock that is ahead stays unbelieved however often the process starts, while
// the time that passes is counted; once it has come back, or an operator says that it
// is right, it is believed.
func TestTurnOfAClockAhead(t *testing.T) {
	onBoth(t, func(l *lab) {
		w := &watch{lab: l}
		l.endedAt(epoch)
		w.at(epoch, 0)
		const years = 2000 * day
		for range 3 { // each runs for an hour
			w.restart()
			for range 12 {
				w.at(epoch.Add(years), 5*time.Minute)
			}
		}
		got := w.at(epoch.Add(years), 5*time.Minute)
		if since := got.Now.Sub(epoch); since != 34*5*time.Minute || got.Ahead != years-since {
			l.Errorf("%s, %s ahead", since, got.Ahead)
		}
		if got = w.at(epoch.Add(4*time.Hour), time.Minute); got.Ahead != 0 || !got.Now.Equal(epoch.Add(4*time.Hour)) {
			l.Errorf("corrected: %+v", got)
		}
		if got = w.at(epoch.Add(years), time.Minute); got.Ahead == 0 {
			l.Error("a step while it runs is believed")
		}
		l.ok(l.Believe(ctx, epoch.Add(years)))
		if got = w.at(epoch.Add(years+time.Minute), time.Minute); got.Ahead != 0 || !got.Now.Equal(epoch.Add(years+time.Minute)) {
			l.Errorf("an operator has said it: %+v", got)
		}
	})
}

// What a wrong clock has dated is as old as the end of that while, not as its row
// says: neither a minute after the clock was set right, nor years too late.
func TestEraseWhatAWrongClockHasDated(t *testing.T) {
	for name, step := range map[string]time.Duration{"ahead": 2000 * day, "behind": -2000 * day} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(l *lab) {
				w := &watch{lab: l}
				first := l.endedAt(epoch)
				w.at(epoch, 0)
				odd := []mssp.TransID{l.endedAt(epoch.Add(step))}
				w.at(epoch.Add(step), time.Minute)
				odd = append(odd, l.endedAt(epoch.Add(step)))
				w.restart()
				w.at(epoch.Add(step), time.Minute)
				odd = append(odd, l.endedAt(epoch.Add(step))) // and then it is corrected
				right := epoch.Add(2 * time.Hour)
				w.at(right, time.Minute)
				last := l.endedAt(right)
				now := right
				erased := func(at time.Time) (n int) {
					l.Helper()
					for ; now.Before(at); now = now.Add(day) {
						w.at(now, day)
					}
					before := at.Add(-30 * day)
					turn := w.at(at, 0)
					for more := true; more; {
						var err error
						_, more, err = l.Erase(ctx, store.Retention{Texts: before, Signatures: before.Add(-day)}, turn)
						l.ok(err)
					}
					for _, id := range append([]mssp.TransID{first, last}, odd...) {
						tx := l.transaction(id)
						if _, gone := tx.Erased.Of(mssp.Signatures); gone || tx.Damage != "" {
							l.Errorf("%v %q", tx.Erased, tx.Damage)
						}
						if len(tx.Request) == 0 {
							n++
						}
					}
					return n
				}
				if n := erased(right.Add(29 * day)); n != 0 {
					l.Errorf("%d too early", n)
				}
				if n := erased(right.Add(30*day - time.Hour)); n != 1 {
					l.Errorf("%d, not the first alone", n)
				}
				if n := erased(right.Add(30*day + time.Hour)); n != 5 {
					l.Errorf("%d of 5", n)
				}
			})
		})
	}
}

// A database that has transactions when this begins gives its operator time, and
// nobody else needs it.
func TestTurnHasAGrace(t *testing.T) {
	onBoth(t, func(l *lab) {
		w := &watch{lab: l, grace: 30 * day}
		l.endedAt(epoch)
		now := epoch.Add(time.Hour)
		if got := w.at(now, 0); !got.Grace.Equal(now.Add(30 * day)) {
			l.Errorf("%+v", got)
		}
		w.restart()
		if got := w.at(now.Add(20*day), 0); !got.Grace.Equal(now.Add(30*day)) || !got.Now.Equal(now) {
			l.Errorf("later: %+v", got)
		}
		w.grace = 0 // he has written it down
		if got := w.at(now, 0); !got.Grace.IsZero() {
			l.Errorf("decided: %+v", got)
		}
	})
	onBoth(t, func(l *lab) {
		w := &watch{lab: l, grace: 30 * day}
		if got := w.at(epoch, 0); !got.Grace.IsZero() {
			l.Errorf("of an empty database: %+v", got)
		}
		if got := w.at(epoch.Add(5000*day), 0); got.Ahead != 0 {
			l.Errorf("nothing can be lost: %+v", got)
		}
	})
}

// An operator's word ends the grace as well, also before the first turn.
func TestBelieveEndsTheGrace(t *testing.T) {
	onBoth(t, func(l *lab) {
		w := &watch{lab: l, grace: 30 * day}
		l.endedAt(epoch)
		later := epoch.Add(400 * day)
		for _, name := range []string{"before the first turn", "after one that had it"} {
			if name != "before the first turn" {
				db := l.raw()
				_, err := db.Exec("UPDATE retention SET grace_until = $1", later.Add(day).UnixMicro())
				l.ok(err)
			}
			l.ok(l.Believe(ctx, later))
			if got := w.at(later, 0); got.Ahead != 0 || !got.Grace.IsZero() {
				l.Errorf("%s: %+v", name, got)
			}
		}
	})
}

// Of two boxes on one database one erases, as long as it lives.
func TestTurnOfTwoBoxes(t *testing.T) {
	l := &lab{T: t, dsn: postgresDSN(t)}
	a, b := l.beside("a", nil), l.beside("b", nil)
	importCard(t, a.Store, cardA)
	a.ended()
	mine, theirs := a.turn(), b.turn()
	if mine.Other != "" || theirs.Other == "" {
		t.Fatalf("%+v, %+v", mine, theirs)
	}
	all := store.Retention{Texts: epoch.Add(time.Hour)}
	if _, _, err := b.Erase(ctx, all, theirs); err == nil {
		t.Error("two erase")
	}
	a.ok(a.Close())
	if theirs = b.turn(); theirs.Other != "" {
		t.Fatalf("%+v", theirs)
	}
	if gone, _, err := b.Erase(ctx, all, theirs); err != nil || gone[mssp.Texts] != 1 {
		t.Errorf("%v, %v", gone, err)
	}
}
