package store_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// How far a transaction has come, from its acceptance on: behind another one,
// without a receipt asked for, with one that has not come, and with one that has.
func TestReach(t *testing.T) {
	onBoth(t, func(l *lab) {
		reach := func(id mssp.TransID, want mssp.Reach) {
			l.Helper()
			tx := l.transaction(id)
			if got, err := l.Reach(ctx, &tx); err != nil || got != want {
				l.Errorf("%s: %s, want %s, %v", tx.State, got, want, err)
			}
		}
		taken := func(id mssp.TransID) {
			segs, err := l.Segments(ctx, id)
			l.ok(err)
			for i := range segs {
				l.ok(l.RecordOutcomes(ctx, []store.SegmentOutcome{{ID: segs[i].ID, State: store.SegAccepted, Route: "r", MessageID: string(id)}}))
			}
		}
		asking := func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
			s, err := seal(tx, ks)
			for i := range s.Segments {
				s.Segments[i].Report = true
			}
			return s, err
		}
		first, second := l.accept(newTx()).Tx.ID, l.accept(newTx()).Tx.ID
		reach(first, mssp.ReachUnsent)
		reach(second, mssp.ReachQueued)
		taken(first)
		reach(first, mssp.ReachSent)
		_, err := l.Finish(ctx, store.Finish{TxID: first, Event: mssp.EventExpired, At: epoch}, asking)
		l.ok(err)
		taken(second)
		reach(second, mssp.ReachOff)
		_, err = l.Reported(ctx, bearer.Report{Bearer: "r", MessageID: string(second), Dest: numberA, Delivered: true, At: epoch.Add(time.Second)})
		l.ok(err)
		reach(second, mssp.ReachDelivered)
		l.ok(l.MarkPrompted(ctx, second))
		reach(second, mssp.ReachShown)
	})
}
