package app

import (
	"context"

	"github.com/simsign/simsign/ota/bearer"
)

// receiver is the engine as bearers see it.
type receiver interface {
	bearer.Inbox
	bearer.Resolver
	bearer.Alerter
}

// inbox tells the routes too when a network has taken a message after all.
type inbox struct {
	receiver
	tookLate func(bearer string)
}

func (a *App) inbox() inbox {
	return inbox{a.engine, func(name string) { a.bearers.router.TookLate(name) }}
}

// Resolve implements bearer.Resolver.
func (i inbox) Resolve(ctx context.Context, segmentID int64, r bearer.Receipt, why error) error {
	if why == nil {
		i.tookLate(r.Bearer)
	}
	return i.receiver.Resolve(ctx, segmentID, r, why)
}
