package engine_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// asked is the hash of the last request that a card has read.
func asked(c *enginetest.Card) []byte { return applet.RequestHash(c.Seen[len(c.Seen)-1].Data) }

// cancels is a card's answer packet to a request: the user cancelled.
func cancels(t *testing.T, c *enginetest.Card, number uint32, request []byte, cntr ota.CNTR) []bearer.MO {
	t.Helper()
	return says(t, c, number, request, cntr, applet.Result{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled})
}

func says(t *testing.T, c *enginetest.Card, number uint32, request []byte, cntr ota.CNTR, r applet.Result) []bearer.MO {
	t.Helper()
	b, err := applet.Answer{Version: applet.Version2, Transaction: number, Request: request, Results: []applet.Result{r}}.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return c.AsMOs(c.SealAnswer(c.KeySet, cntr, b), sms.CommandCPI)
}

// answers are messages without a response packet before them.
func answers(mos []bearer.MO) []bearer.MO {
	if _, cpi, err := sms.ParseConcat(mos[0].UDH); err == nil && cpi == sms.ResponseCPI {
		return mos[1:]
	}
	return mos
}

func cancelled(l *enginetest.Lab, tx mssp.Transaction) {
	_, err := l.Engine.Cancel(context.Background(), tx.ID, "root")
	l.OK(err)
	l.Settle()
}

// from is a message with another sender.
func from(n sms.MSISDN, mos []bearer.MO) []bearer.MO {
	mos = slices.Clone(mos)
	for i := range mos {
		mos[i].Source = n
	}
	return mos
}

// Two cards wait at once: neither the answer of one in the name of the other, nor an answer of
// one to the request of the other, nor the keys of one from the number of the other
// change anything.
//
// Supports: I6, 3.2-4
func TestAnswersOfTwoCards(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, a *enginetest.Card) {
		b := l.Enrolled(otherNumber, applet.ECDSAP256, mssp.Authentication)
		one, mosA := l.Ask("T1")
		r := enginetest.Request("T2", "hello")
		r.MSISDN = otherNumber
		two, err := l.Signer.Sign(t.Context(), r)
		l.OK(err)
		mosB := l.Drop()
		waits := func(what string, kind string, mos []bearer.MO) {
			t.Helper()
			before := security(l)
			l.Bring(mos...)
			for _, tx := range []mssp.Transaction{one, two} {
				if now := l.Tx(tx.ID); now.State.Final() {
					t.Fatalf("%s: %s is %s", what, tx.APTransID, now.State)
				}
			}
			if after := security(l); after[kind] == before[kind] {
				t.Errorf("%s is not counted as %s: %v", what, kind, after)
			}
		}
		waits("the answer of A from B", "forged", from(otherNumber, answers(mosA)))
		waits("the answer of B from A", "forged", from(enginetest.Number, answers(mosB)))
		waits("A to the request of B", "unasked", cancels(t, a, two.AppletTxn, asked(b), 500))
		waits("B to the request of A", "unasked", cancels(t, b, one.AppletTxn, asked(a), 500))
		waits("A to the request of B from B", "forged", from(otherNumber, cancels(t, a, two.AppletTxn, asked(b), 501)))
		l.Bring(from("41799999999", cancels(t, a, one.AppletTxn, asked(a), 502))...)
		l.WantMO("foreign", 1)
		l.Bring(mosB...)
		l.Bring(mosA...)
		l.Want(one.ID, mssp.Done, mssp.Signature)
		l.Want(two.ID, mssp.Done, mssp.Signature)
	})
}

// An answer that comes once more when its transaction has been erased is one that was heard,
// and no sign that somebody else asks the card.
func TestAnswerToWhatIsErased(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		tx, mos := l.Ask("T1")
		request := asked(c)
		l.Bring(mos...)
		l.Want(tx.ID, mssp.Done, mssp.Signature)
		l.Meddle("DELETE FROM packet")
		l.Meddle("DELETE FROM tx")
		l.Kill()
		events := security(l)
		l.Bring(answers(mos)...)
		if now := security(l); now["all"] != events["all"] {
			t.Errorf("%v, then %v", events, now)
		}
		l.Bring(cancels(t, c, tx.AppletTxn, request, 500)...)
		if now := security(l); now["unasked"] != events["unasked"]+1 {
			t.Errorf("another answer: %v, then %v", events, now)
		}
	})
}

