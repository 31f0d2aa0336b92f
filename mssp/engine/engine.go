// Package engine runs transactions: an order for a card is accepted, takes its
// turn, is sealed into a packet and submitted; the answer is opened, evaluated
// and ends the transaction.
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
// What a transaction is about is not known here. Packages signature,
// registration, cardcare and those to come register their operations with a
// Decode; they compose an Order, and the engine gives their Procedure the
// answer to evaluate, or tells it that the transaction has failed. To add a
// procedure: a type with a payload that marshals, Evaluate, Fault and Abort; a
// name for the operation, registered before Start; a method that reads the
// Target, checks what only it can check, and gives an Order to Accept or Run.
//
// Whoever must hear of an end without waiting for it (a notification, a ping to
// a client, another MSSP) registers an Observer and names it in the Order.
//
// On the usual path a signature costs two commits: Accept (request, counter,
// sealed packet, segments) in the caller's goroutine, and Finish (answer,
// verified result, next packet of that card) in the bearer's.
package engine

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Engine runs all transactions of one process: the queue at each card, what
// goes out, what comes in, what is due, who waits, and who is told. It is safe
// for concurrent use.
type Engine struct {
	*core
	line    *line
	outbox  *outbox
	inbox   *inbox
	sweeper *sweeper
	waiters *waiters

	observers *observers
}

// After has f told, after the commit, of each transaction that has ended and is nobody's
// request for a signature. It must not wait for a card. Call it before Start.
func (e *Engine) After(f func(ctx context.Context, tx *mssp.Transaction)) { e.line.after = f }

// Unsettled has f told of a card that gets a message while one of its pairs waits to be
// deleted (mssp.KeyAborted). It must not wait for a card. Call it before Start.
func (e *Engine) Unsettled(f func(ctx context.Context, t *Target)) { e.line.unsettled = f }

// New checks the options. Nothing happens before Start.
func New(o Options) (*Engine, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	m, err := newMetrics(o.Registerer, o.Store)
	if err != nil {
		return nil, err
	}
	c := &core{o: o, log: o.Logger, m: m, flights: newFlights(), alarm: newAlarm(o.Clock), procedures: procedures{}}
	c.life, c.cancel = context.WithCancel(context.Background())
	e := &Engine{core: c, waiters: &waiters{ch: map[mssp.TransID][]chan mssp.Transaction{}, max: o.Limits.Waiters}}
	e.observers = newObservers(c)
	e.line = &line{core: c, waiters: e.waiters, observers: e.observers, rules: abuse.Rules{
		PromptsPerMinute: o.Limits.PromptsPerMinute, AllPromptsPerMinute: o.Limits.AllPromptsPerMinute,
		CoolOffAfter: o.Limits.CoolOffAfter, AllCoolOffAfter: o.Limits.AllCoolOffAfter, CoolOff: o.Limits.CoolOff,
	}}
	e.outbox = &outbox{core: c, line: e.line, places: places{free: maxSubmits, held: map[string]int{}}}
	e.line.outbox = e.outbox
	e.inbox = &inbox{core: c, line: e.line}
	e.sweeper = &sweeper{core: c, line: e.line, outbox: e.outbox, inbox: e.inbox, observers: e.observers}
	return e, nil
}

// Start recovers what an earlier process left and starts the sweeper.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.Recover(ctx); err != nil {
		return err
	}
	e.Background(e.sweeper.run)
	return nil
}

// Recover is the first half of Start, for who keeps the time himself.
func (e *Engine) Recover(ctx context.Context) error { return e.sweeper.recover(ctx) }

// Sweep does once everything that is due and says when to come again.
func (e *Engine) Sweep(ctx context.Context) time.Time { return e.sweeper.sweep(ctx) }

// Stop ends the sweeper and waits, until ctx ends, for submissions under way.
// Nothing is lost either way.
func (e *Engine) Stop(ctx context.Context) error {
	e.cancel()
	return e.Settle(ctx)
}

// Settle waits, until ctx ends, for what runs in the background.
func (e *Engine) Settle(ctx context.Context) error { return e.settle(ctx) }

// Deliver takes a short message from a phone (bearer.Inbox).
func (e *Engine) Deliver(ctx context.Context, mo bearer.MO) (err error) {
	defer e.caught("taking a short message", &err)
	return e.inbox.deliver(ctx, mo)
}

// Report takes a delivery report (bearer.Inbox).
func (e *Engine) Report(ctx context.Context, r bearer.Report) (err error) {
	defer e.caught("taking a delivery report", &err)
	return e.inbox.report(ctx, r)
}

// Resolve takes the end of a submission that was unknown (bearer.Resolver).
func (e *Engine) Resolve(ctx context.Context, segmentID int64, r bearer.Receipt, why error) (err error) {
	defer e.caught("taking the end of a submission", &err)
	return e.inbox.resolve(ctx, segmentID, r, why)
}

// Alert takes the news that a phone is back (bearer.Alerter).
func (e *Engine) Alert(ctx context.Context, number sms.MSISDN) (err error) {
	defer e.caught("hearing that a phone is back", &err)
	return e.inbox.alert(ctx, number)
}
