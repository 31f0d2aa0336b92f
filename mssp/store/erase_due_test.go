package store_test

import (
	"maps"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// What is said to be due is what an erasure then takes, kind by kind; a kind without
// a time is kept, and not looked at.
func TestDueIsWhatGoes(t *testing.T) {
	onBoth(t, func(l *lab) {
		for i := range 3 {
			l.endedAt(epoch.Add(time.Duration(i) * time.Hour))
		}
		l.accept(newTx()) // open
		for _, tc := range []struct {
			keep store.Retention
			want store.Erased
		}{
			{store.Retention{}, store.Erased{}},
			{store.Retention{Octets: epoch}, store.Erased{mssp.Octets: 0}},
			{store.Retention{Octets: epoch.Add(time.Microsecond)}, store.Erased{mssp.Octets: 1}},
			{
				store.Retention{Texts: epoch.Add(90 * time.Minute), Octets: epoch.Add(time.Hour), Numbers: epoch.Add(3 * time.Hour)},
				store.Erased{mssp.Texts: 2, mssp.Octets: 0, mssp.Numbers: 3},
			},
			{store.Retention{Signatures: epoch.Add(time.Second), Repeat: epoch.Add(3 * time.Hour)}, store.Erased{mssp.Signatures: 1, mssp.Repeat: 0}}, // it goes with the texts
		} {
			due, err := l.Due(ctx, tc.keep)
			if err != nil || !maps.Equal(due, tc.want) {
				l.Errorf("due are %v, want %v, %v", due, tc.want, err)
			}
			gone := l.erase(tc.keep)
			for kind, n := range tc.want {
				if gone[kind] != n {
					l.Errorf("%d of %s went, and %d were due", gone[kind], kind, n)
				}
			}
		}
	})
}

// Plain messages go with the texts, when their time is over, as many in a commit as
// transactions; they are counted with them.
func TestEraseMessages(t *testing.T) {
	l := onSQLite(t)
	const many = 130 // two commits and a bit
	msgs := make([]bearer.Segment, many)
	for i := range msgs {
		msgs[i] = bearer.Segment{Dest: numberA, UD: []byte("x"), Validity: time.Hour}
	}
	_, err := l.EnqueueText(ctx, msgs)
	l.ok(err)
	over := epoch.Add(time.Hour)
	for _, keep := range []store.Retention{{Texts: over}, {Octets: over.Add(day), Signatures: over.Add(day)}} {
		if gone := l.erase(keep); len(gone) != 0 {
			t.Fatalf("%v went too early", gone)
		}
	}
	keep := store.Retention{Texts: over.Add(time.Microsecond)}
	for i, n := range []int64{64, 64, 2} {
		gone, more, err := l.Erase(ctx, keep, l.turn())
		if err != nil || gone[mssp.Texts] != n || more != (i < 2) {
			t.Errorf("%v went, more %v, %v", gone, more, err)
		}
	}
	if n := l.counts()["erased_total texts"]; n != many {
		t.Errorf("%v are counted", n)
	}
}

// A batch that is full says that there may be more, also where one kind had filled it.
func TestEraseInBatches(t *testing.T) {
	l := onSQLite(t)
	const many = 70
	for range many {
		l.ended()
	}
	later := epoch.Add(time.Hour)
	keep := store.Retention{Octets: later, Signatures: later}
	for i, n := range []int64{64, 6} {
		gone, more, err := l.Erase(ctx, keep, l.turn())
		if err != nil || gone[mssp.Octets] != n || gone[mssp.Signatures] != n || more != (i == 0) {
			t.Errorf("%v went, more %v, %v", gone, more, err)
		}
	}
}

// A person of whom nothing is kept is not found; one who is no user any more, and
// has once been asked, is.
func TestEraseUserWhoIsNone(t *testing.T) {
	onBoth(t, func(l *lab) {
		const nobody = sms.MSISDN("41790000077")
		l.wantErr("a number of nobody", l.EraseUser(ctx, nobody, epoch), store.ErrNotFound)
		if _, more, err := l.EraseMarked(ctx, epoch); err != nil || more {
			l.Errorf("marked all the same: more %v, %v", more, err)
		}
		was := l.ended()
		l.ok(l.EraseUser(ctx, numberA, epoch))
		if gone, _, err := l.EraseMarked(ctx, epoch); err != nil || gone[mssp.Numbers] != 1 {
			l.Errorf("%v went, %v", gone, err)
		}
		if tx := l.transaction(was.ID); tx.MSISDN != "" {
			l.Errorf("%+v", tx)
		}
	})
}

// How long nothing is erased begins with the time that is known: the clock's where it
// is near to the newest transaction or known to be right, else that transaction's.
func TestGraceBeginsWithWhatIsKnown(t *testing.T) {
	const grace = 30 * day
	for name, tc := range map[string]struct {
		clock time.Duration // after the newest transaction
		known bool
		want  time.Duration
	}{
		"near":              {time.Hour, false, time.Hour + grace},
		"a day":             {day, false, day + grace},
		"more than a day":   {day + time.Microsecond, false, grace},
		"behind":            {-day - time.Microsecond, false, grace},
		"known to be right": {400 * day, true, 400*day + grace},
	} {
		l := onSQLite(t)
		l.endedAt(epoch)
		w := &watch{lab: l, grace: grace, known: tc.known}
		if got := w.at(epoch.Add(tc.clock), 0); !got.Grace.Equal(epoch.Add(tc.want)) {
			t.Errorf("%s: until %v", name, got.Grace.Sub(epoch))
		}
	}
}

// Of two boxes that ask for the turn at one moment one gets it, and the other is told who.
func TestTurnAtOneMoment(t *testing.T) {
	l := &lab{T: t, dsn: postgresDSN(t)}
	a, b := l.beside("a", nil), l.beside("b", nil)
	l.ok(a.Believe(ctx, epoch)) // the row is there, and nobody has the turn
	db := operator(t, l.dsn)
	hold, err := db.Begin()
	l.ok(err)
	_, err = hold.Exec("SELECT 1 FROM retention FOR UPDATE")
	l.ok(err)
	turns := make(chan store.Turn, 2)
	for _, box := range []*lab{a, b} {
		go func() {
			turn, _, err := box.Turn(ctx, store.Machine{Now: epoch, Known: true})
			if err != nil {
				t.Error(err)
			}
			turns <- turn
		}()
	}
	for waiting := 0; waiting < 2; {
		l.ok(db.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE retention%'").Scan(&waiting))
	}
	l.ok(hold.Rollback())
	if one, other := <-turns, <-turns; (one.Other == "") == (other.Other == "") {
		t.Errorf("%q and %q", one.Other, other.Other)
	}
}

// What was not erased because a statement failed is not counted, and then it is, once.
func TestErasedIsCountedOnce(t *testing.T) {
	l := onSQLite(t)
	l.user()
	for name, erase := range map[string]func() error{
		"by age": func() error {
			_, _, err := l.Erase(ctx, store.Retention{Signatures: epoch.Add(time.Hour)}, store.Turn{Now: epoch})
			return err
		},
		"of a person": func() error { _, _, err := l.EraseMarked(ctx, epoch); return err },
	} {
		before := l.counts()["erased_total signatures"]
		l.ended()
		l.ended() // what was counted of the one is not, when the other fails
		if name == "by age" {
			l.turn()
		} else {
			l.ok(l.EraseUser(ctx, numberA, epoch))
		}
		for at := 1; ; at++ {
			f := &store.Fault{At: at}
			err := l.With(f, erase)
			n := l.counts()["erased_total signatures"] - before
			if f.Over() {
				if err != nil || n != 2 {
					t.Errorf("%s: %v are counted, %v", name, n, err)
				}
				break
			}
			if l.wantErr(name, err, store.ErrBroken); n != 0 {
				t.Fatalf("%s: %v are counted when statement %d fails", name, n, at)
			}
		}
	}
}
