package engine

import (
	"context"
	"crypto"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
)

// RegisterComplete is INT3c MobileRegistration in mode register_complete
// (5.1-6, 5.1-7): the user enters his PoP code if there is one, chooses a
// personal code if he has none, enters it, and the card signs the certificate
// request. The answer holds the PKCS#10.
func (e *Engine) RegisterComplete(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	t, err := e.eligible(ctx, &r)
	if err != nil {
		return Enrolment{}, err
	}
	k := t.slot(r.Slot)
	if k != nil && k.State == mssp.KeyRequested && len(k.CSR) > 0 {
		return enrolment(k), nil // done before; the certificate is what is missing
	}
	if k != nil && r.Flow == FlowB && len(k.PublicKey) > 0 {
		r.Flow = FlowA // 5.1-7: an existing pair is kept
	}
	o, err := e.registerOrder(&r, t, k)
	if err != nil {
		return Enrolment{}, err
	}
	row := mssp.KeyPair{ICCID: t.card.ICCID, Slot: r.Slot, Usage: r.Usage, Algorithm: byte(r.Algorithm)}
	if k != nil {
		row = *k
	}
	row.State, row.CSR, row.CertDER, row.Serial = mssp.KeyRegistering, nil, nil, ""
	if err := e.putKey(ctx, t, row); err != nil {
		return Enrolment{}, err
	}
	tx, res, err := e.run(ctx, t, o)
	if err != nil {
		if tx.State == mssp.Failed && res.Word == 0 {
			e.discard(ctx, t, r.Slot) // the card does not know that it failed
		}
		return Enrolment{}, err
	}
	return Enrolment{
		Slot: r.Slot, Usage: r.Usage, Algorithm: r.Algorithm, State: mssp.KeyRequested,
		PublicKey: res.PublicKey, CSR: res.CSR, PoP: res.PoP, TransID: tx.ID,
	}, nil
}

// discard has the card delete the pair of a registration that we have refused
// or given up (5.1-9). Nobody waits for it; should it never arrive, the next
// registration replaces the pair.
func (e *Engine) discard(ctx context.Context, t *target, slot byte) {
	if _, err := e.send(ctx, t, deleteOrder(slot)); err != nil {
		e.log.Warn("deleting the pair of a failed registration", "msisdn", t.sub.MSISDN, "slot", slot, "error", err)
	}
}

// popDigits is the length of a PoP code whose value we do not know.
const popDigits = 8

// registerOrder is the SignTransaction(register key) of either flow.
func (e *Engine) registerOrder(r *EnrolRequest, t *target, k *mssp.KeyPair) (order, error) {
	h := hashFor(r.Algorithm)
	c := applet.SignTransaction{Slot: applet.Slot{Number: r.Slot}, Mode: applet.ModeRegister, Hash: h, PoP: r.PoP}
	d := document{Op: opRegister, Slot: r.Slot, Usage: r.Usage, Algorithm: r.Algorithm, Flow: r.Flow, PoPSum: popSum(r.PoPCode)}
	o := order{kind: mssp.KindRegister, life: r.TimeOut}
	if r.Display != "" {
		var ok bool
		if c.TextToShow, ok = showText(&t.profile, r.Display); !ok {
			return o, mssp.Faultf(mssp.InappropriateData, "the text has a character that phones cannot be trusted to show")
		}
	}
	subject := pki.SubjectOf(t.sub)
	var err error
	switch {
	case r.Flow == FlowB:
		digits := len(r.PoPCode)
		if digits == 0 && r.PoP != applet.PoPNone {
			digits = popDigits
		}
		c.Slot = r.slot()
		c.Template, err = pki.NewTemplate(subject, r.Algorithm, digits)
		d.Template = c.Template
		o.commands = e.activation(t)
	case k == nil || len(k.PublicKey) == 0:
		return o, mssp.Faultf(mssp.RegistrationNOK, "slot %d has no key pair yet: register_init comes first", r.Slot)
	default:
		d.CRI, err = pki.RequestInfo(subject, k.PublicKey, r.PoPCode)
		hash := h.Hash().New()
		hash.Write(d.CRI)
		c.Digest = hash.Sum(nil)
	}
	if err != nil {
		return o, &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the certificate request cannot be made: " + err.Error(), Err: err}
	}
	o.doc, o.commands = d, append(o.commands, c)
	return o, nil
}

// hashFor is the hash that goes with a key of that strength.
func hashFor(a applet.Algorithm) applet.Hash {
	h, _ := applet.HashOf(cryptoHash(a))
	return h
}

func cryptoHash(a applet.Algorithm) crypto.Hash {
	switch a {
	case applet.ECDSAP384:
		return crypto.SHA384
	case applet.ECDSAP521:
		return crypto.SHA512
	}
	return crypto.SHA256
}
