package app

import (
	"context"

	"github.com/simsign/simsign/mssp"
)

// countProviders notes whether a single provider may use the service: what is shared
// among providers (the quota of a SIM) is all his then. One that is added later is
// seen within purgeEvery.
func (a *App) countProviders(ctx context.Context) {
	aps, err := a.core.Store.APs(ctx)
	if err != nil {
		a.log.Warn("counting the providers", "error", err)
		return
	}
	a.alone.Store(alone(aps))
}

func alone(aps []mssp.AP) bool {
	n := 0
	for i := range aps {
		if !aps[i].Disabled && aps[i].RemovedAt.IsZero() {
			n++
		}
	}
	return n <= 1
}
