package cardcare_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// rotating runs a test with a registered user whose card has a key of its applet.
func rotating(t *testing.T, f func(t *testing.T, r *rotation)) {
	for _, way := range []string{"packet", "own"} {
		t.Run(way, func(t *testing.T) {
			l := enginetest.New(t)
			l.Carriage = way
			r := &rotation{Lab: l, t: t, c: l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)}
			_, card, _, err := l.Store.Lookup(t.Context(), enginetest.Number)
			l.OK(err)
			r.iccid = card.ICCID
			t.Cleanup(func() {
				for _, k := range r.seen {
					if strings.Contains(strings.ToUpper(l.Logs.String()), fmt.Sprintf("%X", k[:])) {
						t.Error("a key in the log")
					}
				}
			})
			f(t, r)
		})
	}
}

type rotation struct {
	*enginetest.Lab
	t     *testing.T
	c     *enginetest.Card
	iccid ota.ICCID
	seen  []carriage.CardKey
	n     int
}

// sets are the key sets of the applet as the rows have them, by number.
func (r *rotation) sets() (all []cardkeys.Installed) {
	r.t.Helper()
	rows, err := r.Store.KeySets(r.t.Context(), r.iccid)
	r.OK(err)
	for i := range rows {
		if rows[i].Applet {
			k, err := cardkeys.Open(r.Vault, &rows[i])
			r.OK(err)
			all, r.seen = append(all, k), append(r.seen, k.Key)
		}
	}
	slices.SortFunc(all, func(a, b cardkeys.Installed) int { return int(a.Set) - int(b.Set) })
	return all
}

// want compares the numbers and states of the key sets.
func (r *rotation) want(what, want string) {
	r.t.Helper()
	have := ""
	for _, k := range r.sets() {
		have += fmt.Sprintf(" %d:%s", k.Set, map[cardkeys.State]string{cardkeys.Confirmed: "confirmed", cardkeys.Pending: "pending"}[k.State])
	}
	if strings.TrimSpace(have) != want {
		r.t.Errorf("%s: key sets%s, want %s", what, have, want)
	}
}

func (r *rotation) rotate() error {
	_, err := enginetest.Pumped(r.Lab, func() (mssp.Transaction, error) { return r.Care.RotateKeys(context.Background(), r.iccid) })
	return err
}

// unanswered orders a key whose order or answer gets lost, until time is up; what the phone
// has sent is given back.
func (r *rotation) unanswered() (mos []bearer.MO) {
	r.t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := r.Care.RotateKeys(context.Background(), r.iccid)
		ended <- err
	}()
	for {
		select {
		case err := <-ended:
			enginetest.WantFault(r.t, err, mssp.ExpiredTransaction)
			return mos
		default:
		}
		if open := r.open(); len(open) > 0 && open[0].State == mssp.Waiting {
			r.Settle()
			mos = append(mos, r.Drop()...)
			r.Clock.Add(4 * time.Minute)
			r.Engine.Sweep(context.Background())
		}
		runtime.Gosched()
	}
}

func (r *rotation) open() []mssp.Transaction {
	txs, err := r.Store.Transactions(r.t.Context(), store.TransactionFilter{Open: true, Limit: 1})
	r.OK(err)
	return txs
}

// enrol registers the user again.
func (r *rotation) enrol() {
	r.t.Helper()
	r.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
}

func (r *rotation) sign() {
	r.t.Helper()
	r.n++
	r.Want(r.Sign(enginetest.Request(fmt.Sprintf("T%d", r.n), "hello")).ID, mssp.Done, mssp.Signature)
}

