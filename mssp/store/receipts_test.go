package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// asking is seal with delivery reports asked for.
func asking(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
	s, err := seal(tx, ks)
	for i := range s.Segments {
		s.Segments[i].Report = true
	}
	return s, err
}

func (l *lab) acceptAsking() store.AcceptResult {
	l.Helper()
	r, err := l.Accept(ctx, newTx(), nil, asking)
	l.ok(err)
	return r
}

// A segment is Sent in the database before its octets can leave, and what a
// crash leaves in between is Ambiguous, not lost.
//
// Supports: A
func TestSentBeforeItLeaves(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.acceptAsking()
		texts, err := l.EnqueueText(ctx, []bearer.Segment{{Dest: numberA, UD: []byte("hello")}})
		l.ok(err)
		claimed := l.claim(epoch, 10)
		if len(claimed) != 1 || claimed[0].ID != texts[0].ID || claimed[0].State != store.SegSent {
			l.Fatalf("%+v", claimed)
		}
		segs, err := l.Segments(ctx, r.Tx.ID) // another connection: committed state
		l.ok(err)
		for _, s := range segs {
			if s.State != store.SegSent || s.Tries != 1 {
				l.Errorf("part %d is %s after %d tries", s.Part, s.State, s.Tries)
			}
		}
		l.reopen()
		rec, err := l.Recover(ctx)
		l.ok(err)
		if rec.Ambiguous != 3 {
			l.Errorf("%d ambiguous after a crash, want 3", rec.Ambiguous)
		}
	})
}

// A receipt before the response is parked, also over a restart, and finds its
// segment when the id is known.
func TestEarlyReceipt(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.acceptAsking()
		for _, rep := range []bearer.Report{
			{Bearer: "smsc1", MessageID: "m1", Dest: numberA, Delivered: true, At: epoch},
			{Bearer: "smsc1", MessageID: "m2", Cause: "EXPIRED", At: epoch}, // without a number
			{Bearer: "smsc1", MessageID: "m2", Cause: "UNDELIV", At: epoch}, // and corrected
			{Bearer: "smsc2", MessageID: "m1", Dest: numberA, Delivered: true, At: epoch},
			{Bearer: "smsc1", MessageID: "m1", Dest: numberB, Delivered: true, At: epoch},
			{Bearer: "smsc1", MessageID: "", Dest: numberA, Delivered: true, At: epoch},
		} {
			if id, err := l.Reported(ctx, rep); err != nil || id != "" {
				l.Errorf("%+v: %q, %v", rep, id, err)
			}
		}
		if got, err := l.MatchReceipts(ctx, 10); err != nil || len(got) != 0 {
			l.Errorf("matched too early: %+v, %v", got, err)
		}
		l.reopen()
		_, err := l.Recover(ctx)
		l.ok(err)
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, l.claim(epoch, 10)...)))
		got, err := l.MatchReceipts(ctx, 10)
		l.ok(err)
		want := []store.Receipt{{TxID: r.Tx.ID, Dest: numberA, Delivered: true}, {TxID: r.Tx.ID, Cause: "UNDELIV"}}
		if diff := cmp.Diff(want, got); diff != "" {
			l.Error(diff)
		}
		if got, err := l.MatchReceipts(ctx, 10); err != nil || len(got) != 0 {
			l.Errorf("matched twice: %+v, %v", got, err)
		}
	})
}

// A receipt in a later session: the segment was accepted before the restart.
func TestReceiptInALaterSession(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.acceptAsking()
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments...)))
		l.reopen()
		_, err := l.Recover(ctx)
		l.ok(err)
		id, err := l.Reported(ctx, bearer.Report{Bearer: "smsc1", MessageID: "m2", Delivered: true, At: epoch})
		if err != nil || id != r.Tx.ID {
			l.Errorf("%q, %v", id, err)
		}
	})
}

