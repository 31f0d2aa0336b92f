package engine

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// target is what the rows say about a number: whose it is, which card answers
// under it, and which keys that card holds.
type target struct {
	sub     mssp.Subscriber
	card    mssp.Card
	keys    []mssp.KeyPair
	profile mssp.CardProfile
}

// target reads the rows of a number; the error is a *mssp.Fault. Requirement
// 5.2-1: registered and activated.
func (e *Engine) target(ctx context.Context, n sms.MSISDN) (*target, error) {
	sub, card, keys, err := e.o.Store.Lookup(ctx, n)
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, mssp.Faultf(mssp.UnknownClient, "no user with this MSISDN is registered here")
	}
	if err != nil {
		return nil, e.internal("looking up a number", err)
	}
	t := &target{sub: sub, card: card, keys: keys}
	switch {
	case sub.State == mssp.SubscriberRemoved:
		return nil, mssp.Faultf(mssp.UnknownClient, "the user has left the service: they must register again")
	case sub.State == mssp.SubscriberSuspended:
		return nil, mssp.Faultf(mssp.CardBlocked, "the service of this user is suspended")
	case card.State == mssp.CardSuspended:
		return nil, mssp.Faultf(mssp.CardBlocked, "the user's card is suspended after security errors: the operator must release it")
	}
	p, ok := e.o.CardProfiles[card.Profile]
	if !ok {
		return nil, mssp.Faultf(mssp.UnsupportedProfile, "the configuration has no card profile %s, which this user's card needs", card.Profile)
	}
	t.profile = p
	return t, nil
}

// blocked reports whether the code that guards keys of that usage has blocked.
func (t *target) blocked(u mssp.KeyUsage) bool {
	return int(u) >= 1 && int(u) <= len(t.card.Blocked) && t.card.Blocked[u-1]
}

// signingKey picks the key that signs: of that usage, registered, with a
// certificate that is valid now (5.2-1). Of several the youngest wins, so that
// a renewed key takes over while the old one still works (5.12-1).
func (e *Engine) signingKey(ctx context.Context, t *target, u mssp.KeyUsage) (*mssp.KeyPair, *x509.Certificate, error) {
	if t.blocked(u) {
		e.recheck(t)
		return nil, nil, mssp.Faultf(mssp.PINBlocked, "the user's %s code is blocked: they must have it unblocked", u)
	}
	keys := slices.Clone(t.keys)
	slices.SortStableFunc(keys, func(a, b mssp.KeyPair) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	fault := mssp.Faultf(mssp.NoKeyFound, "the user has no registered %s key", u)
	for i := range keys {
		k := &keys[i]
		if k.Usage != u || k.State != mssp.KeyRegistered {
			continue
		}
		cert, f, err := e.certificate(ctx, k)
		if err != nil {
			return nil, nil, err
		}
		if f == nil {
			return k, cert, nil
		}
		if fault.Code == mssp.NoKeyFound {
			fault = f
		}
	}
	return nil, nil, fault
}

// recheck asks the applet, at most once a minute, whether a code that our rows
// call blocked still is: the user may have unblocked it on the device
// (3.5.4-3), and nobody else would tell us. He is not asked anything.
func (e *Engine) recheck(t *target) {
	if e.rechecks.take(t.sub.MSISDN, e.o.Clock()) != nil {
		return
	}
	e.background(func(ctx context.Context) {
		if _, err := e.send(ctx, t, statusOrder(applet.StatusReport)); err != nil {
			e.log.Warn("asking a card for its state", "iccid", t.card.ICCID, "error", err)
		}
	})
}

// certificate finds the certificate of a key, or the fault that says why it
// cannot be used.
func (e *Engine) certificate(ctx context.Context, k *mssp.KeyPair) (*x509.Certificate, *mssp.Fault, error) {
	if k.Serial == "" || len(k.CertDER) == 0 {
		return nil, mssp.Faultf(mssp.NoCertFound, "the user's key has no certificate: the registration must be completed"), nil
	}
	cert, err := e.certs.parse(k.Serial, k.CertDER)
	if err != nil {
		return nil, nil, e.internal("parsing a user certificate", err)
	}
	v := e.o.VA.CheckCertificate(ctx, cert) // 3.5.12-1: expired is not valid
	switch {
	case v.Code == mssp.ValidSignature:
		return cert, nil, nil
	case v.Code == mssp.InternalError:
		return nil, nil, e.internal("asking the validation authority", v.Err)
	}
	return nil, &mssp.Fault{Code: v.Code, Detail: "the user's certificate cannot be used: " + v.Detail, Err: v.Err}, nil
}

// supports reports whether the card profile has an algorithm (3.2-4).
func (t *target) supports(a applet.Algorithm) bool {
	return slices.Contains(t.profile.Algorithms, byte(a))
}
