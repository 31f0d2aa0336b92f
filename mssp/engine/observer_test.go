package engine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/store"
)

// ear is an observer that remembers what it was told.
type ear struct {
	mu    sync.Mutex
	deaf  int // it fails that many times
	heard []store.Completion
}

func (e *ear) tell(_ context.Context, c store.Completion) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf > 0 {
		e.deaf--
		return errors.New("no answer")
	}
	e.heard = append(e.heard, c)
	return nil
}

func (e *ear) times(id mssp.TransID) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.heard {
		if c.Tx.ID == id {
			n++
		}
	}
	return n
}

// observedLab has a user, and an ear under the name "notify".
func observedLab(t *testing.T) (*enginetest.Lab, *ear) {
	e := &ear{}
	l := enginetest.New(t)
	l.Observers = map[string]engine.Observer{"notify": e.tell}
	l.Kill()
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	return l, e
}

func observedRequest(id string) signature.Request {
	r := enginetest.Request(id, "text of "+id)
	r.Observer = mssp.Observer{Name: "notify", Data: []byte("to " + id)}
	return r
}

// sweep does what is due and lets it end.
func sweep(l *enginetest.Lab) time.Time {
	l.Engine.Sweep(context.Background())
	l.Settle()
	return l.Engine.Sweep(context.Background())
}

// An observer hears once of each end of what it observes: with the result, the
// fault, and its own data.
func TestObserver(t *testing.T) {
	l, e := observedLab(t)
	l.Sign(enginetest.Request("unobserved", "hello"))
	done := l.Sign(observedRequest("T1"))
	c := l.Cards[enginetest.Number]
	c.Mute = true
	late, err := l.Signer.Sign(context.Background(), observedRequest("T2"))
	l.OK(err)
	queued, err := l.Signer.Sign(context.Background(), observedRequest("T3"))
	l.OK(err)
	l.Settle()
	l.Clock.Add(81 * time.Second)
	for range 3 {
		sweep(l)
	}
	for _, want := range []struct {
		tx   mssp.Transaction
		data string
	}{
		{l.Want(done.ID, mssp.Done, mssp.Signature), "to T1"},
		{l.Want(late.ID, mssp.Failed, mssp.ExpiredTransaction), "to T2"},
		{l.Want(queued.ID, mssp.Failed, mssp.ExpiredTransaction), "to T3"},
	} {
		if e.times(want.tx.ID) != 1 {
			t.Errorf("heard %d times of %s", e.times(want.tx.ID), want.data)
		}
		for _, c := range e.heard {
			if c.Tx.ID == want.tx.ID && (c.Tx.Status != want.tx.Status || string(c.Tx.Result) != string(want.tx.Result) || string(c.Tx.Observer.Data) != want.data) {
				t.Errorf("heard %+v", c.Tx)
			}
		}
	}
	if len(e.heard) != 3 {
		t.Errorf("heard %d times", len(e.heard))
	}
	if err := l.Engine.Observe("notify", e.tell); err == nil {
		t.Error("a name was registered twice")
	}
}

// An observer that does not listen is told again, after pauses that grow and
// that a restart does not forget.
func TestObserverFails(t *testing.T) {
	l, e := observedLab(t)
	e.deaf = 3
	tx := l.Sign(observedRequest("T1"))
	for i, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		sweep(l)
		if i == 1 {
			l.Kill()
		}
		if e.times(tx.ID) != 0 || e.deaf != 2-i {
			t.Fatalf("try %d: heard %v, deaf %d", i+1, e.heard, e.deaf)
		}
		if next := sweep(l); next.Sub(l.Clock.Now()) > pause {
			t.Errorf("try %d comes in %s, want %s", i+2, next.Sub(l.Clock.Now()), pause)
		}
		l.Clock.Add(pause - time.Millisecond)
		if sweep(l); e.deaf != 2-i {
			t.Errorf("try %d was early", i+2)
		}
		l.Clock.Add(time.Millisecond)
	}
	sweep(l)
	if e.times(tx.ID) != 1 || e.heard[0].Try != 4 {
		t.Errorf("heard %+v", e.heard)
	}
	if log := l.Logs.String(); strings.Count(log, "an observer was not told") != 3 || strings.Contains(log, "to T1") {
		t.Errorf("log: %s", log)
	}
}

// Of several observers the one that has to be told first says when the sweeper
// comes: each waits its own pause.
func TestObserversDue(t *testing.T) {
	l, _ := observedLab(t)
	ears := map[string]*ear{}
	for _, name := range []string{"a", "b", "c", "d"} {
		ears[name] = &ear{}
		l.Observers[name] = ears[name].tell
	}
	l.Kill()
	fail := func(name string, times int) {
		ears[name].deaf = times
		r := observedRequest(name)
		r.Observer.Name = name
		l.Sign(r)
		sweep(l)
	}
	fail("a", 2)
	fail("c", 2)
	l.Clock.Add(time.Second)
	fail("b", 1)  // a and c have failed twice and wait two seconds now, b one, and d has nothing to hear
	for range 8 { // in whatever order they are looked at
		if wait := l.Engine.Sweep(context.Background()).Sub(l.Clock.Now()); wait != time.Second {
			t.Fatalf("the sweeper comes again in %s, want a second", wait)
		}
	}
}

