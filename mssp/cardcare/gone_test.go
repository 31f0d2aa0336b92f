package cardcare_test

import (
	"context"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// A card that says that it does not have a pair any more is believed: nobody is asked to sign
// with it, and its certificate is to be revoked.
//
// Supports: 4-10, 3.5.10-2
func TestPairGoneFromTheCard(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	serial := l.Key(1).Serial
	delete(card.Keys, 1)
	if _, err := enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(ctx, enginetest.Number) }); err != nil {
		t.Fatal(err)
	}
	_, err := l.Signer.Sign(ctx, enginetest.Request("T1", "hello"))
	enginetest.WantFault(t, err, mssp.NoKeyFound)
	ds, err := l.Store.OpenDuties(ctx, l.Clock.Now().Add(time.Hour), 10)
	if err != nil || len(ds) != 1 || len(ds[0].Serials) != 1 || ds[0].Serials[0] != serial {
		t.Errorf("%+v, %v", ds, err)
	}
}
