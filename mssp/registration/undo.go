package registration

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
)

// A registration that ends without a certificate leaves nothing on the card (5.1-9),
// also when the error was found here, or nobody knows what the card did (5.1-16). Its row
// is "aborted" until the card has said that the pair is gone. As long as it is, each
// contact with the card is followed by a question for the slot, unless the card has just
// told that it holds this registration, and by the deletion. A pair that the card calls
// registered is none of an aborted registration, and stays. Where the card has no pair left
// and keeps the codes all the same, it is sent back to its initial state; the lengths of
// codes survive that (3.4-4). A pair that was made beforehand for another registration keeps it
// from being done: it would be lost.

// undo is the question for the slot of an aborted registration.
type undo struct{ step }

// Evaluate ends what the card has nothing of.
func (p *undo) Evaluate(ctx context.Context, tx *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	res := a.Find(applet.TagGetAuthenticationHandlerData)
	if res == nil || res.State == nil {
		return engine.Failure(mssp.Faultf(mssp.RegistrationNOK, "the user's card answered without its state")), nil
	}
	out, err := p.note(ctx, tx, func(k *mssp.KeyPair) bool {
		if held(res.State, p.Slot) || k.State != mssp.KeyAborted || engine.CodesLeft(res.State) {
			return false
		}
		k.State = mssp.KeyDeleted
		return true
	})
	if err == nil {
		out.Result, err = json.Marshal(&Result{Slot: p.Slot, State: res.State})
	}
	return out, err
}

// held reports whether a slot has a pair that is not registered.
func held(s *applet.State, slot byte) bool {
	k := s.FindSlot(slot)
	return k != nil && (k.Status == applet.SlotGenerated || k.Status == applet.SlotRegistering)
}

// reset brings an applet back to its initial state (INT6 A1/03) that keeps codes though it
// has no pair any more. One that refuses that keeps them.
type reset struct{ step }

// Evaluate ends the registration.
func (p *reset) Evaluate(ctx context.Context, tx *mssp.Transaction, _ *applet.Answer) (engine.Outcome, error) {
	return p.emptied(ctx, tx, nil)
}

// Abort ends it as well where the card has said no: it is not asked for ever.
func (p *reset) Abort(ctx context.Context, tx *mssp.Transaction, fin *store.Finish) error {
	if fin.Event != mssp.EventRefused {
		return nil
	}
	p.g.log.Warn("the card keeps the code of a registration that has ended", "iccid", tx.ICCID)
	k, err := engine.KeyPair(ctx, p.g.o.Store, tx.ICCID, p.Slot)
	if err == nil && k != nil && k.State == mssp.KeyAborted {
		k.State, k.UpdatedAt = mssp.KeyDeleted, p.g.o.Clock()
		fin.Keys = append(fin.Keys, *k)
	}
	return err
}

func (g *Registrar) resetOrder(slot byte) engine.Order {
	return engine.Order{
		Kind: mssp.KindApplet, Operation: opReset, Procedure: &reset{step{g: g, Slot: slot}},
		Commands: []applet.Command{applet.ChangeAppletStatus{To: applet.StatusInitial}},
	}
}

// undoOrder asks for a slot.
func (g *Registrar) undoOrder(slot byte) engine.Order {
	return engine.Order{
		Kind: mssp.KindHandler, Operation: opUndo, Procedure: &undo{step{g: g, Slot: slot}},
		Commands: []applet.Command{applet.GetAuthenticationHandlerData{Slot: slot, What: applet.WhatState}},
	}
}

// abortOrder deletes the pair of an aborted registration, and has the card say what is
// left: the codes go with the last registration.
func (g *Registrar) abortOrder(slot byte) engine.Order {
	o := g.deleteOrder(slot)
	o.Procedure = &remove{step{g: g, Slot: slot, Back: true}}
	o.Commands = append(o.Commands, applet.ChangeAppletStatus{To: applet.StatusReport})
	return o
}

// after a transaction that the card has answered what is still to be deleted is.
func (g *Registrar) after(ctx context.Context, tx *mssp.Transaction) {
	if tx.Ended != mssp.EventAnswered && tx.Ended != mssp.EventRefused {
		return
	}
	_, last, err := g.engine.Procedure(tx)
	if err != nil {
		return // it was logged
	}
	g.cleanUp(ctx, tx, last)
}

// unsettled is a card that has just been sent something while a pair waits to be deleted.
func (g *Registrar) unsettled(ctx context.Context, t *engine.Target) {
	g.cleanUp(ctx, &mssp.Transaction{MSISDN: t.Subscriber.MSISDN, ICCID: t.Card.ICCID}, nil)
}

func (g *Registrar) cleanUp(ctx context.Context, tx *mssp.Transaction, last engine.Procedure) {
	keys, err := g.o.Store.KeyPairs(ctx, tx.ICCID)
	for i := range keys {
		if k := &keys[i]; err == nil && k.State == mssp.KeyAborted {
			err = g.clear(ctx, tx, last, k.Slot)
		}
	}
	if err != nil {
		g.log.Warn("deleting the pair of a registration that has ended: again with the next contact", "iccid", tx.ICCID, "error", err)
	}
}

// makes reports whether an operation may make a pair or a code.
func makes(op string) bool { return op == opGenerate || op == opRegister || op == opBegin }

// next is the order that follows for a slot that is to be empty; false: this contact has
// shown that it cannot be emptied now.
func (g *Registrar) next(tx *mssp.Transaction, last engine.Procedure, slot byte) (engine.Order, bool) {
	said := false
	switch p := last.(type) {
	case *remove:
		said = p.Slot == slot
	case *undo:
		said = p.Slot == slot
	case *reset:
		return engine.Order{}, p.Slot != slot
	case *register:
		if no, _ := engine.ParseRefusal(tx); p.Slot == slot && no.Word == 0 {
			return g.abortOrder(slot), true // the card has done all, and we have refused it
		}
	}
	if !said {
		return g.undoOrder(slot), true
	}
	res, err := ParseResult(tx)
	switch {
	case err != nil || res.State == nil:
		return engine.Order{}, false // it has failed: another contact
	case engine.CodesLeft(res.State):
		return g.resetOrder(slot), true
	}
	return g.abortOrder(slot), held(res.State, slot)
}

// clear gives the next order for a slot that is to be empty.
func (g *Registrar) clear(ctx context.Context, tx *mssp.Transaction, last engine.Procedure, slot byte) error {
	o, ok := g.next(tx, last, slot)
	if !ok {
		return nil
	}
	open, err := g.o.Store.Transactions(ctx, store.TransactionFilter{ICCID: tx.ICCID, Open: true, Limit: 100})
	if err != nil {
		return err
	}
	for i := range open {
		op, p, err := g.engine.Procedure(&open[i])
		if o.Operation == opReset && (makes(op) || open[i].Kind == mssp.KindCode) {
			return nil // it would delete what is being made: another contact
		}
		at, ok := p.(interface{ at() byte })
		if err == nil && slices.Contains([]string{opUndo, opDelete, opReset}, op) && ok && at.at() == slot {
			return nil // it is under way
		}
	}
	t, err := g.engine.ManagementTarget(ctx, tx.MSISDN)
	if err == nil && t.Card.ICCID == tx.ICCID { // else the user has another card by now, which is not meant
		_, err = g.engine.Accept(ctx, t, o)
	}
	return err
}
