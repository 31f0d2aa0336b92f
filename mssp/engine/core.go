package engine

import (
	"context"
	"log/slog"
	"sync"
)

// core is what all parts of the engine share.
type core struct {
	o          Options
	log        *slog.Logger
	m          *metrics
	flights    *flights
	alarm      *alarm
	procedures procedures

	life   context.Context // ends with Stop
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Background runs f in a goroutine that Stop waits for.
func (c *core) Background(f func(ctx context.Context)) {
	c.wg.Go(func() {
		var err error
		defer c.caught("working in the background", &err) // it is logged
		f(c.life)
	})
}

// settle waits, until ctx ends, for what runs in the background.
func (c *core) settle(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		c.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
