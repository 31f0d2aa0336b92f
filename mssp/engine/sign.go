package engine

import (
	"bytes"
	"context"
	"encoding/base32"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

const defaultTimeOut = 2 * time.Minute

// Sign accepts a request for a signature and returns once it is durable; the
// error is a *mssp.Fault. A repeat of an earlier request (same AP and
// AP_TransID, same RequestHash) returns the same transaction, whatever became
// of it, and never prompts again (I12); with another RequestHash it is
// fault 101.
func (e *Engine) Sign(ctx context.Context, r SignRequest) (mssp.Transaction, error) {
	now := e.o.Clock()
	if r.ProfileURI == "" {
		r.ProfileURI = r.Profile.URI
	}
	if r.Format == "" {
		r.Format = CMS
	}
	if r.Late != nil {
		switch old, err := e.o.Store.TransactionByAP(ctx, r.AP.ID, r.APTransID); {
		case err == nil:
			return e.repeat(old, r.RequestHash)
		case !errors.Is(err, mssp.ErrNotFound):
			return mssp.Transaction{}, e.storeFault("looking up a repeated request", err)
		}
		return mssp.Transaction{}, e.refused(mssp.KindSign, r.Late)
	}
	if tx, err, ok := e.demo.sign(&r, now); ok {
		return tx, err
	}
	tx, j, err := e.newSignature(ctx, &r, now)
	if err != nil {
		// What is refused now may be the repeat of what was accepted before.
		if old, oldErr := e.o.Store.TransactionByAP(ctx, r.AP.ID, r.APTransID); oldErr == nil {
			return e.repeat(old, r.RequestHash)
		}
		return tx, e.refused(tx.Kind, err)
	}
	return e.accept(ctx, tx, j)
}

// newSignature checks everything and makes the row; nothing is stored yet.
func (e *Engine) newSignature(ctx context.Context, r *SignRequest, now time.Time) (mssp.Transaction, *job, error) {
	tx := mssp.Transaction{Kind: mssp.KindSign}
	if r.Profile.Usage != mssp.Authentication && r.Profile.Usage != mssp.NonRepudiation {
		return tx, nil, mssp.Faultf(mssp.UnsupportedProfile, "SignatureProfile %s names no key usage", r.ProfileURI)
	}
	if r.Profile.LoA != 0 && r.Profile.LoA < 4 {
		// 1-2, 3.5.2-1: every signature here is made with the personal code;
		// "click OK" would be LoA3 and does not exist.
		return tx, nil, mssp.Faultf(mssp.UnsupportedProfile, "SignatureProfile %s asks for LoA%d: only LoA4 is served", r.ProfileURI, r.Profile.LoA)
	}
	t, err := e.target(ctx, r.MSISDN)
	if err != nil {
		return tx, nil, err
	}
	k, cert, err := e.signingKey(ctx, t, r.Profile.Usage)
	if err != nil {
		return tx, nil, err
	}
	if tx, err = e.newTransaction(mssp.KindSign, t, now, signLife(r)); err != nil {
		return tx, nil, err
	}
	j, msg, err := e.composeSign(r, t, k, cert, tx.AppletTxn, now)
	if err != nil {
		return tx, nil, err
	}
	if f := e.peace.check(r.MSISDN, now); f != nil {
		return tx, nil, f
	}
	if f := e.rates.take(r.MSISDN, now); f != nil {
		return tx, nil, f
	}
	tx.AP, tx.APTransID, tx.RequestHash = r.AP.ID, r.APTransID, r.RequestHash
	tx.Mode, tx.Profile, tx.INT6 = r.Mode, r.ProfileURI, msg
	if tx.Request, err = j.doc.marshal(); err != nil {
		return tx, nil, e.internal("writing a request document", err)
	}
	if e.o.Trace != nil {
		e.traceRequest(&tx, r, j.doc)
	}
	return tx, j, nil
}

// signLife is how long the request may live.
func signLife(r *SignRequest) time.Duration {
	d := r.TimeOut
	if d <= 0 {
		d = r.Profile.TimeOut
	}
	if d <= 0 {
		d = defaultTimeOut
	}
	if m := r.Profile.MaxTimeOut; m > 0 && d > m {
		d = m
	}
	return max(d, time.Second)
}

// newTransaction is a row with its identity and its deadline.
func (e *Engine) newTransaction(kind mssp.Kind, t *target, now time.Time, life time.Duration) (mssp.Transaction, error) {
	tx := mssp.Transaction{
		Kind: kind, MSISDN: t.sub.MSISDN, ICCID: t.card.ICCID, State: mssp.Queued,
		CreatedAt: now, Deadline: now.Add(life),
	}
	id, err := e.transID()
	if err == nil {
		tx.ID = id
		tx.AppletTxn, err = e.appletTxn()
	}
	if err != nil {
		return tx, e.internal("drawing a transaction number", err)
	}
	return tx, nil
}

// transID is "h" and 24 characters of base32: 120 random bits.
func (e *Engine) transID() (mssp.TransID, error) {
	var b [15]byte
	if _, err := io.ReadFull(e.o.Rand, b[:]); err != nil {
		return "", err
	}
	return mssp.TransID("h" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))), nil
}

