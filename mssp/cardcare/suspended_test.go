package cardcare_test

import (
	"context"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// Nobody asks a suspended user for anything, but his card is looked after. A card that is
// suspended gets nothing at all.
//
// Supports: 5.10-4, 3.5.11-1
func TestSuspendedUserIsLookedAfter(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	state := func(s mssp.SubscriberState) {
		t.Helper()
		if _, err := l.Store.ChangeSubscriber(ctx, enginetest.Number, func(u *mssp.Subscriber) error { u.State = s; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	state(mssp.SubscriberSuspended)
	_, err := l.Signer.Sign(ctx, enginetest.Request("T1", "hello"))
	enginetest.WantFault(t, err, mssp.CardBlocked)
	_, err = l.Care.ManageCode(ctx, enginetest.Number, mssp.Authentication, applet.CodeReset)
	enginetest.WantFault(t, err, mssp.CardBlocked)
	if tx, err := enginetest.Pumped(l, func() (mssp.Transaction, error) {
		return l.Care.ChangeStatus(ctx, enginetest.Number, applet.StatusDeactivate)
	}); err != nil || tx.Status != mssp.RequestOK {
		t.Errorf("%d, %v", tx.Status, err)
	}
	if _, err := enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(ctx, enginetest.Number) }); err != nil {
		t.Error(err)
	}
	l.EditCard(func(c *mssp.Card) { c.State = mssp.CardSuspended })
	if _, err := l.Engine.ManagementTarget(ctx, enginetest.Number); err != nil {
		t.Errorf("reading a suspended card: %v", err)
	}
	_, err = enginetest.Pumped(l, func() (mssp.Transaction, error) {
		return l.Care.ChangeStatus(ctx, enginetest.Number, applet.StatusDeactivate)
	})
	enginetest.WantFault(t, err, mssp.CardBlocked)
	state(mssp.SubscriberRemoved)
	_, err = l.Care.ChangeStatus(ctx, enginetest.Number, applet.StatusDeactivate)
	enginetest.WantFault(t, err, mssp.UnknownClient)
}
