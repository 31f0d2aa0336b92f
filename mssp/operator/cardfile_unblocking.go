package operator

import (
	"errors"

	"github.com/simsign/simsign/ota"
)

// unblocking gives a card its unblocking code, which stands once for a card. Its errors do not repeat
// the digits.
func (p *cardParser) unblocking(iccid ota.ICCID, code string) error {
	c := &p.cards[p.index[iccid]]
	if code == "" {
		return nil
	}
	if c.Unblocking != "" && c.Unblocking != code {
		return errors.New("an earlier line of this card has another unblock")
	}
	c.Unblocking = code
	return nil
}

// oneForAll refuses a file whose cards all have the same unblocking code: who has one card could
// unblock every other (3.5.4-7).
func (p *cardParser) oneForAll() {
	if len(p.cards) < 2 || p.cards[0].Unblocking == "" {
		return
	}
	for i := range p.cards {
		if p.cards[i].Unblocking != p.cards[0].Unblocking {
			return
		}
	}
	p.faults = append(p.faults, "unblock: all cards have the same code, each needs its own")
}
