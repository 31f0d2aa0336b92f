package engine

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// CertificateStatus is INT3c MobileRegistration in mode certificate_status
// (5.1-8): the CA has issued cert for the key in that slot, or, when cert is
// nil, refused it. The key's row is updated, the user is told (3.5.1-7), and
// the card, which makes the key usable only now (5.1-10), at once or with the
// next command.
func (e *Engine) CertificateStatus(ctx context.Context, number sms.MSISDN, slot byte, cert []byte) (Enrolment, error) {
	t, err := e.registrant(ctx, number)
	if err != nil {
		return Enrolment{}, err
	}
	k := t.slot(slot)
	if k == nil || k.State != mssp.KeyRequested && k.State != mssp.KeyRegistered {
		return Enrolment{}, mssp.Faultf(mssp.RegistrationNOK, "slot %d has no registration that waits for a certificate", slot)
	}
	if cert == nil {
		return e.certificateRefused(ctx, t, k)
	}
	c, err := x509.ParseCertificate(cert)
	if err != nil {
		return Enrolment{}, mssp.Faultf(mssp.ErrorCertificate, "the certificate cannot be read")
	}
	if string(c.RawSubjectPublicKeyInfo) != string(k.PublicKey) {
		return Enrolment{}, mssp.Faultf(mssp.ErrorCertificate, "the certificate is for another key than the one in slot %d", slot)
	}
	k.State, k.CertDER, k.Serial, k.Confirmed = mssp.KeyRegistered, cert, fmt.Sprintf("%x", c.SerialNumber.Bytes()), false
	if err := e.putKey(ctx, t, *k); err != nil {
		return Enrolment{}, err
	}
	e.log.Info("key registered", "msisdn", number, "slot", slot, "usage", k.Usage.String(), "serial", k.Serial)
	if !e.o.QuietRegistration {
		if err := e.tell(ctx, number, t.sub.Language, textRegistered); err != nil {
			e.log.Error("telling the user of the registration", "msisdn", number, "error", err)
		}
	}
	if e.o.ConfirmAtOnce {
		if err := e.confirm(ctx, t, slot); err != nil {
			e.log.Warn("confirmation to the card failed: it goes with the next command", "msisdn", number, "error", err)
		}
	}
	if t.profile.StoresCert {
		if err := e.importCertificate(ctx, t, slot, cert); err != nil {
			e.log.Warn("storing the certificate in the card failed", "msisdn", number, "error", err)
		}
	}
	return enrolment(k), nil
}

// certificateRefused takes a pair out of use for which there will be no
// certificate (5.1-9).
func (e *Engine) certificateRefused(ctx context.Context, t *target, k *mssp.KeyPair) (Enrolment, error) {
	slot := k.Slot
	k.State = mssp.KeyDeleted
	if err := e.putKey(ctx, t, *k); err != nil {
		return Enrolment{}, err
	}
	_, err := e.send(ctx, t, deleteOrder(slot))
	return enrolment(k), err
}

// confirm tells the card at once that its key is registered.
func (e *Engine) confirm(ctx context.Context, t *target, slot byte) error {
	_, _, err := e.run(ctx, t, order{
		kind: mssp.KindHandler, doc: document{Op: opConfirm, Slot: slot},
		commands: []applet.Command{applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: slot}, Operation: applet.HandlerConfirm}},
	})
	return err
}

// tell sends a text message to a user.
func (e *Engine) tell(ctx context.Context, number sms.MSISDN, language string, m message) error {
	out, err := e.o.Store.EnqueueText(ctx, e.text(number, language, m, ""))
	if err == nil {
		e.sendTexts(out)
	}
	return err
}
