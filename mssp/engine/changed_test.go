package engine_test

import (
	"context"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// meddler changes rows between the evaluation of an answer and its commit.
type meddler struct {
	enginetest.Store
	meddle func()
	ends   int
}

func (m *meddler) Finish(ctx context.Context, f store.Finish, s store.SealFunc) (store.FinishResult, error) {
	m.ends++
	if f := m.meddle; f != nil {
		m.meddle = nil
		f()
	}
	return m.Store.Finish(ctx, f, s)
}

// An answer that is evaluated while somebody changes the key or the card is
// evaluated anew: neither what he wrote nor what the answer proves is lost.
func TestAnswerToAChangedRow(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	m := &meddler{Store: l.EngineStore()}
	l.OK(l.Restart(m))
	m.meddle = func() {
		k := l.Key(1)
		k.CSR = []byte("by somebody else")
		l.OK(l.Store.PutKeyPairs(ctx, []mssp.KeyPair{k}))
	}
	tx := l.Sign(enginetest.Request("T1", "hello")) // its packet confirms the key too
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	ks, err := l.Store.KeyPairs(ctx, tx.ICCID)
	l.OK(err)
	if !ks[0].Confirmed || string(ks[0].CSR) != "by somebody else" || m.ends != 2 {
		t.Errorf("%d commits, and the key is confirmed: %v, CSR %q", m.ends, ks[0].Confirmed, ks[0].CSR)
	}

	// The tenth security error meets the operator, who releases the card.
	l.EditCard(func(c *mssp.Card) { c.BadPoR = 9 })
	m.meddle = func() { l.EditCard(func(c *mssp.Card) { c.BadPoR = 0 }) }
	c.Mute = true
	tx, _ = l.Ask("T2")
	l.Bring(c.Send(&c.Seen[len(c.Seen)-1], ota.StatusTARUnknown, nil)...)
	l.Want(tx.ID, mssp.Failed, mssp.OTAError)
	if card, err := l.Store.Card(ctx, tx.ICCID); err != nil || card.State != mssp.CardActive || card.BadPoR != 1 {
		t.Errorf("the card is %s with %d errors, %v", card.State, card.BadPoR, err)
	}
}

// The queue is too long for a request, and empties before it can be turned
// away: it has its turn, and whoever asked waits for its answer.
func TestTurnBeforeTurnedAway(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Options.Limits.QueuePerCard = 1
	m := &meddler{Store: l.EngineStore()}
	l.OK(l.Restart(m))
	var ahead []mssp.TransID
	for _, id := range []string{"T1", "T2"} {
		tx, err := l.Signer.Sign(ctx, enginetest.Request(id, "text of "+id))
		l.OK(err)
		ahead = append(ahead, tx.ID)
	}
	m.meddle = func() {
		for _, id := range ahead {
			l.OK(l.Engine.End(ctx, id, mssp.Faultf(mssp.UserCancel, "the user cancelled")))
		}
	}
	tx, err := l.Signer.Sign(ctx, enginetest.Request("T3", "text of T3"))
	l.OK(err)
	l.Settle()
	l.Pump()
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}
