package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// upTo gives every name as many.
func upTo(limit int) func([]string) []int {
	return func(names []string) []int { return slices.Repeat([]int{limit}, len(names)) }
}

func (l *lab) claim(now time.Time, limit int) []store.Outbound {
	l.Helper()
	out, err := l.ClaimSegments(ctx, now, upTo(limit))
	l.ok(err)
	return out
}

func outcomes(state store.SegmentState, segs ...store.Outbound) (o []store.SegmentOutcome) {
	for _, s := range segs {
		o = append(o, store.SegmentOutcome{ID: s.ID, State: state, Route: "smsc1", MessageID: "m" + string(rune('0'+s.Part))})
	}
	return o
}

// Supports: F9, F10
func TestClaimSegments(t *testing.T) {
	onBoth(t, func(l *lab) {
		r, err := l.Accept(ctx, newTx(), nil, sealUnclaimed)
		l.ok(err)
		if out := l.claim(epoch.Add(-time.Second), 10); len(out) != 0 {
			l.Fatalf("claimed before their time: %+v", out)
		}
		first := l.claim(epoch, 1)
		second := l.claim(epoch, 10)
		if len(first) != 1 || len(second) != 1 || first[0].Part != 1 || second[0].Part != 2 {
			l.Fatalf("%+v, %+v", first, second)
		}
		want := r.Dispatched.Segments[0]
		want.State, want.Tries = store.SegSent, 1
		if diff := cmp.Diff(want, first[0]); diff != "" {
			l.Errorf("a claimed segment differs from the sealed one: %s", diff)
		}
		if out := l.claim(epoch, 10); len(out) != 0 {
			l.Fatalf("claimed twice: %+v", out)
		}
		// One must try again later, the other may or may not have left.
		later := outcomes(store.SegQueued, first...)
		later[0].NextAt = epoch.Add(5 * time.Second)
		l.ok(l.RecordOutcomes(ctx, append(later, outcomes(store.SegAmbiguous, second...)...)))
		again := l.claim(epoch, 10)
		if len(again) != 1 || again[0].Part != 2 || again[0].Tries != 2 {
			l.Fatalf("%+v", again)
		}
		if due, err := l.NextDue(ctx, time.Time{}); err != nil || !due.Equal(epoch.Add(5*time.Second)) {
			l.Errorf("due %v, %v", due, err)
		}
		for _, had := range []time.Duration{5*time.Second - time.Microsecond, 5 * time.Second} {
			want := epoch.Add(5 * time.Second)
			if had == 5*time.Second { // has no place: what comes next is the deadline
				want = r.Tx.Deadline
			}
			if due, err := l.NextDue(ctx, epoch.Add(had)); err != nil || !due.Equal(want) {
				l.Errorf("due %v, want %v, %v", due, want, err)
			}
		}
		if diff := cmp.Diff(second[0].UD, again[0].UD); diff != "" {
			l.Errorf("other octets on the second try: %s", diff)
		}
		if out := l.claim(epoch.Add(5*time.Second), 10); len(out) != 1 || out[0].Part != 1 {
			l.Fatalf("%+v", out)
		}
	})
}

// How much waits in the name of one provider is no matter of another, whose
// segment came last: it is in the first batch. Nothing is lost, and in one name the
// longest due goes first.
//
// Supports: F10
func TestNamesTakeTurns(t *testing.T) {
	onBoth(t, func(l *lab) {
		const many = 2000
		noisy := make([]bearer.Segment, many)
		for i := range noisy {
			noisy[i] = bearer.Segment{Dest: numberB, UD: []byte("x"), For: "urn:noisy"}
		}
		_, err := l.EnqueueText(ctx, noisy)
		l.ok(err)
		r, err := l.Accept(ctx, newTx(), nil, sealUnclaimed)
		l.ok(err)
		later := outcomes(store.SegQueued, l.claim(epoch, 2)...)
		if len(later) != 4 {
			l.Fatalf("%d segments of two names, want 2 of each", len(later))
		}
		for i := range later { // again at a time of its own, the packet's last
			later[i].NextAt = epoch.Add(time.Duration(i+1) * time.Second)
		}
		l.ok(l.RecordOutcomes(ctx, later))
		var order, told []string
		ids := map[int64]bool{}
		last := epoch
		for round := 0; ; round++ {
			out, err := l.ClaimSegments(ctx, epoch.Add(5*time.Second), func(names []string) []int {
				told = slices.Clone(names)
				return slices.Repeat([]int{256}, len(names))
			})
			l.ok(err)
			if len(out) == 0 {
				break
			}
			if want := []string{"urn:noisy", string(r.Tx.AP)}[:max(1, 2-round)]; !slices.Equal(told, want) {
				l.Fatalf("round %d: due are %q, want %q", round, told, want)
			}
			for _, o := range out {
				if ids[o.ID] {
					l.Fatalf("segment %d is claimed twice", o.ID)
				}
				ids[o.ID] = true
				if o.For == string(r.Tx.AP) {
					order = append(order, fmt.Sprint(round, " part ", o.Part))
				} else if o.NextAt.Before(last) {
					l.Fatalf("segment %d, due at %v, after one of %v", o.ID, o.NextAt, last)
				} else {
					last = o.NextAt
				}
			}
		}
		if diff := cmp.Diff([]string{"0 part 1", "0 part 2"}, order); diff != "" || len(ids) != many+2 {
			l.Errorf("%d claimed, want %d; the other's: %s", len(ids), many+2, diff)
		}
	})
}

