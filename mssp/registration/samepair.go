package registration

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
)

// samePair gives the pair of a certificate that has expired another certificate (5.11), where
// the policy permits that: never before the end, and never after a revocation. INT6 lets a
// registered pair sign no registration, so the CA gets the request that the pair signed when
// it was registered. The user does nothing, and the card hears nothing: who he is was
// verified anew, where that is demanded at all.
func (g *Registrar) samePair(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	if r.Usage == 0 && r.Profile != "" {
		r.Usage = g.usageOf(r.Profile)
	}
	t, err := g.registrant(ctx, r.MSISDN)
	if err != nil {
		return Enrolment{}, err
	}
	k, cert, err := g.expired(t, &r)
	if err == nil {
		err = g.identifiedAgain(ctx, t, cert)
	}
	if err != nil {
		return Enrolment{}, err
	}
	next, err := g.o.CA.Issue(ctx, k.CSR, t.Subscriber, k.Usage)
	if err != nil {
		return Enrolment{}, &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the CA refused the request: " + err.Error(), Err: err}
	}
	k.CertDER, k.Serial = next.Raw, serialOf(next)
	if err := g.putRegistered(ctx, t, k, nil); err != nil {
		return Enrolment{}, err // the certificate is nobody's: it is revoked (store.Orphans)
	}
	if t.Profile.StoresCert {
		if err := g.importCertificate(ctx, t, k.Slot, k.CertDER); err != nil {
			g.log.Warn("storing the certificate in the card failed", "msisdn", r.MSISDN, "error", err)
		}
	}
	return enrolment(k), nil
}

// expired is the pair that a request is about, and its certificate, which has ended by itself.
func (g *Registrar) expired(t *engine.Target, r *EnrolRequest) (*mssp.KeyPair, *x509.Certificate, error) {
	no := func(detail string, args ...any) (*mssp.KeyPair, *x509.Certificate, error) {
		return nil, nil, mssp.Faultf(mssp.RegistrationNOK, detail, args...)
	}
	switch {
	case !g.o.SamePair:
		return no("another certificate for the same pair is against the policy (registration.same_pair): without it the user gets another pair")
	case r.Flow == FlowB || r.PoP != applet.PoPNone || r.PoPCode != "" || r.PoPMade || r.Display != "":
		return nil, nil, mssp.Faultf(mssp.WrongParam, "the same pair takes no flow, no Proof of Possession code and no text: the user does nothing")
	case t.Card.Applet == mssp.AppletDeactivated:
		return no("the applet on the user's card is deactivated")
	}
	var k *mssp.KeyPair
	for i := range t.Keys {
		x := &t.Keys[i]
		if x.State == mssp.KeyRegistered && x.Usage == r.Usage && (r.Slot == 0 || r.Slot == x.Slot) && (r.Algorithm == 0 || byte(r.Algorithm) == x.Algorithm) && (k == nil || x.Ended(g.o.Clock())) {
			k = x
		}
	}
	if k == nil {
		return no("the user has no registered pair of this usage; what was revoked gets no other certificate")
	}
	cert, err := x509.ParseCertificate(k.CertDER)
	switch {
	case err != nil:
		return no("the certificate of the pair in slot %d cannot be read", k.Slot)
	case !k.Ended(g.o.Clock()):
		return no("the certificate of the pair in slot %d has not expired: a renewal takes another pair", k.Slot)
	case len(k.CSR) == 0:
		return no("the request that the pair in slot %d has signed is not kept: the user gets another pair", k.Slot)
	}
	return k, cert, nil
}

// identifiedAgain refuses who was not identified since the certificate that has expired was
// issued, where an identification is demanded.
func (g *Registrar) identifiedAgain(ctx context.Context, t *engine.Target, cert *x509.Certificate) error {
	if !g.o.Identified {
		return nil
	}
	id, err := g.o.Store.Identity(ctx, t.Subscriber.MSISDN)
	switch {
	case errors.Is(err, mssp.ErrNotFound) || err == nil && id.At.Before(cert.NotBefore):
		return mssp.Faultf(mssp.RegistrationNOK, "nobody has recorded that this user was identified since %s, when the certificate was issued: it is recorded first (simsign user identify)",
			cert.NotBefore.UTC().Format("2006-01-02"))
	case err != nil:
		return g.engine.Internal("reading who identified a user", err)
	}
	return nil
}
