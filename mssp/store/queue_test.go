package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// Supports: 3.5.3-4, I4
func TestQueueIsFirstInFirstOut(t *testing.T) {
	onBoth(t, func(l *lab) {
		var txs []mssp.Transaction
		for i := range 5 {
			r := l.accept(newTx())
			if r.Ahead != i || (r.Dispatched != nil) != (i == 0) {
				l.Fatalf("transaction %d: %d ahead, dispatched %v", i, r.Ahead, r.Dispatched != nil)
			}
			txs = append(txs, r.Tx)
		}
		other := newTx()
		other.ICCID = cardB
		if r := l.accept(other); r.Dispatched == nil {
			l.Error("another card waits for this one")
		}
		// One in the middle of the queue expires.
		l.finish(store.Finish{TxID: txs[3].ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction})
		for i, next := range []int{1, 2, 4} {
			r := l.finish(done(txs[[]int{0, 1, 2}[i]]))
			if r.Next == nil || r.Next.Tx.ID != txs[next].ID || r.Next.Packet.CNTR != ota.CNTR(i+2) || len(r.Next.Segments) != 2 {
				l.Fatalf("after %d: %+v", i, r.Next)
			}
			l.wantState(txs[next].ID, mssp.Sending)
		}
		if r := l.finish(done(txs[4])); r.Next != nil {
			l.Errorf("the queue is empty, next is %+v", r.Next)
		}
	})
}

// The queue passes over what cannot be sealed.
func TestQueueSkipsFaults(t *testing.T) {
	onBoth(t, func(l *lab) {
		first := l.accept(newTx())
		bad := make([]mssp.Transaction, 2)
		for i := range bad {
			bad[i] = newTx()
			bad[i].AppletTxn |= 1
			l.accept(bad[i])
		}
		good := l.accept(newTx())
		f := done(first.Tx)
		f.At = epoch
		r, err := l.Finish(ctx, f, refuseOdd)
		l.ok(err)
		if len(r.Failed) != 2 || r.Failed[0].ID != bad[0].ID || r.Next == nil || r.Next.Tx.ID != good.Tx.ID {
			l.Fatalf("%+v", r)
		}
		for _, tx := range bad {
			if got := l.wantState(tx.ID, mssp.Failed); got.Status != mssp.OTAError {
				l.Errorf("status %d", got.Status)
			}
		}
		last := newTx()
		last.AppletTxn |= 1
		l.accept(last)
		r, err = l.Finish(ctx, done(good.Tx), refuseOdd)
		l.ok(err)
		if len(r.Failed) != 1 || r.Next != nil {
			l.Fatalf("%+v", r)
		}
		if r := l.accept(newTx()); r.Dispatched == nil {
			l.Error("the card is not idle after the last of its queue has failed")
		}
	})
}

// witness watches what is dispatched: one transaction at a card, the earlier
// first, each counter once.
type witness struct {
	*lab
	mu       sync.Mutex
	atCard   map[ota.ICCID]int
	last     map[ota.ICCID]int64
	counters map[string]bool
}

// sees a dispatched packet; w.mu is held since the call that dispatched it.
func (w *witness) sees(d *store.Dispatched) {
	if d == nil {
		return
	}
	card, c := d.Tx.ICCID, fmt.Sprint(d.Packet.ICCID, d.Packet.KVN, d.Packet.CNTR)
	if w.atCard[card]++; w.atCard[card] > 1 {
		w.Error("two transactions at one card")
	}
	if d.Tx.Seq < w.last[card] {
		w.Error("a later transaction went first")
	}
	if w.counters[c] {
		w.Errorf("counter %s is burned twice", c)
	}
	w.last[card], w.counters[c] = d.Tx.Seq, true
}

// run finishes d and everything that comes to the card after it.
func (w *witness) run(d *store.Dispatched) {
	for d != nil {
		w.mu.Lock()
		w.atCard[d.Tx.ICCID]--
		r, err := w.Finish(ctx, done(d.Tx), seal)
		if err != nil || !r.Applied {
			w.Error(r.Applied, err)
		}
		w.sees(r.Next)
		w.mu.Unlock()
		d = r.Next
	}
}

// Supports: 3.5.3-4, I3, I4
func TestManyCallersInOrder(t *testing.T) {
	onBoth(t, func(l *lab) {
		w := &witness{lab: l, atCard: map[ota.ICCID]int{}, last: map[ota.ICCID]int64{}, counters: map[string]bool{}}
		const callers, each = 8, 12
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for i := range each {
					tx := newTx()
					if i%3 == 0 {
						tx.ICCID = cardB
					}
					w.mu.Lock() // so that the witness sees things in their order
					r, err := l.Accept(ctx, tx, nil, seal)
					if err != nil {
						l.Error(err)
					}
					w.sees(r.Dispatched)
					w.mu.Unlock()
					w.run(r.Dispatched)
				}
			})
		}
		wg.Wait()
		if len(w.counters) != callers*each {
			l.Errorf("%d packets for %d transactions", len(w.counters), callers*each)
		}
	})
}

