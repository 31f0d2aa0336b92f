package cardcare_test

import (
	"context"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
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

// Whose certificate was revoked while his code was blocked registers again: the code is
// unblocked before, though no pair of his is good. Who never had a code has none unblocked.
//
// Supports: 5.3-1, 3.5.4-2
func TestUnblockedToRegisterAgain(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	if err := l.CA.Revoke(ctx, l.Key(1).Serial, 1); err != nil {
		t.Fatal(err)
	}
	l.EditCard(func(c *mssp.Card) { c.Blocked[0] = true })
	_, err := l.Registrar.RegisterInit(ctx, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication})
	enginetest.WantFault(t, err, mssp.PINBlocked)
	_, err = l.Care.ManageCode(ctx, enginetest.Number, mssp.NonRepudiation, applet.CodeUnblock)
	enginetest.WantFault(t, err, mssp.NoKeyFound)
	if _, err := enginetest.Pumped(l, func() (mssp.Transaction, error) {
		return l.Care.ManageCode(ctx, enginetest.Number, mssp.Authentication, applet.CodeUnblock)
	}); err != nil {
		t.Fatal(err)
	}
	l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication})
}
