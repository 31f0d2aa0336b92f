package engine

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/mssp/store"
)

// line is the queue at every card: it accepts transactions, seals the packet
// of the one whose turn has come, and ends them. Who comes next is in the rows,
// and so is what counts against a number.
type line struct {
	*core
	outbox  *outbox
	waiters *waiters
	rules   abuse.Rules

	observers *observers
	after     func(context.Context, *mssp.Transaction) // nil: nobody
	unsettled func(context.Context, *Target)           // nil: nobody
}

// newTransaction is a row with its identity and its deadline.
func (l *line) newTransaction(o *Order, t *Target) (mssp.Transaction, error) {
	tx := mssp.Transaction{
		Kind: o.Kind, AP: o.AP, APTransID: o.APTransID, Instant: o.Instant, Once: o.Once, RequestHash: o.RequestHash, Mode: o.Mode, Profile: o.Profile, Observer: o.Observer,
		MSISDN: t.Subscriber.MSISDN, ICCID: t.Card.ICCID, State: mssp.Queued, CreatedAt: o.At, Deadline: o.At.Add(o.Life),
	}
	id, err := transID(l.o.Rand)
	if err == nil {
		tx.ID = id
		tx.AppletTxn, err = appletTxn(l.o.Rand)
	}
	if err != nil {
		return tx, l.Internal("drawing a transaction number", err)
	}
	return tx, nil
}

// transID is "h" and 24 characters of base32: 120 random bits.
func transID(rand io.Reader) (mssp.TransID, error) {
	var b [15]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", err
	}
	return mssp.TransID("h" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))), nil
}

// appletTxn draws the number by which the applet knows the transaction.
func appletTxn(rand io.Reader) (uint32, error) {
	var b [4]byte
	for {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return 0, err
		}
		if n := binary.BigEndian.Uint32(b[:]); n != 0 {
			return n, nil
		}
	}
}

// accept commits the transaction and, when it is its turn at the card at
// once, submits its segments. p: it prompts its user.
func (l *line) accept(ctx context.Context, tx mssp.Transaction, r *request, p *store.Prompt) (mssp.Transaction, error) {
	s := l.sealer()
	s.fresh, s.request = tx.ID, r
	res, err := l.o.Store.Accept(ctx, tx, p, s.seal)
	if err != nil {
		var f *mssp.Fault // another request to this user was faster
		if !errors.As(err, &f) {
			f = l.Internal("accepting a transaction", err)
		}
		return mssp.Transaction{}, l.refused(tx.Kind, f)
	}
	if res.Duplicate {
		return l.again(res.Tx, store.RequestOf(&tx))
	}
	switch {
	case res.Dispatched != nil:
		f := l.takeOff(res.Dispatched, s)
		if tx.Mode == mssp.Synch || tx.Mode == "" {
			l.outbox.submit(context.WithoutCancel(ctx), f, res.Dispatched.Segments)
		} else {
			l.Background(func(ctx context.Context) { l.outbox.submit(ctx, f, res.Dispatched.Segments) })
		}
	case res.Tx.State.Final(): // the packet encoder refused it in the same commit
		l.ended(&res.Tx)
		return res.Tx, FaultOf(&res.Tx)
	case l.crowded(&res):
		return l.turnAway(ctx, &res.Tx, res.Own)
	default:
		l.alarm.poke(res.Tx.Deadline)
	}
	return res.Tx, nil
}

// crowded reports whether the queue of the card has no place for a transaction. A
// provider takes at most half of the places that others leave, so that it never
// fills the queue for them; the operator's own orders do not count with theirs.
func (l *line) crowded(res *store.AcceptResult) bool {
	places := l.o.Limits.QueuePerCard
	if places < 0 || res.Ahead == 0 {
		return false
	}
	if res.Tx.AP == "" {
		return res.Own >= places
	}
	return res.Own >= places-(res.Ahead-1)
}

// turnAway ends a transaction for which the queue of its card is too long. How many
// wait of others is not for its provider to know.
func (l *line) turnAway(ctx context.Context, tx *mssp.Transaction, own int) (mssp.Transaction, error) {
	f := mssp.Faultf(mssp.SignatureProcess, "%d of your requests to this user are waiting already: try again when they are answered", own)
	if own == 0 {
		f = mssp.Faultf(mssp.SignatureProcess, "too many requests to this user are waiting: try again in a minute")
	}
	res, err := l.finish(context.WithoutCancel(ctx), store.Finish{TxID: tx.ID, Event: mssp.EventTurnedAway, Status: f.Code, Detail: f.Detail})
	if errors.Is(err, mssp.ErrEvent) { // those before it have ended meanwhile: it is at the card
		return *tx, nil
	}
	if err != nil {
		return mssp.Transaction{}, l.Internal("turning a transaction away", err)
	}
	return res.Tx, f
}
