package store_test

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

var rules = abuse.Rules{PromptsPerMinute: 3, AllPromptsPerMinute: 6, CoolOffAfter: 2, AllCoolOffAfter: 4, CoolOff: 15 * time.Minute}

func (l *lab) user() {
	l.Helper()
	l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: numberA, ICCID: cardA, Name: "A", State: mssp.SubscriberActive}))
}

// prompt is what counts against number A, as a request reads it.
func (l *lab) prompt() *store.Prompt {
	l.Helper()
	_, _, _, st, err := l.LookupStanding(ctx, numberA)
	l.ok(err)
	return &store.Prompt{Rules: rules, Was: st}
}

func (l *lab) ask(tx mssp.Transaction) error {
	l.Helper()
	_, err := l.Accept(ctx, tx, l.prompt(), seal)
	return err
}

func (l *lab) wantRefused(what string, err error) {
	l.Helper()
	var f *mssp.Fault
	if !errors.As(err, &f) || f.Code != mssp.SignatureProcess {
		l.Errorf("%s: %v", what, err)
	}
}

// Prompts are counted in the commit that accepts, so a restart forgives none; a
// repeat does not count, and what is refused leaves nothing behind.
//
// Supports: 3.5.6-1, I12
func TestPromptsAreRows(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.user()
		first := newTx()
		l.ok(l.ask(first))
		for range 5 {
			again := newTx()
			again.APTransID = first.APTransID
			if r, err := l.Accept(ctx, again, l.prompt(), seal); err != nil || !r.Duplicate {
				l.Errorf("a repeat: %+v, %v", r, err)
			}
		}
		l.ok(l.ask(newTx()))
		l.reopen()
		l.ok(l.ask(newTx()))
		over := newTx()
		l.wantRefused("the fourth, after a restart", l.ask(over))
		_, err := l.Transaction(ctx, over.ID)
		l.wantErr("what was refused", err, store.ErrNotFound)
		l.ok(l.Check(ctx))
		later := newTx()
		later.CreatedAt = epoch.Add(time.Minute)
		l.ok(l.ask(later))
	})
}

// Many at once, all of which have read that nothing counts yet: the rows let
// three of them pass.
func TestPromptsAtOnce(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.user()
		p := l.prompt()
		var wg sync.WaitGroup
		var mu sync.Mutex
		passed := 0
		for range 12 {
			wg.Go(func() {
				_, err := l.Accept(ctx, newTx(), p, seal)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					passed++
				} else {
					l.wantRefused("one too many", err)
				}
			})
		}
		wg.Wait()
		if txs, err := l.Transactions(ctx, store.TransactionFilter{}); err != nil || len(txs) != 3 || passed != 3 {
			l.Errorf("%d have passed, %d are stored, %v", passed, len(txs), err)
		}
	})
}

// A request that is not signed counts in the commit that ends it, on whichever
// box that is; the pause holds for all.
func TestCoolOffIsARow(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.user()
		end := func() time.Time {
			l.Helper()
			r, err := l.Accept(ctx, newTx(), nil, seal)
			l.ok(err)
			f := store.Finish{TxID: r.Tx.ID, Event: mssp.EventRefused, Status: mssp.UserCancel, Rules: rules}
			return l.finish(f).Peace
		}
		if peace := end(); !peace.IsZero() {
			l.Errorf("in peace until %v after one", peace)
		}
		l.reopen()
		if peace, want := end(), epoch.Add(time.Second+15*time.Minute); !peace.Equal(want) {
			l.Errorf("in peace until %v, want %v", peace, want)
		}
		l.reopen()
		l.wantRefused("the next", l.ask(newTx()))
	})
}

// Two boxes count together.
func TestPromptsOfTwoBoxes(t *testing.T) {
	one, two, _, _, _ := twoBoxes(t)
	one.user()
	for _, l := range []*lab{one, two, one} {
		l.ok(l.ask(newTx()))
	}
	two.wantRefused("the fourth", two.ask(newTx()))
}