// The transaction number and the hash of the request must both fit, and a message that
// could not be read is named by its hash alone.
//
// Supports: I6
func TestNumberAndHash(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		zero, mos := l.Ask("T0")
		before := asked(c)
		l.Bring(mos...)
		l.Want(zero.ID, mssp.Done, mssp.Signature)
		tx, mos := l.Ask("T1")
		now := asked(c)
		events := security(l)
		for i, mos := range [][]bearer.MO{
			cancels(t, c, tx.AppletTxn, before, 600),
			cancels(t, c, zero.AppletTxn, before, 601),
			cancels(t, c, zero.AppletTxn, now, 602),
			cancels(t, c, tx.AppletTxn^1, now, 603),
			says(t, c, 0, before, 604, applet.Result{Tag: applet.TagMessage, Status: applet.StatusMalformed}),
			says(t, c, tx.AppletTxn, before, 605, applet.Result{Tag: applet.TagMessage, Status: applet.StatusMalformed}),
		} {
			if l.Bring(mos...); l.Tx(tx.ID).State.Final() {
				t.Fatalf("answer %d ends it", i+1)
			}
		}
		if after := security(l); after["mismatch"] != events["mismatch"]+2 {
			t.Errorf("answers to another number under our hash: %v, then %v", events, after)
		}
		l.Bring(mos...)
		l.Want(tx.ID, mssp.Done, mssp.Signature)
		tx, _ = l.Ask("T2")
		l.Bring(says(t, c, 0, asked(c), 606, applet.Result{Tag: applet.TagMessage, Status: applet.StatusMalformed})...)
		l.Want(tx.ID, mssp.Failed, mssp.InternalError)
	})
}

// Counters at the edges of the window, and at the very end.
//
// Supports: I3, I6
func TestCountersAtTheEdges(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		use := func(cntr ota.CNTR, kind string) {
			t.Helper()
			tx, _ := l.Ask("T" + cntr.String() + kind)
			before := security(l)
			l.Bring(cancels(t, c, tx.AppletTxn, asked(c), cntr)...)
			if kind == "" {
				l.Want(tx.ID, mssp.Failed, mssp.UserCancel)
				return
			}
			if after := security(l); l.Tx(tx.ID).State.Final() || after[kind] != before[kind]+1 {
				t.Errorf("counter %s: %s, %v", cntr, l.Tx(tx.ID).State, after)
			}
			cancelled(l, tx)
		}
		const top = 1000
		use(top, "")
		use(top-64, "old")
		use(top-63, "")
		use(top-63, "twin")
		use(0, "old")
		use(top-1, "")
		use(top+1<<20, "")
		use(top, "old")
		use(ota.MaxCNTR, "")
		use(ota.MaxCNTR, "twin")
		use(ota.MaxCNTR-63, "")
		use(top+1<<20+1, "old")
	})
}