// accept commits the transaction and, when it is its turn at the card at
// once, submits its segments.
func (e *Engine) accept(ctx context.Context, tx mssp.Transaction, j *job) (mssp.Transaction, error) {
	s := e.sealer()
	s.jobs = map[mssp.TransID]*job{tx.ID: j}
	res, err := e.o.Store.Accept(ctx, tx, s.seal)
	if err != nil {
		if tx.Kind == mssp.KindSign { // nobody was prompted
			e.rates.giveBack(tx.MSISDN)
		}
		return mssp.Transaction{}, e.refused(tx.Kind, e.storeFault("accepting a transaction", err))
	}
	if res.Duplicate {
		e.rates.giveBack(tx.MSISDN)
		return e.repeat(res.Tx, tx.RequestHash)
	}
	switch {
	case res.Dispatched != nil:
		f := e.takeOff(res.Dispatched, s)
		if tx.Mode == mssp.Synch || tx.Mode == "" {
			e.submit(context.WithoutCancel(ctx), f, res.Dispatched.Segments)
		} else {
			e.background(func(ctx context.Context) { e.submit(ctx, f, res.Dispatched.Segments) })
		}
	case res.Tx.State.Final(): // the packet encoder refused it in the same commit
		e.ended(&res.Tx)
		return res.Tx, faultOf(&res.Tx)
	case e.o.Limits.QueuePerCard >= 0 && res.Ahead > e.o.Limits.QueuePerCard:
		return e.turnAway(ctx, &res.Tx, res.Ahead)
	default:
		e.poke(res.Tx.Deadline)
	}
	return res.Tx, nil
}

// repeat answers the second request with the same AP_TransID.
func (e *Engine) repeat(old mssp.Transaction, hash []byte) (mssp.Transaction, error) {
	if !bytes.Equal(old.RequestHash, hash) {
		return mssp.Transaction{}, mssp.Faultf(mssp.WrongParam, "AP_TransID was used before for another request: choose a new one")
	}
	return old, nil
}

// turnAway ends a transaction for which the queue of its card is too long.
func (e *Engine) turnAway(ctx context.Context, tx *mssp.Transaction, ahead int) (mssp.Transaction, error) {
	f := mssp.Faultf(mssp.SignatureProcess, "%d requests to this user are waiting already: try again when they are answered", ahead)
	res, err := e.finish(context.WithoutCancel(ctx), store.Finish{TxID: tx.ID, Event: mssp.EventTurnedAway, Status: f.Code, Detail: f.Detail})
	if err != nil {
		return mssp.Transaction{}, e.storeFault("turning a transaction away", err)
	}
	return res.Tx, f
}

// faultOf is the fault in which a failed transaction ended.
func faultOf(tx *mssp.Transaction) *mssp.Fault {
	return &mssp.Fault{Code: tx.Status, Detail: tx.Detail}
}

// refused counts a request that never became a transaction.
func (e *Engine) refused(kind mssp.Kind, err error) error {
	var f *mssp.Fault
	if !errors.As(err, &f) {
		f = e.internal("serving a request", err)
	}
	e.m.refused(kind, f.Code)
	return f
}

// internal is the fault for what nobody classified: 900 outside, the whole
// text in the log.
func (e *Engine) internal(doing string, err error) *mssp.Fault {
	e.log.Error("internal error", "doing", doing, "error", err)
	return &mssp.Fault{Code: mssp.InternalError, Detail: "internal error: repeat the request with the same AP_TransID; if it stays, give the operator the time and the AP_TransID", Err: err}
}

// storeFault is internal, except that a store that takes nothing is 780.
func (e *Engine) storeFault(doing string, err error) *mssp.Fault {
	f := e.internal(doing, err)
	switch {
	case errors.Is(err, store.ErrOutcomeUnknown), errors.Is(err, store.ErrClosed):
		f.Code, f.Detail = mssp.UnableToProvide, "the service is restarting: ask again with the same AP_TransID"
	case errors.Is(err, store.ErrNotWritten): // the disk is full, say
		f.Code, f.Detail = mssp.UnableToProvide, "the service can store nothing at present: ask again in a minute, with the same AP_TransID"
	}
	return f
}
