// Package cardcare looks after the applet on a card: its personal codes, its
// data, its keys and its state. These are the operator's own transactions (INT3b, chapter
// 4), in the same queue as the signatures of that card.
//
// A personal code never passes through here: the user chooses and enters it on
// the device (3.4-1). What an answer proves about codes and applet goes into
// the card's row, which mirrors them; the engine writes it with the commit that
// ends the transaction.
package cardcare

import (
	"context"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/ota/sms"
)

// Operations in the rows.
const (
	opCode   = "code"   // ManagePersonalCode
	opApplet = "applet" // ChangeAppletStatus, SetAppletData
	opRotate = "rotate" // SetKeys
)

// Care manages codes and applets. It is safe for concurrent use.
type Care struct{ engine *engine.Engine }

// New registers the procedures with the engine.
func New(e *engine.Engine) (*Care, error) {
	if err := e.Register(opCode, decodeCode); err != nil {
		return nil, err
	}
	if err := e.Register(opRotate, decodeRotate); err != nil {
		return nil, err
	}
	return &Care{e}, e.Register(opApplet, decodeApplet)
}

// ManageCode creates, resets, unblocks or changes the personal code of a
// usage and returns when the card has answered. The user enters every code on
// the device (3.4-1); unblocking sets the tries back to the maximum (5.3-1,
// 5.4-1, 3.5.4-2, 3.5.5-1, 4-4).
func (c *Care) ManageCode(ctx context.Context, number sms.MSISDN, u mssp.KeyUsage, op applet.CodeOperation) (mssp.Transaction, error) {
	t, err := c.engine.Target(ctx, number)
	if err != nil {
		return mssp.Transaction{}, err
	}
	if op != applet.CodeCreate && !t.Registered(u) && !(t.Profile.OneCode && t.Registered(0)) && !codeLeft(t, u) {
		return mssp.Transaction{}, mssp.Faultf(mssp.NoKeyFound, "the user is not registered for %s", u)
	}
	return c.engine.Run(ctx, t, engine.Order{
		Kind: mssp.KindCode, Operation: opCode, Procedure: &code{op}, Code: u,
		Commands: []applet.Command{applet.ManagePersonalCode{Operation: op, Code: applet.CodeRef(t.Profile.Code(u))}},
	})
}

// codeLeft reports whether the card has the code of a usage of which no pair is good now. A
// user who is to register again needs it: a blocked one would keep him out (G5 takes him for
// registered, whatever has become of his certificates).
func codeLeft(t *engine.Target, u mssp.KeyUsage) bool {
	i := int(u) - 1
	return (i == 0 || i == 1) && (t.Card.CodeSet[i] || t.Card.Blocked[i])
}

// QueryState asks the applet for its state and mirrors what it says about
// the codes. The service of the user may be suspended.
func (c *Care) QueryState(ctx context.Context, number sms.MSISDN) (applet.State, error) {
	t, err := c.engine.ManagementTarget(ctx, number)
	if err != nil {
		return applet.State{}, err
	}
	tx, err := c.engine.Run(ctx, t, statusOrder(applet.StatusReport))
	if err != nil {
		return applet.State{}, err
	}
	r, err := ParseResult(&tx)
	if err != nil {
		return applet.State{}, c.engine.Internal("reading a result", err)
	}
	if r.State == nil {
		return applet.State{}, mssp.Faultf(mssp.OTAError, "the applet answered without its state")
	}
	return *r.State, nil
}

// AskState asks for the state and does not wait for the answer.
func (c *Care) AskState(ctx context.Context, t *engine.Target) error {
	_, err := c.engine.Accept(ctx, t, statusOrder(applet.StatusReport))
	return err
}

// ChangeStatus activates, deactivates or resets the applet (4-3), also that of a user
// whose service is suspended (5.10-4).
func (c *Care) ChangeStatus(ctx context.Context, number sms.MSISDN, to applet.AppletStatus) (mssp.Transaction, error) {
	t, err := c.engine.ManagementTarget(ctx, number)
	if err != nil {
		return mssp.Transaction{}, err
	}
	return c.ChangeStatusOf(ctx, t, to)
}

// ChangeStatusOf is ChangeStatus of a card that has been looked up, also of a user who has
// left (5.7-16, 5.8-10, 5.9-10).
func (c *Care) ChangeStatusOf(ctx context.Context, t *engine.Target, to applet.AppletStatus) (mssp.Transaction, error) {
	return c.engine.Run(ctx, t, statusOrder(to))
}

// Activate makes the applet of a user's card work (4-3).
func (c *Care) Activate(ctx context.Context, number sms.MSISDN) (mssp.Transaction, error) {
	return c.ChangeStatus(ctx, number, applet.StatusActivate)
}

// Deactivate makes the applet do nothing but to tell its state and to be activated. Pairs
// that are to go are deleted before: a deactivated applet deletes none.
func (c *Care) Deactivate(ctx context.Context, number sms.MSISDN) (mssp.Transaction, error) {
	return c.ChangeStatus(ctx, number, applet.StatusDeactivate)
}

func statusOrder(to applet.AppletStatus) engine.Order {
	return engine.Order{
		Kind: mssp.KindApplet, Operation: opApplet, Procedure: &change{To: to},
		Commands: []applet.Command{applet.ChangeAppletStatus{To: to}},
	}
}

// SetAppletData changes strings, language, code lengths, tries, the server
// address and time-outs (4-1, 4-2, 3.4-4, 3.6-1).
func (c *Care) SetAppletData(ctx context.Context, number sms.MSISDN, d applet.SetAppletData) (mssp.Transaction, error) {
	t, err := c.engine.Target(ctx, number)
	if err != nil {
		return mssp.Transaction{}, err
	}
	return c.engine.Run(ctx, t, engine.Order{
		Kind: mssp.KindApplet, Operation: opApplet, Procedure: &change{}, Commands: []applet.Command{d},
	})
}
