package ra_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

const nextCard = ota.ICCID("8941010000000007777")

// change gives the user another card.
func (w *world) change(to ota.ICCID) (mssp.Duty, []mssp.Transaction, error) {
	return w.standing.ChangeCard(ctx, standing.CardCall{MSISDN: enginetest.Number, ICCID: to, Own: true, By: "test"})
}

// changes is a user whose card is about to be changed, and the new card.
func changes(t *testing.T, p ra.Policy) *world {
	w := newWorld(t, p)
	w.Lab.OK(w.Store.ImportCard(ctx, mssp.Card{ICCID: nextCard, Profile: "int6"}, nil))
	return w
}

// A silent CA, a phone that is off, a suspension that is half done and restarts between all
// steps: the old card signs no more from the change on, what was meant for it reaches neither
// card, and its certificates end as superseded, each said once.
//
// Supports: 5.5-1
func TestChangedCardSettles(t *testing.T) {
	for _, suspended := range []bool{false, true} {
		w := changes(t, ra.Deactivate)
		if suspended {
			w.card = errPhone
			_, err := w.begin(standing.Call{Procedure: mssp.Suspending})
			w.Lab.OK(err)
			w.turn() // the CA has confirmed, the card is off
		}
		w.ca, w.did = errCA, nil
		var serials []string
		for _, slot := range []byte{1, 2} {
			serials = append(serials, w.Key(slot).Serial)
		}
		old := w.Key(1).ICCID
		d, _, err := w.change(nextCard)
		w.Lab.OK(err)
		if d.ICCID != old || len(d.Serials) != 2 || d.Reason != 4 || d.Procedure != mssp.Changing {
			t.Errorf("%+v", d)
		}
		w.card = nil
		for range 3 {
			w.restart(ra.Deactivate)
			w.later()
			w.want("the CA is silent", "active 1")
		}
		if _, err := w.Signer.Sign(ctx, enginetest.Request("T1", "hello")); err == nil {
			t.Error("signed")
		}
		w.ca = nil
		w.restart(ra.Deactivate)
		w.later()
		w.want("the CA has confirmed", "active 0")
		if got := strings.Join(w.did, ", "); got != "tell card_changed" {
			t.Errorf("suspended %v: %s", suspended, got)
		}
		for _, serial := range serials {
			c, err := w.Store.Certificate(ctx, serial)
			w.Lab.OK(err)
			if c.Status != mssp.CertRevoked || c.Reason != 4 {
				t.Errorf("%+v", c)
			}
		}
		pairs, err := w.Store.KeyPairs(ctx, old)
		w.Lab.OK(err)
		for i := range pairs {
			if pairs[i].State != mssp.KeyRevoked || pairs[i].CertDER != nil {
				t.Errorf("%+v", pairs[i])
			}
		}
		_, _, err = w.change(old) // the new card is faulty: back, and nothing is to be revoked
		w.Lab.OK(err)
		w.turn()
		w.want("back", "active revoked/revoked revoked/revoked 0")
	}
}

// A revocation that is under way keeps its reason, and is confirmed though the number has
// another card; the CA of somebody else notifies of the old card's certificate too.
func TestChangedWhileRevoking(t *testing.T) {
	w := changes(t, ra.Delete)
	w.ca = errCA
	first, second := w.Key(1).Serial, w.Key(2).Serial
	_, err := w.begin(standing.Call{Procedure: mssp.Revoking, Serial: first, Reason: 1})
	w.Lab.OK(err)
	d, _, err := w.change(nextCard)
	w.Lab.OK(err)
	if len(d.Serials) != 1 || d.Serials[0] != second {
		t.Errorf("%+v", d)
	}
	_, err = w.standing.Notify(ctx, standing.Notice{MSISDN: enginetest.Number, Serial: second, Status: mssp.CertValid})
	w.refused("valid again", err, standing.RevokedForGood)
	_, err = w.standing.Notify(ctx, standing.Notice{MSISDN: enginetest.Number, Serial: second, Status: mssp.CertRevoked, Reason: 4})
	w.Lab.OK(err)
	w.Meddle("DELETE FROM key_pair WHERE serial = $1", first) // the old card has got another applet
	w.ca = nil
	w.later()
	w.want("confirmed", "active 0")
	for serial, reason := range map[string]int{first: 1, second: 4} {
		c, err := w.Store.Certificate(ctx, serial)
		w.Lab.OK(err)
		if c.Status != mssp.CertRevoked || c.Reason != reason {
			t.Errorf("%+v, want reason %d", c, reason)
		}
	}
	if got := strings.Join(w.did, ", "); strings.Contains(got, "delete") {
		t.Error(got)
	}
}

// Who may not change his card, and to which.
func TestMayNotChange(t *testing.T) {
	const other = sms.MSISDN("41790000002")
	w := changes(t, ra.Leave)
	w.Enrolled(other, applet.ECDSAP256, mssp.Authentication)
	his, _, _, err := w.Store.Lookup(ctx, other)
	w.Lab.OK(err)
	_, _, err = w.change(his.ICCID)
	if have, ok := errors.AsType[*store.Existing[mssp.Subscriber]](err); !ok || have.Row.MSISDN != other {
		t.Errorf("somebody else's card: %v", err)
	}
	_, _, err = w.change(w.Key(1).ICCID)
	w.refused("the same card", err, standing.Nothing)
	next := func(f func(*mssp.Card)) {
		t.Helper()
		_, err := w.Store.ChangeCard(ctx, nextCard, func(c *mssp.Card) error { f(c); return nil })
		w.Lab.OK(err)
	}
	next(func(c *mssp.Card) { c.State = mssp.CardSuspended })
	_, _, err = w.change(nextCard)
	w.refused("a card that is suspended", err, standing.CardUnfit)
	w.Lab.OK(w.Store.AddIssuer(ctx, party.Issuer{ID: "north"}))
	next(func(c *mssp.Card) { c.State, c.Issuer = mssp.CardActive, "north" })
	_, _, err = w.change(nextCard)
	w.refused("a card of another issuer", err, standing.OtherIssuer)
	next(func(c *mssp.Card) { c.Issuer = "" })
	_, _, err = w.standing.ChangeCard(ctx, standing.CardCall{MSISDN: enginetest.Number, ICCID: nextCard, Fits: func(*store.CardChange) error { return errPhone }})
	w.refused("a card that does not fit", err, standing.CardUnfit)
	_, _, err = w.standing.ChangeCard(ctx, standing.CardCall{MSISDN: "41790000077", ICCID: nextCard})
	w.refused("of nobody", err, standing.NotRegistered)
	w.want("refused", "active registered/valid registered/valid 0")
	w.ca = errCA
	_, err = w.begin(standing.Call{Procedure: mssp.Leaving})
	w.Lab.OK(err)
	_, _, err = w.change(nextCard)
	w.refused("who leaves", err, standing.NotRegistered)
}
