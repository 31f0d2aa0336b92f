package engine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// A transaction whose turn comes after its deadline never reaches the phone:
// not when the one before it expires, and not at a restart after a long rest.
//
// Supports: 3.5.3-3, I5
func TestTurnAfterDeadline(t *testing.T) {
	l := enginetest.New(t)
	alerts := &noted{}
	l.Options.Alerts = alerts
	l.Kill()
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Mute = true
	for _, restart := range []bool{false, true} {
		name := map[bool]string{false: "sweep", true: "restart"}[restart]
		l.Ask(name + "1")
		queued, _ := l.Ask(name + "2")
		seen := len(c.Seen)
		l.Clock.Add(81e9)
		if restart {
			l.Kill()
		}
		l.Engine.Sweep(context.Background())
		l.Settle()
		if n := len(c.Seen) - seen; n != 0 {
			t.Errorf("%s: %d packets left for a request that is over", name, n)
		}
		end := l.Want(queued.ID, mssp.Failed, mssp.ExpiredTransaction)
		if !strings.Contains(end.Detail, "never sent") {
			t.Errorf("%s: detail %q", name, end.Detail)
		}
		if len(alerts.open) != 0 { // nothing for an operator to do
			t.Errorf("%s: alerts %v", name, alerts.open)
		}
	}
}

func failureOf(id mssp.TransID) store.Finish {
	return engine.FailureOf(id, mssp.Faultf(mssp.OTAError, "test"))
}

