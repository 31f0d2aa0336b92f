package signing

import "github.com/simsign/simsign/applet"

// checkRegister: a key that is not registered yet, or a description of one to
// be made (5.1-7: an existing pair is kept).
func (g *signing) checkRegister() applet.StatusWord {
	k, d := g.slot, g.cmd.Slot
	switch {
	case k.status == applet.SlotEmpty && !d.Described():
		return applet.StatusSlotEmpty
	case k.status == applet.SlotEmpty && g.cmd.Template == nil:
		return applet.StatusMalformed // nobody can know the hash of a request for this key
	case k.status == applet.SlotEmpty && !g.a.slots.offers(d.Algorithm):
		return applet.StatusNotSupported
	case k.status == applet.SlotRegistered:
		return applet.StatusSlotInUse
	case k.status != applet.SlotEmpty && d.Described() && d != k.Slot:
		return applet.StatusSlotInUse
	}
	return applet.StatusOK
}

// enterPoP is the screen of the proof of possession code.
func (g *signing) enterPoP() (st applet.StatusWord) {
	digits := 0
	if g.cmd.Template != nil {
		digits = g.cmd.Template.PoPDigits()
	}
	g.pop, st = g.askPoP(g.cmd.PoP, digits)
	return st
}

// makeKey makes the pair of registration flow B, once.
func (g *signing) makeKey() applet.StatusWord {
	if g.slot.status != applet.SlotEmpty {
		return applet.StatusOK
	}
	return g.generate(g.slot, g.cmd.Slot)
}

// abort takes back a registration that failed (5.1-9; INT6, Life cycle): the
// slot's pair is deleted, and with no registration left the applet's data and
// codes too. The user is told (3.5.1-6).
func (g *signing) abort() {
	g.a.undo(g.slot)
	g.tell(strNotRegistered, "")
}

// undo deletes what an aborted registration leaves.
func (a *Applet) undo(k *slot) {
	a.slots.empty(k)
	if !a.slots.registered() {
		life := a.data.life
		a.initialise()
		a.data.life = life
		a.putData()
	}
}