// Killed before or after any commit, the process that goes on tells what was
// not told; what was being told is told again at the start, without waiting.
//
// Supports: F1
func TestObserverKilledAtEveryCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		killed := true
		for at := 1; killed; at++ {
			l, e := observedLab(t)
			d := &dyingStore{Store: l.EngineStore(), at: at, after: after}
			tell := l.Observers["notify"]
			l.Observers["notify"] = func(ctx context.Context, c store.Completion) error {
				if d.killed() { // whoever is dead tells nothing
					return errKilled
				}
				return tell(ctx, c)
			}
			restart(t, l, d)
			run := func() {
				for _, id := range []string{"T1", "T2"} {
					_, _ = l.Signer.Sign(context.Background(), observedRequest(id))
				}
				for range 2 {
					l.Settle()
					l.Redeliver()
					sweep(l)
				}
			}
			run()
			if killed = d.killed(); killed {
				l.Observers["notify"] = tell
				restart(t, l, l.EngineStore())
				run()
			}
			name := fmt.Sprintf("commit %d, after %v", at, after)
			for _, id := range []string{"T1", "T2"} {
				tx, err := l.Store.Earlier(context.Background(), store.RequestKey{AP: "http://bank.example", TransID: id, Once: true})
				if err != nil || tx.State != mssp.Done {
					t.Fatalf("%s: %s is %s, %v", name, id, tx.State, err)
				}
				if n := e.times(tx.ID); n < 1 || n > 2 || !killed && n > 1 {
					t.Errorf("%s: heard %d times of %s", name, n, id)
				}
			}
			if due, err := l.Store.CompletionDue(context.Background(), "notify"); err != nil || !due.IsZero() {
				t.Errorf("%s: still to be told at %v, %v", name, due, err)
			}
			if !killed && at < 8 {
				t.Errorf("only %d commits", at-1)
			}
		}
	}
}

// What is to be told to an observer that is not registered waits for a process
// that knows it; the log of each that does not says so once.
func TestObserverAbsent(t *testing.T) {
	l, e := observedLab(t)
	known := l.Observers
	l.Observers = nil
	l.Kill()
	first := l.Sign(observedRequest("T1"))
	second := l.Sign(observedRequest("T2"))
	sweep(l)
	if n := strings.Count(l.Logs.String(), "nobody is registered for an observer"); n != 1 {
		t.Errorf("said %d times", n)
	}
	l.Kill()
	if n := strings.Count(l.Logs.String(), "nobody is registered for an observer"); n != 2 {
		t.Errorf("said %d times after a start", n)
	}
	l.Observers = known
	l.Kill()
	sweep(l)
	if e.times(first.ID) != 1 || e.times(second.ID) != 1 {
		t.Errorf("heard %+v", e.heard)
	}
}

// A crowd of ends is told a bounded number at a time, and an observer that
// hangs holds up no other.
func TestObserverCrowd(t *testing.T) {
	const crowd = 40
	l, e := observedLab(t)
	hold := make(chan struct{})
	l.Observers["slow"] = func(ctx context.Context, c store.Completion) error {
		<-hold
		return e.tell(ctx, c)
	}
	l.Kill()
	for i := range crowd {
		r := observedRequest(fmt.Sprint("T", i))
		r.Observer.Name = "slow"
		l.Sign(r)
	}
	quick := l.Sign(observedRequest("quick"))
	if quick.Observer.Name != "notify" {
		t.Fatalf("the row names observer %q", quick.Observer.Name)
	}
	e.deaf = 1
	l.Engine.Sweep(context.Background()) // fills all places, and fails to tell the quick one
	again := l.Clock.Now().Add(time.Second)
	for due := again.Add(1); !due.Equal(again); {
		var err error
		due, err = l.Store.CompletionDue(context.Background(), "notify")
		l.OK(err)
	}
	l.Clock.Add(time.Second)
	l.Engine.Sweep(context.Background()) // finds no place for the slow one
	for e.times(quick.ID) == 0 {
		runtime.Gosched()
	}
	left, err := l.Store.ClaimCompletions(context.Background(), "slow", l.Clock.Now(), l.Clock.Now(), crowd)
	l.OK(err)
	if len(left) != crowd-16 {
		t.Errorf("%d of %d are not being told, want all but 16", len(left), crowd)
	}
	close(hold)
	for range crowd {
		sweep(l)
	}
	if len(e.heard) != crowd+1 || e.times(quick.ID) != 1 {
		t.Errorf("%d were told", len(e.heard))
	}
}
