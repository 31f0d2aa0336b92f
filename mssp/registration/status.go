package registration

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// CertificateStatus is INT3c MobileRegistration in mode certificate_status
// (5.1-8): the CA has issued cert for the key in that slot, or, when cert is
// nil, refused it. The key's row is updated, the user is told (3.5.1-7), and
// the card, which makes the key usable only now (5.1-10), at once or with the
// next command.
func (g *Registrar) CertificateStatus(ctx context.Context, number sms.MSISDN, slot byte, cert []byte) (Enrolment, error) {
	return g.certificateStatus(ctx, number, slot, cert, nil)
}

func (g *Registrar) certificateStatus(ctx context.Context, number sms.MSISDN, slot byte, cert []byte, with func(*store.Situation) error) (Enrolment, error) {
	t, err := g.registrant(ctx, number)
	if err != nil {
		return Enrolment{}, err
	}
	k := t.Slot(slot)
	if k == nil || k.State != mssp.KeyRequested && k.State != mssp.KeyRegistered {
		return Enrolment{}, mssp.Faultf(mssp.RegistrationNOK, "slot %d has no registration that waits for a certificate", slot)
	}
	if cert == nil && k.State == mssp.KeyRegistered { // what is registered ends by being revoked (5.8)
		return Enrolment{}, mssp.Faultf(mssp.RegistrationNOK, "the key in slot %d is registered already: its certificate is revoked, not refused", slot)
	}
	if cert == nil {
		return g.certificateRefused(ctx, t, k)
	}
	c, err := x509.ParseCertificate(cert)
	if err != nil {
		return Enrolment{}, mssp.Faultf(mssp.ErrorCertificate, "the certificate cannot be read")
	}
	if string(c.RawSubjectPublicKeyInfo) != string(k.PublicKey) {
		return Enrolment{}, mssp.Faultf(mssp.ErrorCertificate, "the certificate is for another key than the one in slot %d", slot)
	}
	k.State, k.CertDER, k.Serial, k.Confirmed = mssp.KeyRegistered, cert, serialOf(c), false
	if err := g.putRegistered(ctx, t, k, with); err != nil {
		return Enrolment{}, err
	}
	g.tellCard(ctx, t, k)
	return enrolment(k), nil
}

// serialOf is the serial number of a certificate as rows have it.
func serialOf(c *x509.Certificate) string { return fmt.Sprintf("%x", c.SerialNumber.Bytes()) }

// putRegistered stores a pair that is registered, with what the user is told and what
// changes with it.
func (g *Registrar) putRegistered(ctx context.Context, t *engine.Target, k *mssp.KeyPair, with func(*store.Situation) error) error {
	number := t.Subscriber.MSISDN
	var told []store.Notice
	if !g.o.Quiet {
		told = append(told, g.engine.Notice(number, t.Subscriber.Language, notice.Registered, k.Serial, time.Time{}))
	}
	if err := g.putKeyWith(ctx, t, *k, with, told...); err != nil {
		return err
	}
	g.log.Info("key registered", "msisdn", number, "slot", k.Slot, "usage", k.Usage.String(), "serial", k.Serial)
	return nil
}

// tellCard tells the card of it, where that is not left to the next command. What fails is
// made up for.
func (g *Registrar) tellCard(ctx context.Context, t *engine.Target, k *mssp.KeyPair) {
	number, slot, cert := t.Subscriber.MSISDN, k.Slot, k.CertDER
	if g.o.ConfirmAtOnce {
		if err := g.confirm(ctx, t, slot); err != nil {
			g.log.Warn("confirmation to the card failed: it goes with the next command", "msisdn", number, "error", err)
		}
	}
	if t.Profile.StoresCert {
		if err := g.importCertificate(ctx, t, slot, cert); err != nil {
			g.log.Warn("storing the certificate in the card failed", "msisdn", number, "error", err)
		}
	}
}

// certificateRefused takes a pair out of use for which there will be no
// certificate (5.1-9).
func (g *Registrar) certificateRefused(ctx context.Context, t *engine.Target, k *mssp.KeyPair) (Enrolment, error) {
	slot := k.Slot
	k.State = mssp.KeyAborted
	pair := sha256.Sum256(k.PublicKey)
	about := fmt.Sprintf("pair %x", pair[:8])
	if err := g.putKey(ctx, t, *k, g.engine.Notice(t.Subscriber.MSISDN, t.Subscriber.Language, notice.NotRegistered, about, time.Time{})); err != nil {
		return Enrolment{}, err
	}
	// A card that cannot have it now has it with the next contact: the row says so.
	if _, err := g.engine.Accept(ctx, t, g.abortOrder(t, slot, false)); err != nil {
		g.log.Warn("deleting the pair of a registration that has ended: again with the next contact", "iccid", t.Card.ICCID, "error", err)
	}
	return enrolment(k), nil
}

// confirm tells the card at once that its key is registered.
func (g *Registrar) confirm(ctx context.Context, t *engine.Target, slot byte) error {
	_, err := g.engine.Run(ctx, t, engine.Order{
		Kind: mssp.KindHandler, Operation: opConfirm, Procedure: &confirm{step{g: g, Slot: slot}},
		Commands: []applet.Command{applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: slot}, Operation: applet.HandlerConfirm}},
	})
	return err
}
