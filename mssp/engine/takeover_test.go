package engine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// server is the PostgreSQL of this test run.
var server storetest.Postgres

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// dying is the store of a box that dies before it has noted what became of
// its segments, and before it has ended a transaction.
type dying struct{ enginetest.Store }

func (dying) RecordOutcomesLazy([]store.SegmentOutcome) {}

func (dying) Finish(context.Context, store.Finish, store.SealFunc) (store.FinishResult, error) {
	return store.FinishResult{}, errKilled
}

// Two engines on one database, whose boxes are let in beside each other. What
// the one is at the other leaves alone, as long as the one lives. When it has
// died the other goes on with everything: a packet of which nobody knows
// whether it left goes out again octet for octet, who waits behind it gets his
// turn, an answer that was whole and not used is used, and the time of who
// never answers runs out. Nobody is asked twice, and the dead one, which did
// not notice, does nothing more.
//
// The clock of the laboratory says that it takes no longer than one look
// around; the clock of the database adds the lease for a machine that vanished.
//
// Supports: F1, I3, I4, I5
func TestTakeOver(t *testing.T) {
	if bound := store.DefaultLease + engine.LookAround; bound > 10*time.Second {
		t.Errorf("the work of a dead box lies still for %s", bound)
	}
	for _, how := range []string{"killed", "vanished"} {
		t.Run(how, func(t *testing.T) { takeOver(t, how == "killed") })
	}
}

const (
	unsent sms.MSISDN = "41790000001" // the packet never arrived
	silent sms.MSISDN = "41790000002" // prompted, and never answers
	unused sms.MSISDN = "41790000003" // has answered, nobody has used it
	theirs sms.MSISDN = "41790000004" // of the other box
)

