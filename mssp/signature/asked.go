package signature

import (
	"context"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/ota/sms"
)

// recheck asks the applet, at most once a minute, whether a code that our rows
// call blocked still is: the user may have unblocked it on the device
// (3.5.4-3), and nobody else would tell us. He is not asked anything.
func (s *Signer) recheck(t *engine.Target) {
	if s.o.Care == nil || !s.asked.again(t.Subscriber.MSISDN, s.o.Clock()) {
		return
	}
	s.engine.Background(func(ctx context.Context) {
		if err := s.o.Care.AskState(ctx, t); err != nil {
			s.log.Warn("asking a card for its state", "iccid", t.Card.ICCID, "error", err)
		}
	})
}

// asked remembers for a minute which cards were asked for their state.
type asked struct {
	mu *sync.Mutex
	at map[sms.MSISDN]time.Time
}

func newAsked() asked { return asked{&sync.Mutex{}, map[sms.MSISDN]time.Time{}} }

// again reports whether the last question is a minute old, and notes a new one.
func (a asked) again(n sms.MSISDN, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.at[n]; ok && now.Sub(last) < time.Minute {
		return false
	}
	if len(a.at) > 10_000 {
		for k, last := range a.at {
			if now.Sub(last) >= time.Minute {
				delete(a.at, k)
			}
		}
	}
	a.at[n] = now
	return true
}
