package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// Order is a composed message for a card with all that goes with it: what
// Accept puts into the queue.
type Order struct {
	Kind      mssp.Kind
	Operation string    // under which the procedure is registered
	Procedure Procedure // what the answer will mean
	Commands  []applet.Command
	// Numbered makes the commands that need the number under which the applet knows the
	// transaction; nil: there are none.
	Numbered func(transaction uint32) ([]applet.Command, error)
	// Probe seals the request under the key of the applet that is pending (carriage own):
	// an answer proves that the card has it.
	Probe bool

	Life time.Duration // 0: Options.ManageTimeOut
	// Code is the usage whose personal code the user is asked for; 0: he is asked for none.
	Code mssp.KeyUsage
	// Confirms is the slot whose registration the message begins by
	// confirming (5-2); 0: none.
	Confirms byte
	Language string // ISO 639-1; empty: the subscriber's
	Text     string // the part of the message that the requester could shorten

	// Ask is set when a provider asks a person: then his protection from a
	// flood of requests counts it or refuses it.
	Ask bool
	// Who asks; empty for the operator's own orders.
	AP          mssp.APID
	APTransID   string
	Instant     int64 // see mssp.Transaction
	Once        bool
	RequestHash []byte
	Mode        mssp.MessagingMode
	Profile     string    // SignatureProfile URI as asked for
	At          time.Time // of the request; zero: now
	Observer    mssp.Observer
	// Trace is what a watching operator sees of the request; nil: nothing. The
	// engine adds time and transaction.
	Trace *TraceEvent
}

// Accept puts an order into the queue of its card and returns once it is
// durable; the error is a *mssp.Fault. An order of a provider that repeats an
// earlier one returns the first transaction (I12), see Repeat.
func (e *Engine) Accept(ctx context.Context, t *Target, o Order) (mssp.Transaction, error) {
	return e.line.order(ctx, t, &o)
}

// Run is Accept, Wait, and the fault of a transaction that failed as an error
// beside it: a step of a procedure that needs several.
func (e *Engine) Run(ctx context.Context, t *Target, o Order) (mssp.Transaction, error) {
	tx, err := e.Accept(ctx, t, o)
	if err != nil {
		return tx, err
	}
	if tx, err = e.Wait(ctx, tx.ID); err != nil {
		return tx, err
	}
	if tx.State == mssp.Failed {
		return tx, FaultOf(&tx)
	}
	return tx, nil
}

// order makes the row of an order and accepts it.
func (l *line) order(ctx context.Context, t *Target, o *Order) (mssp.Transaction, error) {
	tx, r, err := l.compose(t, o)
	if err == nil {
		err = l.down(t, o.AP)
	}
	if err != nil && o.AP != "" {
		return l.refuse(ctx, o, err)
	}
	if err != nil {
		return tx, err
	}
	var p *store.Prompt
	if o.Ask && !l.rules.Off() {
		p = &store.Prompt{Rules: l.rules, Was: t.Standing}
	}
	tx, err = l.accept(ctx, tx, r, p)
	if err == nil && o.Ask && l.unsettled != nil && slices.ContainsFunc(t.Keys, func(k mssp.KeyPair) bool { return k.State == mssp.KeyAborted }) {
		l.Background(func(ctx context.Context) { l.unsettled(ctx, t) })
	}
	return tx, err
}

// down refuses at once what no network would take: its bearers are attached
// and have taken nothing for some time. The requester learns it now, not at
// the end of the life of his request.
func (l *line) down(t *Target, ap mssp.APID) error {
	via, ok := l.o.Route(bearer.Destination{
		MSISDN: t.Subscriber.MSISDN, ICCID: t.Card.ICCID, IMSI: t.Card.IMSI, Profile: t.Card.Profile, For: string(ap),
	}).(bearer.Judge)
	if !ok {
		return nil
	}
	err := via.Down()
	if errors.Is(err, bearer.ErrSpent) {
		l.log.Info("refused: a provider has had its share", "ap", ap, "error", err)
		return mssp.Faultf(mssp.UnableToProvide, "you have had your share of the messages that can be sent in 24 hours: ask again in an hour")
	}
	if err != nil {
		l.log.Info("refused: no network takes messages", "msisdn", t.Subscriber.MSISDN, "error", err)
		return mssp.Faultf(mssp.UnableToProvide, "no mobile network takes messages from this service at present: ask again in a minute")
	}
	return nil
}

// compose makes the row of an order; nothing is stored yet.
func (l *line) compose(t *Target, o *Order) (tx mssp.Transaction, r *request, err error) {
	if o.Life <= 0 {
		o.Life = l.o.ManageTimeOut
	}
	if o.At.IsZero() {
		o.At = l.o.Clock()
	}
	if o.Language == "" {
		o.Language = t.Subscriber.Language
	}
	if tx, err = l.newTransaction(o, t); err != nil {
		return tx, nil, err
	}
	if o.Numbered != nil {
		numbered, err := o.Numbered(tx.AppletTxn)
		if err != nil {
			return tx, nil, l.Internal("making a command", err)
		}
		o.Commands = append(o.Commands, numbered...)
	}
	if err := t.offered(o.Commands); err != nil {
		return tx, nil, err
	}
	if tx.INT6, err = (applet.Message{Version: t.Profile.Way().Version(), Transaction: tx.AppletTxn, Commands: o.Commands}).MarshalBinary(); err != nil {
		return tx, nil, &mssp.Fault{Code: mssp.WrongParam, Detail: "the command cannot be written: " + err.Error(), Err: err}
	}
	if err := fits(len(tx.INT6), &t.Profile, o.Text); err != nil {
		return tx, nil, err
	}
	if o.Ask {
		if f := l.rules.Check(&t.Standing.Record, o.AP, o.At); f != nil {
			return tx, nil, f
		}
	}
	r = &request{Procedure: o.Procedure, head: head{
		Operation: o.Operation, Card: t.Card.Profile, Language: o.Language, Code: t.Profile.Code(o.Code), Confirms: o.Confirms, Bad: t.Card.BadPoR > 0, Probe: o.Probe,
		Active: t.Card.Applet == mssp.AppletActive,
	}}
	if tx.Request, err = r.seal(l.o.Vault, &tx); err != nil {
		return tx, nil, l.Internal("writing a request", err)
	}
	if o.Trace != nil && l.o.Trace != nil {
		l.trace(&tx, o.Trace.Layer, o.Trace.Direction, o.Trace.Octets, o.Trace.Summary, o.Trace.Fields...)
	}
	return tx, r, nil
}
