package registration

import (
	"context"

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
// registered is none of an aborted registration, and stays.

// undo is the question for the slot of an aborted registration.
type undo struct{ step }

// Evaluate ends what the card has nothing of.
func (p *undo) Evaluate(ctx context.Context, tx *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	res := a.Find(applet.TagGetAuthenticationHandlerData)
	if res == nil || res.State == nil {
		return engine.Failure(mssp.Faultf(mssp.RegistrationNOK, "the user's card answered without its state")), nil
	}
	out, err := p.note(ctx, tx, func(k *mssp.KeyPair) bool {
		s := res.State.FindSlot(p.Slot)
		held := s != nil && (s.Status == applet.SlotGenerated || s.Status == applet.SlotRegistering)
		if held || k.State != mssp.KeyAborted {
			return false
		}
		k.State = mssp.KeyDeleted
		return true
	})
	return out, err
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

// clear gives the next order for a slot that is to be empty.
func (g *Registrar) clear(ctx context.Context, tx *mssp.Transaction, last engine.Procedure, slot byte) error {
	o := g.undoOrder(slot)
	switch p := last.(type) {
	case *remove:
		if p.Slot == slot {
			return nil // it has failed: another contact
		}
	case *undo:
		if p.Slot == slot && tx.Ended == mssp.EventRefused {
			return nil
		}
		if p.Slot == slot {
			o = g.abortOrder(slot) // the card holds it
		}
	case *register:
		if no, _ := engine.ParseRefusal(tx); p.Slot == slot && no.Word == 0 {
			o = g.abortOrder(slot) // the card has done all, and we have refused it
		}
	}
	open, err := g.o.Store.Transactions(ctx, store.TransactionFilter{ICCID: tx.ICCID, Open: true, Limit: 100})
	if err != nil {
		return err
	}
	for i := range open {
		op, p, err := g.engine.Procedure(&open[i])
		at, ok := p.(interface{ at() byte })
		if err == nil && (op == opUndo || op == opDelete) && ok && at.at() == slot {
			return nil // it is under way
		}
	}
	t, err := g.engine.ManagementTarget(ctx, tx.MSISDN)
	if err == nil && t.Card.ICCID == tx.ICCID { // else the user has another card by now, which is not meant
		_, err = g.engine.Accept(ctx, t, o)
	}
	return err
}
