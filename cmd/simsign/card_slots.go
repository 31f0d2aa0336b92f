package main

import (
	"cmp"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// CardSlotsCmd lists the key slots of a card.
type CardSlotsCmd struct {
	ConfigFlag
	JSONFlag
	ICCID string `arg:"" help:"Number of the card."`
	Known bool   `help:"List what is known here alone, and do not ask the card."`
}

// Run prints one line each.
func (k *CardSlotsCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		d, err := b.CardSlots(c.ctx, operator.CardQuestion{ICCID: k.ICCID, Ask: !k.Known})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, &d, c.showSlots)
	})
}

func (c *cli) showSlots(d *operator.CardSlots) error {
	t := c.table("SLOT", "CARD", "HERE", "CERTIFICATE", "MAY BE EMPTIED")
	for _, x := range d.Slots {
		says, row, serial := "not asked", "-", "-"
		if x.Card != nil {
			says = slotText(x.Card)
		}
		if x.Row != nil {
			row, serial = slotText(x.Row), cmp.Or(x.Row.Serial, "-")
		}
		t.row(x.Slot, says, row, serial, emptied(&x))
	}
	return t.flush()
}

// emptied says whether a slot may be emptied: one of which the card says that it is empty
// is so already.
func emptied(x *operator.SlotInfo) string {
	if x.Card != nil && x.Card.State == "empty" && x.Row == nil {
		return "-"
	}
	return yesNo(x.Kept == "")
}

func slotText(k *operator.KeyInfo) string {
	if k.Usage == "" {
		return k.State
	}
	return k.State + ", " + k.Usage + ", " + k.Algorithm
}

// CardSlotCmd is what is done to one slot.
type CardSlotCmd struct {
	Empty CardSlotEmptyCmd `cmd:"" help:"Delete what a card holds in a slot, over the air, unless it is in force."`
}

// CardSlotEmptyCmd empties a slot.
type CardSlotEmptyCmd struct {
	ConfigFlag
	JSONFlag
	ICCID string `arg:"" help:"Number of the card."`
	Slot  int    `required:"" placeholder:"N" help:"The slot, from 1 on (simsign card slots)."`
}

// Help tells what stays.
func (*CardSlotEmptyCmd) Help() string {
	return `Empties a slot of which nothing is known here, whose registration was aborted, or
whose certificate is revoked or has expired. A pair that is in force or that waits for
its registration stays. A slot of a former database may hold a pair that is in use
elsewhere: the card is the only place where its private key is.`
}

// Run says what is in the slot then.
func (k *CardSlotEmptyCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		d, err := b.EmptySlot(c.ctx, operator.SlotName{ICCID: k.ICCID, Slot: k.Slot})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, &d, func(d *operator.CardSlots) error {
			c.printf("slot %d of card %s is empty\n", k.Slot, d.ICCID)
			return nil
		})
	})
}
