package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

var errKilled = errors.New("killed")

// dyingStore is a store whose process is killed at a commit: just before it,
// or just after it and before anybody hears of it. From then on it answers
// nothing.
type dyingStore struct {
	enginetest.Store
	mu    sync.Mutex
	at    int // commits left
	after bool
	dead  bool
	seen  int
}

func (d *dyingStore) commit(do func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errKilled
	}
	d.seen++
	if d.seen != d.at {
		return do()
	}
	d.dead = true
	if d.after {
		_ = do() // it is durable, nobody knows
	}
	return errKilled
}

// killed reports whether the process has ended.
func (d *dyingStore) killed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

func (d *dyingStore) Accept(ctx context.Context, tx mssp.Transaction, p *store.Prompt, s store.SealFunc) (r store.AcceptResult, err error) {
	err = d.commit(func() error { r, err = d.Store.Accept(ctx, tx, p, s); return err })
	return r, err
}

func (d *dyingStore) Finish(ctx context.Context, f store.Finish, s store.SealFunc) (r store.FinishResult, err error) {
	err = d.commit(func() error { r, err = d.Store.Finish(ctx, f, s); return err })
	return r, err
}

func (d *dyingStore) SealNext(ctx context.Context, i ota.ICCID, now time.Time, s store.SealFunc) (x *store.Dispatched, f []mssp.Transaction, err error) {
	err = d.commit(func() error { x, f, err = d.Store.SealNext(ctx, i, now, s); return err })
	return x, f, err
}

func (d *dyingStore) Reattempt(ctx context.Context, id mssp.TransID, s store.SealFunc) (x *store.Dispatched, err error) {
	err = d.commit(func() error { x, err = d.Store.Reattempt(ctx, id, s); return err })
	return x, err
}

func (d *dyingStore) MarkPrompted(ctx context.Context, id mssp.TransID) error {
	return d.commit(func() error { return d.Store.MarkPrompted(ctx, id) })
}

func (d *dyingStore) SaveMO(ctx context.Context, mo bearer.MO, ref store.ConcatRef) (r store.MOResult, err error) {
	err = d.commit(func() error { r, err = d.Store.SaveMO(ctx, mo, ref); return err })
	return r, err
}

func (d *dyingStore) SetAside(ctx context.Context, j store.Joined) error {
	return d.commit(func() error { return d.Store.SetAside(ctx, j) })
}

func (d *dyingStore) ConsumeMO(ctx context.Context, id int64) error {
	return d.commit(func() error { return d.Store.ConsumeMO(ctx, id) })
}

func (d *dyingStore) ClaimSegments(ctx context.Context, now time.Time, share func([]string) []int) (out []store.Outbound, err error) {
	d.mu.Lock()
	dead := d.dead
	d.mu.Unlock()
	if dead {
		return nil, errKilled
	}
	// Counted only when there is something to claim: the sweeper asks often.
	if out, err = d.Store.ClaimSegments(ctx, now, share); err == nil && len(out) > 0 {
		if err = d.commit(func() error { return nil }); err != nil {
			return nil, err
		}
	}
	return out, err
}

func (d *dyingStore) RecordOutcomesLazy(o []store.SegmentOutcome) {
	_ = d.commit(func() error { d.Store.RecordOutcomesLazy(o); return nil })
}

func (d *dyingStore) ClaimCompletions(ctx context.Context, name string, now, until time.Time, n int) (out []store.Completion, err error) {
	err = d.commit(func() error { out, err = d.Store.ClaimCompletions(ctx, name, now, until, n); return err })
	return out, err
}

func (d *dyingStore) Told(ctx context.Context, c store.Completion) error {
	return d.commit(func() error { return d.Store.Told(ctx, c) })
}

func (d *dyingStore) RetryCompletion(ctx context.Context, c store.Completion, at time.Time) error {
	return d.commit(func() error { return d.Store.RetryCompletion(ctx, c, at) })
}

func (d *dyingStore) Recover(ctx context.Context) (r store.Recovery, err error) {
	err = d.commit(func() error { r, err = d.Store.Recover(ctx); return err })
	return r, err
}

// Killed before or after every commit of two queued signatures, with kill -9
// in the middle of the restart too: both end well, each user is asked once, no
// counter carries two messages, a copy has the octets of its original, and
// the provider who repeats his request gets the one signature (F1, I1 to I7).
//
// Supports: 3.5.3-4, G
func TestKilledAtEveryCommit(t *testing.T) {
	for _, alg := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				l := enginetest.New(t)
				l.Enrolled(enginetest.Number, alg, mssp.Authentication)
				if !killedRun(t, l, at, after, fmt.Sprintf("%s, commit %d, after %v", alg, at, after)) {
					if at < 5 {
						t.Errorf("only %d commits", at-1)
					}
					break
				}
			}
		}
	}
}