// What waits in a database of schema 11 goes out in the name of its transaction, also
// what had no answer there, octet for octet; what has ended there does not go out.
//
// Supports: F9, F10
func TestNamesOfEarlierRows(t *testing.T) {
	onBoth(t, func(l *lab) {
		ended, err := l.Accept(ctx, newTx(), nil, sealUnclaimed)
		l.ok(err)
		l.finish(done(ended.Tx))
		sent := l.accept(newTx())
		other := newTx()
		other.ICCID, other.AP = cardB, "urn:other"
		waits, err := l.Accept(ctx, other, nil, sealUnclaimed)
		l.ok(err)
		db := l.raw()
		l.ok(l.Close())
		for _, s := range []string{
			"DROP INDEX card_issuer", "DROP TABLE int3_call", "DROP TABLE device", "DELETE FROM schema_version WHERE version = 15", "DROP TABLE duty", "DROP TABLE notice", "DROP TABLE identity", "DROP TABLE pop", "DROP TABLE unblocking", "DROP TABLE issuer", "DROP TABLE client", "ALTER TABLE card DROP COLUMN issuer", "DROP TABLE audit", "ALTER TABLE card DROP COLUMN applet", "DROP TABLE audit_head", "DELETE FROM schema_version WHERE version = 14", "DROP TABLE heard", "DROP INDEX packet_request", "ALTER TABLE packet DROP COLUMN request", "ALTER TABLE card DROP COLUMN carriage", "ALTER TABLE card DROP COLUMN offers", "DELETE FROM schema_version WHERE version = 13", "DROP INDEX segment_name", "ALTER TABLE segment DROP COLUMN ap", "DELETE FROM schema_version WHERE version = 12",
		} {
			if _, err := db.Exec(s); err != nil {
				l.Fatal(err)
			}
		}
		l.open()
		_, err = l.Recover(ctx)
		l.ok(err)
		for part := range 2 {
			var told []string
			out, err := l.ClaimSegments(ctx, epoch, func(names []string) []int {
				told = slices.Clone(names)
				return slices.Repeat([]int{1}, len(names))
			})
			l.ok(err)
			if want := []string{string(bank), "", "urn:other"}; !slices.Equal(told, want) {
				l.Errorf("part %d: due are %q, want %q", part+1, told, want)
			}
			if len(out) != 2 {
				l.Fatalf("part %d: claimed %+v", part+1, out)
			}
			for i, r := range []store.AcceptResult{sent, waits} {
				if diff := cmp.Diff(r.Dispatched.Segments[part].Segment, out[i].Segment); diff != "" {
					l.Errorf("part %d of %s: other octets after the upgrade: %s", part+1, r.Tx.AP, diff)
				}
			}
		}
	})
}

// Who gets nothing keeps what it has.
func TestNoShare(t *testing.T) {
	onBoth(t, func(l *lab) {
		_, err := l.EnqueueText(ctx, []bearer.Segment{{Dest: numberB, UD: []byte("a"), For: "ap:a"}, {Dest: numberB, UD: []byte("b"), For: "ap:b"}})
		l.ok(err)
		for _, c := range []struct {
			share []int
			want  string
		}{{[]int{0, 0}, ""}, {[]int{0, 1}, "b"}, {[]int{1}, "a"}} {
			out, err := l.ClaimSegments(ctx, epoch, func([]string) []int { return c.share })
			l.ok(err)
			got := ""
			for _, o := range out {
				got += string(o.UD)
			}
			if got != c.want {
				l.Errorf("%v: claimed %q, want %q", c.share, got, c.want)
			}
		}
	})
}

