package store_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// Supports: I7, F12
func TestFinishOnce(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := l.accept(newTx()).Tx
		mo := &bearer.MO{Source: numberA, UDH: []byte{2, 0x71, 0}, UD: []byte("answer"), ReceivedAt: epoch}
		f := done(tx)
		f.MO, f.Detail, f.At = mo, "well", epoch.Add(2*time.Second)
		r := l.finish(f)
		if !r.Applied || r.Tx.State != mssp.Done || r.Tx.Status != mssp.Signature || !r.Tx.FinishedAt.Equal(f.At) {
			l.Fatalf("%+v", r)
		}
		if diff := cmp.Diff(r.Tx, l.wantState(tx.ID, mssp.Done)); diff != "" {
			l.Errorf("answered and stored differ: %s", diff)
		}
		for _, c := range []struct {
			name string
			f    store.Finish
			redo bool
		}{
			{"the same answer again", store.Finish{Event: mssp.EventAnswered, Status: mssp.Signature, MO: mo}, true},
			{"another answer", store.Finish{Event: mssp.EventRefused, Status: mssp.UserCancel, MO: &bearer.MO{Source: numberA, UD: []byte("other")}}, false},
			{"same octets from another phone", store.Finish{Event: mssp.EventAnswered, MO: &bearer.MO{Source: numberB, UDH: mo.UDH, UD: mo.UD}}, false},
			{"border of header and data", store.Finish{Event: mssp.EventAnswered, MO: &bearer.MO{Source: numberA, UDH: []byte{2, 0x71}, UD: append([]byte{0}, mo.UD...)}}, false},
			{"a late time-out", store.Finish{Event: mssp.EventExpired, Status: mssp.ExpiredTransaction}, false},
		} {
			c.f.TxID = tx.ID
			again := l.finish(c.f)
			if again.Applied || again.Redelivered != c.redo {
				l.Errorf("%s: applied %v, redelivered %v", c.name, again.Applied, again.Redelivered)
			}
			if diff := cmp.Diff(r.Tx, again.Tx); diff != "" {
				l.Errorf("%s changed the transaction: %s", c.name, diff)
			}
		}
		_, err := l.Finish(ctx, store.Finish{TxID: "h0", Event: mssp.EventAnswered}, seal)
		l.wantErr("unknown transaction", err, store.ErrNotFound)
		if _, err := l.Finish(ctx, store.Finish{TxID: tx.ID, Event: mssp.EventSent}, seal); err == nil {
			l.Error("an event that ends nothing is taken")
		}
	})
}

// The first of two ends that race stands, and one of them only.
//
// Supports: I7
func TestFinishRace(t *testing.T) {
	onBoth(t, func(l *lab) {
		for range 10 {
			tx := l.accept(newTx()).Tx
			applied := make(chan bool, 4)
			for i := range cap(applied) {
				go func() {
					f := store.Finish{TxID: tx.ID, Event: mssp.EventAnswered, At: epoch}
					if i%2 == 0 {
						f.Event, f.Status = mssp.EventExpired, mssp.ExpiredTransaction
					}
					r, err := l.Finish(ctx, f, seal)
					if err != nil {
						l.Error(err)
					}
					applied <- r.Applied
				}()
			}
			n := 0
			for range cap(applied) {
				if <-applied {
					n++
				}
			}
			if n != 1 {
				l.Fatalf("applied %d times", n)
			}
		}
	})
}

// What the answer proved is in the same commit.
func TestFinishStoresFacts(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := l.accept(newTx()).Tx
		card, err := l.Card(ctx, cardA)
		l.ok(err)
		card.CodeSet, card.Blocked, card.BadPoR = [2]bool{true, true}, [2]bool{false, true}, 3
		key := mssp.KeyPair{ICCID: cardA, Slot: 2, Usage: mssp.NonRepudiation, Algorithm: 1, State: mssp.KeyRegistered, PublicKey: []byte{4, 5}, Serial: "0a"}
		text := bearer.Segment{Dest: numberA, UD: []byte("done"), Report: true}
		f := done(tx)
		f.Card, f.Keys, f.Notices = &card, []mssp.KeyPair{key}, []store.Notice{{Kind: notice.Blocked, About: "a", Text: []bearer.Segment{text, text}}, {Kind: notice.Blocked, About: "a", Text: []bearer.Segment{text}}}
		r := l.finish(f)
		if len(r.Texts) != 2 || r.Texts[0].ID == 0 || r.Texts[1].ID == r.Texts[0].ID || r.Texts[1].Part != 2 || r.Texts[0].State != store.SegQueued {
			l.Errorf("texts: %+v", r.Texts)
		}
		got, err := l.Card(ctx, cardA)
		l.ok(err)
		card.Version++
		if diff := cmp.Diff(card, got); diff != "" {
			l.Errorf("card: %s", diff)
		}
		key.UpdatedAt, key.Version = epoch.Add(time.Second), 1
		ks, err := l.KeyPairs(ctx, cardA)
		l.ok(err)
		if diff := cmp.Diff([]mssp.KeyPair{key}, ks); diff != "" {
			l.Errorf("key pairs: %s", diff)
		}
		// A Finish that is not applied changes no fact either (I6).
		late := done(tx)
		card.BadPoR, key.State = 99, mssp.KeyDeleted
		late.Card, late.Keys, late.Notices = &card, []mssp.KeyPair{key}, []store.Notice{{Kind: notice.Late, Text: []bearer.Segment{text}}}
		if r := l.finish(late); r.Applied || len(r.Texts) != 0 {
			l.Errorf("%+v", r)
		}
		if got, _ := l.Card(ctx, cardA); got.BadPoR != 3 {
			l.Errorf("a late answer changed the card: %+v", got)
		}
	})
}

// Finish consumes a joined answer in its commit, applied or not.
//
// Supports: F11, I6
func TestFinishConsumesJoined(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := l.accept(newTx()).Tx
		for i := range 2 {
			ref := store.ConcatRef{Ref: uint16(i), Total: 2}
			var j *store.Joined
			for ref.Part = 1; ref.Part <= 2; ref.Part++ {
				j = l.saveMO(numberA, ref, "x").Complete
			}
			f := done(tx)
			f.Joined = j.ID
			if r := l.finish(f); r.Applied != (i == 0) {
				l.Errorf("applied %v", r.Applied)
			}
			if js, err := l.PendingMO(ctx); err != nil || len(js) != 0 {
				l.Errorf("%d answers pend, %v", len(js), err)
			}
		}
	})
}

func TestMarkPrompted(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := l.accept(newTx()).Tx
		waits := l.accept(newTx()).Tx
		for range 2 {
			l.ok(l.MarkPrompted(ctx, tx.ID))
			l.wantState(tx.ID, mssp.Prompted)
		}
		l.wantErr("a prompt before a packet", l.MarkPrompted(ctx, waits.ID), mssp.ErrEvent)
		l.wantState(waits.ID, mssp.Queued)
		l.finish(done(tx))
		l.ok(l.MarkPrompted(ctx, tx.ID))
		l.wantState(tx.ID, mssp.Done)
	})
}

func TestLargeAnswer(t *testing.T) {
	onBoth(t, func(l *lab) {
		f := done(l.accept(newTx()).Tx)
		f.Result = bytes.Repeat([]byte{0, 1, 0xFF}, 100000)
		if got := l.finish(f).Tx.Result; !bytes.Equal(got, f.Result) {
			l.Errorf("%d octets came back", len(got))
		}
	})
}