// A centre that writes the phone of a receipt in the national form means the
// same phone; another number is another message.
func TestReceiptWithNationalNumber(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.acceptAsking()
		for _, rep := range []bearer.Report{
			{Bearer: "smsc1", MessageID: "m1", Dest: numberA[2:], Delivered: true, At: epoch}, // before the response
			{Bearer: "smsc1", MessageID: "m2", Dest: numberB[2:], Delivered: true, At: epoch},
		} {
			if id, err := l.Reported(ctx, rep); err != nil || id != "" {
				l.Errorf("%+v: %q, %v", rep, id, err)
			}
		}
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments...)))
		got, err := l.MatchReceipts(ctx, 10)
		l.ok(err)
		if len(got) != 1 || got[0].TxID != r.Tx.ID {
			l.Errorf("early: %+v", got)
		}
		id, err := l.Reported(ctx, bearer.Report{Bearer: "smsc1", MessageID: "m2", Dest: numberA[2:], Delivered: true, At: epoch})
		if err != nil || id != r.Tx.ID {
			l.Errorf("%q, %v", id, err)
		}
	})
}

// What only a text says, anybody may have said: it needs the whole number, and
// the centre of the segment. Patterns are no numbers, of nobody.
func TestReceiptsThatFitNothing(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.acceptAsking()
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments[:1]...)))
		for name, rep := range map[string]bearer.Report{
			"no number":           {Bearer: "smsc1", Text: true},
			"the end of it":       {Bearer: "smsc1", Dest: numberA[2:], Text: true},
			"a digit before it":   {Bearer: "smsc1", Dest: "9" + numberA, Text: true},
			"another number":      {Bearer: "smsc1", Dest: numberB, Text: true},
			"another centre":      {Bearer: "smsc2", Dest: numberA, Text: true},
			"no centre":           {Dest: numberA, Text: true},
			"any number":          {Bearer: "smsc1", Dest: "%"},
			"any digits":          {Bearer: "smsc1", Dest: "41_________"},
			"any text":            {Bearer: "smsc1", Dest: "%", Text: true},
			"with a plus":         {Bearer: "smsc1", Dest: "+" + numberA},
			"its last two digits": {Bearer: "smsc1", Dest: numberA[len(numberA)-2:]},
			"its last digit":      {Bearer: "smsc1", Dest: numberA[len(numberA)-1:]},
		} {
			for _, rep.MessageID = range []string{"m1", "m2", "", "%", "m_"} { // m2 is told later
				if id, err := l.Reported(ctx, rep); err != nil || id != "" {
					l.Errorf("%s, %q: %q, %v", name, rep.MessageID, id, err)
				}
			}
		}
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments...)))
		if got, err := l.MatchReceipts(ctx, 100); err != nil || len(got) != 0 {
			l.Errorf("matched later: %+v, %v", got, err)
		}
		whole := bearer.Report{Bearer: "smsc1", MessageID: "m2", Dest: numberA, Text: true, Cause: "EXPIRED"}
		if id, err := l.Reported(ctx, whole); err != nil || id != r.Tx.ID {
			l.Errorf("the whole number: %q, %v", id, err)
		}
	})
}

// Parked receipts are bounded: a foreign flood pushes out the oldest.
func TestParkedReceiptsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 rows")
	}
	l := onSQLite(t)
	r := l.acceptAsking()
	park := func(id string) {
		if _, err := l.Reported(ctx, bearer.Report{Bearer: "smsc1", MessageID: id, Delivered: true}); err != nil {
			l.Error(err)
		}
	}
	park("m1")
	done := make(chan struct{})
	for w := range 50 {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range 200 {
				park(fmt.Sprint("x", w, "-", i))
			}
		}()
	}
	for range 50 {
		<-done
	}
	park("m2")
	l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments...)))
	got, err := l.MatchReceipts(ctx, 10)
	if err != nil || len(got) != 1 {
		l.Errorf("%d matched, %v: want the one that was not pushed out", len(got), err)
	}
}

