package ra_test

import (
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/standing"
)

// The built-in CA is asked for its certificate though one of another CA stands before it in
// the duty. That one is waited for until its RA has notified; an operator is told, and hears
// who must be asked.
//
// Supports: 5.5-1, 3.5.10-1
func TestCertificatesOfTwoCAs(t *testing.T) {
	const another = "another CA has issued the certificate: its RA must ask it"
	for name, begin := range map[string]func(w *world) (mssp.Duty, error){
		"another card": func(w *world) (mssp.Duty, error) { d, _, err := w.change(nextCard); return d, err },
		"revoked":      func(w *world) (mssp.Duty, error) { return w.begin(standing.Call{Procedure: mssp.Revoking}) },
		"superseded":   func(w *world) (mssp.Duty, error) { return w.begin(standing.Call{Procedure: mssp.Superseding}) },
	} {
		w := changes(t, ra.Leave)
		foreign, own := w.Key(1).Serial, w.Key(2).Serial
		w.Meddle("DELETE FROM certificate WHERE serial = $1", foreign)
		d, err := begin(w)
		w.Lab.OK(err)
		if len(d.Serials) != 2 || d.Serials[0] != foreign {
			t.Fatalf("%s: %+v", name, d)
		}
		w.later()
		w.later()
		w.later()
		c, err := w.Store.Certificate(ctx, own)
		w.Lab.OK(err)
		got, err := w.Store.Duty(ctx, d.ID)
		w.Lab.OK(err)
		if c.Status != mssp.CertRevoked || got.Step != mssp.DutyCA || len(got.Serials) != 1 || got.Serials[0] != foreign {
			t.Errorf("%s: the certificate of the built-in CA is %s; %+v", name, c.Status, got)
		}
		if !strings.Contains(got.Failure, another) || !strings.Contains(w.raised[d.ID], another) {
			t.Errorf("%s: %q, told %q", name, got.Failure, w.raised)
		}
		_, err = w.standing.Notify(ctx, standing.Notice{MSISDN: enginetest.Number, Serial: foreign, Status: mssp.CertRevoked, Reason: 4})
		w.Lab.OK(err)
		w.later()
		if got, err = w.Store.Duty(ctx, d.ID); err != nil || got.Step != mssp.DutyDone || len(w.raised) != 0 {
			t.Errorf("%s, notified: %+v, %v, told %q", name, got, err, w.raised)
		}
	}
}

// Of a duty about a user who was erased, which notifies nobody, the certificate is taken out
// that the CA was asked about.
//
// Supports: 4-10
func TestErasedWithCertificatesOfTwoCAs(t *testing.T) {
	w := changes(t, ra.Leave)
	foreign := w.Key(1).Serial
	w.Meddle("DELETE FROM certificate WHERE serial = $1", foreign)
	_, _, err := w.change(nextCard)
	w.Lab.OK(err)
	w.Lab.OK(w.Store.EraseUser(ctx, enginetest.Number, w.Clock.Now()))
	for range 3 {
		w.later()
	}
	ds, err := w.Store.OpenDuties(ctx, w.Clock.Now().Add(time.Hour), 100)
	w.Lab.OK(err)
	if len(ds) != 1 || len(ds[0].Serials) != 1 || ds[0].Serials[0] != foreign || ds[0].MSISDN != "" {
		t.Errorf("left to do: %+v", ds)
	}
}

// Who has gone to another operator is ended whatever his service, his codes and his applet
// are like, and whatever the policy says nothing reaches number or card.
//
// Supports: 5.6-1
func TestGoneToAnotherOperator(t *testing.T) {
	w := newWorld(t, ra.Retire)
	_, err := w.begin(standing.Call{Procedure: mssp.Suspending})
	w.Lab.OK(err)
	w.turn()
	w.EditCard(func(c *mssp.Card) { c.Blocked[0] = true })
	w.did = nil
	_, err = w.begin(standing.Call{Procedure: mssp.Leaving})
	w.refused("while the card is ours", err, standing.NotActive)
	_, err = w.begin(standing.Call{Procedure: mssp.Leaving, Gone: true, Reason: 3})
	w.Lab.OK(err)
	w.turn()
	w.want("gone", "removed revoked/revoked revoked/revoked 0")
	if len(w.did) > 0 {
		t.Errorf("did %q", w.did)
	}
}
