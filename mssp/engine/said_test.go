package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota"
)

// A response packet that says nothing of the request is counted and ends nothing,
// with and without octets that nobody asked for; the answer comes after it.
func TestNothingIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		status ota.ResponseStatus
		data   []byte
	}{
		"done, no data":    {ota.StatusOK, nil},
		"more time":        {ota.StatusMoreTime, nil},
		"more time, data":  {ota.StatusMoreTime, []byte{1, 2, 3}},
		"later by USSD":    {ota.StatusFollowsByUSSD, nil},
		"by USSD and data": {ota.StatusFollowsByUSSD, []byte{1, 2, 3}},
	} {
		l := enginetest.New(t)
		card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		card.First = false
		tx, mos := l.Ask("T1")
		before := l.Metric("simsign_mo_total", "result", "por")
		l.Bring(card.Send(&card.Seen[len(card.Seen)-1], c.status, c.data)...)
		if st := l.Tx(tx.ID).State; st != mssp.Waiting {
			t.Errorf("%s: the transaction is %s", name, st)
		}
		if got := l.Metric("simsign_mo_total", "result", "por"); got != before+1 {
			t.Errorf("%s: it is not counted", name)
		}
		l.Bring(mos...)
		l.Want(tx.ID, mssp.Done, mssp.Signature)
	}
}

// What an applet tells of its codes is what the rows say of both; what it does not
// tell stays as it was.
//
// Supports: 3.5.4-3
func TestStateOfCodes(t *testing.T) {
	code := func(ref applet.CodeRef, st applet.CodeStatus) applet.CodeState {
		return applet.CodeState{Code: ref, Status: st, TriesLeft: 3, MaxTries: 3, Min: 6, Max: 8}
	}
	for name, c := range map[string]struct {
		codes        []applet.CodeState
		blocked, set [2]bool
	}{
		"nothing":     {nil, [2]bool{true, false}, [2]bool{true, false}},
		"set":         {[]applet.CodeState{code(1, applet.CodeSet)}, [2]bool{false, false}, [2]bool{true, false}},
		"not set":     {[]applet.CodeState{{Code: 1, Status: applet.CodeNotSet, MaxTries: 3}}, [2]bool{false, false}, [2]bool{false, false}},
		"the other":   {[]applet.CodeState{code(2, applet.CodeSet)}, [2]bool{true, false}, [2]bool{true, true}},
		"both":        {[]applet.CodeState{code(1, applet.CodeSet), code(2, applet.CodeBlocked)}, [2]bool{false, true}, [2]bool{true, true}},
		"still so":    {[]applet.CodeState{code(1, applet.CodeBlocked)}, [2]bool{true, false}, [2]bool{true, false}},
		"only not so": {[]applet.CodeState{code(1, applet.CodeSet), {Code: 2, Status: applet.CodeNotSet, MaxTries: 3}}, [2]bool{false, false}, [2]bool{true, false}},
	} {
		l := enginetest.New(t)
		card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		l.EditCard(func(c *mssp.Card) { c.Blocked, c.CodeSet = [2]bool{true, false}, [2]bool{true, false} })
		card.Say = func(m applet.Message) applet.Answer {
			a := card.Apply(m)
			a.Results[0].State.Codes = c.codes
			return a
		}
		target, err := l.Engine.Target(context.Background(), enginetest.Number)
		l.OK(err)
		l.OK(l.Care.AskState(context.Background(), target))
		l.Pump()
		_, got, _, err := l.Store.Lookup(context.Background(), enginetest.Number)
		l.OK(err)
		if got.Blocked != c.blocked || got.CodeSet != c.set {
			t.Errorf("%s: blocked %v, set %v, want %v, %v", name, got.Blocked, got.CodeSet, c.blocked, c.set)
		}
	}
}

// Who does not wait for the network is served as who does: the message leaves at once.
func TestAsynchLeaves(t *testing.T) {
	for _, mode := range []mssp.MessagingMode{mssp.Synch, mssp.AsynchClientServer} {
		l := enginetest.New(t)
		l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		sent := len(l.Sent)
		r := enginetest.Request("T1", "hello")
		r.Mode = mode
		tx, err := l.Signer.Sign(context.Background(), r)
		l.OK(err)
		l.Settle()
		if len(l.Sent) != sent+1 {
			t.Errorf("%s: %d messages have left", mode, len(l.Sent)-sent)
		}
		l.Pump()
		l.Want(tx.ID, mssp.Done, mssp.Signature)
	}
}

// For a part that is missing the card is asked again while there is time for another
// answer, which is a third of the time that was waited, and not after that.
func TestMissingPartAtTheEnd(t *testing.T) {
	for life, attempts := range map[time.Duration]int{20 * time.Second: 2, 19 * time.Second: 1} {
		l := enginetest.New(t)
		c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
		c.First = false
		r := enginetest.Request("T1", "hello")
		r.TimeOut = life
		tx, err := l.Signer.Sign(context.Background(), r)
		l.OK(err)
		l.Bring(l.Drop()[0])
		l.Clock.Add(15 * time.Second)
		l.Engine.Sweep(context.Background())
		l.Settle()
		if got := l.Tx(tx.ID).Attempt; got != attempts {
			t.Errorf("of %s: %d attempts, want %d", life, got, attempts)
		}
	}
}
