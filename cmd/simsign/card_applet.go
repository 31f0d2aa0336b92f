package main

import (
	"cmp"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// CardActivateCmd activates an applet.
type CardActivateCmd struct {
	ConfigFlag
	JSONFlag
	ICCID string `arg:"" help:"Number of the card."`
}

// Run says what the applet is then.
func (k *CardActivateCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		card, err := b.ActivateCard(c.ctx, operator.CardName{ICCID: k.ICCID})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, card, c.applet)
	})
}

// CardDeactivateCmd deactivates an applet.
type CardDeactivateCmd struct {
	ConfigFlag
	JSONFlag
	ICCID string `arg:"" help:"Number of the card."`
}

// Help tells what stays.
func (*CardDeactivateCmd) Help() string {
	return `The applet signs nothing and shows no screens of the service until it is activated
again, by this program's "card activate" or by the next registration. Its keys and
the user's codes stay. Slots cannot be emptied meanwhile: do that before.`
}

// Run says what the applet is then.
func (k *CardDeactivateCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		card, err := b.DeactivateCard(c.ctx, operator.CardName{ICCID: k.ICCID})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, card, c.applet)
	})
}

func (c *cli) applet(card operator.CardInfo) error {
	c.printf("the applet of card %s is %s\n", card.ICCID, cmp.Or(card.Applet, "in a state that it has not told"))
	return nil
}
