package enginetest

import (
	"crypto"

	"github.com/simsign/simsign/applet"
)

// slots of a card.
const slots = 4

// State is what the applet says of itself. Of its codes it says nothing: a test that needs
// them puts them there.
func (c *Card) State() *applet.State {
	s := &applet.State{LifeCycle: c.Life, Language: "en"}
	for n := byte(1); n <= slots; n++ {
		k := applet.SlotState{Slot: applet.Slot{Number: n}}
		if c.Keys[n] != nil {
			k = c.Pairs[n]
		}
		s.Slots = append(s.Slots, k)
	}
	return s
}

// Hold gives the card a pair that no server has asked it for.
func (c *Card) Hold(s applet.Slot, status applet.SlotStatus) crypto.Signer {
	c.generate(s)
	c.mark(s.Number, status)
	return c.Keys[s.Number]
}

func (c *Card) mark(slot byte, to applet.SlotStatus) {
	k := c.Pairs[slot]
	k.Status = to
	c.Pairs[slot] = k
}

// change is A1.
func (c *Card) change(to applet.AppletStatus) {
	switch to {
	case applet.StatusActivate:
		c.Life = applet.AppletActive
	case applet.StatusDeactivate:
		c.Life = applet.AppletDeactivated
	case applet.StatusInitial:
		c.Life = applet.AppletInstalled
		clear(c.Keys)
	}
}

// handle is A3.
func (c *Card) handle(x *applet.SetAuthenticationHandlerData, r *applet.Result) {
	n := x.Slot.Number
	if c.Life == applet.AppletDeactivated { // INT6, Life cycle
		r.Status = applet.StatusConditions
		return
	}
	switch x.Operation {
	case applet.HandlerGenerate:
		if c.Keys[n] != nil {
			r.Status = applet.StatusSlotInUse
			return
		}
		c.generate(x.Slot)
		_, r.PublicKey, _ = applet.MarshalPublicKey(c.Keys[n].Public())
	case applet.HandlerDelete:
		if c.Keys[n] == nil {
			r.Status = applet.StatusSlotEmpty
		}
		delete(c.Keys, n)
	case applet.HandlerConfirm:
		c.mark(n, applet.SlotRegistered)
	}
}