// Response packets of the domain beside the answer: as often as they come and whenever, they
// say no more than that the request has arrived.
func TestResponsePacketsBesides(t *testing.T) {
	l := enginetest.New(t)
	l.Carriage = "packet"
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	first, mos := l.Ask("T0")
	old := c.Seen[len(c.Seen)-1]
	l.Bring(mos...)
	l.Want(first.ID, mssp.Done, mssp.Signature)
	tx, mos := l.Ask("T1")
	now := &c.Seen[len(c.Seen)-1]
	events := security(l)
	unknown := *now
	unknown.CNTR += 9
	for _, mos := range [][]bearer.MO{c.Send(&old, ota.StatusFollowsInSubmit, nil), c.Send(&old, ota.StatusIntegrity, nil), c.Send(&unknown, ota.StatusOK, nil), c.Send(now, ota.StatusMoreTime, nil)} {
		l.Bring(mos...)
		l.Want(tx.ID, mssp.Waiting, 0)
	}
	for _, st := range []ota.ResponseStatus{ota.StatusFollowsInSubmit, ota.StatusOK, ota.StatusFollowsInSubmit, ota.StatusCounterLow} {
		l.Bring(c.Send(now, st, nil)...)
		l.Want(tx.ID, mssp.Prompted, 0)
	}
	l.Bring(c.Send(now, ota.StatusFollowsInSubmit, []byte{0})...)
	l.Want(tx.ID, mssp.Prompted, 0)
	if after := security(l); after["all"] != events["all"]+1 || after["unexpected"] != events["unexpected"]+1 {
		t.Errorf("%v, then %v", events, after)
	}
	l.Bring(mos...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	for _, st := range []ota.ResponseStatus{ota.StatusFollowsInSubmit, ota.StatusOK, ota.StatusIntegrity} {
		l.Bring(c.Send(now, st, nil)...)
	}
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	if _, card, _, err := l.Store.Lookup(t.Context(), enginetest.Number); err != nil || card.BadPoR != 0 {
		t.Errorf("%d errors of the card, %v", card.BadPoR, err)
	}
}

// Parts that two senders write under one reference, with one header.
//
// Supports: F11, I6
func TestPartsOfTwoSenders(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation, Algorithm: applet.RSA2048})
		r := enginetest.Request("T1", "hello")
		r.Profile.Usage = mssp.NonRepudiation
		tx, err := l.Signer.Sign(t.Context(), r)
		l.OK(err)
		mos := l.Drop()
		mos = mos[len(mos)-3:]
		forged := slices.Clone(mos)
		for i := range forged {
			forged[i].UD = bytes.Clone(mos[i].UD)
			forged[i].UD[len(forged[i].UD)-1] ^= 1
		}
		l.Bring(mos[1], forged[0], forged[1], mos[0], forged[2])
		if l.Tx(tx.ID).State.Final() {
			t.Fatal("forged parts end it")
		}
		l.Bring(mos[2])
		l.Want(tx.ID, mssp.Done, mssp.Signature)
	})
}

// A late answer in parts is found among what others send in its name, whatever mark their
// first part has.
//
// Supports: 3.5.3-6
func TestLateAmongOthers(t *testing.T) {
	l := enginetest.New(t)
	l.Carriage = "packet"
	l.User(enginetest.Number)
	l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.RSA2048})
	tx, mos := l.Ask("T1")
	mos = mos[len(mos)-3:]
	l.Clock.Add(81 * time.Second)
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Want(tx.ID, mssp.Failed, mssp.ExpiredTransaction)
	response := mos[0]
	response.UDH = bytes.Clone(response.UDH)
	response.UDH[len(response.UDH)-2] = byte(sms.ResponseCPI)
	total := 0
	for _, mo := range mos {
		total += len(mo.UD)
	}
	response.UD = append([]byte{byte((total - 2) >> 8), byte(total - 2), 10 + 8, enginetest.TAR[0], enginetest.TAR[1], enginetest.TAR[2]}, mos[0].UD[6:]...)
	l.Bring(mos[0], response, mos[1], mos[2])
	l.Settle()
	if now := l.Tx(tx.ID); !strings.Contains(now.Late, "signed") {
		t.Errorf("late: %q", now.Late)
	}
}

// An answer that comes after its transaction was cancelled, or has ended by another, is
// given to nobody and ends nothing else.
//
// Supports: 3.5.3-6
func TestAnswerToWhatIsOver(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		tx, mos := l.Ask("T1")
		cancelled(l, tx)
		next, mos2 := l.Ask("T2")
		l.Bring(mos...)
		if now := l.Tx(tx.ID); now.State != mssp.Failed || len(now.Result) > 0 || !strings.Contains(now.Late, "signed") {
			t.Errorf("%s, late %q", now.State, now.Late)
		}
		if l.Tx(next.ID).State.Final() {
			t.Fatal("it ends the next one")
		}
		l.Bring(mos2...)
		end := l.Want(next.ID, mssp.Done, mssp.Signature)
		l.Bring(cancels(t, c, next.AppletTxn, asked(c), 700)...) // another answer to it
		if now := l.Want(next.ID, mssp.Done, mssp.Signature); now.Version != end.Version || now.Late != "" {
			t.Errorf("its row has changed: %+v", now)
		}
	})
}
