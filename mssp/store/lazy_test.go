package store_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	lib "modernc.org/sqlite/lib"
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

// Outcomes that the machine did not take wait a second and are stored then, in their
// order; a job that comes sooner takes them along. Whoever is told that the store has
// stopped needs none of them: its segments are ambiguous at the next start.
//
// Supports: F3, F9
func TestRefusedOutcomesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "simsign.db")
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, path)
		var tries atomic.Int64
		var taken atomic.Bool
		l.Refuse(func(sql string) error {
			if strings.HasPrefix(sql, "UPDATE segment SET state") {
				if tries.Add(1); !taken.Load() {
					return store.SQLiteError(lib.SQLITE_NOMEM)
				}
			}
			return nil
		})
		lazy := func(d *store.Dispatched, route string) {
			o := outcomes(store.SegAccepted, d.Segments...)
			for i := range o {
				o[i].Route = route
			}
			l.RecordOutcomesLazy(o)
		}
		wait := func(d time.Duration) {
			time.Sleep(d) // of the bubble
			synctest.Wait()
		}
		stored := func(d *store.Dispatched, route string, after int) {
			t.Helper()
			segs, err := l.Segments(ctx, d.Tx.ID)
			l.ok(err)
			for _, s := range segs {
				if s.Route != route || tries.Load() != int64(after) {
					t.Errorf("by %q after %d tries, want %q after %d", s.Route, tries.Load(), route, after)
				}
			}
		}
		d := l.accept(newTx()).Dispatched
		lazy(d, "first")
		wait(21 * time.Millisecond)
		stored(d, "", 1)
		lazy(d, "second") // says something else; the first counts
		taken.Store(true)
		wait(970 * time.Millisecond)
		stored(d, "", 1)
		wait(30 * time.Millisecond)
		stored(d, "first", 1+2*len(d.Segments))
		wait(10 * time.Second)
		stored(d, "first", 1+2*len(d.Segments)) // once

		l.finish(done(d.Tx))
		d = l.accept(newTx()).Dispatched
		tries.Store(0)
		taken.Store(false)
		lazy(d, "third")
		wait(21 * time.Millisecond)
		taken.Store(true)
		l.ok(l.SetMeta(ctx, "x", nil))
		stored(d, "third", 1+len(d.Segments))
	})
}

// Outcomes are kept as long as they are not too many, and as long as the store goes on.
func TestKeptOutcomesHaveABound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "simsign.db")
	synctest.Test(t, func(t *testing.T) { // their time does not come meanwhile
		l := newLab(t, path)
		o := make([]store.SegmentOutcome, 1<<16+1)
		for _, c := range []struct {
			n    int
			kept bool
		}{{1<<16 + 1, false}, {1, true}, {1 << 16, false}, {99, true}} {
			if kept := l.KeepOutcomesOfFile(o[:c.n]); kept != c.kept {
				t.Errorf("%d more: %v", c.n, kept)
			}
		}
		l.ok(l.Close())
		if l.KeepOutcomesOfFile(o[:1]) {
			t.Error("kept once it is closed")
		}
		l.open()
	})
}
