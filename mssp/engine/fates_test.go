package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// A good answer is counted as one and leaves no doubts in the log: of observers that
// nobody named, of parts, of codes.
func TestGoodAnswerIsCounted(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	answers, parts := l.Metric("simsign_mo_total", "result", "answer"), l.Metric("simsign_mo_total", "result", "part")
	said := len(l.Logs.String())
	tx := l.Sign(enginetest.Request("T1", "hello"))
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	l.WantMO("answer", answers+1)
	l.WantMO("part", parts+3)
	if log := l.Logs.String()[said:]; strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the log says %q", log)
	}
	if strings.Contains(l.Logs.String(), "nobody is registered for an observer") {
		t.Error("an observer is missed that nobody has named")
	}
}

// A part that is refused is in the log with the reason and the transaction.
func TestRefusedPartIsSaid(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	for reason, change := range map[string]func(mo *bearer.MO){
		"for an application that was not asked": func(mo *bearer.MO) {
			mo.UD = append([]byte{}, mo.UD...)
			mo.UD[5] ^= 1
		},
		"parts": func(mo *bearer.MO) { mo.UDH = []byte{5, 0, 3, mo.UDH[3], 255, 2} },
	} {
		mo := mos[0]
		change(&mo)
		said := len(l.Logs.String())
		l.Bring(mo)
		line := l.Logs.String()[said:]
		if !strings.Contains(line, "part of a short message refused") || !strings.Contains(line, reason) || !strings.Contains(line, string(tx.ID)) {
			t.Errorf("%s: %q", reason, line)
		}
	}
}

// unreading is a store whose rows of cards cannot be read, and whose late answers cannot
// be noted.
type unreading struct {
	enginetest.Store
	card, late error
}

func (u *unreading) Card(ctx context.Context, i ota.ICCID) (mssp.Card, error) {
	if u.card != nil {
		return mssp.Card{}, u.card
	}
	return u.Store.Card(ctx, i)
}

func (u *unreading) AnsweredLate(ctx context.Context, l store.Late) (bool, []store.Outbound, error) {
	if u.late != nil {
		return false, nil, u.late
	}
	return u.Store.AnsweredLate(ctx, l)
}

// What an answer says of the card cannot be noted while its row cannot be read: the
// network keeps the answer, nothing has ended, and what it says is noted when it comes
// again.
//
// Supports: F3, I6
func TestCardCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		status ota.ResponseStatus
		say    applet.StatusWord
		code   mssp.Code
		is     func(c *mssp.Card) bool
	}{
		"it refuses the packet": {ota.StatusIntegrity, 0, mssp.OTAError, func(c *mssp.Card) bool { return c.BadPoR == 3 && !c.Blocked[0] }},
		"its code is blocked":   {ota.StatusOK, applet.StatusBlocked, mssp.PINBlocked, func(c *mssp.Card) bool { return c.BadPoR == 0 && c.Blocked[0] }},
	} {
		l := enginetest.New(t)
		card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		l.EditCard(func(c *mssp.Card) { c.BadPoR = 2 })
		u := &unreading{Store: l.EngineStore()}
		l.OK(l.Restart(u))
		card.Mute = true
		tx, mos := l.Ask("T1")
		l.Bring(mos...)
		var data []byte
		if c.say != 0 {
			var err error
			data, err = applet.Answer{Transaction: tx.AppletTxn, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: c.say}}}.MarshalBinary()
			l.OK(err)
		}
		answer := card.Send(&card.Seen[len(card.Seen)-1], c.status, data)
		u.card = errors.New("the disk is slow")
		if err := l.Engine.Deliver(context.Background(), answer[0]); !errors.Is(err, u.card) {
			t.Errorf("%s: the network is told %v", name, err)
		}
		l.Want(tx.ID, mssp.Prompted, 0)
		u.card = nil
		l.Bring(answer...)
		l.Want(tx.ID, mssp.Failed, c.code)
		row, err := l.Store.Card(context.Background(), tx.ICCID)
		l.OK(err)
		if !c.is(&row) || row.State != mssp.CardActive || row.Profile != "test" {
			t.Errorf("%s: the row is %+v", name, row)
		}
	}
}

// A late answer that cannot be noted stays with the network, or where its parts are
// stored; once noted it is counted, and nothing of it is left to be used.
//
// Supports: F3, 3.5.3-3
func TestLateAnswerCannotBeNoted(t *testing.T) {
	for _, alg := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		l := enginetest.New(t)
		c := l.Enrolled(enginetest.Number, alg, mssp.Authentication)
		c.First = false
		u := &unreading{Store: l.EngineStore()}
		l.OK(l.Restart(u))
		tx, mos := l.Ask("T1")
		f := l.Engine.FlightOf(enginetest.Number)
		_, err := l.Engine.Cancel(context.Background(), tx.ID, "anna")
		l.OK(err)
		l.Engine.PutFlight(f) // memory does not know
		u.late = errors.New("the disk is slow")
		for i, mo := range mos {
			err := l.Engine.Deliver(context.Background(), mo)
			if whole := len(mos) == 1 && i == 0; whole != errors.Is(err, u.late) || !whole && err != nil {
				t.Errorf("%s, part %d: the network is told %v", alg, i+1, err)
			}
		}
		if late := l.Tx(tx.ID).Late; late != "" || !strings.Contains(l.Logs.String(), "late answer") {
			t.Errorf("%s: noted is %q", alg, late)
		}
		u.late = nil
		if len(mos) == 1 {
			l.Bring(mos...)
		} else {
			l.Engine.Sweep(context.Background()) // uses what is stored
		}
		if late := l.Tx(tx.ID).Late; late != "the user has signed, the signature was given to nobody" {
			t.Errorf("%s: noted is %q", alg, late)
		}
		if left, err := l.Store.PendingMO(context.Background()); err != nil || len(left) > 0 {
			t.Errorf("%s: %d messages are left, %v", alg, len(left), err)
		}
	}
}

// What comes for a transaction is shown as of it; what comes from a number for which
// none waits is shown too, with the number alone.
func TestTraceOfAStranger(t *testing.T) {
	l := enginetest.New(t)
	var mu sync.Mutex
	var seen []engine.TraceEvent
	l.Options.Trace = func(e engine.TraceEvent) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, e)
	}
	l.Kill()
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	alien := mos[0]
	alien.Source = "41790000009"
	for _, want := range []struct {
		mo bearer.MO
		tx mssp.TransID
	}{{alien, ""}, {mos[0], tx.ID}} {
		seen = nil
		l.Bring(want.mo)
		if len(seen) == 0 || seen[0].Layer != engine.LayerSegment || seen[0].Direction != engine.In || seen[0].Tx != want.tx || seen[0].MSISDN != want.mo.Source {
			t.Errorf("from %s: %+v", string(want.mo.Source), seen)
		}
	}
}