// A card is asked for its state once a minute; what is worth nothing any more
// is forgotten, a bounded number of rows at a time.
func TestRecheckAndForget(t *testing.T) {
	onBoth(t, func(l *lab) {
		for i, want := range []bool{true, false, true} {
			if got, err := l.Recheck(ctx, numberA, epoch.Add(time.Duration(i)*40*time.Second)); err != nil || got != want {
				l.Errorf("question %d: %v, %v", i, got, err)
			}
		}
		const many = 700
		for i := range many {
			_, err := l.Recheck(ctx, numberA[:6]+sms.MSISDN(string(rune('0'+i/100))+string(rune('0'+i/10%10))+string(rune('0'+i%10))), epoch)
			l.ok(err)
		}
		next, err := l.Forget(ctx, "", epoch.Add(70*time.Second))
		l.ok(err)
		if n, err := l.Standings(); next == "" || n < many-500 || err != nil {
			l.Errorf("%d rows at once: %d are left, %v", many, n, err)
		}
		next, err = l.Forget(ctx, next, epoch.Add(70*time.Second))
		l.ok(err)
		if next != "" {
			l.Errorf("goes on at %s", next)
		}
		if ok, err := l.Recheck(ctx, numberA, epoch.Add(100*time.Second)); err != nil || ok {
			l.Errorf("what still counts was forgotten: %v", err)
		}
		if n, err := l.Standings(); err != nil || n != 1 {
			l.Errorf("%d numbers are remembered, %v", n, err)
		}
	})
}

// cancelled ends a request of a provider that the user has cancelled.
func (l *lab) cancelled(ap mssp.APID) store.FinishResult {
	l.Helper()
	tx := newTx()
	tx.AP = ap
	r, err := l.Accept(ctx, tx, nil, seal)
	l.ok(err)
	return l.finish(store.Finish{TxID: r.Tx.ID, Event: mssp.EventRefused, Status: mssp.UserCancel, Rules: rules})
}

// The misuse of one provider keeps no other from a user; that of several together
// keeps all. It holds over a restart, and an operator lifts it.
func TestProvidersApart(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.user()
		askAs := func(ap mssp.APID) error {
			tx := newTx()
			tx.AP = ap
			r, err := l.Accept(ctx, tx, l.prompt(), seal)
			if err == nil {
				l.finish(done(r.Tx))
			}
			return err
		}
		l.cancelled(bank)
		if r := l.cancelled(bank); r.Peace.IsZero() || !r.AllPeace.IsZero() {
			l.Errorf("the second of one: %v, %v", r.Peace, r.AllPeace)
		}
		l.reopen()
		l.wantRefused("the provider itself", askAs(bank))
		l.ok(askAs("http://shop"))
		l.cancelled("http://a")
		if r := l.cancelled("http://z"); !r.Peace.IsZero() || r.AllPeace.IsZero() {
			l.Errorf("the fourth of all: %v, %v", r.Peace, r.AllPeace)
		}
		l.reopen()
		l.wantRefused("somebody new", askAs("http://new"))
		if ok, err := l.Lift(ctx, numberA, bank); !ok || err != nil {
			l.Errorf("lifted of one: %v, %v", ok, err)
		}
		l.wantRefused("lifted of one, the pause of all holds", askAs(bank))
		if ok, err := l.Lift(ctx, numberA, ""); !ok || err != nil {
			l.Errorf("lifted of all: %v, %v", ok, err)
		}
		l.ok(askAs(bank))
		l.ok(askAs("http://new"))
		if rec, err := l.Standing(ctx, numberA); err != nil || len(rec.By) != 2 || !rec.Peace.IsZero() {
			l.Errorf("what counts then: %+v, %v", rec, err)
		}
		if ok, err := l.Lift(ctx, "41790000099", ""); ok || err != nil {
			l.Errorf("a number that nobody has asked: %v, %v", ok, err)
		}
	})
}

// Only what the user was shown counts: by the card's answer, by its word that it
// asks him, or by the network's that the phone has every part.
func TestOnlyWhatWasShownCounts(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.user()
		expired := store.Finish{Event: mssp.EventExpired, Status: mssp.ExpiredTransaction}
		part := func(delivered ...bool) func(store.AcceptResult) {
			return func(r store.AcceptResult) {
				for i, d := range delivered {
					id := string(r.Tx.ID) + string(rune('0'+i))
					l.ok(l.RecordOutcomes(ctx, []store.SegmentOutcome{{ID: r.Dispatched.Segments[i].ID, State: store.SegAccepted, Route: "smsc1", MessageID: id}}))
					l.ok(l.Report(ctx, bearer.Report{Bearer: "smsc1", MessageID: id, Dest: numberA, Delivered: d, At: epoch}))
				}
			}
		}
		for _, c := range []struct {
			name string
			f    store.Finish
			do   func(store.AcceptResult)
			want int
		}{
			{"a phone that is off", expired, func(store.AcceptResult) {}, 0},
			{"half delivered", expired, part(true, false), 0},
			{"not delivered", expired, part(false, false), 0},
			{"the network refuses", store.Finish{Event: mssp.EventUndeliver, Status: mssp.OTAError}, func(store.AcceptResult) {}, 0},
			{"the network gives it up", store.Finish{Event: mssp.EventUndeliver, Status: mssp.ExpiredTransaction}, part(true, true), 0},
			{"delivered", expired, part(true, true), 1},
			{"the card asks him", expired, func(r store.AcceptResult) { l.ok(l.MarkPrompted(ctx, r.Tx.ID)) }, 1},
			{"he does not answer the card", store.Finish{Event: mssp.EventRefused, Status: mssp.ExpiredTransaction}, func(store.AcceptResult) {}, 1},
			{"the screen was busy", store.Finish{Event: mssp.EventRefused, Status: mssp.SignatureProcess}, func(store.AcceptResult) {}, 0},
		} {
			_, err := l.Lift(ctx, numberA, "")
			l.ok(err)
			r := l.acceptAsking()
			c.do(r)
			c.f.TxID, c.f.Rules = r.Tx.ID, rules
			l.finish(c.f)
			rec, err := l.Standing(ctx, numberA)
			l.ok(err)
			n := 0
			for _, p := range rec.By {
				n += len(p.Unsigned)
			}
			if n != c.want {
				l.Errorf("%s: %d count, want %d", c.name, n, c.want)
			}
		}
		first, second := l.accept(newTx()), l.accept(newTx())
		l.finish(store.Finish{TxID: second.Tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction, Rules: rules})
		l.finish(done(first.Tx))
		if rec, err := l.Standing(ctx, numberA); err != nil || len(rec.By) != 0 {
			l.Errorf("one that had no turn: %+v, %v", rec, err)
		}
	})
}

