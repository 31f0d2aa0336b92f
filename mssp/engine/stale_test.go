package engine

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// A transaction whose turn comes after its deadline never reaches the phone:
// not when the one before it expires, and not at a restart after a long rest.
//
// Supports: 3.5.3-3, I5
func TestTurnAfterDeadline(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.mute = true
	for _, restart := range []bool{false, true} {
		name := map[bool]string{false: "sweep", true: "restart"}[restart]
		l.ask(name + "1")
		queued, _ := l.ask(name + "2")
		seen := len(c.seen)
		l.clock.add(81e9)
		if restart {
			l.kill()
		}
		l.e.sweepOnce(context.Background())
		l.settle()
		if n := len(c.seen) - seen; n != 0 {
			t.Errorf("%s: %d packets left for a request that is over", name, n)
		}
		end := l.want(queued.ID, mssp.Failed, mssp.ExpiredTransaction)
		if !strings.Contains(end.Detail, "never sent") {
			t.Errorf("%s: detail %q", name, end.Detail)
		}
	}
}

// A registration whose turn comes too late leaves no key that registers.
//
// Supports: 5.1-9
func TestRegistrationAfterDeadline(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.mute = true
	tx, _ := l.ask("T1")
	l.drop()
	k := l.key(1)
	k.State = mssp.KeyRegistering
	l.ok(l.st.PutKeyPairs(context.Background(), []mssp.KeyPair{k}))
	d := document{Op: opRegister, Slot: 1, Usage: mssp.Authentication, Card: "test"}
	tt, err := l.e.target(context.Background(), testNumber)
	l.ok(err)
	reg, err := l.e.send(context.Background(), tt, order{kind: mssp.KindRegister, doc: d, life: 60e9, commands: []applet.Command{applet.ChangeAppletStatus{To: applet.StatusReport}}})
	l.ok(err)
	l.clock.add(70e9)
	_, err = l.e.finish(context.Background(), failureOf(tx.ID))
	l.ok(err)
	l.want(reg.ID, mssp.Failed, mssp.ExpiredTransaction)
	ks, err := l.st.KeyPairs(context.Background(), tx.ICCID)
	l.ok(err)
	if ks[0].State != mssp.KeyDeleted {
		t.Errorf("key is %s", ks[0].State)
	}
}

func failureOf(id mssp.TransID) store.Finish {
	f := failure(mssp.Faultf(mssp.OTAError, "test"))
	f.TxID = id
	return f
}

// Where answers may come as command packets: our own packet sent back to us,
// and an answer that names no transaction, change nothing.
//
// Supports: 3.5.3-6, F12, I6
func TestCommandPacketThatIsNoAnswer(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.asCmd = true
	tx, mos := l.ask("T1")
	ours := l.sent[len(l.sent)-1]
	anonymous, err := applet.Answer{Results: []applet.Result{{Tag: applet.TagMessage, Status: applet.StatusMalformed}}}.MarshalBinary()
	l.ok(err)
	for name, mo := range map[string]bearer.MO{
		"our own packet":           {Source: testNumber, UDH: ours.UDH, UD: ours.UD},
		"answer to no transaction": c.sendCommand(anonymous)[0],
		"answer to an earlier one": c.sendCommand(answerBytes(t, tx.AppletTxn+1))[0],
		"no answer at all":         c.sendCommand([]byte{1, 2, 3})[0],
	} {
		before := l.metric("simsign_mo_total", "result", "mismatch")
		l.bring(mo)
		if s := l.tx(tx.ID).State; s.Final() {
			t.Fatalf("%s: transaction is %s", name, s)
		}
		if got := l.metric("simsign_mo_total", "result", "mismatch"); got != before+1 {
			t.Errorf("%s: not counted", name)
		}
	}
	l.bring(mos...)
	l.want(tx.ID, mssp.Done, mssp.Signature)
}

// What memory believes to be at the card is not what is there: the answer
// still finds its transaction, by the rows. That happens when another process
// has sealed, and when a new attempt is noted after its transaction has ended.
//
// Supports: I2, 3.5.3-4
func TestStaleFlight(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.first = false
	_, mos := l.ask("T1")
	stale := l.e.flights.byNumber(testNumber)
	l.bring(mos...)
	next, mos := l.ask("T2")
	l.e.flights.put(stale)
	l.bring(mos...)
	l.want(next.ID, mssp.Done, mssp.Signature)
	l.mo("late", 0)
}

// A copy of a segment that the network refuses is not the message: the card
// has it and the user is being asked.
//
// Supports: F10
func TestCopyRefused(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.submit = func(bearer.Segment) error { return bearer.ErrUnknown }
	tx, mos := l.ask("T1")
	l.bring(mos[0]) // 0B
	l.submit = func(bearer.Segment) error { return bearer.ErrRefused }
	l.clock.add(2e9)
	l.e.sweepOnce(context.Background())
	l.settle()
	l.want(tx.ID, mssp.Prompted, 0)
	l.bring(mos[1:]...)
	l.want(tx.ID, mssp.Done, mssp.Signature)
	if c.prompts != 2 {
		t.Errorf("%d prompts", c.prompts)
	}
}

// brokenStore cannot end one transaction.
type brokenStore struct {
	labStore
	id mssp.TransID
}

func (b brokenStore) Finish(ctx context.Context, f store.Finish, s store.SealFunc) (store.FinishResult, error) {
	if f.TxID == b.id {
		return store.FinishResult{}, errors.New("its row is damaged")
	}
	return b.labStore.Finish(ctx, f, s)
}

