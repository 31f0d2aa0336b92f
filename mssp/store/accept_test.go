package store_test

import (
	"bytes"
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

// Covers: F1, I3
func TestAcceptDispatches(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := newTx()
		r := l.accept(tx)
		if r.Duplicate || r.Ahead != 0 || r.Dispatched == nil || r.Tx.State != mssp.Sending || r.Tx.Attempt != 1 {
			l.Fatalf("%+v", r)
		}
		stored := l.wantState(tx.ID, mssp.Sending)
		if diff := cmp.Diff(r.Tx, stored); diff != "" {
			l.Errorf("answered and stored differ: %s", diff)
		}
		if diff := cmp.Diff(r.Dispatched.Tx, stored); diff != "" {
			l.Errorf("dispatched and stored differ: %s", diff)
		}
		segs, err := l.Segments(ctx, tx.ID)
		l.ok(err)
		if diff := cmp.Diff(r.Dispatched.Segments, segs); diff != "" || len(segs) != 2 || segs[0].ID == 0 || segs[1].State != store.SegSent {
			l.Errorf("segments: %s", diff)
		}
		ps, err := l.Packets(ctx, tx.ID)
		l.ok(err)
		if diff := cmp.Diff([]store.Packet{r.Dispatched.Packet}, ps); diff != "" {
			l.Errorf("packets: %s", diff)
		}
		got, p, err := l.OpenByPacket(ctx, cardA, p1TAR, 1)
		l.ok(err)
		if got.ID != tx.ID || p != ps[0] {
			l.Errorf("OpenByPacket: %s, %+v", got.ID, p)
		}
		ks, err := l.KeySet(ctx, cardA, 1)
		l.ok(err)
		if !bytes.Equal(ks.Counter, []byte{0, 0, 0, 0, 0, 0, 0, 1}) {
			l.Errorf("counter %x", ks.Counter)
		}
	})
}

var p1TAR = ota.TAR{0xB0, 0, 1}

func TestOpenByPacketRefuses(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.accept(newTx())
		for _, c := range []struct {
			iccid ota.ICCID
			tar   ota.TAR
			cntr  ota.CNTR
		}{{cardB, p1TAR, 1}, {cardA, ota.TAR{1, 2, 3}, 1}, {cardA, p1TAR, 2}, {cardA, p1TAR, 0}} {
			_, _, err := l.OpenByPacket(ctx, c.iccid, c.tar, c.cntr)
			l.wantErr(fmt.Sprint(c), err, store.ErrNotFound)
		}
	})
}

// Covers: I12
func TestAcceptTwice(t *testing.T) {
	onBoth(t, func(l *lab) {
		first := l.accept(newTx())
		again := newTx()
		again.APTransID, again.RequestHash = first.Tx.APTransID, []byte{9}
		for range 2 { // at the busy card, then at the idle one
			r := l.accept(again)
			if !r.Duplicate || r.Tx.ID != first.Tx.ID || r.Dispatched != nil || !bytes.Equal(r.Tx.RequestHash, []byte{1, 2, 3}) {
				l.Fatalf("%+v", r)
			}
			l.finish(done(first.Tx))
		}
		// The place at the card was given back.
		if r := l.accept(newTx()); r.Dispatched == nil {
			l.Error("the card is not idle after a duplicate")
		}
		other := newTx()
		other.AP, other.APTransID = "https://shop.example", first.Tx.APTransID
		if r := l.accept(other); r.Duplicate {
			l.Error("the AP_TransID of another AP counts")
		}
		same := newTx()
		same.ID = first.Tx.ID
		_, err := l.Accept(ctx, same, seal)
		l.wantErr("the same MSSP_TransID", err, store.ErrExists)
		for range 2 { // the operator's own have no AP
			own := newTx()
			own.AP, own.APTransID, own.ICCID = "", "", cardB
			if r := l.accept(own); r.Duplicate {
				l.Error("two transactions without AP are the same")
			}
		}
	})
}

func TestAcceptRefuses(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := newTx()
		tx.ICCID = "8941010000000000999"
		_, err := l.Accept(ctx, tx, seal)
		l.wantErr("unknown card", err, store.ErrNotFound)

		broken := errors.New("out of order")
		_, err = l.Accept(ctx, newTx(), func(*mssp.Transaction, mssp.KeySet) (store.Sealed, error) { return store.Sealed{}, broken })
		l.wantErr("a SealFunc that fails", err, broken)
		_, err = l.Accept(ctx, newTx(), func(*mssp.Transaction, mssp.KeySet) (store.Sealed, error) { return store.Sealed{}, nil })
		if err == nil {
			l.Error("an empty packet is accepted")
		}
		l.ok(l.PutCard(ctx, mssp.Card{ICCID: "8941010000000000777"}))
		tx.ICCID = "8941010000000000777"
		_, err = l.Accept(ctx, tx, seal)
		l.wantErr("card without keys", err, store.ErrNotFound)
		if txs, err := l.Transactions(ctx, store.TransactionFilter{}); err != nil || len(txs) != 0 {
			l.Errorf("%d transactions are stored, %v", len(txs), err)
		}
		ended, cancel := cancelled()
		cancel()
		_, err = l.Accept(ended, newTx(), seal)
		if err == nil {
			l.Error("a job whose context has ended is run")
		}
	})
}

