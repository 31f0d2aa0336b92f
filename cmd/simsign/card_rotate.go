package main

import (
	"errors"
	"fmt"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
)

// CardRotateCmd replaces keys of applets.
type CardRotateCmd struct {
	ConfigFlag
	JSONFlag
	ICCID  string `arg:"" optional:"" help:"Number of the card."`
	All    bool   `help:"All cards whose applet has a key of its own, one after the other."`
	NoWait bool   `help:"Give the order and do not wait for the card."`
}

// Help explains what the flags do not.
func (*CardRotateCmd) Help() string {
	return `Sends the applet a new random key, wrapped under the one that it has (INT6 A7).
The new key is stored before the order leaves, and answers under both are
accepted until the card has proved that it has the new one; then the old one is
deleted. When the order or its answer gets lost, order again: the same key goes.
Make a backup of the database afterwards: one that is older cannot talk to the
card. For cards of carriage packet and own.`
}

// Run says what became of each.
func (k *CardRotateCmd) Run(c *cli) error {
	if (k.ICCID == "") == !k.All {
		return &exitError{Code: exitUsage, Err: errors.New("name a card, or --all")}
	}
	return k.administer(c, func(b admin.Backend) error {
		r := rotated{Cards: []rotatedCard{}}
		var err error
		if k.All {
			err = k.all(c, b, &r)
		} else {
			err = k.one(c, b, k.ICCID, &r)
		}
		if k.JSON && len(r.Cards)+r.Nobodys > 0 || err == nil && k.JSON {
			return errors.Join(shown(c, k.JSONFlag, r, nil), err)
		}
		return err
	})
}

// rotated is what became of the orders.
type rotated struct {
	Cards   []rotatedCard `json:"cards"`
	Nobodys int           `json:"nobodys,omitempty"` // cards without a user, which cannot be reached
}

type rotatedCard struct {
	ICCID  string `json:"iccid"`
	Sent   bool   `json:"sent,omitempty"` // and nobody has waited for the card
	Failed string `json:"failed,omitempty"`
}

func (k *CardRotateCmd) one(c *cli, b admin.Backend, iccid string, r *rotated) error {
	if _, err := b.RotateKeys(c.ctx, operator.KeyRotation{ICCID: iccid, NoWait: k.NoWait}); err != nil {
		return err
	}
	r.Cards = append(r.Cards, rotatedCard{ICCID: iccid, Sent: k.NoWait})
	if k.JSON {
		return nil
	}
	said := "has its new key"
	if k.NoWait {
		said = "is sent its new key"
	}
	c.printf("card %s %s\n", iccid, said)
	return nil
}

// all goes on behind a card that fails, and says so in the end.
func (k *CardRotateCmd) all(c *cli, b admin.Backend, r *rotated) error {
	done, failed, nobodys := 0, 0, 0
	for after := ""; ; {
		cards, err := b.Cards(c.ctx, operator.Page{After: after})
		if err != nil {
			return err
		}
		if len(cards) == 0 {
			break
		}
		for _, x := range cards {
			after = x.ICCID
			if x.Carriage == "response" || x.State != mssp.CardActive {
				continue
			}
			if err := k.one(c, b, x.ICCID, r); errors.Is(err, operator.ErrNotRunning) || c.ctx.Err() != nil {
				return err
			} else if f, ok := errors.AsType[*mssp.Fault](err); ok && f.Code == mssp.UnknownClient {
				nobodys++ // in stock
				continue
			} else if err != nil {
				failed++
				r.Cards = append(r.Cards, rotatedCard{ICCID: x.ICCID, Failed: err.Error()})
				k.say(c, "card %s: %v\n", x.ICCID, err)
				continue
			}
			done++
		}
	}
	k.say(c, "%d %s\n", done, plural(done, "card", "cards"))
	if r.Nobodys = nobodys; nobodys > 0 {
		k.say(c, "%d %s no user and cannot be reached\n", nobodys, plural(nobodys, "card has", "cards have"))
	}
	if failed > 0 {
		return &exitError{Code: exitFailed, Err: fmt.Errorf("%d %s no new key", failed, plural(failed, "card has", "cards have")), Hint: "order again: a key that is on its way stays the same"}
	}
	return nil
}

// say is for people.
func (k *CardRotateCmd) say(c *cli, format string, args ...any) {
	if !k.JSON {
		c.printf(format, args...)
	}
}