// No segment leaves for a transaction that has ended, or after its time.
func TestClaimDropsTheDead(t *testing.T) {
	onBoth(t, func(l *lab) {
		ended, err := l.Accept(ctx, newTx(), nil, sealUnclaimed)
		l.ok(err)
		l.finish(done(ended.Tx))
		late := newTx()
		late.ICCID = cardB
		tooLate, err := l.Accept(ctx, late, nil, sealUnclaimed)
		l.ok(err)
		texts, err := l.EnqueueText(ctx, []bearer.Segment{{Dest: numberA, UD: []byte("hello")}})
		l.ok(err)
		out := l.claim(epoch.Add(2*time.Minute), 10) // past the deadline, within the text's day
		if len(out) != 1 || out[0].ID != texts[0].ID || out[0].TxID != "" {
			l.Fatalf("%+v", out)
		}
		for _, id := range []mssp.TransID{ended.Tx.ID, tooLate.Tx.ID} {
			segs, err := l.Segments(ctx, id)
			l.ok(err)
			for _, s := range segs {
				if s.State != store.SegDropped {
					l.Errorf("a segment is %s", s.State)
				}
			}
		}
	})
}

func TestOutcomes(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.accept(newTx())
		segs := r.Dispatched.Segments
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, segs[0])))
		l.wantState(r.Tx.ID, mssp.Sending)
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, segs[1])))
		l.wantState(r.Tx.ID, mssp.Waiting)
		got, err := l.Segments(ctx, r.Tx.ID)
		l.ok(err)
		if got[0].State != store.SegAccepted || got[0].Route != "smsc1" || got[1].MessageID != "m2" {
			l.Errorf("%+v", got)
		}
		// An accepted segment stays so, whatever a confused caller says.
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegQueued, segs...)))
		if out := l.claim(epoch.Add(time.Second), 10); len(out) != 0 {
			l.Errorf("an accepted segment goes out again: %+v", out)
		}
		l.ok(l.RecordOutcomes(ctx, []store.SegmentOutcome{{ID: 987654, State: store.SegAccepted}}))
	})
}

// Many outcomes are stored by a few statements, with the same effect.
func TestManyOutcomes(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.acceptAsking()
		texts := make([]bearer.Segment, 50)
		for i := range texts {
			texts[i] = bearer.Segment{Dest: numberB, UD: []byte{byte(i)}}
		}
		_, err := l.EnqueueText(ctx, texts)
		l.ok(err)
		sent := l.claim(epoch, 100)
		if len(sent) != 50 {
			l.Fatalf("%d claimed", len(sent))
		}
		var o []store.SegmentOutcome
		for i, s := range append(r.Dispatched.Segments, sent...) {
			out := store.SegmentOutcome{ID: s.ID, State: store.SegAccepted, Route: "smsc1", MessageID: fmt.Sprint("id", i)}
			switch {
			case i == 10:
				out.State, out.NextAt = store.SegQueued, epoch.Add(time.Second)
			case i == 11:
				out.State = store.SegAmbiguous
			case i == 12:
				out.State = store.SegRejected
			}
			o = append(o, out)
		}
		l.ok(l.RecordOutcomes(ctx, o))
		l.wantState(r.Tx.ID, mssp.Waiting)
		segs, err := l.Segments(ctx, r.Tx.ID)
		l.ok(err)
		if segs[0].MessageID != "id0" || segs[1].MessageID != "id1" || segs[1].Route != "smsc1" {
			l.Errorf("%+v", segs)
		}
		// An outcome that comes again changes nothing; one twice in a batch counts in order.
		for i := range o {
			o[i].State = store.SegQueued
		}
		twice := []store.SegmentOutcome{o[11], o[11]}
		twice[0].State, twice[1].State = store.SegAmbiguous, store.SegAccepted
		o = append(append(twice, o[2:10]...), o[13:]...)
		l.ok(l.RecordOutcomes(ctx, o))
		again := l.claim(epoch.Add(time.Hour), 100)
		if len(again) != 1 || again[0].UD[0] != 8 || again[0].NextAt != epoch.Add(time.Second) {
			l.Errorf("%d due again: %+v", len(again), again)
		}
	})
}

