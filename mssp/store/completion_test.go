package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
	"github.com/simsign/simsign/ota"
)

// observed is a transaction whose end is told.
func observed() mssp.Transaction {
	tx := newTx()
	tx.Observer = mssp.Observer{Name: "notify", Data: []byte("https://ap.example/done")}
	return tx
}

// told lists what is to be told now.
func (l *lab) told(now time.Time) (ids []mssp.TransID) {
	l.Helper()
	cs, err := l.ClaimCompletions(ctx, "notify", now, now, 10)
	l.ok(err)
	for _, c := range cs {
		ids = append(ids, c.Tx.ID)
		l.ok(l.Told(ctx, c))
	}
	return ids
}

// Whatever ends a transaction, its observer is told, and nobody else's.
func TestEveryEndIsTold(t *testing.T) {
	onBoth(t, func(l *lab) {
		at := epoch.Add(time.Second)
		end := func(tx mssp.Transaction, e mssp.Event) {
			l.finish(store.Finish{TxID: tx.ID, Event: e, Status: mssp.OTAError, At: at})
		}
		for name, run := range map[string]func() mssp.Transaction{
			"answered":  func() mssp.Transaction { tx := l.accept(observed()).Tx; end(tx, mssp.EventAnswered); return tx },
			"refused":   func() mssp.Transaction { tx := l.accept(observed()).Tx; end(tx, mssp.EventRefused); return tx },
			"undeliver": func() mssp.Transaction { tx := l.accept(observed()).Tx; end(tx, mssp.EventUndeliver); return tx },
			"expired":   func() mssp.Transaction { tx := l.accept(observed()).Tx; end(tx, mssp.EventExpired); return tx },
			"turnedaway": func() mssp.Transaction {
				first := l.accept(newTx()).Tx
				tx := l.accept(observed()).Tx
				end(tx, mssp.EventTurnedAway)
				end(first, mssp.EventAnswered)
				return tx
			},
			"expired in the queue": func() mssp.Transaction {
				first := l.accept(newTx()).Tx
				tx := l.accept(observed()).Tx
				end(tx, mssp.EventExpired)
				end(first, mssp.EventAnswered)
				return tx
			},
			"failed at once": func() mssp.Transaction {
				tx := observed()
				tx.AppletTxn = 1
				_, err := l.Accept(ctx, tx, nil, refuseOdd)
				l.ok(err)
				return tx
			},
			"failed at its turn": func() mssp.Transaction {
				first := l.accept(newTx()).Tx
				tx := observed()
				tx.AppletTxn = 1
				l.accept(tx)
				_, err := l.Finish(ctx, store.Finish{TxID: first.ID, Event: mssp.EventAnswered, At: at}, refuseOdd)
				l.ok(err)
				return tx
			},
		} {
			tx := run()
			if got := l.told(at); !slices.Equal(got, []mssp.TransID{tx.ID}) {
				l.Errorf("%s: told %v, want %s", name, got, tx.ID)
			}
		}
		tx := l.accept(newTx()).Tx
		end(tx, mssp.EventAnswered)
		if got := l.told(at); got != nil {
			l.Errorf("nobody observes, and told is %v", got)
		}
	})
}

// What an observer is told is the transaction as it ended, with his data; an
// end that comes second is told to nobody.
func TestToldOnce(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := l.accept(observed()).Tx
		at := epoch.Add(time.Second)
		f := done(tx)
		f.At = at
		ended := l.finish(f).Tx
		f.Event = mssp.EventExpired
		l.finish(f)
		if cs, err := l.ClaimCompletions(ctx, "notify", at.Add(-time.Second), at, 10); err != nil || cs != nil {
			l.Errorf("told before the end: %v, %v", cs, err)
		}
		due, err := l.CompletionDue(ctx, "notify")
		if err != nil || !due.Equal(at) {
			l.Errorf("due %v, %v", due, err)
		}
		cs, err := l.ClaimCompletions(ctx, "notify", at, at.Add(time.Minute), 10)
		l.ok(err)
		if len(cs) != 1 || cs[0].Try != 1 || string(cs[0].Tx.Observer.Data) != "https://ap.example/done" {
			l.Fatalf("%+v", cs)
		}
		if diff := cmp.Diff(ended, cs[0].Tx); diff != "" {
			l.Error(diff)
		}
		l.ok(l.Told(ctx, cs[0]))
		if due, err := l.CompletionDue(ctx, "notify"); err != nil || !due.IsZero() {
			l.Errorf("told, and due again at %v, %v", due, err)
		}
	})
}

