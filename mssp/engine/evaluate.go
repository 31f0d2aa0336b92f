package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// evaluate turns an authentic answer into the end of its transaction. An
// error is an accident of ours (the database, the validation authority) and
// leaves everything as it is.
func (e *Engine) evaluate(ctx context.Context, f *flight, a *applet.Answer) (store.Finish, error) {
	d := f.job.doc
	var fin store.Finish
	var err error
	switch {
	case !a.OK():
		fin = e.saidNo(f, a)
	case d.Op == opSign:
		fin, err = e.signed(ctx, f, a)
	default:
		fin, err = e.managed(ctx, f, a)
	}
	if err != nil {
		return fin, err
	}
	if err := e.confirmed(ctx, f, a, &fin); err != nil {
		return fin, err
	}
	if fin.Event != mssp.EventAnswered {
		e.abort(ctx, &f.tx, &fin)
	}
	return fin, e.codeFacts(ctx, f, a, &fin)
}

// saidNo is the end of a transaction that the applet refused.
func (e *Engine) saidNo(f *flight, a *applet.Answer) store.Finish {
	w := a.Status()
	fault := faultOfWord(w)
	if f.tx.Kind == mssp.KindRegister || f.tx.Kind == mssp.KindHandler {
		fault = registrationFault(w)
	}
	fin := failure(fault)
	r := Result{Word: w, Slot: f.job.doc.Slot}
	if last := a.Results[len(a.Results)-1]; last.TriesGiven {
		r.TriesLeft = int(last.TriesLeft)
	}
	fin.Result, _ = json.Marshal(&r) // cannot fail: plain values
	return fin
}

// signed verifies a signature before anybody hears of it (5.2-2) and puts it
// into the form that the AP asked for.
func (e *Engine) signed(ctx context.Context, f *flight, a *applet.Answer) (store.Finish, error) {
	d := f.job.doc
	res := a.Find(applet.TagSignTransaction)
	if res == nil || len(res.Signature) == 0 {
		return failure(mssp.Faultf(mssp.SignatureProcess, "the user's card answered without a signature")), nil
	}
	sig, err := d.Algorithm.SignatureToASN1(res.Signature)
	if err != nil {
		e.log.Warn("signature is malformed", "tx", f.tx.ID, "error", err)
		return failure(mssp.Faultf(mssp.InvalidSignature, "the user's card answered with a malformed signature")), nil
	}
	j, err := e.ready(ctx, f)
	if err != nil {
		return store.Finish{}, fmt.Errorf("preparing verification: %w", err)
	}
	v := e.o.VA.Check(ctx, j.cert, j.digest, sig)
	e.traceVerify(f, v)
	switch v.Code {
	case mssp.ValidSignature:
	case mssp.InternalError:
		return store.Finish{}, fmt.Errorf("asking the validation authority: %w", v.Err)
	default:
		e.log.Warn("signature refused by the validation authority", "tx", f.tx.ID, "status", int(v.Code), "error", v.Err)
		return failure(&mssp.Fault{Code: v.Code, Detail: v.Detail}), nil
	}
	r := Result{
		Format: d.Format, Signature: sig, Certificate: j.cert.Raw, Reference: d.Reference,
		SignedAt: d.At, ValidationStatus: v.Code, Slot: d.Slot,
	}
	if j.prepared != nil {
		if r.Signature, err = j.prepared.Assemble(sig); err != nil {
			return store.Finish{}, fmt.Errorf("assembling CMS: %w", err)
		}
	}
	fin := store.Finish{Event: mssp.EventAnswered, Status: mssp.Signature}
	if d.Validate {
		fin.Status = mssp.ValidSignature
	}
	fin.Result, err = json.Marshal(&r)
	return fin, err
}

// confirmed notes that the card knows its key to be registered, when the
// message began with that command (5.2: piggy-backed) and it was done.
func (e *Engine) confirmed(ctx context.Context, f *flight, a *applet.Answer, fin *store.Finish) error {
	d := f.job.doc
	if !d.Confirm && d.Op != opConfirm {
		return nil
	}
	r := a.Find(applet.TagSetAuthenticationHandlerData)
	if r == nil || !r.Status.OK() {
		return nil
	}
	k, err := e.keyPair(ctx, &f.tx, d.Slot)
	if err != nil || k == nil || k.Confirmed {
		return err
	}
	k.Confirmed, k.UpdatedAt = true, e.o.Clock()
	fin.Keys = append(fin.Keys, *k)
	return nil
}

// keyPair is the row of a slot; nil when there is none.
func (e *Engine) keyPair(ctx context.Context, tx *mssp.Transaction, slot byte) (*mssp.KeyPair, error) {
	ks, err := e.o.Store.KeyPairs(ctx, tx.ICCID)
	if err != nil {
		return nil, err
	}
	for i := range ks {
		if ks[i].Slot == slot {
			return &ks[i], nil
		}
	}
	return nil, nil
}

// codeFacts mirrors what the answer proves about the personal codes, tells
// the user when his code has just blocked (3.5.4-1), and forgives earlier
// security errors after a good answer.
func (e *Engine) codeFacts(ctx context.Context, f *flight, a *applet.Answer, fin *store.Finish) error {
	d := f.job.doc
	w := a.Status()
	blocked := w == applet.StatusBlocked || w == applet.StatusWrongCode && d.Op != opRegister
	var state *applet.State
	if r := a.Find(applet.TagChangeAppletStatus); r != nil {
		state = r.State
	} else if r := a.Find(applet.TagGetAuthenticationHandlerData); r != nil {
		state = r.State
	}
	codeSet := w.OK() && (d.Op == opCode || d.Op == opRegister)
	if !blocked && !codeSet && state == nil && !d.Bad {
		return nil
	}
	card, err := e.o.Store.Card(ctx, f.tx.ICCID)
	if err != nil {
		return err
	}
	if i := int(d.Usage) - 1; i == 0 || i == 1 {
		if blocked && !card.Blocked[i] {
			fin.Texts = append(fin.Texts, e.text(f.tx.MSISDN, d.Language, textBlocked, e.o.CodeHelp)...)
		}
		if blocked || codeSet {
			card.Blocked[i] = blocked
			card.CodeSet[i] = card.CodeSet[i] || codeSet
		}
	}
	if state != nil {
		for i := range card.Blocked {
			if c := state.FindCode(applet.CodeRef(i + 1)); c != nil {
				card.Blocked[i], card.CodeSet[i] = c.Status == applet.CodeBlocked, c.Status != applet.CodeNotSet
			}
		}
	}
	card.BadPoR = 0
	fin.Card = &card
	return nil
}
