package registration

import (
	"context"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
)

// look is a question for the state of the applet.
type look struct{ step }

// Evaluate keeps what the applet has said of its slots; the rest the engine mirrors.
func (p *look) Evaluate(_ context.Context, _ *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	r := Result{Slot: p.Slot}
	for i := range a.Results {
		if s := a.Results[i].State; s != nil {
			r.State = s
		}
	}
	return done(mssp.RequestOK, &r)
}

// FaultOf: only a question was asked.
func (p *look) FaultOf(*applet.Result) *mssp.Fault { return nil }

// begin makes an applet active and gives it its data.
type begin struct{ look }

// FaultOf names what the card refuses.
func (p *begin) FaultOf(r *applet.Result) *mssp.Fault { return p.step.FaultOf(r) }

// asked is the candidate whose card has been asked how it is and what it offers (5.1-3).
// One that does not say is taken by its profile.
func (g *Registrar) asked(ctx context.Context, c *candidate, r *EnrolRequest) (*candidate, error) {
	return g.ask(ctx, c, r, opAsk, applet.ChangeAppletStatus{To: applet.StatusReport})
}

// looked is the candidate whose card has called the slot of a request in use: the card is
// asked, and another slot taken where that one is not free. When the row of the slot
// has changed meanwhile, another registration has been quicker.
func (g *Registrar) looked(ctx context.Context, c *candidate, r *EnrolRequest) (*candidate, error) {
	now, err := engine.KeyPair(ctx, g.o.Store, c.Card.ICCID, r.Slot)
	if err != nil {
		return nil, g.engine.Internal("reading key pairs", err)
	}
	if now != nil && now.Version != seen(c.Target, r.Slot) {
		return nil, overtaken(now)
	}
	knew := c.state != nil
	c, err = g.ask(ctx, c, r, opLook, applet.GetAuthenticationHandlerData{Slot: r.Slot, What: applet.WhatState})
	if err != nil {
		return nil, err
	}
	if c.said(r.Slot) == nil || knew && c.said(r.Slot).Status == applet.SlotEmpty {
		return nil, mssp.Faultf(mssp.RegistrationNOK, "the user's card calls slot %d in use and does not say what it holds", r.Slot)
	}
	if !r.named {
		r.Slot = 0
	}
	return c, g.place(c, r)
}

// ask runs one question for the state of the applet.
func (g *Registrar) ask(ctx context.Context, c *candidate, r *EnrolRequest, op string, q applet.Command) (*candidate, error) {
	res, err := g.run(ctx, c.Target, engine.Order{
		Kind: mssp.KindApplet, Operation: op, Procedure: &look{step{g: g, Slot: r.Slot}}, Life: r.TimeOut, Commands: []applet.Command{q},
	})
	if err != nil {
		return nil, err
	}
	t, err := g.registrant(ctx, r.MSISDN)
	if err != nil {
		return nil, err
	}
	c = &candidate{Target: t, state: res.State}
	return c, g.settle(ctx, c)
}

// settle corrects our rows by what the card has said: a pair that it no longer has is
// none. A registration may be about to make the pair of its slot.
func (g *Registrar) settle(ctx context.Context, c *candidate) error {
	for i := range c.Keys {
		k := c.Keys[i]
		s := c.said(k.Slot)
		if s == nil || s.Status != applet.SlotEmpty || k.State == mssp.KeyDeleted || k.State == mssp.KeyRegistering || k.State == mssp.KeyAborted && engine.CodesLeft(c.state) {
			continue
		}
		g.log.Warn("the card has no key pair where a row has one", "iccid", k.ICCID, "slot", k.Slot, "state", string(k.State))
		k.State = mssp.KeyDeleted
		if err := g.putKey(ctx, c.Target, k); err != nil {
			return err
		}
	}
	return nil
}
