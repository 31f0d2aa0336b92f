package registration

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
)

// identified refuses the first registration of somebody of whom nobody has recorded who
// he is (3.5.1-1, 5.1-11). Whoever has a registered key was let in before.
func (g *Registrar) identified(ctx context.Context, t *engine.Target) error {
	if !g.o.Identified || t.Registered(0) {
		return nil
	}
	_, err := g.o.Store.Identity(ctx, t.Subscriber.MSISDN)
	switch {
	case errors.Is(err, mssp.ErrNotFound):
		return mssp.Faultf(mssp.RegistrationNOK, "nobody has recorded who identified this user: it is recorded first (simsign user identify)")
	case err != nil:
		return g.engine.Internal("reading who identified a user", err)
	}
	return nil
}
