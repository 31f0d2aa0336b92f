// Package engine runs transactions: it takes a request, makes the INT6
// message, takes its turn at the card, seals and submits the packet, waits
// for the answer, verifies it and ends the transaction.
//
// Every step is one commit of package store, and what follows from it (octets
// on the air, a reply, an acknowledgement) happens after it. The database is
// the only truth; what is kept in memory are caches and the people who wait:
// the transaction now at each card (a "flight") and a channel for each
// caller of Wait. A new Engine on the same store goes on where the old one
// was killed: it sends ambiguous segments again with identical octets, takes
// complete answers that were stored but not used, and lets the deadlines,
// which are columns, expire what nobody answered.
//
// On the usual path a signature costs two commits: Accept (request, counter,
// sealed packet, segments) in the caller's goroutine, and Finish (answer,
// verified result, next packet of that card) in the bearer's.
package engine

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Engine runs all transactions of one process. It is safe for concurrent use.
type Engine struct {
	o        Options
	log      *slog.Logger
	m        *metrics
	certs    certs
	flights  *flights
	waiters  waiters
	rates    rates // prompts
	peace    coolOff
	rechecks rates // questions to cards about blocked codes
	demo     *demo
	submits  chan struct{} // a place for each packet that the sweeper submits

	dueMu sync.Mutex
	dueAt time.Time // when the sweeper runs next
	wake  chan struct{}

	idle  []ota.ICCID // idle cards with a queue that could not be sealed for yet
	retry retryList   // joined answers that could not be used yet

	life   context.Context // ends with Stop
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// New checks the options. Nothing happens before Start.
func New(o Options) (*Engine, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	e := &Engine{
		o: o, log: o.Logger, flights: newFlights(),
		certs:    certs{m: map[string]*x509.Certificate{}},
		waiters:  waiters{ch: map[mssp.TransID][]chan mssp.Transaction{}, max: o.Limits.Waiters},
		rates:    rates{max: o.Limits.PromptsPerMinute, m: map[sms.MSISDN][]time.Time{}},
		peace:    coolOff{after: o.Limits.CoolOffAfter, pause: o.Limits.CoolOff, m: map[sms.MSISDN]*unwilling{}},
		rechecks: rates{max: 1, m: map[sms.MSISDN][]time.Time{}},
		submits:  make(chan struct{}, maxSubmits),
		wake:     make(chan struct{}, 1),
		dueAt:    o.Clock().Add(time.Hour),
	}
	e.life, e.cancel = context.WithCancel(context.Background())
	var err error
	if e.m, err = newMetrics(o.Registerer, o.Store); err != nil {
		return nil, err
	}
	if o.DemoFaults {
		e.demo = newDemo()
	}
	return e, nil
}

// Start recovers what an earlier process left and starts the sweeper.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.recover(ctx); err != nil {
		return err
	}
	e.background(e.sweep)
	return nil
}

// Stop ends the sweeper and waits, until ctx ends, for submissions under way.
// Nothing is lost either way.
func (e *Engine) Stop(ctx context.Context) error {
	e.cancel()
	done := make(chan struct{})
	go func() {
		e.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// background runs f in a goroutine that Stop waits for.
func (e *Engine) background(f func(ctx context.Context)) {
	e.wg.Go(func() { f(e.life) })
}