// To count a prompt costs the commit that accepts it one statement more, and
// to look up what counts already costs none of its own.
func TestPromptIsOneStatement(t *testing.T) {
	l := onSQLite(t)
	l.user()
	l.finish(done(l.accept(newTx()).Tx))
	without := l.Statements()
	p := l.prompt()
	r, err := l.Accept(ctx, newTx(), p, seal)
	l.ok(err)
	l.finish(done(r.Tx))
	p = l.prompt()
	r, err = l.Accept(ctx, newTx(), p, seal)
	l.ok(err)
	l.finish(done(r.Tx))
	if n := l.Statements() - without; n != 1 {
		t.Errorf("%d statements more", n)
	}
}

// A record that cannot be read, of a later version say, refuses the requests to
// its number; the answers from there are found all the same,
// and its card does not stay busy.
func TestUnreadableStanding(t *testing.T) {
	l := onSQLite(t)
	l.user()
	if _, err := rawDB(t, l.dsn).Exec(`INSERT INTO patience VALUES (?, 1, 0, x'FF')`, string(numberA)); err != nil {
		t.Fatal(err)
	}
	if sub, card, _, err := l.Lookup(ctx, numberA); err != nil || sub.MSISDN != numberA || card.ICCID != cardA {
		t.Errorf("%+v, %+v, %v", sub, card, err)
	}
	_, _, _, _, err := l.LookupStanding(ctx, numberA)
	l.wantErr("what counts", err, abuse.ErrRecord)
	r := l.accept(newTx())
	if ok, err := l.Lift(ctx, numberA, bank); ok || !errors.Is(err, abuse.ErrRecord) {
		t.Errorf("lifted of one, unread: %v, %v", ok, err)
	}
	l.finish(store.Finish{TxID: r.Tx.ID, Event: mssp.EventRefused, Status: mssp.UserCancel, Rules: rules})
	if st := l.prompt().Was; len(st.By) != 1 || len(st.By[0].Unsigned) != 1 {
		l.Errorf("after the next end: %+v", st)
	}
}

// A row as the release before wrote it: what counts there still counts, its pause
// ends as it would have, and the next end writes it anew.
func TestStandingOfRelease8(t *testing.T) {
	l := onSQLite(t)
	l.user()
	old := binary.BigEndian.AppendUint64([]byte{1}, uint64(epoch.Add(time.Minute).UnixMicro()))
	old = append(binary.BigEndian.AppendUint64(old, 0), 0, 0, 0, 1)
	old = binary.BigEndian.AppendUint64(old, uint64(epoch.UnixMicro()))
	if _, err := rawDB(t, l.dsn).Exec(`INSERT INTO patience VALUES (?, 7, 0, ?)`, string(numberA), old); err != nil {
		t.Fatal(err)
	}
	l.wantRefused("within the old pause", l.ask(newTx()))
	l.cancelled(bank)
	later := newTx()
	later.CreatedAt = epoch.Add(time.Minute)
	l.ok(l.ask(later))
	rec, err := l.Standing(ctx, numberA)
	l.ok(err)
	if len(rec.By) != 2 || rec.By[0].ID != "" || len(rec.By[0].Unsigned) != 1 || rec.By[1].ID != bank {
		t.Errorf("%+v", rec)
	}
}
