package ra_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
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