// One transaction that cannot end does not keep the others from it.
func TestExpiryGoesOn(t *testing.T) {
	l := newLab(t)
	const second sms.MSISDN = "41790000002"
	for _, n := range []sms.MSISDN{testNumber, second} {
		l.enrolled(n, applet.ECDSAP256, mssp.Authentication).mute = true
	}
	bad, _ := l.ask("T1")
	l.clock.add(1e9)
	r := request("T2", "hello")
	r.MSISDN = second
	good, err := l.e.Sign(context.Background(), r)
	l.ok(err)
	l.settle()
	l.restart(brokenStore{labStore{l.st}, bad.ID})
	l.clock.add(90e9)
	l.e.sweepOnce(context.Background())
	l.settle()
	l.want(good.ID, mssp.Failed, mssp.ExpiredTransaction)
}

// A transaction whose card profile was taken out of the configuration does
// not keep the service from starting; it ends by its deadline.
func TestStartWithoutCardProfile(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.RSA2048, mssp.Authentication)
	c.first = false
	d := &dyingStore{labStore: labStore{l.st}, at: 7} // Recover, Accept, outcomes, three parts; Finish dies
	l.restart(d)
	whole, mos := l.ask("T1")
	for _, mo := range mos {
		_ = l.e.Deliver(context.Background(), mo)
	}
	if !d.dead {
		t.Fatal("the process lives")
	}
	profiles := l.o.CardProfiles
	l.o.CardProfiles = nil
	l.restart(labStore{l.st})
	l.e.sweepOnce(context.Background())
	l.settle()
	l.want(whole.ID, mssp.Waiting, 0)
	l.o.CardProfiles = profiles // put back: nothing is lost
	l.restart(labStore{l.st})
	l.want(whole.ID, mssp.Done, mssp.Signature)
}

// A counter that answers under a key set that is not the newest is known: the
// flight remembers which set sealed its packet, also after a restart.
//
// Supports: I3
func TestKeySetOfThePacket(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	tx, mos := l.ask("T1")
	card, err := l.st.Card(context.Background(), tx.ICCID)
	l.ok(err)
	newer := l.keySet(tx.ICCID, 2, 0x77)
	l.ok(l.st.ImportCard(context.Background(), card, []mssp.KeySet{newer}))
	l.kill()
	l.bring(mos...)
	l.want(tx.ID, mssp.Done, mssp.Signature)
	if c.last < ota.CNTR(1) {
		t.Error("the card has seen no packet")
	}
}

// keySet is a sealed key set of AES keys made of one octet.
func (l *lab) keySet(iccid ota.ICCID, kvn, octet byte) mssp.KeySet {
	l.t.Helper()
	k := ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{octet}, 16)}
	blob, err := l.vault.SealMaterial(iccid, keys.Material{KVN: kvn, CMACLen: 8, KIc: k, KID: k})
	l.ok(err)
	counter, err := l.vault.SealCounter(iccid, kvn, 0)
	l.ok(err)
	return mssp.KeySet{ICCID: iccid, KVN: kvn, Keys: blob, Counter: counter}
}

// sealless is a store that cannot seal for a card once.
type sealless struct {
	labStore
	fail *bool
}

func (s sealless) SealNext(ctx context.Context, i ota.ICCID, now time.Time, f store.SealFunc) (*store.Dispatched, []mssp.Transaction, error) {
	if *s.fail {
		return nil, nil, errors.New("not now")
	}
	return s.labStore.SealNext(ctx, i, now, f)
}

// A card that the start finds idle with a queue is tried again by the sweeper.
//
// Supports: 3.5.3-4
func TestIdleCardIsTriedAgain(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.mute = true
	first, _ := l.ask("T1")
	waiting, _ := l.ask("T2")
	_, err := l.st.Finish(context.Background(), failureOf(first.ID), nil) // and then the process dies
	l.ok(err)
	c.mute = false
	fail := true
	l.restart(sealless{labStore{l.st}, &fail})
	l.want(waiting.ID, mssp.Queued, 0)
	fail = false
	l.e.sweepOnce(context.Background())
	l.settle()
	l.pump()
	l.want(waiting.ID, mssp.Done, mssp.Signature)
}

// A registration whose request was not signed by its key ends, and its key
// is of no use.
//
// Supports: 5.1-8, 5.1-9
func TestRequestNotSignedByItsKey(t *testing.T) {
	for _, flow := range []Flow{FlowA, FlowB} {
		l := newLab(t)
		c := l.user(testNumber)
		c.say = func(m applet.Message) applet.Answer {
			a := c.apply(m)
			for i := range a.Results {
				if s := a.Results[i].Signature; len(s) > 0 {
					s[len(s)-1] ^= 1
				}
			}
			return a
		}
		_, err := pumped(l, func() (Enrolment, error) {
			return l.e.Enrol(context.Background(), EnrolRequest{MSISDN: testNumber, Usage: mssp.Authentication, Flow: flow})
		})
		wantFault(t, err, mssp.RegistrationNOK)
		_, _, ks, err := l.st.Lookup(context.Background(), testNumber)
		l.ok(err)
		for _, k := range ks {
			if k.State == mssp.KeyRequested || k.State == mssp.KeyRegistered || len(k.CSR) > 0 {
				t.Errorf("flow %c: key is %s", flow, k.State)
			}
		}
		if _, err := l.e.Sign(context.Background(), request("T1", "hello")); err == nil {
			t.Errorf("flow %c: the key signs", flow)
		}
	}
}
