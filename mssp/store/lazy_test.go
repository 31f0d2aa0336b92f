package store_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// A lazy outcome waits for company, and some 20 ms at most.
func TestLazyOutcomesAreSoon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "simsign.db")
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, path)
		r := l.accept(newTx())
		l.RecordOutcomesLazy(outcomes(store.SegAccepted, r.Dispatched.Segments...))
		time.Sleep(19 * time.Millisecond) // of the bubble
		l.wantState(r.Tx.ID, mssp.Sending)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		l.wantState(r.Tx.ID, mssp.Waiting)

		// Any commit takes them along.
		l.finish(done(r.Tx))
		next := l.accept(newTx())
		l.RecordOutcomesLazy(outcomes(store.SegAccepted, next.Dispatched.Segments...))
		l.ok(l.SetMeta(ctx, "x", nil))
		l.wantState(next.Tx.ID, mssp.Waiting)
	})
}