// Many callers with the same AP_TransIDs, without order: nothing but the
// database serialises.
//
// Supports: F10, I3, I12
func TestConcurrentRace(t *testing.T) {
	onBoth(t, func(l *lab) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		firsts := map[string]int{}
		for c := range 8 {
			wg.Go(func() {
				for i := range 10 {
					tx := newTx()
					tx.APTransID, tx.Instant = fmt.Sprintf("race-%d", i), 1
					if c%2 == 0 {
						tx.ICCID = cardB
					}
					r, err := l.Accept(ctx, tx, nil, seal)
					if err != nil {
						l.Error(err)
						continue
					}
					if !r.Duplicate {
						mu.Lock()
						firsts[tx.APTransID]++
						mu.Unlock()
					}
					for d := r.Dispatched; d != nil; {
						f, err := l.Finish(ctx, store.Finish{TxID: d.Tx.ID, Event: mssp.EventAnswered, At: epoch}, seal)
						if err != nil || !f.Applied {
							l.Error(f.Applied, err)
						}
						d = f.Next
					}
				}
			})
		}
		wg.Wait()
		for id, n := range firsts {
			if n != 1 {
				l.Errorf("%s was accepted %d times", id, n)
			}
		}
		open, err := l.Transactions(ctx, store.TransactionFilter{Open: true})
		l.ok(err)
		if len(firsts) != 10 || len(open) != 0 {
			l.Errorf("%d accepted, %d left open", len(firsts), len(open))
		}
	})
}

func TestSealNextAndReattempt(t *testing.T) {
	onBoth(t, func(l *lab) {
		first := l.accept(newTx())
		second := l.accept(newTx())
		d, failed, err := l.SealNext(ctx, cardA, epoch, seal)
		if d != nil || failed != nil || err != nil {
			l.Fatalf("the card is busy: %+v, %v", d, err)
		}
		_, err = l.Reattempt(ctx, second.Tx.ID, seal)
		l.wantErr("reattempt of a queued one", err, store.ErrFinal)
		d, err = l.Reattempt(ctx, first.Tx.ID, sealUnclaimed)
		l.ok(err)
		if d.Packet.CNTR != 2 || d.Packet.Attempt != 2 || d.Tx.Attempt != 2 || d.Segments[0].State != store.SegQueued {
			l.Fatalf("%+v", d)
		}
		_, err = l.Reattempt(ctx, first.Tx.ID, seal)
		l.ok(err)
		segs, err := l.Segments(ctx, first.Tx.ID)
		l.ok(err)
		if len(segs) != 6 || segs[2].State != store.SegDropped || segs[4].CNTR != 3 {
			l.Errorf("segments of the earlier attempt still wait: %+v", segs)
		}
		for cntr := range ota.CNTR(3) { // an answer to any attempt is recognised
			if tx, p, err := l.OpenByPacket(ctx, store.Packet{ICCID: cardA, TAR: p1TAR, CNTR: cntr + 1}); err != nil || tx.ID != first.Tx.ID || p.Attempt != int(cntr)+1 {
				l.Errorf("attempt %d: %+v, %v", cntr+1, p, err)
			}
		}
		_, err = l.Reattempt(ctx, first.Tx.ID, refuse)
		var f *mssp.Fault
		if !errors.As(err, &f) || l.wantState(first.Tx.ID, mssp.Sending).Attempt != 3 {
			l.Errorf("a refused attempt: %v", err)
		}
		// Finish without a SealFunc leaves an idle card with a queue.
		fin := done(first.Tx)
		fin.At = epoch
		_, err = l.Finish(ctx, fin, nil)
		l.ok(err)
		rec, err := l.Recover(ctx)
		l.ok(err)
		if diff := cmp.Diff([]ota.ICCID{cardA}, rec.Idle); diff != "" {
			l.Errorf("idle cards: %s", diff)
		}
		d, _, err = l.SealNext(ctx, cardA, epoch.Add(time.Minute), seal)
		l.ok(err)
		if d == nil || d.Tx.ID != second.Tx.ID {
			l.Fatalf("%+v", d)
		}
		_, err = l.Reattempt(ctx, first.Tx.ID, seal)
		l.wantErr("reattempt of a final one", err, store.ErrFinal)
		_, _, err = l.SealNext(ctx, "8941010000000000999", epoch, seal)
		l.wantErr("unknown card", err, store.ErrNotFound)
	})
}

func refuse(*mssp.Transaction, mssp.CardKeys) (store.Sealed, error) { return store.Sealed{}, errFault }

// The key set with the highest version is the one that is used.
func TestHighestKeySet(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.finish(done(l.accept(newTx()).Tx))
		card, err := l.Card(ctx, cardA)
		l.ok(err)
		newer := mssp.KeySet{ICCID: cardA, KVN: 2, Keys: []byte{2}, Counter: make([]byte, 8)}
		l.ok(l.ImportCard(ctx, card, []mssp.KeySet{newer}))
		later := newTx()
		later.CreatedAt = epoch.Add(time.Second)
		r := l.accept(later)
		if p := r.Dispatched.Packet; p.KVN != 2 || p.CNTR != 1 {
			l.Fatalf("%+v", p)
		}
		// Both sets have burned counter 1: the later packet is the one waited for.
		tx, p, err := l.OpenByPacket(ctx, store.Packet{ICCID: cardA, TAR: p1TAR, CNTR: 1})
		l.ok(err)
		if tx.ID != r.Tx.ID || p.KVN != 2 {
			l.Errorf("%+v", p)
		}
		err = l.ImportCard(ctx, card, []mssp.KeySet{newer})
		l.wantErr("import over a counter", err, store.ErrExists)
	})
}