// Where answers may come as command packets: our own packet sent back to us,
// and an answer that names no transaction, change nothing.
//
// Supports: 3.5.3-6, F12, I6
func TestCommandPacketThatIsNoAnswer(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.AsCommand = true
	tx, mos := l.Ask("T1")
	ours := l.Sent[len(l.Sent)-1]
	anonymous, err := applet.Answer{Results: []applet.Result{{Tag: applet.TagMessage, Status: applet.StatusMalformed}}}.MarshalBinary()
	l.OK(err)
	for name, mo := range map[string]bearer.MO{
		"our own packet":           {Source: enginetest.Number, UDH: ours.UDH, UD: ours.UD},
		"answer to no transaction": c.SendCommand(anonymous)[0],
		"answer to an earlier one": c.SendCommand(enginetest.Cancelled(t, tx.AppletTxn+1))[0],
		"no answer at all":         c.SendCommand([]byte{1, 2, 3})[0],
	} {
		before := l.Metric("simsign_mo_total", "result", "mismatch")
		l.Bring(mo)
		if s := l.Tx(tx.ID).State; s.Final() {
			t.Fatalf("%s: transaction is %s", name, s)
		}
		if got := l.Metric("simsign_mo_total", "result", "mismatch"); got != before+1 {
			t.Errorf("%s: not counted", name)
		}
	}
	// The answer itself, and one octet of it is another.
	changed := c.SendCommand(c.Memory[tx.AppletTxn])[0]
	changed.UD[len(changed.UD)-1] ^= 1
	before := l.Metric("simsign_mo_total", "result", "forged")
	l.Bring(changed)
	if l.Want(tx.ID, mssp.Waiting, 0); l.Metric("simsign_mo_total", "result", "forged") != before+1 {
		t.Error("a changed answer is not counted as forged")
	}
	l.Bring(mos...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// What memory believes to be at the card is not what is there: the answer
// still finds its transaction, by the rows. That happens when another process
// has sealed, and when a new attempt is noted after its transaction has ended.
//
// Supports: I2, 3.5.3-4
func TestStaleFlight(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	_, mos := l.Ask("T1")
	stale := l.Engine.FlightOf(enginetest.Number)
	l.Bring(mos...)
	next, mos := l.Ask("T2")
	l.Engine.PutFlight(stale)
	l.Bring(mos...)
	l.Want(next.ID, mssp.Done, mssp.Signature)
	l.WantMO("late", 0)
}

// A copy of a segment that the network refuses is not the message: the card
// has it and the user is being asked.
//
// Supports: F10
func TestCopyRefused(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.OnSubmit = func(bearer.Segment) error { return bearer.ErrUnknown }
	tx, mos := l.Ask("T1")
	l.Bring(mos[0]) // 0B
	l.OnSubmit = func(bearer.Segment) error { return bearer.ErrRefused }
	l.Clock.Add(2e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Want(tx.ID, mssp.Prompted, 0)
	l.Bring(mos[1:]...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	if c.Prompts != 2 {
		t.Errorf("%d prompts", c.Prompts)
	}
}

// brokenStore cannot end one transaction.
type brokenStore struct {
	enginetest.Store
	id mssp.TransID
}

func (b brokenStore) Finish(ctx context.Context, f store.Finish, s store.SealFunc) (store.FinishResult, error) {
	if f.TxID == b.id {
		return store.FinishResult{}, errors.New("its row is damaged")
	}
	return b.Store.Finish(ctx, f, s)
}

// One transaction that cannot end does not keep the others from it.
func TestExpiryGoesOn(t *testing.T) {
	l := enginetest.New(t)
	const second sms.MSISDN = "41790000002"
	for _, n := range []sms.MSISDN{enginetest.Number, second} {
		l.Enrolled(n, applet.ECDSAP256, mssp.Authentication).Mute = true
	}
	bad, _ := l.Ask("T1")
	l.Clock.Add(1e9)
	r := enginetest.Request("T2", "hello")
	r.MSISDN = second
	good, err := l.Signer.Sign(context.Background(), r)
	l.OK(err)
	l.Settle()
	restart(t, l, brokenStore{l.EngineStore(), bad.ID})
	l.Clock.Add(90e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Want(good.ID, mssp.Failed, mssp.ExpiredTransaction)
}

// A transaction whose card profile was taken out of the configuration does
// not keep the service from starting; it ends by its deadline.
func TestStartWithoutCardProfile(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	d := &dyingStore{Store: l.EngineStore(), at: 7} // Recover, Accept, outcomes, three parts; Finish dies
	restart(t, l, d)
	whole, mos := l.Ask("T1")
	for _, mo := range mos {
		_ = l.Engine.Deliver(context.Background(), mo)
	}
	if !d.dead {
		t.Fatal("the process lives")
	}
	profiles := l.Options.CardProfiles
	l.Options.CardProfiles = nil
	restart(t, l, l.EngineStore())
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Want(whole.ID, mssp.Waiting, 0)
	l.Options.CardProfiles = profiles // put back: nothing is lost
	restart(t, l, l.EngineStore())
	l.Want(whole.ID, mssp.Done, mssp.Signature)
}

// A counter that answers under a key set that is not the newest is known: the
// flight remembers which set sealed its packet, also after a restart.
//
// Supports: I3
func TestKeySetOfThePacket(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	tx, mos := l.Ask("T1")
	card, err := l.Store.Card(context.Background(), tx.ICCID)
	l.OK(err)
	newer := l.KeySet(tx.ICCID, 2, 0x77)
	l.OK(l.Store.ImportCard(context.Background(), card, []mssp.KeySet{newer}))
	l.Kill()
	l.Bring(mos...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	if c.Last < ota.CNTR(1) {
		t.Error("the card has seen no packet")
	}
}

// sealless is a store that cannot seal for a card once.
type sealless struct {
	enginetest.Store
	err *error
}

func (s sealless) SealNext(ctx context.Context, i ota.ICCID, now time.Time, f store.SealFunc) (*store.Dispatched, []mssp.Transaction, error) {
	if *s.err != nil {
		return nil, nil, *s.err
	}
	return s.Store.SealNext(ctx, i, now, f)
}

// A card that the start finds idle with a queue is tried again by the sweeper; a
// store that has ended ends the start.
//
// Supports: 3.5.3-4
func TestIdleCardIsTriedAgain(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Mute = true
	first, _ := l.Ask("T1")
	waiting, _ := l.Ask("T2")
	_, err := l.Store.Finish(context.Background(), failureOf(first.ID), nil) // and then the process dies
	l.OK(err)
	c.Mute = false
	err = fmt.Errorf("store: %w", store.ErrClosed)
	if got := l.Restart(sealless{l.EngineStore(), &err}); !errors.Is(got, store.ErrClosed) {
		t.Errorf("a start on a store that has ended: %v", got)
	}
	err = errors.New("not now")
	l.OK(l.Restart(sealless{l.EngineStore(), &err}))
	l.Want(waiting.ID, mssp.Queued, 0)
	err = nil
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Pump()
	l.Want(waiting.ID, mssp.Done, mssp.Signature)
}

// turnForger changes a transaction only after the start has looked at it.
type turnForger struct{ forger }

func (f turnForger) Transactions(ctx context.Context, filter store.TransactionFilter) ([]mssp.Transaction, error) {
	return f.Store.Transactions(ctx, filter)
}

// What waits behind it at such a card and is not what was accepted ends when its turn
// comes: an operator hears that.
//
// Supports: 3.5.3-4, 3.5.3-6
func TestIdleCardForgedTurn(t *testing.T) {
	l, _ := observedLab(t)
	alerts := &noted{}
	l.Options.Alerts = alerts
	l.Cards[enginetest.Number].Mute = true
	first, _ := l.Ask("T1")
	forged, err := l.Signer.Sign(context.Background(), observedRequest("T2"))
	l.OK(err)
	_, err = l.Store.Finish(context.Background(), failureOf(first.ID), nil) // and then the process dies
	l.OK(err)
	l.OK(l.Restart(turnForger{forger{l.EngineStore(), func(tx *mssp.Transaction) {
		if tx.ID == forged.ID && !tx.State.Final() {
			tx.AP = "http://evil.example"
		}
	}}}))
	l.Want(forged.ID, mssp.Failed, mssp.InternalError)
	if got := alerts.of("transaction " + string(forged.ID)); !strings.HasPrefix(got, "has failed when its turn came: ") {
		t.Errorf("the operator is told %q", got)
	}
}

// Memory may learn of a flight after the transaction has ended (its commit
// was noted late). Who trusts that flight and waits is woken by whatever finds
// out: the sweep after the deadline, or an answer that comes.
//
// Supports: I7
func TestFlightNotedLate(t *testing.T) {
	for _, by := range []string{"sweep", "answer"} {
		l := enginetest.New(t)
		var run atomic.Int64
		l.Options.Elapsed = func() time.Duration { return time.Duration(run.Load()) }
		l.Kill()
		l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		tx, mos := l.Ask("T1")
		f := l.Engine.FlightOf(enginetest.Number)
		l.OK(l.Engine.End(context.Background(), tx.ID, mssp.Faultf(mssp.OTAError, "test")))
		l.Engine.PutFlight(f)
		ended := make(chan mssp.Transaction)
		go func() {
			got, err := l.Engine.Wait(t.Context(), tx.ID)
			if err != nil {
				t.Error(err)
			}
			ended <- got
		}()
		for l.Engine.Waiting() != 1 {
			runtime.Gosched()
		}
		if by == "sweep" {
			run.Store(int64(time.Hour))
			l.Engine.Sweep(context.Background())
		} else {
			l.Bring(mos...)
		}
		if got := <-ended; got.ID != tx.ID || got.Status != mssp.OTAError {
			t.Errorf("%s: woken with %s, status %d", by, got.ID, got.Status)
		}
	}
}