// A row is claimed by one, comes back when it failed or when the claim is
// over, and at once when the process that had it is gone.
func TestClaimedCompletion(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.finish(done(l.accept(observed()).Tx))
		at := epoch.Add(time.Second)
		claim := func(now time.Time, try int) store.Completion {
			l.Helper()
			cs, err := l.ClaimCompletions(ctx, "notify", now, now.Add(time.Minute), 10)
			l.ok(err)
			if try == 0 && cs == nil {
				return store.Completion{}
			}
			if len(cs) != 1 || cs[0].Try != try {
				l.Fatalf("claimed %+v, want try %d", cs, try)
			}
			return cs[0]
		}
		c := claim(at, 1)
		claim(at.Add(59*time.Second), 0) // it has a holder
		l.ok(l.RetryCompletion(ctx, c, at.Add(5*time.Second)))
		claim(at.Add(4*time.Second), 0)
		claim(at.Add(5*time.Second), 2)
		claim(at.Add(65*time.Second), 3) // nothing was heard of the second
		_, err := l.FreeCompletions(ctx, at.Add(66*time.Second), false)
		l.ok(err)
		claim(at.Add(66*time.Second), 0) // whoever has it is alive
		l.reopen()
		claim(at.Add(66*time.Second), 0)
		waiting, err := l.FreeCompletions(ctx, at.Add(66*time.Second), true)
		if err != nil || !slices.Equal(waiting, []string{"notify"}) {
			l.Errorf("%v, %v", waiting, err)
		}
		c = claim(at.Add(66*time.Second), 4)
		l.ok(l.Told(ctx, c))
		claim(at.Add(time.Hour), 0)
	})
}

// What a box was telling when it died is due at once for whoever takes over.
// What the living are telling, this box too, is theirs.
func TestCompletionsOfTheDead(t *testing.T) {
	one, two, a, _, b := twoBoxes(t)
	for _, l := range []*lab{one, two} {
		tx := observed()
		tx.ICCID = map[*lab]ota.ICCID{one: cardA, two: cardB}[l]
		l.accept(tx)
	}
	one.finish(done(a))
	two.finish(done(b))
	var at time.Time
	claim := func(l *lab, limit, want int) {
		l.Helper()
		cs, err := l.ClaimCompletions(ctx, "notify", at, at.Add(time.Minute), limit)
		l.ok(err)
		if len(cs) != want {
			l.Fatalf("%d are to be told, want %d", len(cs), want)
		}
	}
	txs, err := two.Transactions(ctx, store.TransactionFilter{Open: true})
	two.ok(err)
	for _, tx := range txs {
		two.finish(store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction})
	}
	at = epoch.Add(time.Hour)
	claim(one, 1, 1)
	claim(two, 10, 1)
	free := func() {
		two.Helper()
		_, err := two.FreeCompletions(ctx, at, false)
		two.ok(err)
	}
	free()
	claim(two, 10, 0)
	storetest.Cut(t, two.dsn, "one")
	rec, err := two.TakeOver(ctx)
	two.ok(err)
	if len(rec.Dead) != 1 {
		t.Fatalf("%+v", rec)
	}
	free()
	claim(two, 10, 1)
}

// Observers that nobody asks for keep what they have to be told, and retention
// does not take the transaction from under it.
func TestUnknownObserver(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := observed()
		tx.Observer.Name = "roaming"
		l.accept(tx)
		l.finish(done(tx))
		if got := l.told(epoch.Add(time.Hour)); got != nil {
			l.Errorf("told %v", got)
		}
		known := observed() // of one who has something to hear too
		l.accept(known)
		l.finish(done(known))
		if got := l.told(epoch.Add(time.Hour)); !slices.Equal(got, []mssp.TransID{known.ID}) {
			l.Errorf("told %v, want %s", got, known.ID)
		}
		l.ok(l.Told(ctx, store.Completion{Tx: l.transaction(known.ID)}))
		if due, err := l.CompletionDue(ctx, "notify"); err != nil || !due.IsZero() {
			l.Errorf("due %v, %v", due, err)
		}
		old := store.Retention{Signatures: epoch.Add(time.Hour)}
		if gone, _, err := l.Erase(ctx, old, l.turn()); err != nil || gone[mssp.Signatures] != 1 {
			l.Errorf("%v, %v: that of the known one has to go, and no other", gone, err)
		}
		cs, err := l.ClaimCompletions(ctx, "roaming", epoch.Add(time.Hour), epoch.Add(2*time.Hour), 10)
		l.ok(err)
		if len(cs) != 1 || cs[0].Tx.ID != tx.ID || len(cs[0].Tx.Result) == 0 {
			l.Fatalf("%+v", cs)
		}
		l.ok(l.Told(ctx, cs[0]))
		if gone, _, err := l.Erase(ctx, old, l.turn()); err != nil || gone[mssp.Signatures] != 1 {
			l.Errorf("%v, %v", gone, err)
		}
	})
}

// Many who claim at once share what is due: no row has two holders.
func TestClaimedByOne(t *testing.T) {
	onBoth(t, func(l *lab) {
		const n = 60
		for range n {
			l.finish(done(l.accept(observed()).Tx))
		}
		at := epoch.Add(time.Second)
		claimed := make(chan mssp.TransID, 8*n)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					cs, err := l.ClaimCompletions(ctx, "notify", at, at.Add(time.Minute), 3)
					if err != nil {
						l.Error(err)
					}
					if len(cs) == 0 {
						return
					}
					for _, c := range cs {
						claimed <- c.Tx.ID
					}
				}
			})
		}
		wg.Wait()
		close(claimed)
		seen := map[mssp.TransID]int{}
		for id := range claimed {
			seen[id]++
		}
		for id, times := range seen {
			if times != 1 {
				l.Errorf("%s was claimed %d times", id, times)
			}
		}
		if len(seen) != n { // whoever finds nothing has lost to one who goes on
			l.Errorf("%d of %d were claimed", len(seen), n)
		}
	})
}