// A fault of the SealFunc is an answer: stored, final, and the card goes on.
func TestAcceptFault(t *testing.T) {
	onBoth(t, func(l *lab) {
		odd := newTx()
		odd.AppletTxn |= 1
		r, err := l.Accept(ctx, odd, refuseOdd)
		l.ok(err)
		if r.Tx.State != mssp.Failed || r.Tx.Status != mssp.OTAError || r.Dispatched != nil {
			l.Fatalf("%+v", r)
		}
		tx := l.wantState(odd.ID, mssp.Failed)
		if tx.Detail != errFault.Detail || !tx.FinishedAt.Equal(epoch) || tx.Attempt != 0 {
			l.Errorf("%+v", tx)
		}
		if r := l.accept(newTx()); r.Dispatched == nil {
			l.Error("the card is not idle after a refused packet")
		}
	})
}

// Covers: 3.5.3-4, I4
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
		l.finish(done(txs[3])) // one in the middle of the queue expires
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

// Many callers at the same cards: one answer for each AP_TransID, one
// transaction at a card, each counter once.
//
// Covers: F10, I3, I4, I12, 3.5.3-4
func TestConcurrentCallers(t *testing.T) {
	onBoth(t, func(l *lab) {
		const callers, each = 8, 12
		var wg sync.WaitGroup
		var mu sync.Mutex
		accepted := map[string]int{}
		counters := map[string]int{}
		atCard := map[ota.ICCID]int{}
		var last = map[ota.ICCID]int64{}
		dispatch := func(d *store.Dispatched) { // with mu
			if d == nil {
				return
			}
			counters[fmt.Sprint(d.Packet.ICCID, d.Packet.KVN, d.Packet.CNTR)]++
			if atCard[d.Tx.ICCID]++; atCard[d.Tx.ICCID] > 1 {
				l.Error("two transactions at one card")
			}
			if d.Tx.Seq < last[d.Tx.ICCID] {
				l.Error("a later transaction went first")
			}
			last[d.Tx.ICCID] = d.Tx.Seq
		}
		// run finishes d and what comes after it.
		var run func(d *store.Dispatched)
		run = func(d *store.Dispatched) {
			for d != nil {
				mu.Lock()
				atCard[d.Tx.ICCID]--
				r, err := l.Finish(ctx, store.Finish{TxID: d.Tx.ID, State: mssp.Done, At: epoch}, seal)
				if err != nil || !r.Applied {
					l.Error(r.Applied, err)
				}
				dispatch(r.Next)
				mu.Unlock()
				d = r.Next
			}
		}
		for c := range callers {
			wg.Go(func() {
				for i := range each {
					tx := newTx()
					tx.APTransID = fmt.Sprintf("shared-%d", i*2+c%2) // four callers for each
					if i%3 == 0 {
						tx.ICCID = cardB
					}
					mu.Lock() // the checks need to know the order
					r, err := l.Accept(ctx, tx, seal)
					if err != nil {
						l.Error(err)
					} else if !r.Duplicate {
						accepted[tx.APTransID]++
						dispatch(r.Dispatched)
					}
					mu.Unlock()
					run(r.Dispatched)
				}
			})
		}
		wg.Wait()
		for id, n := range accepted {
			if n != 1 {
				l.Errorf("%s accepted %d times", id, n)
			}
		}
		for c, n := range counters {
			if n != 1 {
				l.Errorf("counter %s burned %d times", c, n)
			}
		}
		if len(accepted) != each*2 || len(counters) != each*2 {
			l.Errorf("%d accepted, %d packets, want %d", len(accepted), len(counters), each*2)
		}
	})
}

// The same without order: nothing but the database serialises.
//
// Covers: I3, I12
func TestConcurrentRace(t *testing.T) {
	onBoth(t, func(l *lab) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		firsts := map[string]int{}
		for c := range 8 {
			wg.Go(func() {
				for i := range 10 {
					tx := newTx()
					tx.APTransID = fmt.Sprintf("race-%d", i)
					if c%2 == 0 {
						tx.ICCID = cardB
					}
					r, err := l.Accept(ctx, tx, seal)
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
						f, err := l.Finish(ctx, store.Finish{TxID: d.Tx.ID, State: mssp.Done, At: epoch}, seal)
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
		d, err = l.Reattempt(ctx, first.Tx.ID, seal)
		l.ok(err)
		segs, err := l.Segments(ctx, first.Tx.ID)
		l.ok(err)
		if len(segs) != 6 || segs[2].State != store.SegDropped || segs[4].CNTR != 3 {
			l.Errorf("segments of the earlier attempt still wait: %+v", segs)
		}
		for cntr := range ota.CNTR(3) { // an answer to any attempt is recognised
			if tx, p, err := l.OpenByPacket(ctx, cardA, p1TAR, cntr+1); err != nil || tx.ID != first.Tx.ID || p.Attempt != int(cntr)+1 {
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

func refuse(*mssp.Transaction, mssp.KeySet) (store.Sealed, error) { return store.Sealed{}, errFault }

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
		tx, p, err := l.OpenByPacket(ctx, cardA, p1TAR, 1)
		l.ok(err)
		if tx.ID != r.Tx.ID || p.KVN != 2 {
			l.Errorf("%+v", p)
		}
		err = l.ImportCard(ctx, card, []mssp.KeySet{newer})
		l.wantErr("import over a counter", err, store.ErrExists)
	})
}
