package registration

import (
	"context"
	"errors"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// A registration that ends without a certificate leaves nothing on the card (5.1-9),
// also when the error was found here, or nobody knows what the card did (5.1-16). Its row
// is "aborted" until the card has said that the pair is gone. As long as it is, each
// contact with the card is followed by a question for the slot, unless the card has just
// told that it holds this registration, and by the deletion. A pair that the card calls
// registered is none of an aborted registration, and stays.
//
// A deactivated applet tells its state and deletes nothing (INT6, Life cycle): it is active for
// the one message that deletes, and deactivated again in the same one.

// undo is the question for the slot of an aborted registration.
type undo struct{ step }

// Evaluate ends what the card has nothing of.
func (p *undo) Evaluate(ctx context.Context, tx *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	var said *applet.State
	for i := range a.Results {
		if a.Results[i].State != nil {
			said = a.Results[i].State
		}
	}
	if said == nil {
		return engine.Failure(mssp.Faultf(mssp.RegistrationNOK, "the user's card answered without its state")), nil
	}
	out, err := p.note(ctx, tx, func(k *mssp.KeyPair) bool {
		s := said.FindSlot(p.Slot)
		held := s != nil && (s.Status == applet.SlotGenerated || s.Status == applet.SlotRegistering)
		if held || k.State != mssp.KeyAborted {
			return false
		}
		k.State = mssp.KeyDeleted
		return true
	})
	return out, err
}

// undoOrder asks for the slots, which a deactivated applet tells too. refused: it has just
// refused to delete.
func (g *Registrar) undoOrder(slot byte, refused bool) engine.Order {
	return engine.Order{
		Kind: mssp.KindHandler, Operation: opUndo, Procedure: &undo{step{g: g, Slot: slot, Refused: refused}},
		Commands: []applet.Command{applet.ChangeAppletStatus{To: applet.StatusReport}},
	}
}

// abortOrder deletes the pair of an aborted registration, and has the card say what is
// left: the codes go with the last registration.
func (g *Registrar) abortOrder(t *engine.Target, slot byte) engine.Order {
	o := g.deleteOrder(slot)
	if asleep(t) {
		return woken(o)
	}
	o.Commands = append(o.Commands, applet.ChangeAppletStatus{To: applet.StatusReport})
	return o
}

// asleep reports whether the applet of a card is deactivated, as far as we know.
func asleep(t *engine.Target) bool { return t.Card.Applet == mssp.AppletDeactivated }

// woken is a deletion for an applet that is deactivated, and stays so.
func woken(o engine.Order) engine.Order {
	o.Commands = []applet.Command{applet.ChangeAppletStatus{To: applet.StatusActivate}, o.Commands[0], applet.ChangeAppletStatus{To: applet.StatusDeactivate}}
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

// next is what is done about the slot of an aborted registration.
type next int

const (
	nextWait   next = iota // for another contact
	nextAsk                // for its state
	nextCheck              // the same, of a card that has refused to delete
	nextDelete             // the card holds the pair
	nextWake               // the same, when the applet is deactivated; else it has refused for another reason
)

// following is what comes after the end of a transaction.
func following(tx *mssp.Transaction, last engine.Procedure, slot byte) (next, error) {
	no, err := engine.ParseRefusal(tx)
	switch p := last.(type) {
	case *remove:
		if p.Slot == slot && no.Word == applet.StatusConditions && !p.Refused { // it may have been deactivated meanwhile
			return nextCheck, err
		}
		if p.Slot == slot {
			return nextWait, err // it has failed
		}
	case *undo:
		switch {
		case p.Slot != slot:
		case tx.Ended == mssp.EventRefused:
			return nextWait, err
		case p.Refused:
			return nextWake, err
		default:
			return nextDelete, err
		}
	case *register:
		if p.Slot == slot && no.Word == 0 {
			return nextDelete, err // the card has done all, and we have refused it
		}
	}
	return nextAsk, err
}

// clear gives the next order for a slot that is to be empty.
func (g *Registrar) clear(ctx context.Context, tx *mssp.Transaction, last engine.Procedure, slot byte) error {
	do, err := following(tx, last, slot)
	if err != nil || do == nextWait {
		return err
	}
	busy, err := g.underWay(ctx, tx.ICCID, slot)
	if err != nil || busy == slotBusy {
		return err
	}
	t, err := g.engine.TargetAt(ctx, tx.MSISDN, tx.ICCID)
	if errors.Is(err, mssp.ErrNotFound) { // the user has another card by now, which is not meant
		return nil
	}
	if err != nil {
		return err
	}
	o := g.undoOrder(slot, do == nextCheck)
	if do == nextDelete || do == nextWake {
		o = g.abortOrder(t, slot)
		o.Procedure = &remove{step{g: g, Slot: slot, Refused: do == nextWake}}
		// What waits at the card may be about to activate it, and is another contact.
		if asleep(t) && busy == cardBusy || !asleep(t) && do == nextWake {
			return nil
		}
	}
	_, err = g.engine.Accept(ctx, t, o)
	return err
}

// busy is what is under way at a card.
type busy int

const (
	idle busy = iota
	cardBusy
	slotBusy // the same slot is being emptied, or asked for
)

func (g *Registrar) underWay(ctx context.Context, iccid ota.ICCID, slot byte) (busy, error) {
	open, err := g.o.Store.Transactions(ctx, store.TransactionFilter{ICCID: iccid, Open: true, Limit: 100})
	if err != nil || len(open) == 0 {
		return idle, err
	}
	for i := range open {
		op, p, err := g.engine.Procedure(&open[i])
		at, ok := p.(interface{ at() byte })
		if err == nil && (op == opUndo || op == opDelete) && ok && at.at() == slot {
			return slotBusy, nil
		}
	}
	return cardBusy, nil
}
