package signature_test

import (
	"context"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// A card that has no pair in the slot ends the row of the pair: nobody is asked to sign with
// it again, and its certificate is to be revoked. Another refusal changes no row.
//
// Supports: 3.5.10-2, 4-10
func TestPairGone(t *testing.T) {
	for word, want := range map[applet.StatusWord]mssp.KeyState{applet.StatusSlotEmpty: mssp.KeyDeleted, applet.StatusConditions: mssp.KeyRegistered} {
		ctx := context.Background()
		l := enginetest.New(t)
		c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		l.Sign(enginetest.Request("T1", "hello")) // the confirmation is with the card
		serial := l.Key(1).Serial
		c.Say = func(m applet.Message) applet.Answer {
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: word}}}
		}
		tx := l.Sign(enginetest.Request("T2", "hello"))
		l.Want(tx.ID, mssp.Failed, mssp.NoKeyFound)
		ks, err := l.Store.KeyPairs(ctx, tx.ICCID)
		l.OK(err)
		if len(ks) != 1 || ks[0].State != want {
			t.Errorf("%04X: %+v", uint16(word), ks)
		}
		ds, err := l.Store.OpenDuties(ctx, l.Clock.Now().Add(time.Hour), 10)
		l.OK(err)
		revokes := len(ds) == 1 && ds[0].Procedure == mssp.Revoking && len(ds[0].Serials) == 1 && ds[0].Serials[0] == serial
		if gone := want == mssp.KeyDeleted; gone != revokes {
			t.Errorf("%04X: to do %+v", uint16(word), ds)
		}
		if want == mssp.KeyDeleted {
			seen := len(c.Seen)
			_, err := l.Signer.Sign(ctx, enginetest.Request("T3", "hello"))
			if enginetest.WantFault(t, err, mssp.NoKeyFound); len(c.Seen) != seen {
				t.Error("the card is asked again")
			}
		}
	}
}
