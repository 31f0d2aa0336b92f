package int3

import (
	"context"

	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/party"
)

func (d *Desk) addUser(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, err := d.card(ctx, c, m.text("iccid")); err != nil {
		return nil, err
	}
	return d.o.Operator.AddUser(ctx, operator.UserRequest{
		MSISDN: m.text("msisdn"), ICCID: m.text("iccid"), Name: m.text("name"), Serial: m.text("serial"), Language: m.text("language"),
	})
}

func (d *Desk) identify(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, _, _, err := d.user(ctx, c, m.text("msisdn")); err != nil {
		return nil, err
	}
	return d.o.Operator.IdentifyUser(ctx, operator.Identification{
		MSISDN: m.text("msisdn"), How: m.text("how"), By: m.text("by"), Email: m.text("email"), Document: m.text("document"),
	})
}

// markDevice: a client of an issuer gives a device to no user of another one.
func (d *Desk) markDevice(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, _, _, err := d.user(ctx, c, m.text("msisdn")); err != nil {
		return nil, err
	}
	if owner := m.text("owner"); owner != "" && owner != m.text("msisdn") {
		if _, _, _, err := d.user(ctx, c, owner); err != nil {
			return nil, err
		}
	}
	return d.o.Operator.MarkDevice(ctx, operator.DeviceMark{
		MSISDN: m.text("msisdn"), Person: m.text("kind") == "person", Owner: m.text("owner"), Email: m.text("email"),
	})
}

func (d *Desk) showUser(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, _, _, err := d.user(ctx, c, m.text("msisdn")); err != nil {
		return nil, err
	}
	return d.o.Operator.User(ctx, operator.UserName{MSISDN: m.text("msisdn")})
}

// changeCard reaches no card of another issuer, neither the old one nor the new one.
func (d *Desk) changeCard(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, _, _, err := d.user(ctx, c, m.text("msisdn")); err != nil {
		return nil, err
	}
	if _, err := d.card(ctx, c, m.text("iccid")); err != nil {
		return nil, err
	}
	return d.o.Operator.ChangeUserCard(ctx, operator.CardChange{MSISDN: m.text("msisdn"), ICCID: m.text("iccid"), Note: m.text("note"), By: c.ID})
}

func (d *Desk) askApplet(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, _, _, err := d.user(ctx, c, m.text("msisdn")); err != nil {
		return nil, err
	}
	return d.o.Operator.AppletState(ctx, operator.UserName{MSISDN: m.text("msisdn")})
}

func (d *Desk) showCard(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, err := d.card(ctx, c, m.text("iccid")); err != nil {
		return nil, err
	}
	return d.o.Operator.ShowCard(ctx, operator.CardQuestion{ICCID: m.text("iccid")})
}

func (d *Desk) cardSlots(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, err := d.card(ctx, c, m.text("iccid")); err != nil {
		return nil, err
	}
	return d.o.Operator.CardSlots(ctx, operator.CardQuestion{ICCID: m.text("iccid"), Ask: true})
}

func (d *Desk) emptySlot(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, err := d.card(ctx, c, m.text("iccid")); err != nil {
		return nil, err
	}
	return d.o.Operator.EmptySlot(ctx, operator.SlotName{ICCID: m.text("iccid"), Slot: m.number("slot")})
}

func (d *Desk) listTransactions(ctx context.Context, c *party.Client, m message) (any, error) {
	card, err := d.card(ctx, c, m.text("iccid"))
	if err != nil {
		return nil, err
	}
	return d.o.Operator.Transactions(ctx, operator.TxPage{All: true, ICCID: string(card.ICCID), Limit: m.number("limit")})
}

func (d *Desk) listUsers(ctx context.Context, c *party.Client, m message) (any, error) {
	return d.o.Operator.Users(ctx, page(c, m))
}

func (d *Desk) listCards(ctx context.Context, c *party.Client, m message) (any, error) {
	return d.o.Operator.Cards(ctx, page(c, m))
}

// page is a page of what the client may reach.
func page(c *party.Client, m message) operator.Page {
	return operator.Page{After: m.text("after"), Limit: m.number("limit"), Issuer: c.Issuer}
}
