package engine

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// ask accepts a request and hands out what the phone sends, undelivered.
func (l *lab) ask(id string) (mssp.Transaction, []bearer.MO) {
	l.t.Helper()
	tx, err := l.e.Sign(context.Background(), request(id, "hello"))
	l.ok(err)
	return tx, l.drop()
}

func (l *lab) bring(mos ...bearer.MO) {
	l.t.Helper()
	for _, mo := range mos {
		l.ok(l.e.Deliver(context.Background(), mo))
	}
	l.settle()
}

// "0B" only says that the packet is on the card.
//
// Supports: 3.5.3-3
func TestPrompted(t *testing.T) {
	l := newLab(t)
	l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	tx, mos := l.ask("T1")
	l.bring(mos[0])
	l.want(tx.ID, mssp.Prompted, 0)
	l.bring(mos[0]) // the network brings it twice
	l.bring(mos[1:]...)
	l.want(tx.ID, mssp.Done, mssp.Signature)
	l.mo("prompted", 4) // two of the registration, and both copies
}

// Parts in any order and any number of copies make one answer (F11).
//
// Supports: 3.5.3-4, 5.2-2
func TestPartsInAnyOrder(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.RSA2048, mssp.Authentication)
	c.first = false
	tx, mos := l.ask("T1")
	if len(mos) != 3 {
		t.Fatalf("RSA answer has %d parts, want 3", len(mos))
	}
	l.bring(mos[2], mos[0], mos[2], mos[0])
	l.want(tx.ID, mssp.Waiting, 0)
	l.bring(mos[1], mos[1], mos[0])
	l.want(tx.ID, mssp.Done, mssp.Signature)
	if c.prompts != 2 {
		t.Errorf("%d prompts, want 2 (one was the registration)", c.prompts)
	}
}

// What is not authentic, or is for something else, changes nothing and is
// counted; the true answer still counts after it (I6, F12).
//
// Supports: 3.5.3-6
func TestForeignAnswers(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	other := l.user("41790000002")
	c.first = false
	old, mosOld := l.ask("T0")
	l.bring(mosOld...)
	l.want(old.ID, mssp.Done, mssp.Signature)

	tx, mos := l.ask("T1")
	true1 := mos[0]
	damaged := true1
	damaged.UD = bytes.Clone(true1.UD)
	damaged.UD[len(damaged.UD)-1] ^= 1
	clear, err := c.set.SealResponse(nil, testSPI.PlainPoR(), &ota.Response{TAR: testTAR, CNTR: c.last, Status: ota.StatusIntegrity})
	l.ok(err)
	inClear := true1
	inClear.UD = clear
	success, err := c.set.SealResponse(nil, testSPI.PlainPoR(), &ota.Response{TAR: testTAR, CNTR: c.last, Status: ota.StatusOK, Data: []byte{1}})
	l.ok(err)
	okInClear := true1
	okInClear.UD = success
	fromOther := true1
	fromOther.Source = other.number
	nobody := true1
	nobody.Source = "41799999999"
	header := true1
	header.UDH = []byte{9, 0x71}
	plain := bearer.MO{Source: testNumber, UD: []byte("hello")}
	stray := true1
	stray.UDH = []byte{0x05, 0x00, 0x03, 0x77, 0x02, 0x01}
	stray.Source = other.number
	wrongTx := c.send(&ota.Command{TAR: testTAR, CNTR: c.last}, ota.StatusOK, answerBytes(t, 12345))[0]

	for _, x := range []struct {
		name, count string
		mo          bearer.MO
	}{
		{"damaged", "forged", damaged},
		{"error in clear", "unauthenticated", inClear},
		{"success in clear", "forged", okInClear},
		{"answer to an earlier transaction", "late", mosOld[0]},
		{"from another user's number", "forged", fromOther},
		{"from a number of nobody", "foreign", nobody},
		{"broken header", "malformed", header},
		{"a text message", "plain", plain},
		{"a part that nobody waits for", "stray", stray},
		{"of another transaction", "mismatch", wrongTx},
	} {
		before := l.metric("simsign_mo_total", "result", x.count)
		l.bring(x.mo)
		if got := l.metric("simsign_mo_total", "result", x.count); got != before+1 {
			t.Errorf("%s: not counted as %s", x.name, x.count)
		}
		if s := l.tx(tx.ID).State; s.Final() {
			t.Fatalf("%s: transaction is %s", x.name, s)
		}
	}
	l.bring(true1)
	l.want(tx.ID, mssp.Done, mssp.Signature)
	l.bring(true1) // after the end
	l.want(tx.ID, mssp.Done, mssp.Signature)
}

