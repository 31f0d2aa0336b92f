package engine_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// "0B" only says that the packet is on the card.
//
// Supports: 3.5.3-3
func TestPrompted(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	tx, mos := l.Ask("T1")
	l.Bring(mos[0])
	l.Want(tx.ID, mssp.Prompted, 0)
	l.Bring(mos[0]) // the network brings it twice
	l.Bring(mos[1:]...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	l.WantMO("prompted", 5) // three of the registration, and both copies
}

// Parts in any order and any number of copies make one answer (F11).
//
// Supports: 3.5.3-4, 5.2-2
func TestPartsInAnyOrder(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	if len(mos) != 3 {
		t.Fatalf("RSA answer has %d parts, want 3", len(mos))
	}
	l.Bring(mos[2], mos[0], mos[2], mos[0])
	l.Want(tx.ID, mssp.Waiting, 0)
	l.Bring(mos[1], mos[1], mos[0])
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	if c.Prompts != 2 {
		t.Errorf("%d prompts, want 2 (one was the registration)", c.Prompts)
	}
}

// What is not authentic, or is for something else, changes nothing and is
// counted; the true answer still counts after it (I6, F12).
//
// Supports: 3.5.3-6
func TestForeignAnswers(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	other := l.User("41790000002")
	c.First = false
	old, mosOld := l.Ask("T0")
	l.Bring(mosOld...)
	l.Want(old.ID, mssp.Done, mssp.Signature)

	tx, mos := l.Ask("T1")
	true1 := mos[0]
	damaged := true1
	damaged.UD = bytes.Clone(true1.UD)
	damaged.UD[len(damaged.UD)-1] ^= 1
	clear, err := c.Set.SealResponse(nil, enginetest.SPI.PlainPoR(), &ota.Response{TAR: enginetest.TAR, CNTR: c.Last, Status: ota.StatusIntegrity})
	l.OK(err)
	inClear := true1
	inClear.UD = clear
	success, err := c.Set.SealResponse(nil, enginetest.SPI.PlainPoR(), &ota.Response{TAR: enginetest.TAR, CNTR: c.Last, Status: ota.StatusOK, Data: []byte{1}})
	l.OK(err)
	okInClear := true1
	okInClear.UD = success
	fromOther := true1
	fromOther.Source = other.Number
	nobody := true1
	nobody.Source = "41799999999"
	header := true1
	header.UDH = []byte{9, 0x71}
	plain := bearer.MO{Source: enginetest.Number, UD: []byte("hello")}
	stray := true1
	stray.UDH = []byte{0x05, 0x00, 0x03, 0x77, 0x02, 0x01}
	stray.Source = other.Number
	wrongTx := c.Send(&ota.Command{TAR: enginetest.TAR, CNTR: c.Last}, ota.StatusOK, enginetest.Cancelled(t, 12345))[0]

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
		before := l.Metric("simsign_mo_total", "result", x.count)
		l.Bring(x.mo)
		if got := l.Metric("simsign_mo_total", "result", x.count); got != before+1 {
			t.Errorf("%s: not counted as %s", x.name, x.count)
		}
		if s := l.Tx(tx.ID).State; s.Final() {
			t.Fatalf("%s: transaction is %s", x.name, s)
		}
	}
	l.Bring(true1)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	l.Bring(true1) // after the end
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// An answer after the deadline is told and changes nothing, also when a newer
// transaction is at the card by then (I7).
//
// Supports: 3.5.3-3
func TestLateAnswer(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	l.Clock.Add(81e9)
	l.Engine.Sweep(context.Background())
	end := l.Want(tx.ID, mssp.Failed, mssp.ExpiredTransaction)
	l.Bring(mos...)
	next, mos2 := l.Ask("T2")
	l.Bring(mos...)
	l.Want(next.ID, mssp.Waiting, 0)
	l.Bring(mos2...)
	l.Want(next.ID, mssp.Done, mssp.Signature)
	if after := l.Tx(tx.ID); after.Status != end.Status || len(after.Result) > 0 {
		t.Error("the end of a transaction has changed")
	}
	l.WantMO("late", 2)
}

// An answer may come as a command packet of the applet's own counter.
func TestAnswerAsCommandPacket(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.AsCommand = true
	tx := l.Sign(enginetest.Request("T1", "hello"))
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// A signature that does not verify never leaves (5.2-2), nor one by a
// certificate that was revoked while the user was thinking.
//
// Supports: 5.2-2, 3.5.10-1
func TestVerifiedBeforeReply(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Say = func(m applet.Message) applet.Answer {
		a := c.Apply(m)
		a.Results[len(a.Results)-1].Signature[5] ^= 1
		return a
	}
	tx := l.Sign(enginetest.Request("T1", "hello"))
	if end := l.Want(tx.ID, mssp.Failed, mssp.InvalidSignature); len(end.Result) > 0 {
		t.Error("there is a result")
	}
	c.Say = nil
	tx, mos := l.Ask("T2")
	l.OK(l.CA.Revoke(context.Background(), l.Key(1).Serial, 1))
	l.Bring(mos...)
	l.Want(tx.ID, mssp.Failed, mssp.RevokedCertificate)
}

// Every error status of an authentic response packet ends the transaction,
// and ten of them suspend the card; "CNTR low" gets one new attempt.
//
// Supports: 3.2-4
func TestSecurityErrors(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Sign(enginetest.Request("T0", "hello"))
	statuses := []ota.ResponseStatus{
		ota.StatusIntegrity, ota.StatusCounterHigh, ota.StatusCounterBlocked, ota.StatusCiphering,
		ota.StatusUnidentified, ota.StatusMemory, ota.StatusTARUnknown, ota.StatusSecurityLevel, 0xC1, ota.StatusIntegrity,
	}
	for i, s := range statuses {
		tx, _ := l.Ask("T" + s.String() + string(rune('a'+i)))
		l.Bring(c.Send(&c.Seen[len(c.Seen)-1], s, nil)...)
		end := l.Want(tx.ID, mssp.Failed, mssp.OTAError)
		if !strings.Contains(end.Detail, s.String()) {
			t.Errorf("detail %q does not name %q", end.Detail, s)
		}
	}
	_, err := l.Signer.Sign(context.Background(), enginetest.Request("TX", "hello"))
	enginetest.WantFault(t, err, mssp.CardBlocked)
}

// The card's counter is ahead of ours (a restored backup): one jump, and the
// user is asked once.
func TestCounterAhead(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Last += 1000
	tx := l.Sign(enginetest.Request("T1", "hello"))
	end := l.Want(tx.ID, mssp.Done, mssp.Signature)
	if end.Attempt != 2 || c.Prompts != 2 {
		t.Errorf("%d attempts, %d prompts", end.Attempt, c.Prompts)
	}
	c.Last += 1 << 30
	tx = l.Sign(enginetest.Request("T2", "hello"))
	end = l.Want(tx.ID, mssp.Failed, mssp.OTAError)
	if end.Attempt != 2 {
		t.Errorf("%d attempts, want one jump only", end.Attempt)
	}
}

// No number, key or text is in the log of all that (I9).
//
// Supports: 3.4-3
func TestLogHidesPeople(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Sign(enginetest.Request("T1", "a very private text"))
	c.Say = func(m applet.Message) applet.Answer { return c.Apply(m) }
	log := l.Logs.String()
	if !strings.Contains(log, "transaction ended") {
		t.Fatal("nothing was logged")
	}
	for _, secret := range []string{string(enginetest.Number), "private", "Test Person", "8941010000000000001"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