// A late response resolves an ambiguous segment, and only such a one.
func TestResolve(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.acceptAsking()
		segs := r.Dispatched.Segments
		resolve := func(seg store.Outbound, st store.SegmentState, wantChanged bool) {
			l.Helper()
			id, changed, err := l.Resolve(ctx, store.SegmentOutcome{ID: seg.ID, State: st, Route: "smsc1", MessageID: "late", NextAt: epoch})
			if err != nil || changed != wantChanged || changed && id != r.Tx.ID {
				l.Errorf("%s: %q, %v, %v", st, id, changed, err)
			}
		}
		resolve(segs[0], store.SegRejected, false) // it is on its way: its own answer comes
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAmbiguous, segs...)))
		resolve(segs[0], store.SegAccepted, true)
		resolve(segs[0], store.SegRejected, false)
		resolve(segs[1], store.SegQueued, true)
		if got := l.claim(epoch, 10); len(got) != 1 || got[0].Part != 2 || got[0].Tries != 2 {
			l.Fatalf("%+v", got)
		}
		resolve(segs[1], store.SegAccepted, true) // sent again, and the first response comes
		l.wantState(r.Tx.ID, mssp.Waiting)
		// The answer to the second copy, as it is recorded now, changes nothing.
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAmbiguous, segs[1])))
		got, err := l.Segments(ctx, r.Tx.ID)
		l.ok(err)
		if got[0].State != store.SegAccepted || got[1].State != store.SegAccepted || got[1].MessageID != "late" {
			l.Errorf("%+v", got)
		}
		if _, changed, err := l.Resolve(ctx, store.SegmentOutcome{ID: 987654, State: store.SegAccepted}); changed || err != nil {
			l.Errorf("no such segment: %v, %v", changed, err)
		}
	})
}

func TestAlert(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.acceptAsking()
		later := outcomes(store.SegQueued, r.Dispatched.Segments...)
		for i := range later {
			later[i].NextAt = epoch.Add(30 * time.Second)
		}
		l.ok(l.RecordOutcomes(ctx, later))
		if n, err := l.Alert(ctx, numberB, epoch); err != nil || n != 0 {
			l.Errorf("another number: %d, %v", n, err)
		}
		if n, err := l.Alert(ctx, numberA, epoch); err != nil || n != 2 {
			l.Errorf("%d, %v", n, err)
		}
		if got := l.claim(epoch, 10); len(got) != 2 {
			l.Errorf("%d due after the alert", len(got))
		}
	})
}

// A receipt that only a text says waits for a response that is under way, and ends no
// request that comes later: anybody can send such texts beforehand, for ids to come.
func TestTextReceiptsWaitShortly(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{"sqlite": sqliteDSN, "postgres": postgresDSN} {
		for age, want := range map[time.Duration][]string{30 * time.Second: {"UNDELIV", "EXPIRED"}, 2 * time.Minute: {"EXPIRED"}} {
			t.Run(name+" "+age.String(), func(t *testing.T) {
				now := epoch
				l := &lab{T: t, dsn: dsn(t)}
				s, err := store.Open(ctx, store.Options{DSN: l.dsn, Clock: func() time.Time { return now }})
				l.ok(err)
				defer s.Close()
				l.Store = s
				importCard(t, s, cardA)
				for _, r := range []bearer.Report{
					{Bearer: "smsc1", MessageID: "m1", Dest: numberA, Cause: "UNDELIV", Text: true},
					{Bearer: "smsc1", MessageID: "m2", Dest: numberA, Cause: "EXPIRED"}, // the centre says so itself
				} {
					_, err := l.Reported(ctx, r)
					l.ok(err)
				}
				now = epoch.Add(age)
				r := l.acceptAsking()
				l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments...)))
				got, err := l.MatchReceipts(ctx, 10)
				l.ok(err)
				var causes []string
				for _, g := range got {
					causes = append(causes, g.Cause)
				}
				if diff := cmp.Diff(want, causes); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
