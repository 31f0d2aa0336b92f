//go:build broken_ack

package app

import (
	"context"

	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/ota/bearer"
)

// inbox is BROKEN on purpose: a message is acknowledged first and stored when
// there is time. The tests of cmd/internal/proof build this to see that they
// notice.
func inbox(e *engine.Engine) bearer.Inbox { return ackFirst{e} }

type ackFirst struct{ *engine.Engine }

// Deliver says "stored" at once.
func (a ackFirst) Deliver(ctx context.Context, mo bearer.MO) error {
	go a.Engine.Deliver(context.WithoutCancel(ctx), mo) //nolint:errcheck // that is what is broken
	return nil
}
