package ra_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/standing"
)

// A pair that is deleted while the CA is to be asked about its certificate: what was asked
// for ends all the same, and the certificate is revoked.
//
// Supports: 4-10, 3.5.10-1
func TestPairGone(t *testing.T) {
	for _, p := range []mssp.Procedure{mssp.Suspending, mssp.Revoking, mssp.Leaving} {
		w := newWorld(t, ra.Leave)
		serial := w.Key(1).Serial
		_, err := w.begin(standing.Call{Procedure: p})
		w.Lab.OK(err)
		k := w.Key(1)
		k.State = mssp.KeyDeleted
		w.Lab.OK(w.Store.PutKeyPairs(ctx, []mssp.KeyPair{k}))
		for range 3 {
			w.later()
		}
		ds, err := w.Store.OpenDuties(ctx, w.Clock.Now(), 100)
		w.Lab.OK(err)
		c, err := w.Store.Certificate(ctx, serial)
		w.Lab.OK(err)
		if len(ds) != 0 || c.Status != mssp.CertRevoked {
			t.Errorf("%s: the certificate is %s, left to do %+v", p, c.Status, ds)
		}
	}
}

// A certificate that the CA has revoked meanwhile ends a suspension and a re-activation.
//
// Supports: W-6
func TestRevokedMeanwhile(t *testing.T) {
	for _, p := range []mssp.Procedure{mssp.Suspending, mssp.Reactivating} {
		w := newWorld(t, ra.Leave)
		if p == mssp.Reactivating {
			_, err := w.begin(standing.Call{Procedure: mssp.Suspending})
			w.Lab.OK(err)
			w.turn()
		}
		_, err := w.begin(standing.Call{Procedure: p, Serial: w.Key(1).Serial})
		w.Lab.OK(err)
		w.Lab.OK(w.CA.Revoke(ctx, w.Key(1).Serial, 1))
		w.turn()
		ds, err := w.Store.OpenDuties(ctx, w.Clock.Now(), 100)
		w.Lab.OK(err)
		if k := w.Key(1); len(ds) != 0 || k.State != mssp.KeyRevoked {
			t.Errorf("%s: the pair is %s, left to do %+v", p, k.State, ds)
		}
	}
}

// A certificate that expires while its re-activation is under way ends that.
//
// Supports: 3.5.11-1
func TestExpiredMeanwhile(t *testing.T) {
	w := newWorld(t, ra.Leave)
	_, err := w.begin(standing.Call{Procedure: mssp.Suspending})
	w.Lab.OK(err)
	w.turn()
	_, err = w.begin(standing.Call{Procedure: mssp.Reactivating})
	w.Lab.OK(err)
	w.Clock.Add(4 * 366 * 24 * time.Hour)
	w.turn()
	ds, err := w.Store.OpenDuties(ctx, w.Clock.Now(), 100)
	w.Lab.OK(err)
	if len(ds) != 0 {
		t.Errorf("left to do: %+v", ds)
	}
}

// Who leaves while a registration of his is under way has left all the same: the certificate
// that it brings is revoked with the others, and only then he is told.
//
// Supports: 5.7-1
func TestRegisteredWhileLeaving(t *testing.T) {
	w := newWorld(t, ra.Leave)
	_, err := w.begin(standing.Call{Procedure: mssp.Leaving})
	w.Lab.OK(err)
	late := w.Key(2)
	late.Slot, late.Serial, late.State = 3, "0badcafe", mssp.KeyRegistered
	w.Lab.OK(w.Store.PutKeyPairs(ctx, []mssp.KeyPair{late}))
	for range 3 {
		w.later()
	}
	ds, err := w.Store.OpenDuties(ctx, w.Clock.Now().Add(time.Hour), 100)
	w.Lab.OK(err)
	if k := w.Key(3); k.State != mssp.KeyRevoking || len(ds) != 1 || len(ds[0].Serials) != 1 || ds[0].Serials[0] != late.Serial || ds[0].Step != mssp.DutyCA {
		t.Fatalf("the new pair is %s, left to do %+v", k.State, ds)
	}
	if sit, err := w.Store.Situation(ctx, enginetest.Number); err != nil || sit.User.State == mssp.SubscriberRemoved {
		t.Errorf("the user is %s, %v", sit.User.State, err)
	}
	_, err = w.standing.Notify(ctx, standing.Notice{MSISDN: enginetest.Number, Serial: late.Serial, Status: mssp.CertRevoked})
	w.Lab.OK(err)
	w.later()
	if sit, err := w.Store.Situation(ctx, enginetest.Number); err != nil || sit.User.State != mssp.SubscriberRemoved || len(sit.Duties) > 0 {
		t.Errorf("at the end the user is %s, left to do %+v, %v", sit.User.State, sit.Duties, err)
	}
}