// killedRun runs the scenario and says whether the process was killed in it.
func killedRun(t *testing.T, l *enginetest.Lab, at int, after bool, name string) bool {
	c := l.Cards[enginetest.Number]
	asked := c.Prompts
	d := &dyingStore{Store: l.EngineStore(), at: at, after: after}
	restart(t, l, d)
	scenario(l)
	killed := d.dead
	if killed {
		// The first restart is killed too, at its first commit.
		restart(t, l, &dyingStore{Store: l.EngineStore(), at: 1, after: after})
		restart(t, l, l.EngineStore())
		scenario(l)
	}
	for range 4 { // what the sweeper would do in the next minute
		l.Clock.Add(16e9)
		l.Engine.Sweep(context.Background())
		l.Settle()
		l.Redeliver()
	}
	for _, id := range []string{"T1", "T2"} {
		tx, err := l.Store.Earlier(context.Background(), store.RequestKey{AP: "http://bank.example", TransID: id, Once: true})
		if err != nil || tx.State != mssp.Done || tx.Status != mssp.Signature {
			t.Fatalf("%s: %s is %s %d %s, %v", name, id, tx.State, tx.Status, tx.Detail, err)
		}
	}
	if n := c.Prompts - asked; n != 2 {
		t.Fatalf("%s: %d prompts, want 2 (I5)", name, n)
	}
	data := map[ota.CNTR][]byte{}
	for _, p := range c.Seen {
		if old, ok := data[p.CNTR]; ok && !bytes.Equal(old, p.Data) {
			t.Fatalf("%s: counter %s has carried two messages (I3)", name, p.CNTR)
		}
		data[p.CNTR] = p.Data
	}
	return killed
}

// restart makes a new engine on a store. A process that dies while it starts is
// simply gone.
func restart(t *testing.T, l *enginetest.Lab, st engine.Store) {
	t.Helper()
	if err := l.Restart(st); err != nil && !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
}

// scenario asks for two signatures, as a provider who asks again after an
// error does, and lets the network deliver.
func scenario(l *enginetest.Lab) {
	for _, id := range []string{"T1", "T2"} {
		_, _ = l.Signer.Sign(context.Background(), enginetest.Request(id, "text of "+id))
	}
	l.Settle()
	l.Redeliver()
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Redeliver()
}

// A whole answer that was stored but not used, and a waiting caller who asks
// again after the restart.
func TestRestartWithStoredAnswer(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	d := &dyingStore{Store: l.EngineStore(), at: 6} // Recover, Accept, outcomes, two parts; the third dies
	restart(t, l, d)
	tx, mos := l.Ask("T1")
	for _, mo := range mos {
		_ = l.Engine.Deliver(context.Background(), mo)
	}
	if !d.dead {
		t.Fatal("the process lives")
	}
	restart(t, l, l.EngineStore())
	l.Bring(mos[2]) // not acknowledged, so it comes again
	got, err := l.Engine.Wait(context.Background(), tx.ID)
	l.OK(err)
	if got.Status != mssp.Signature {
		t.Errorf("status %d %s", got.Status, got.Detail)
	}
}

// Answers that were complete and stored when the process died are used at the
// next start.
func TestRestartUsesPendingAnswer(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	restart(t, l, &dyingStore{Store: l.EngineStore(), at: 7, after: false}) // ... three parts; Finish dies
	tx, mos := l.Ask("T1")
	for _, mo := range mos {
		_ = l.Engine.Deliver(context.Background(), mo)
	}
	l.Want(tx.ID, mssp.Waiting, 0)
	restart(t, l, l.EngineStore())
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// A part that was missing when the process died, and never comes: the next
// process asks again, and nobody is asked twice.
func TestRestartWithMissingPart(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	l.Bring(mos[0], mos[1])
	l.Kill()
	l.Clock.Add(16e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Pump()
	if end := l.Want(tx.ID, mssp.Done, mssp.Signature); end.Attempt != 2 || c.Prompts != 2 {
		t.Errorf("%d attempts, %d prompts", end.Attempt, c.Prompts)
	}
}

// A restart finds the one at the card, however many wait behind it.
//
// Supports: I4
func TestRestartWithALongQueue(t *testing.T) {
	l := enginetest.New(t)
	l.Options.Limits.QueuePerCard = -1
	l.Kill()
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T0")
	for i := range 120 {
		r := enginetest.Request(fmt.Sprintf("T%d", i+1), "Pay?")
		r.Mode = mssp.AsynchClientServer
		_, err := l.Signer.Sign(context.Background(), r)
		l.OK(err)
	}
	l.Kill()
	l.Bring(mos...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}
