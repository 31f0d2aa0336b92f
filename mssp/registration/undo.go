package registration

import (
	"context"
	"encoding/json"
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
// registered is none of an aborted registration, and stays. Where the card has no pair left
// and keeps the codes all the same, it is sent back to its initial state; the lengths of
// codes survive that (3.4-4). A pair that was made beforehand for another registration keeps it
// from being done: it would be lost.
//
// A deactivated applet tells its state and deletes nothing (INT6, Life cycle): it is active for
// the one message that deletes, and deactivated again in the same one.

// undo is the question for the slot of an aborted registration.
type undo struct{ step }

// Evaluate ends what the card has nothing of.
func (p *undo) Evaluate(ctx context.Context, tx *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	said := lastState(a)
	if said == nil {
		return engine.Failure(mssp.Faultf(mssp.RegistrationNOK, "the user's card answered without its state")), nil
	}
	out, err := p.note(ctx, tx, func(k *mssp.KeyPair) bool {
		if held(said, p.Slot) || k.State != mssp.KeyAborted || engine.CodesLeft(said) {
			return false
		}
		k.State = mssp.KeyDeleted
		return true
	})
	if err == nil {
		out.Result, err = json.Marshal(&Result{Slot: p.Slot, State: said})
	}
	return out, err
}

// lastState is what an answer says last of the applet; nil when it does not.
func lastState(a *applet.Answer) (said *applet.State) {
	for i := range a.Results {
		if a.Results[i].State != nil {
			said = a.Results[i].State
		}
	}
	return said
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
	no, err := engine.ParseRefusal(&mssp.Transaction{State: mssp.Failed, Result: fin.Result})
	if err != nil || no.Word == 0 { // the packet was refused, not the command: with the next contact again
		return err
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
func (g *Registrar) abortOrder(t *engine.Target, slot byte, refused bool) engine.Order {
	o := g.deleteOrder(slot)
	o.Procedure = &remove{step{g: g, Slot: slot, Back: true, Refused: refused}}
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
	nextReset              // the card has no pair, and keeps codes
)

// following is what comes after the end of a transaction.
func following(tx *mssp.Transaction, last engine.Procedure, slot byte) (next, error) {
	at, ok := last.(interface{ at() byte })
	if !ok || at.at() != slot {
		return nextAsk, nil
	}
	no, err := engine.ParseRefusal(tx)
	if err != nil {
		return nextWait, err
	}
	switch p := last.(type) {
	case *remove:
		if no.Word == applet.StatusConditions && !p.Refused { // it may have been deactivated meanwhile
			return nextCheck, nil
		}
		return told(tx, slot, nextDelete)
	case *undo:
		if p.Refused {
			return told(tx, slot, nextWake)
		}
		return told(tx, slot, nextDelete)
	case *reset:
		return nextWait, nil
	case *register:
		if no.Word == 0 {
			return nextDelete, nil // the card has done all, and we have refused it
		}
	}
	return nextAsk, nil
}

// told is what follows from the state that a card has told; empty says how a pair that it
// holds is deleted.
func told(tx *mssp.Transaction, slot byte, empty next) (next, error) {
	r, err := ParseResult(tx)
	switch {
	case err != nil || r.State == nil: // it has failed
		return nextWait, err
	case engine.CodesLeft(r.State):
		return nextReset, nil
	case held(r.State, slot):
		return empty, nil
	}
	return nextWait, nil
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
	switch do {
	case nextReset:
		if o = g.resetOrder(slot); busy == cardMakes { // it would delete what is being made
			return nil
		}
	case nextDelete, nextWake:
		o = g.abortOrder(t, slot, do == nextWake)
		// What waits at the card may be about to activate it, and is another contact.
		if asleep(t) && busy != idle || !asleep(t) && do == nextWake {
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
	cardMakes // a pair or a code
	slotBusy  // the same slot is being emptied, or asked for
)

func (g *Registrar) underWay(ctx context.Context, iccid ota.ICCID, slot byte) (now busy, err error) {
	open, err := g.o.Store.Transactions(ctx, store.TransactionFilter{ICCID: iccid, Open: true, Limit: 100})
	if err != nil {
		return idle, err
	}
	for i := range open {
		now = max(now, cardBusy)
		op, p, err := g.engine.Procedure(&open[i])
		at, ok := p.(interface{ at() byte })
		switch {
		case open[i].Kind == mssp.KindCode || op == opGenerate || op == opRegister || op == opBegin:
			now = max(now, cardMakes)
		case err == nil && (op == opUndo || op == opDelete || op == opReset) && ok && at.at() == slot:
			return slotBusy, nil
		}
	}
	return now, nil
}
