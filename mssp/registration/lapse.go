package registration

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
)

// lapsing is how many users are read at once.
const lapsing = 500

// Lapse ends the registrations that have waited for their certificate since before a time:
// an RA that is silent for so long has given up (5.1 C2). Pair and request are taken back as
// if it had said so, and the user is told. A certificate that comes later is refused.
func (g *Registrar) Lapse(ctx context.Context, before time.Time) error {
	subs, err := g.o.Store.Subscribers(ctx, "", lapsing)
	for err == nil && len(subs) > 0 {
		for i := range subs {
			if subs[i].State == mssp.SubscriberRemoved {
				continue
			}
			if err := g.lapse(ctx, &subs[i], before); err != nil {
				return err
			}
		}
		subs, err = g.o.Store.Subscribers(ctx, subs[len(subs)-1].MSISDN, lapsing)
	}
	return err
}

// lapse does it for one user. Whoever cannot be reached now is tried at the next turn.
func (g *Registrar) lapse(ctx context.Context, sub *mssp.Subscriber, before time.Time) error {
	keys, err := g.o.Store.KeyPairs(ctx, sub.ICCID)
	if err != nil {
		return err
	}
	for i := range keys {
		k := &keys[i]
		if k.State != mssp.KeyRequested || !k.UpdatedAt.Before(before) {
			continue
		}
		_, err := g.CertificateStatus(ctx, sub.MSISDN, k.Slot, nil)
		if f, ok := errors.AsType[*mssp.Fault](err); ok && f.Code == mssp.InternalError {
			return err
		}
		g.log.Warn("a registration has waited too long for its certificate: it is ended", "msisdn", sub.MSISDN, "slot", k.Slot, "error", err)
	}
	return nil
}