func takeOver(t *testing.T, killed bool) {
	ctx := context.Background()
	dsn := server.DSN(t)
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	database := time.Now() // as the other box sees it
	box := func(name string) store.Options {
		return store.Options{DSN: dsn, Box: name, Beside: true, Lease: time.Hour, DatabaseClock: func() time.Time { return database }}
	}
	one := enginetest.NewOn(t, box("one"), root)
	for _, n := range []sms.MSISDN{unsent, silent, theirs} {
		one.Enrolled(n, applet.ECDSAP256, mssp.Authentication).First = n == silent
	}
	one.Enrolled(unused, applet.RSA2048, mssp.Authentication).First = false
	two := one.Beside(box("two"), root)
	ask := func(l *enginetest.Lab, id string, n sms.MSISDN) mssp.TransID {
		t.Helper()
		r := enginetest.Request(id, "text of "+id)
		r.MSISDN = n
		tx, err := l.Signer.Sign(ctx, r)
		l.OK(err)
		return tx.ID
	}

	one.Cards[silent].Mute = true
	timed := ask(one, "T1", silent)
	one.Bring(one.Drop()...)
	one.Engine.SetStore(dying{one.EngineStore()})
	answered := ask(one, "T2", unused)
	for _, mo := range one.Drop() {
		if err := one.Engine.Deliver(ctx, mo); err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	one.Lose = true
	lost := ask(one, "T3", unsent)
	left := one.Sent[len(one.Sent)-1]
	behind := ask(one, "T4", unsent)
	other := ask(two, "T5", theirs)
	one.Settle()

	look := func() {
		t.Helper()
		two.Clock.Add(engine.LookAround)
		two.Engine.Sweep(ctx)
		two.Settle()
	}
	sent := len(two.Sent)
	look()
	if len(two.Sent) != sent {
		t.Errorf("%d segments of a box that lives were sent by another", len(two.Sent)-sent)
	}
	two.Want(lost, mssp.Sending, 0)
	two.Want(timed, mssp.Prompted, 0)

	if killed {
		storetest.Cut(t, dsn, "one")
	} else { // its session is still there
		database = database.Add(time.Hour + time.Second)
	}
	look()
	two.Want(answered, mssp.Done, mssp.Signature)
	if len(two.Sent) == sent {
		t.Fatal("nothing goes out again")
	}
	if got := two.Sent[sent]; !bytes.Equal(got.UD, left.UD) || !bytes.Equal(got.UDH, left.UDH) {
		t.Error("the packet goes out with other octets")
	}
	two.Pump()
	two.Engine.Sweep(ctx)
	two.Pump()
	for _, id := range []mssp.TransID{lost, behind, other} {
		two.Want(id, mssp.Done, mssp.Signature)
	}
	two.Clock.Add(81 * time.Second)
	two.Engine.Sweep(ctx)
	two.Settle()
	two.Want(timed, mssp.Failed, mssp.ExpiredTransaction)

	for n, want := range map[sms.MSISDN]int{unsent: 2, silent: 1, unused: 1, theirs: 1} {
		if got := two.Cards[n].Prompts - 1; got != want { // one for the registration
			t.Errorf("%s was asked %d times, want %d", n, got, want)
		}
		counters := map[ota.CNTR][]byte{}
		for _, p := range two.Cards[n].Seen {
			if old, ok := counters[p.CNTR]; ok && !bytes.Equal(old, p.Data) {
				t.Errorf("%s: counter %s has carried two messages", n, p.CNTR)
			}
			counters[p.CNTR] = p.Data
		}
	}
	two.OK(two.Store.Check(ctx))

	r := enginetest.Request("T6", "too late")
	_, err = one.Signer.Sign(ctx, r)
	enginetest.WantFault(t, err, mssp.UnableToProvide)
	if err := one.Store.Failure(); !errors.Is(err, store.ErrFenced) {
		t.Errorf("the dead box goes on: %v", err)
	}
}

// heir is the store of a box that has just taken a card over from a dead one,
// and cannot read what waits for it yet.
type heir struct {
	enginetest.Store
	cards  []ota.ICCID
	idle   []ota.ICCID // and these, whose queues nobody had gone on with
	broken int         // so many reads fail
}

// newHeir is a laboratory with a card, whose engine inherits what the heir says.
func newHeir(t *testing.T) (*enginetest.Lab, *heir, *enginetest.Card) {
	t.Helper()
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	h := &heir{Store: l.EngineStore()}
	l.OK(l.Restart(h))
	return l, h, c
}

func (h *heir) TakeOver(context.Context) (r store.Recovery, err error) {
	r.Taken, h.cards, r.Idle, h.idle = h.cards, nil, h.idle, nil
	if len(r.Taken)+len(r.Idle) > 0 {
		r.Dead = []store.Box{{Name: "one"}}
	}
	return r, nil
}

func (h *heir) PendingMO(ctx context.Context) ([]store.Joined, error) {
	if h.broken > 0 {
		h.broken--
		return nil, errKilled
	}
	return h.Store.PendingMO(ctx)
}

// An answer that the dead box had whole is used, though the first try to look
// for it fails.
func TestTakeOverTriesAgain(t *testing.T) {
	ctx := context.Background()
	l, h, _ := newHeir(t)
	tx, answer := l.Ask("T1")
	keep(l, answer)
	h.cards, h.broken = []ota.ICCID{tx.ICCID}, 1
	for _, want := range []mssp.State{mssp.Waiting, mssp.Done} {
		l.Clock.Add(engine.LookAround)
		l.Engine.Sweep(ctx)
		l.Settle()
		if got := l.Tx(tx.ID).State; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// An idle card with a queue, which the dead box has left, gets its next transaction.
func TestTakeOverOfAnIdleCard(t *testing.T) {
	ctx := context.Background()
	l, h, _ := newHeir(t)
	tx, _ := l.Ask("T1")
	next, _ := l.Ask("T2")
	_, err := l.Store.Finish(ctx, store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction}, nil)
	l.OK(err)
	h.idle = []ota.ICCID{tx.ICCID}
	l.Clock.Add(engine.LookAround)
	l.Engine.Sweep(ctx)
	l.Settle()
	l.Want(next.ID, mssp.Waiting, 0)
}

// Half an answer that a dead box has left is asked for again, and nobody is
// asked twice.
func TestTakeOverOfHalfAnAnswer(t *testing.T) {
	ctx := context.Background()
	l, h, c := newHeir(t)
	tx, answer := l.Ask("T1")
	keep(l, answer[:1])
	prompts := c.Prompts
	h.cards = []ota.ICCID{tx.ICCID}
	for _, d := range []time.Duration{engine.LookAround, 16 * time.Second} {
		l.Clock.Add(d)
		l.Engine.Sweep(ctx)
		l.Settle()
	}
	l.Pump()
	if end := l.Want(tx.ID, mssp.Done, mssp.Signature); end.Attempt != 2 || c.Prompts != prompts {
		t.Errorf("%d attempts, %d prompts more", end.Attempt, c.Prompts-prompts)
	}
}

// keep stores the parts of an answer, and nobody uses it.
func keep(l *enginetest.Lab, answer []bearer.MO) {
	for _, mo := range answer {
		c, _, err := sms.ParseConcat(mo.UDH)
		l.OK(err)
		_, err = l.Store.SaveMO(context.Background(), mo, store.ConcatRef{Ref: c.Ref, Ref16: c.Ref16, Part: int(c.Part), Total: int(c.Total)})
		l.OK(err)
	}
}

// A start that finds a card idle gives it its next transaction, and forgets
// what is left of the one before.
func TestStaleAnswerOfAnIdleCard(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication).First = false
	tx, answer := l.Ask("T1")
	keep(l, answer)
	next, _ := l.Ask("T2")
	_, err := l.Store.Finish(ctx, store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction}, nil)
	l.OK(err)
	l.Kill()
	l.Settle()
	l.Want(next.ID, mssp.Waiting, 0)
	if left, err := l.Store.PendingMO(ctx); err != nil || len(left) != 0 {
		t.Errorf("%d answers are kept, %v", len(left), err)
	}
}