// A lazy outcome is in the database after the next commit, or after Close.
func TestLazyOutcomes(t *testing.T) {
	onBoth(t, func(l *lab) {
		r := l.accept(newTx())
		l.RecordOutcomesLazy(outcomes(store.SegAccepted, r.Dispatched.Segments[0]))
		l.RecordOutcomesLazy(outcomes(store.SegAccepted, r.Dispatched.Segments[1]))
		l.reopen()
		l.wantState(r.Tx.ID, mssp.Waiting)
		l.RecordOutcomesLazy(nil)
	})
}

func TestReport(t *testing.T) {
	onBoth(t, func(l *lab) {
		asked := func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
			s, err := seal(tx, ks)
			for i := range s.Segments {
				s.Segments[i].Report = true
			}
			return s, err
		}
		r, err := l.Accept(ctx, newTx(), nil, asked)
		l.ok(err)
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments...)))
		rep := bearer.Report{Bearer: "smsc1", MessageID: "m2", Dest: numberA, Delivered: false, Cause: "expired", At: epoch}
		if id, err := l.Reported(ctx, rep); err != nil || id != r.Tx.ID {
			l.Errorf("%q, %v", id, err)
		}
		for name, bad := range map[string]bearer.Report{
			"another bearer":     {Bearer: "modem", MessageID: "m2", Dest: numberA},
			"another message":    {Bearer: "smsc1", MessageID: "m9", Dest: numberA},
			"another number":     {Bearer: "smsc1", MessageID: "m2", Dest: numberB},
			"without message id": {Bearer: "smsc1", Dest: numberA},
		} {
			if id, err := l.Reported(ctx, bad); err != nil || id != "" {
				l.Errorf("%s: %q, %v", name, id, err)
			}
			l.ok(l.Report(ctx, bad))
		}
	})
}

// Supports: F1
func TestRecover(t *testing.T) {
	onBoth(t, func(l *lab) {
		claimed := l.accept(newTx())
		l.accept(newTx()) // waits behind it
		over := newTx()
		over.ICCID = cardB
		ended := l.accept(over)
		l.finish(done(ended.Tx))
		l.reopen()
		rec, err := l.Recover(ctx)
		l.ok(err)
		if rec.Ambiguous != 2 || rec.Open != 2 || len(rec.Idle) != 0 {
			l.Fatalf("%+v", rec)
		}
		if due, err := l.NextDue(ctx, time.Time{}); err != nil || !due.Equal(epoch) {
			l.Errorf("due %v, %v: ambiguous segments are due at once", due, err)
		}
		out := l.claim(epoch, 10)
		if len(out) != 2 || out[0].TxID != claimed.Tx.ID {
			l.Fatalf("%+v", out)
		}
		for i := range out {
			if diff := cmp.Diff(claimed.Dispatched.Segments[i].Segment, out[i].Segment); diff != "" {
				l.Errorf("other octets after a restart: %s", diff)
			}
		}
	})
}

func TestExpiredAndPurge(t *testing.T) {
	onBoth(t, func(l *lab) {
		if due, err := l.NextDue(ctx, time.Time{}); err != nil || !due.IsZero() {
			l.Errorf("an empty store is due at %v, %v", due, err)
		}
		old := l.accept(newTx())
		long := newTx()
		long.Deadline = epoch.Add(time.Hour)
		l.accept(long)
		if due, err := l.NextDue(ctx, time.Time{}); err != nil || !due.Equal(epoch.Add(time.Minute)) {
			l.Errorf("due %v, %v", due, err)
		}
		txs, err := l.Expired(ctx, epoch.Add(59*time.Second), 10)
		l.ok(err)
		if len(txs) != 0 {
			l.Errorf("%d have expired too early", len(txs))
		}
		txs, err = l.Expired(ctx, epoch.Add(time.Minute), 10)
		l.ok(err)
		if len(txs) != 1 || txs[0].ID != old.Tx.ID {
			l.Fatalf("%+v", txs)
		}
		l.finish(store.Finish{TxID: old.Tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction})
		l.saveMO(numberA, store.ConcatRef{Ref: 1, Part: 1, Total: 2}, "x")
		keep, err := l.Purge(ctx, store.Retention{Parts: epoch})
		l.ok(err)
		if keep.Parts != 0 {
			l.Errorf("%+v", keep)
		}
		gone, err := l.Purge(ctx, store.Retention{Parts: epoch.Add(time.Hour)})
		l.ok(err)
		if gone.Parts != 1 || gone.More {
			l.Errorf("%+v", gone)
		}
		l.wantState(long.ID, mssp.Sending)
	})
}