// A key is stored before its order leaves, proven by the answer, and replaces the old one with
// the commit of that; so it goes on, and round the numbers.
//
// Supports: 2-2d
func TestRotate(t *testing.T) {
	rotating(t, func(t *testing.T, r *rotation) {
		first := r.sets()[0]
		left := ""
		r.OnSubmit = func(bearer.Segment) error {
			for _, k := range r.sets() {
				left += fmt.Sprint(" ", k.Set, k.State)
			}
			return nil
		}
		r.OK(r.rotate())
		r.OnSubmit = nil
		if !strings.HasPrefix(left, " 1 1 2 2") {
			t.Errorf("when the order left the key sets were%s", left)
		}
		r.want("rotated", "2:confirmed")
		now := r.sets()[0]
		if now.Key == first.Key || now.Key != r.c.Key || r.c.KeySet != 2 || now.Generation != first.Generation {
			t.Error("the card and the rows have different keys")
		}
		r.sign()
		if r.c.Old != nil {
			t.Error("the card has the old key still")
		}
		if now.Before != 1 {
			t.Errorf("it replaces %d", now.Before)
		}
		for n := range 15 {
			r.Clock.Add(time.Minute) // counters of a set that is used again go by the clock
			r.OK(r.rotate())
			r.sign()
			r.want("again", fmt.Sprintf("%d:confirmed", (n+2)%15+1))
		}
		r.Kill()
		r.sign()
	})
}

// Lost once, twice: the same key goes again, and both are accepted until it is proven.
func TestRotateLost(t *testing.T) {
	rotating(t, func(t *testing.T, r *rotation) {
		r.Lose = true
		r.unanswered()
		r.Lose = false
		r.want("order lost", "1:confirmed 2:pending")
		key := r.sets()[1].Key
		r.sign()
		r.want("the card answers under the old one", "1:confirmed 2:pending")
		r.Lose = true
		r.unanswered()
		r.Lose = false
		r.Kill()
		r.OK(r.rotate())
		r.want("third time", "2:confirmed")
		if r.sets()[0].Key != key || r.c.Key != key {
			t.Error("another key than the one that was on its way")
		}
		r.sign()
	})
}

// The order arrives and its answer does not: the next answer of the card, to whatever, proves the key.
func TestRotateAnswerLost(t *testing.T) {
	for what, then := range map[string]func(r *rotation, late []bearer.MO){
		"a signature":  func(r *rotation, _ []bearer.MO) { r.sign() },
		"the key":      func(r *rotation, _ []bearer.MO) { r.OK(r.rotate()) },
		"after a kill": func(r *rotation, _ []bearer.MO) { r.Kill(); r.sign() },
		"a late answer": func(r *rotation, late []bearer.MO) {
			if len(late) == 0 {
				r.t.Fatal("the card said nothing")
			}
			r.Bring(late...)
		},
	} {
		t.Run(what, func(t *testing.T) {
			rotating(t, func(t *testing.T, r *rotation) {
				late := r.unanswered()
				r.want("answer lost", "1:confirmed 2:pending")
				if r.c.KeySet != 2 {
					t.Fatal("the card has not got its key")
				}
				then(r, late)
				r.want("proven", "2:confirmed")
				r.sign()
			})
		})
	}
}

// The order to drop the old key gets lost: the next rotation says it again.
func TestRotateDropLost(t *testing.T) {
	l := enginetest.New(t)
	l.Carriage = "packet"
	r := &rotation{Lab: l, t: t, c: l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)}
	_, card, _, err := l.Store.Lookup(t.Context(), enginetest.Number)
	l.OK(err)
	r.iccid = card.ICCID
	l.OK(l.Care.OrderKeys(t.Context(), r.iccid)) // who does not wait does not say it at all
	l.Settle()
	l.Pump()
	r.want("rotated", "2:confirmed")
	if r.c.Old == nil {
		t.Fatal("the card has dropped the old key by itself")
	}
	r.sign()
	for n := range 3 {
		r.OK(r.rotate())
		r.want("again", fmt.Sprintf("%d:confirmed", n+3))
		if r.c.Old != nil || r.c.KeySet != byte(n+3) {
			t.Errorf("the card has key set %d, and the old one: %v", r.c.KeySet, r.c.Old != nil)
		}
		r.sign()
	}
}

