package store_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
)

// ordered is a request to a user, sealed in two segments.
func (l *lab) ordered(u mssp.Subscriber, by store.SealFunc) store.AcceptResult {
	l.Helper()
	r, err := l.Accept(ctx, mssp.Transaction{
		ID: mssp.TransID(fresh("leaves-%d")), Kind: mssp.KindSign, MSISDN: u.MSISDN, ICCID: u.ICCID, CreatedAt: epoch, Deadline: epoch.Add(time.Hour),
	}, nil, by)
	l.ok(err)
	return r
}

// wantNoneDue: nothing waits in the outbox, now or later.
func (l *lab) wantNoneDue() {
	l.Helper()
	for _, after := range []time.Duration{0, time.Minute, time.Hour} {
		if out := l.claim(epoch.Add(after), 100); len(out) > 0 {
			l.Errorf("after %v %d segments leave", after, len(out))
		}
	}
}

// As long as a bearer has a segment for a card, its user keeps that card: nothing has changed,
// whether it was sent at once or claimed from the outbox, and whether its request has ended
// or not. Once it is settled he may leave, and nothing leaves after that.
//
// Supports: 5.5-1
func TestMoveWhileUnderWay(t *testing.T) {
	onBoth(t, func(l *lab) {
		u, to := l.certified(), l.freshCard()
		refused := func(what string) {
			l.Helper()
			_, _, err := l.MoveToCard(ctx, u.MSISDN, to, leavesCard)
			l.wantErr(what, err, store.ErrUnderWay)
			sub, _, _, err := l.Lookup(ctx, u.MSISDN)
			l.ok(err)
			if sub.ICCID != u.ICCID || sub.Version != u.Version+1 {
				l.Errorf("%s: %+v", what, sub)
			}
		}
		first := l.ordered(u, seal)
		second := l.ordered(u, seal)
		refused("just sealed")
		segs := first.Dispatched.Segments
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAmbiguous, segs[0])))
		refused("one of two is settled")
		l.wantState(first.Tx.ID, mssp.Sending)
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegQueued, segs[1])))
		again := l.claim(epoch, 1)
		refused("claimed once more")
		if due := l.claim(epoch, 10); len(due) != 1 { // what was refused has dropped nothing
			l.Fatalf("%+v", due)
		} else {
			again = append(again, due...)
		}
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegQueued, again[0])))
		l.finish(store.Finish{TxID: first.Tx.ID, Event: mssp.EventCancelled, Status: mssp.UserCancel})
		next, err := l.Segments(ctx, second.Tx.ID) // it is the card's turn
		l.ok(err)
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegQueued, next...)))
		refused("the request has ended meanwhile")
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAmbiguous, again[1])))
		_, ended, err := l.MoveToCard(ctx, u.MSISDN, to, leavesCard)
		l.ok(err)
		if len(ended) != 1 {
			l.Errorf("%+v", ended)
		}
		l.wantNoneDue()
	})
}

// What has lost its outcome a while ago keeps nobody from another card, and what a process
// that is no more had sent is no more under way.
//
// Supports: 5.5-1
func TestMoveAfterLoss(t *testing.T) {
	onBoth(t, func(l *lab) {
		u := l.certified()
		r := l.ordered(u, seal)
		l.finish(store.Finish{TxID: r.Tx.ID, Event: mssp.EventCancelled, Status: mssp.UserCancel, At: epoch.Add(-10 * time.Minute)})
		_, _, err := l.MoveToCard(ctx, u.MSISDN, l.freshCard(), leavesCard)
		l.ok(err)

		u = l.certified()
		r = l.ordered(u, seal)
		l.finish(store.Finish{TxID: r.Tx.ID, Event: mssp.EventCancelled, Status: mssp.UserCancel})
		l.reopen()
		_, err = l.Recover(ctx)
		l.ok(err)
		l.wantSegments(r.Tx.ID, store.SegSent) // nobody asks what became of it
		_, _, err = l.MoveToCard(ctx, u.MSISDN, l.freshCard(), leavesCard)
		l.ok(err)
		l.wantNoneDue()
	})
}

// What another box hands to its bearers counts, as long as it lives.
//
// Supports: 5.5-1
func TestMoveBesideAnotherBox(t *testing.T) {
	one, two, a, _, _ := twoBoxes(t)
	one.ok(one.AddSubscriber(ctx, mssp.Subscriber{MSISDN: a.MSISDN, ICCID: a.ICCID, State: mssp.SubscriberActive}))
	to := two.freshCard()
	_, _, err := two.MoveToCard(ctx, a.MSISDN, to, leavesCard)
	two.wantErr("the other box sends", err, store.ErrUnderWay)
	storetest.Cut(t, one.dsn, "one")
	_, err = two.TakeOver(ctx)
	two.ok(err)
	_, ended, err := two.MoveToCard(ctx, a.MSISDN, to, leavesCard)
	two.ok(err)
	if len(ended) != 2 {
		t.Errorf("%+v", ended)
	}
	for _, s := range two.claim(epoch.Add(time.Second), 100) {
		if s.ICCID == a.ICCID {
			t.Errorf("leaves: %+v", s)
		}
	}
}

// Who leaves with his card ends what is open there, in the same commit: who waits is told,
// and nothing is sent again, also of what a bearer had just then. An error leaves it.
//
// Supports: 5.6-1
func TestVacated(t *testing.T) {
	onBoth(t, func(l *lab) {
		u := l.certified()
		atCard, behind := l.ordered(u, seal), l.ordered(u, seal)
		gone := func(s *store.Situation) error {
			s.Vacated = true
			return nil
		}
		_, _, err := l.ChangeSituation(ctx, u.MSISDN, func(s *store.Situation) error {
			_ = gone(s)
			return store.ErrChanged
		})
		l.wantErr("refused", err, store.ErrChanged)
		l.wantState(atCard.Tx.ID, mssp.Sending)
		sit, _, err := l.ChangeSituation(ctx, u.MSISDN, gone)
		l.ok(err)
		if len(sit.Ended) != 2 {
			l.Fatalf("%+v", sit.Ended)
		}
		for _, r := range []store.AcceptResult{atCard, behind} {
			if tx := l.wantState(r.Tx.ID, mssp.Failed); tx.Status != mssp.NoKeyFound || tx.EndedBy != "simsign user unregister" {
				l.Errorf("%+v", tx)
			}
		}
		l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAmbiguous, atCard.Dispatched.Segments...)))
		l.wantNoneDue()
		if _, c, _, err := l.Lookup(ctx, u.MSISDN); err != nil || c.ICCID != u.ICCID {
			l.Errorf("%+v, %v", c, err)
		}
		sit, _, err = l.ChangeSituation(ctx, u.MSISDN, gone) // nothing is left
		l.ok(err)
		if len(sit.Ended) != 0 {
			l.Errorf("%+v", sit.Ended)
		}
	})
}
