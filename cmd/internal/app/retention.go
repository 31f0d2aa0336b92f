package app

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// erasePause is between two commits that erase: live requests come first.
const erasePause = 10 * time.Millisecond

// keepRepeat is how long what tells a repeated request is kept of a person who was erased.
const keepRepeat = mssp.RepeatFor + time.Hour

// tellRetention says at the start what will be erased, before it is.
func (a *App) tellRetention() {
	r := &a.cfg.Retention
	a.log.Info("what is kept after the end of a transaction; the first erasure is in "+purgeEvery.String(),
		"texts", r.Texts.String(), "octets", r.Octets.String(), "signatures", r.Signatures.String(), "numbers", r.Numbers.String())
}

// erase erases what retention does not keep, and what is left of persons whose
// erasure was begun: in small commits with pauses, so that a million old
// transactions hold nobody up.
func (a *App) erase(ctx context.Context) {
	now, r := a.steady.now(), &a.cfg.Retention
	keep := store.Retention{
		Texts: r.Texts.Before(now), Octets: r.Octets.Before(now), Signatures: r.Signatures.Before(now), Numbers: r.Numbers.Before(now),
		Repeat: now.Add(-keepRepeat),
	}
	sum := store.Erased{}
	for _, some := range []func() (store.Erased, bool, error){
		func() (store.Erased, bool, error) { return a.core.Store.EraseMarked(ctx, now) },
		func() (store.Erased, bool, error) { return a.core.Store.Erase(ctx, keep, now) },
	} {
		for more := true; more && ctx.Err() == nil; {
			gone, again, err := some()
			if err != nil {
				a.log.Error("erasing what is not kept any more", "error", err)
				break
			}
			for kind, n := range gone {
				sum[kind] += n
			}
			if more = again; more {
				select {
				case <-ctx.Done():
				case <-time.After(erasePause):
				}
			}
		}
	}
	if len(sum) == 0 {
		return
	}
	a.log.Info("erased what is not kept any more", "texts", sum[mssp.Texts], "octets", sum[mssp.Octets], "signatures", sum[mssp.Signatures], "numbers", sum[mssp.Numbers])
	if err := a.core.Store.Scrub(ctx); err != nil {
		a.log.Warn("what was erased may still stand in the log of the database", "error", err)
	}
}