// A card that refuses keeps its key, and so do the rows; the next order is made anew.
func TestRotateRefused(t *testing.T) {
	rotating(t, func(t *testing.T, r *rotation) {
		for _, w := range []applet.StatusWord{applet.StatusMalformed, applet.StatusSlotInUse, applet.StatusNotSupported, applet.StatusConditions} {
			r.c.Say = func(m applet.Message) applet.Answer {
				return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSetKeys.Result(), Status: w}}}
			}
			says := map[applet.StatusWord]string{
				applet.StatusMalformed: "refuses the new key", applet.StatusSlotInUse: "a key set of that number in use", applet.StatusNotSupported: "cannot replace its key",
			}[w]
			if err := r.rotate(); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want %s", w, err, says)
			}
			r.want(w.String(), "1:confirmed")
		}
		r.c.Say = func(m applet.Message) applet.Answer { // it says that it was done, and was not
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSetKeys.Result(), Status: applet.StatusOK}}}
		}
		enginetest.WantFault(t, r.rotate(), mssp.OTAError)
		r.want("done without proof", "1:confirmed 2:pending")
		r.c.Say = nil
		r.sign()
		r.OK(r.rotate())
		r.sign()
	})
}

// The rows are of a backup: the card has dropped the key under which it was asked last.
func TestRotateAfterRestore(t *testing.T) {
	l := enginetest.New(t)
	l.Carriage = "own"
	r := &rotation{Lab: l, t: t, c: l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)}
	_, card, _, err := l.Store.Lookup(t.Context(), enginetest.Number)
	l.OK(err)
	r.iccid = card.ICCID
	r.unanswered()
	r.c.Old = nil // it was asked under the new one meanwhile
	r.want("restored", "1:confirmed 2:pending")
	seen := len(r.c.Seen)
	ended := make(chan error, 1)
	go func() {
		_, err := r.Care.RotateKeys(context.Background(), r.iccid)
		ended <- err
	}()
	for waited := false; ; {
		select {
		case err := <-ended:
			l.OK(err)
			r.want("asked under the new one", "2:confirmed")
			if len(r.c.Seen) != seen+1 {
				t.Errorf("the card has read %d requests", len(r.c.Seen)-seen)
			}
			r.sign()
			return
		default:
		}
		if open := r.open(); !waited && len(open) > 0 && open[0].State == mssp.Waiting {
			r.Settle()
			r.Clock.Add(4 * time.Minute)
			r.Engine.Sweep(context.Background())
			waited = true
		}
		r.Deliver()
		runtime.Gosched()
	}
}

// A new installation of the applet comes beside the old one, and its first answer ends that.
func TestNewInstallation(t *testing.T) {
	rotating(t, func(t *testing.T, r *rotation) {
		r.sign()
		fresh := cardkeys.Installed{Set: 5, Generation: 2, State: cardkeys.Confirmed, Key: carriage.NewCardKey()}
		row := r.AppletKey(r.iccid, fresh)
		r.OK(r.Store.AddKeySet(t.Context(), r.iccid, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return &row, nil }))
		r.want("imported", "1:confirmed 5:confirmed")
		r.c.Key, r.c.KeySet = fresh.Key, 5
		r.sign()
		r.want("answered", "5:confirmed")
		if all, err := r.Store.KeyPairs(t.Context(), r.iccid); err != nil || len(all) != 1 || all[0].State != mssp.KeyDeleted {
			t.Errorf("the key pairs of the former installation: %+v, %v", all, err)
		}
		_, err := r.Signer.Sign(t.Context(), enginetest.Request("TX", "hello"))
		enginetest.WantFault(t, err, mssp.NoKeyFound)
		clear(r.c.Keys)
		r.enrol()
		if k := r.Key(1); k.State != mssp.KeyRegistered {
			t.Errorf("the key pair is %s", k.State)
		}
		r.sign()
		r.OK(r.rotate())
		r.want("rotated", "6:confirmed")
		if k := r.sets()[0]; k.Generation != 2 {
			t.Errorf("generation %d", k.Generation)
		}
	})
}