func answerBytes(t *testing.T, txn uint32) []byte {
	t.Helper()
	b, err := applet.Answer{Transaction: txn, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled}}}.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An answer after the deadline is told and changes nothing, also when a newer
// transaction is at the card by then (I7).
//
// Supports: 3.5.3-3
func TestLateAnswer(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.first = false
	tx, mos := l.ask("T1")
	l.clock.add(81e9)
	l.e.sweepOnce(context.Background())
	end := l.want(tx.ID, mssp.Failed, mssp.ExpiredTransaction)
	l.bring(mos...)
	next, mos2 := l.ask("T2")
	l.bring(mos...)
	l.want(next.ID, mssp.Waiting, 0)
	l.bring(mos2...)
	l.want(next.ID, mssp.Done, mssp.Signature)
	if after := l.tx(tx.ID); after.Status != end.Status || len(after.Result) > 0 {
		t.Error("the end of a transaction has changed")
	}
	l.mo("late", 2)
}

// An answer may come as a command packet of the applet's own counter.
func TestAnswerAsCommandPacket(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.asCmd = true
	tx := l.sign(request("T1", "hello"))
	l.want(tx.ID, mssp.Done, mssp.Signature)
}

// A signature that does not verify never leaves (5.2-2), nor one by a
// certificate that was revoked while the user was thinking.
//
// Supports: 5.2-2, 3.5.10-1
func TestVerifiedBeforeReply(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.say = func(m applet.Message) applet.Answer {
		a := c.apply(m)
		a.Results[len(a.Results)-1].Signature[5] ^= 1
		return a
	}
	tx := l.sign(request("T1", "hello"))
	if end := l.want(tx.ID, mssp.Failed, mssp.InvalidSignature); len(end.Result) > 0 {
		t.Error("there is a result")
	}
	c.say = nil
	tx, mos := l.ask("T2")
	l.ok(l.ca.Revoke(context.Background(), l.key(1).Serial, 1))
	l.bring(mos...)
	l.want(tx.ID, mssp.Failed, mssp.RevokedCertificate)
}

// Every error status of an authentic response packet ends the transaction,
// and ten of them suspend the card; "CNTR low" gets one new attempt.
//
// Supports: 3.2-4
func TestSecurityErrors(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.sign(request("T0", "hello"))
	statuses := []ota.ResponseStatus{
		ota.StatusIntegrity, ota.StatusCounterHigh, ota.StatusCounterBlocked, ota.StatusCiphering,
		ota.StatusUnidentified, ota.StatusMemory, ota.StatusTARUnknown, ota.StatusSecurityLevel, 0xC1, ota.StatusIntegrity,
	}
	for i, s := range statuses {
		tx, _ := l.ask("T" + s.String() + string(rune('a'+i)))
		l.bring(c.send(&c.seen[len(c.seen)-1], s, nil)...)
		end := l.want(tx.ID, mssp.Failed, mssp.OTAError)
		if !strings.Contains(end.Detail, s.String()) {
			t.Errorf("detail %q does not name %q", end.Detail, s)
		}
	}
	_, err := l.e.Sign(context.Background(), request("TX", "hello"))
	wantFault(t, err, mssp.CardBlocked)
}

// The card's counter is ahead of ours (a restored backup): one jump, and the
// user is asked once.
func TestCounterAhead(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.last += 1000
	tx := l.sign(request("T1", "hello"))
	end := l.want(tx.ID, mssp.Done, mssp.Signature)
	if end.Attempt != 2 || c.prompts != 2 {
		t.Errorf("%d attempts, %d prompts", end.Attempt, c.prompts)
	}
	c.last += 1 << 30
	tx = l.sign(request("T2", "hello"))
	end = l.want(tx.ID, mssp.Failed, mssp.OTAError)
	if end.Attempt != 2 {
		t.Errorf("%d attempts, want one jump only", end.Attempt)
	}
}

// No number, key or text is in the log of all that (I9).
//
// Supports: 3.4-3
func TestLogHidesPeople(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.sign(request("T1", "a very private text"))
	c.say = func(m applet.Message) applet.Answer { return c.apply(m) }
	log := l.logs.String()
	if !strings.Contains(log, "transaction ended") {
		t.Fatal("nothing was logged")
	}
	for _, secret := range []string{string(testNumber), "private", "Test Person", "8941010000000000001"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
