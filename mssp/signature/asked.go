package signature

import (
	"context"

	"github.com/simsign/simsign/mssp/engine"
)

// recheck asks the applet, at most once a minute, how it is: whether a code that our
// rows call blocked still is, since the user may have unblocked it on the device
// (3.5.4-3) and nobody else would tell us, and what it offers. He is not asked anything.
func (s *Signer) recheck(t *engine.Target) {
	now := s.o.Clock()
	if s.o.Care == nil || !t.Standing.MayRecheck(now) {
		return
	}
	s.engine.Background(func(ctx context.Context) {
		first, err := s.o.Store.Recheck(ctx, t.Subscriber.MSISDN, now)
		if first {
			err = s.o.Care.AskState(ctx, t)
		}
		if err != nil {
			s.log.Warn("asking a card for its state", "iccid", t.Card.ICCID, "error", err)
		}
	})
}