// Whoever imports one installation after the other, and none of them answers, has no
// number left for another key: that is told. The first answer ends all but one.
func TestRotateNoNumberLeft(t *testing.T) {
	rotating(t, func(t *testing.T, r *rotation) {
		for n := byte(2); n <= 15; n++ {
			fresh := cardkeys.Installed{Set: n, Generation: n, State: cardkeys.Confirmed, Key: carriage.NewCardKey()}
			row := r.AppletKey(r.iccid, fresh)
			r.OK(r.Store.AddKeySet(t.Context(), r.iccid, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return &row, nil }))
			r.c.Key, r.c.KeySet = fresh.Key, n
		}
		enginetest.WantFault(t, r.rotate(), mssp.CardBlocked)
		if n := len(r.sets()); n != 15 {
			t.Errorf("%d key sets", n)
		}
		r.sign()
		r.want("answered", "15:confirmed")
		r.enrol()
		r.OK(r.rotate())
		r.want("rotated", "1:confirmed")
	})
}

// A key on its way to the former installation of the applet is of no use to the new one: its
// late answer ends nothing of that, and the next rotation makes another.
func TestNewInstallationOverRotation(t *testing.T) {
	for what, brings := range map[string]bool{"late answer": true, "no answer": false} {
		t.Run(what, func(t *testing.T) {
			rotating(t, func(t *testing.T, r *rotation) {
				late := r.unanswered()
				r.want("answer lost", "1:confirmed 2:pending")
				fresh := cardkeys.Installed{Set: 5, Generation: 2, State: cardkeys.Confirmed, Key: carriage.NewCardKey()}
				row := r.AppletKey(r.iccid, fresh)
				r.OK(r.Store.AddKeySet(t.Context(), r.iccid, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return &row, nil }))
				r.c.Key, r.c.KeySet, r.c.Old = fresh.Key, 5, nil
				if brings {
					r.Bring(late...)
					r.want("late answer of the former", "2:confirmed 5:confirmed")
				} else {
					r.want("imported", "1:confirmed 2:pending 5:confirmed")
				}
				r.OK(r.rotate())
				r.enrol()
				if k := r.sets(); len(k) != 1 || k[0].Set != 6 || k[0].Generation != 2 || k[0].Before != 5 || k[0].Key != r.c.Key {
					t.Errorf("rotated: %v", k)
				}
				r.sign()
				if r.c.Old != nil {
					t.Error("the card has the old key still")
				}
				r.want("signed", "6:confirmed")
			})
		})
	}
}

// Who has no key of his applet, and whom nobody can reach, is told so, and nothing is stored.
func TestRotateNobody(t *testing.T) {
	l := enginetest.New(t)
	l.User(enginetest.Number)
	_, card, _, err := l.Store.Lookup(t.Context(), enginetest.Number)
	l.OK(err)
	_, err = l.Care.RotateKeys(t.Context(), card.ICCID)
	enginetest.WantFault(t, err, mssp.WrongParam)
	_, err = l.Care.RotateKeys(t.Context(), "8941010000000999999")
	enginetest.WantFault(t, err, mssp.UnknownClient)
	if err := l.Care.OrderKeys(t.Context(), card.ICCID); err == nil {
		t.Error("ordered")
	}
	if rows, err := l.Store.KeySets(t.Context(), card.ICCID); err != nil || len(rows) != 1 {
		t.Errorf("%d key sets, %v", len(rows), err)
	}
	l.Carriage = "packet"
	l.User("41790000002")
	_, card, _, err = l.Store.Lookup(t.Context(), "41790000002")
	l.OK(err)
	l.OK(l.Care.OrderKeys(t.Context(), card.ICCID))
	l.Settle()
	l.Pump()
	rows, err := l.Store.KeySets(t.Context(), card.ICCID)
	if err != nil || len(rows) != 2 || rows[1].KVN != 2 {
		t.Errorf("%d key sets, %v", len(rows), err)
	}
}
