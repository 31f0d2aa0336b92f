package walk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// profile is the card profile of a procedure.
func (p *procedure) profile(c mssp.CardProfile) mssp.CardProfile {
	if p.bare {
		c.CodeMin, c.CodeMax = [2]byte{4, 6}, [2]byte{8, 6}
	}
	return c
}

// newCard imports a card and puts it into a phone.
func (w *world) newCard(u *user) (ota.ICCID, *phone) {
	w.cards++
	iccid := ota.ICCID(fmt.Sprintf("894101000000%07d", w.cards))
	m := keys.Material{KVN: 1, CMACLen: 8, KIc: aes(w.cards, 1), KID: aes(w.cards, 2)}
	blob, err := w.Vault.SealMaterial(iccid, m)
	w.ok(err)
	counter, err := w.Vault.SealCounter(iccid, 1, 0)
	w.ok(err)
	w.ok(w.Store.ImportCard(ctx, mssp.Card{ICCID: iccid, IMSI: "228010000000001", Profile: "test", State: mssp.CardActive, CreatedAt: w.Clock.Now()},
		[]mssp.KeySet{{ICCID: iccid, KVN: 1, Keys: blob, Counter: counter}}))
	p := &phone{w: w, u: u, iccid: iccid, parts: map[uint16][]sms.Part{}, deaf: map[uint32]bool{}}
	personal := card.Profile{
		ICCID: iccid, IMSI: "228010000000001", TAR: enginetest.TAR, ServerAddress: "4600",
		KeySets: []card.KeySet{{KVN: 1, KIc: m.KIc, KID: m.KID, CMACLen: 8}, {KVN: 2, KIc: aes(w.cards, 3), KID: aes(w.cards, 4), CMACLen: 8}},
		Codes:   [2]card.CodeProfile{{Min: 4, Max: 8}, {Min: 6, Max: 6}},
		Faults:  card.Faults{KeepsCodes: w.p.keepers},
	}
	if w.p.bare {
		personal.Codes = [2]card.CodeProfile{}
	}
	p.card, err = card.New(card.Options{Profile: personal})
	w.ok(err)
	w.Cleanup(func() { p.card.Close() })
	p.server, err = m.KeySet()
	w.ok(err)
	p.own, err = (keys.Material{KVN: 2, CMACLen: 8, KIc: aes(w.cards, 3), KID: aes(w.cards, 4)}).KeySet()
	w.ok(err)
	p.boot()
	return iccid, p
}

// requested: the RA has the request, and says nothing yet.
func requested(u *user) {
	r := registration.EnrolRequest{MSISDN: u.number, Usage: mssp.Authentication, Flow: registration.FlowB}
	u.w.ok(u.w.drive(func(ctx context.Context) error {
		if _, err := u.w.Registrar.RegisterInit(ctx, r); err != nil {
			return err
		}
		_, err := u.w.Registrar.RegisterComplete(ctx, r)
		return err
	}))
}

// refuse is the RA that says no; what is left to do on the card waits for the next contact.
func refuse(ctx context.Context, u *user) error {
	for _, k := range u.rows() {
		if k.State == mssp.KeyRequested {
			_, err := u.w.Registrar.CertificateStatus(ctx, u.number, k.Slot, nil)
			return err
		}
	}
	return contact(ctx, u)
}

// outlived: the certificate has ended, and the pair is there.
func outlived(u *user) {
	now := u.w.Clock.Now()
	u.w.back = now.Sub(now.AddDate(-1, 0, 0)) - time.Hour
	registered(u)
	u.w.back = 0
	u.w.Clock.Add(2 * time.Hour)
	u.w.ok(u.cannotSign())
}

// extended: a second pair of the same usage is registered, and the first is still good.
func extended(u *user) {
	registered(u)
	u.old = u.rows()[0].Serial
	u.w.ok(u.w.drive(func(ctx context.Context) error {
		return u.enrol(ctx, registration.EnrolRequest{Usage: mssp.Authentication, Slot: 2})
	}))
}

// supersede ends the pair that another one has taken the place of (5.12-3).
func supersede(ctx context.Context, u *user) error {
	c := u.call(mssp.Superseding)
	c.Serial, c.Reason = u.old, 4
	if _, err := u.w.standing.Precondition(ctx, c); err != nil {
		return err
	}
	return u.w.worker.Turn(ctx)
}

func superseded(u *user) error {
	certs, err := u.w.Store.CertificatesOf(ctx, u.iccid)
	u.w.ok(err)
	for _, c := range certs {
		if c.Serial == u.old && c.Status != mssp.CertRevoked {
			return fmt.Errorf("the old certificate is %s", c.Status)
		}
	}
	return registeredIn(2)(u)
}

func withNewCard(u *user) {
	registered(u)
	_, u.next = u.w.newCard(u)
}

// changeCard is what the operator does for a user who has a new card, and what the RA does
// about the old one (5.5).
func changeCard(ctx context.Context, u *user) error {
	if u.next != nil {
		if _, _, err := u.w.standing.ChangeCard(ctx, standing.CardCall{MSISDN: u.number, ICCID: u.next.iccid, Own: true, By: "test"}); err != nil {
			return err
		}
		u.left, u.iccid, u.phone, u.next, u.was = u.iccid, u.next.iccid, u.next, nil, false
		u.w.Phones[u.number] = u.phone
		if u.w.step(site{kind: calling, what: "change of the card"}, "") == "gives up" {
			return errDied
		}
	}
	return u.w.worker.Turn(ctx)
}

// changed: the certificates of the old card are revoked, and nobody signs with either.
func changed(u *user) error {
	certs, err := u.w.Store.CertificatesOf(ctx, u.left)
	u.w.ok(err)
	for _, c := range certs {
		if c.Status != mssp.CertRevoked {
			return fmt.Errorf("the certificate of the old card is %s", c.Status)
		}
	}
	if len(certs) == 0 || len(u.rows()) > 0 || u.state().LifeCycle != applet.AppletInstalled {
		return errors.New("the new card is not as new")
	}
	return u.cannotSign()
}

func onNewCard(u *user) {
	withNewCard(u)
	u.w.ok(u.w.drive(func(ctx context.Context) error { return changeCard(ctx, u) }))
	u.w.ok(changed(u))
	u.codes = map[bool]string{}
}
