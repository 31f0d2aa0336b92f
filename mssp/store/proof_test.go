package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// The key rows of an applet change with the commit that an answer ends: what it proves, what that
// retires, what the card has refused. An answer that ends nothing changes none, and counters
// of a set that is gone are forgotten.
//
// Supports: I1, 2-2d
func TestKeysProven(t *testing.T) {
	onBoth(t, func(l *lab) {
		row := func(kvn byte, keys string) *mssp.KeySet {
			return &mssp.KeySet{ICCID: cardA, Applet: true, KVN: kvn, Keys: []byte(keys), Counter: []byte{1}}
		}
		add := func(ks *mssp.KeySet) error {
			return l.AddKeySet(ctx, cardA, func(c mssp.Card, have []mssp.KeySet) (*mssp.KeySet, error) {
				if c.ICCID != cardA || len(have) == 0 || have[0].Applet {
					l.Errorf("card %s has %+v", c.ICCID, have)
				}
				return ks, nil
			})
		}
		rows := func() string {
			sets, err := l.KeySets(ctx, cardA)
			l.ok(err)
			var all []string
			for _, ks := range sets {
				if ks.Applet {
					all = append(all, fmt.Sprintf("%d %s", ks.KVN, ks.Keys))
				}
			}
			return strings.Join(all, ", ")
		}
		want := func(what, want string) {
			l.Helper()
			if have := rows(); have != want {
				l.Errorf("%s: %q, want %q", what, have, want)
			}
		}
		l.ok(add(row(1, "old")))
		l.ok(add(row(2, "new, pending")))
		l.ok(add(nil))
		l.wantErr("the same set again", add(row(2, "other")), store.ErrExists)
		broken := errors.New("no")
		l.wantErr("an error of the function", l.AddKeySet(ctx, cardA, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return row(3, "x"), broken }), broken)
		l.wantErr("a card that is not there", l.AddKeySet(ctx, "8941010000000000778", func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return nil, nil }), store.ErrNotFound)
		want("both", "2 new, pending, 1 old")

		end := func(change func(*store.Finish)) error {
			f := done(l.accept(newTx()).Tx)
			change(&f)
			_, err := l.Finish(ctx, f, seal)
			if err != nil {
				l.finish(done(mssp.Transaction{ID: f.TxID}))
			}
			return err
		}
		old := store.Heard{ICCID: cardA, KVN: 1, CNTR: 7, Digest: store.DigestOf([]byte("a"))}
		l.ok(end(func(f *store.Finish) { f.Heard = &old }))
		want("an answer under the old one", "2 new, pending, 1 old")
		twin := old
		twin.Digest, twin.Proves, twin.Retires = store.DigestOf([]byte("b")), []byte("forged"), []byte{2}
		l.wantErr("a counter that was used", end(func(f *store.Finish) { f.Heard = &twin }), store.ErrTwin)
		want("a counter that was used", "2 new, pending, 1 old")
		l.ok(end(func(f *store.Finish) {
			f.Heard = &store.Heard{ICCID: cardA, KVN: 2, CNTR: 1, Proves: []byte("new, proven"), Retires: []byte{1}}
		}))
		want("proven", "2 new, proven")
		l.ok(l.HeardBefore(ctx, old)) // should set 1 come again, it begins at 0

		l.ok(add(row(3, "refused")))
		l.ok(end(func(f *store.Finish) { f.Forget, f.Heard = 3, &store.Heard{ICCID: cardA, KVN: 3, CNTR: 1} }))
		want("refused under itself", "3 refused, 2 new, proven")
		l.ok(end(func(f *store.Finish) { f.Forget, f.Heard = 3, &store.Heard{ICCID: cardA, KVN: 2, CNTR: 2} }))
		want("refused", "2 new, proven")

		l.ok(add(row(4, "late, pending")))
		tx := l.accept(newTx()).Tx
		l.finish(store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction})
		_, _, err := l.AnsweredLate(ctx, store.Late{TxID: tx.ID, At: epoch, What: "x", Heard: &store.Heard{ICCID: cardA, KVN: 4, CNTR: 1, Proves: []byte("late, proven"), Retires: []byte{2}}})
		l.ok(err)
		want("proven late", "4 late, proven")
		if all, err := l.KeySets(ctx, cardB); err != nil || len(all) == 0 {
			l.Errorf("another card has %d key sets, %v", len(all), err)
		}
	})
}

// The first answer of a new installation of an applet ends the key pairs of the former one,
// in the same commit: but those that it brings itself, those of others, and a row that is not
// ours, which is not made good by that.
func TestKeyPairsOfAnew(t *testing.T) {
	for what, late := range map[string]bool{"an answer": false, "a late answer": true} {
		onBoth(t, func(l *lab) {
			l.authenticated()
			for _, iccid := range []ota.ICCID{cardA, cardB} {
				for slot := range byte(3) {
					l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: iccid, Slot: slot + 1, Usage: 1, Algorithm: 17, State: mssp.KeyRegistered, PublicKey: []byte{slot}, CSR: []byte{4}}}))
				}
			}
			_, err := l.raw().Exec("UPDATE key_pair SET algorithm = 18 WHERE iccid = $1 AND slot = 3", string(cardA))
			l.ok(err)
			heard := &store.Heard{ICCID: cardA, KVN: 5, CNTR: 1, Anew: true}
			tx := l.accept(newTx()).Tx
			made := mssp.KeyPair{ICCID: cardA, Slot: 2, Usage: 1, Algorithm: 17, State: mssp.KeyRequested, PublicKey: []byte{9}}
			states := "deleted requested"
			if late {
				states = "deleted deleted"
				l.finish(store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction})
				_, _, err = l.AnsweredLate(ctx, store.Late{TxID: tx.ID, At: epoch, What: "x", Heard: heard})
			} else {
				f := done(tx)
				f.Heard, f.Keys = heard, []mssp.KeyPair{made}
				_, err = l.Finish(ctx, f, seal)
			}
			l.ok(err)
			if _, err := l.KeyPairs(ctx, cardA); !errors.Is(err, store.ErrAltered) {
				l.Errorf("%s: the row that somebody has changed is good now: %v", what, err)
			}
			_, err = l.raw().Exec("DELETE FROM key_pair WHERE iccid = $1 AND slot = 3", string(cardA))
			l.ok(err)
			for iccid, want := range map[ota.ICCID]string{cardA: states, cardB: "registered registered registered"} {
				all, err := l.KeyPairs(ctx, iccid)
				l.ok(err)
				have := ""
				for _, k := range all {
					have += string(k.State) + " "
				}
				if strings.TrimSpace(have) != want {
					l.Errorf("%s: the key pairs of %s are %s, want %s", what, iccid, have, want)
				}
			}
		})
	}
}

// Who has a card is found by it, and nobody who had it.
func TestHolder(t *testing.T) {
	onBoth(t, func(l *lab) {
		_, err := l.Holder(ctx, cardA)
		l.wantErr("nobody", err, store.ErrNotFound)
		l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: numberA, ICCID: cardA, State: mssp.SubscriberRemoved}))
		_, err = l.Holder(ctx, cardA)
		l.wantErr("somebody who was removed", err, store.ErrNotFound)
		l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: "41790000099", ICCID: cardA, State: mssp.SubscriberSuspended}))
		if u, err := l.Holder(ctx, cardA); err != nil || u.MSISDN != "41790000099" {
			l.Errorf("%+v, %v", u, err)
		}
	})
}
