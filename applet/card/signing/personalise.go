package signing

import (
	"crypto"
	"errors"
	"fmt"

	"github.com/simsign/simsign/applet"
)

// Pair is a key pair that was made before its registration, without its private key.
type Pair struct {
	applet.Slot
	Public crypto.PublicKey
}

// Personalise makes a pair as whoever personalises cards does it, on the card itself. The
// private key is shown to nobody.
func (a *Applet) Personalise(d applet.Slot) error {
	k := a.slots.get(d.Number)
	switch {
	case k == nil:
		return fmt.Errorf("the card has %d key slots", len(a.slots.slots))
	case k.status != applet.SlotEmpty:
		return errors.New("the slot holds another one")
	case !a.slots.offers(d.Algorithm):
		return fmt.Errorf("the card does not have %s", d.Algorithm)
	case !a.limits.hasCode(d.Code):
		return fmt.Errorf("the card has no code %d", d.Code)
	}
	if st := a.slots.generate(k, d); st != applet.StatusOK {
		return fmt.Errorf("the card answers %04X", uint16(st))
	}
	return nil
}

// Pairs are those that wait for their registration.
func (a *Applet) Pairs() (out []Pair) {
	for i := range a.slots.slots {
		if k := &a.slots.slots[i]; k.status == applet.SlotGenerated {
			out = append(out, Pair{k.Slot, k.key.Public()})
		}
	}
	return out
}
