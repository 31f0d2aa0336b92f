package registration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
)

// candidate is the target of a registration with what its card has just said of its
// slots. What the card says goes before our rows: those may be of a former database.
type candidate struct {
	*engine.Target
	state *applet.State // nil: it has not been asked
}

// unknown reports whether the card has to be asked before it gets anything: whether the
// applet is active, and what it can do.
func (c *candidate) unknown() bool {
	never := c.Card.Applet == mssp.AppletUnknown || c.Card.Applet == mssp.AppletInstalled
	return c.state == nil && (never || c.Offers == nil && c.Profile.Way().Version() > applet.Version1)
}

// said is what the card has said of a slot; nil: nothing.
func (c *candidate) said(n byte) *applet.SlotState {
	if c.state == nil {
		return nil
	}
	return c.state.FindSlot(n)
}

// algorithm is the one for a request that names none: that of a pair of its usage which
// waits for its registration, or else the first of the card profile; 0: there is none.
func (c *candidate) algorithm(r *EnrolRequest) applet.Algorithm {
	for n := byte(1); n <= c.Profile.Slots; n++ {
		if k := c.Slot(n); k != nil && unregistered(k.State) && k.Usage == r.Usage && c.Supports(applet.Algorithm(k.Algorithm)) {
			return applet.Algorithm(k.Algorithm)
		}
		if s := c.said(n); s != nil && c.Slot(n) == nil && s.Status == applet.SlotGenerated && mssp.KeyUsage(s.Usage) == r.Usage && c.Supports(s.Algorithm) {
			return s.Algorithm
		}
	}
	if len(c.Profile.Algorithms) == 0 {
		return 0
	}
	return applet.Algorithm(c.Profile.Algorithms[0])
}

func unregistered(s mssp.KeyState) bool {
	return s == mssp.KeyGenerated || s == mssp.KeyRegistering || s == mssp.KeyRequested
}

// use is what a slot is to a request.
type use int

// What a slot can be, the best first.
const (
	useGoOn   use = iota // our row: a pair of that usage which is not registered yet
	useAdopt             // the card has such a pair, which no row of ours knows (3.5.1-9)
	useClear             // what was begun and never ended: it is deleted first
	useEmpty             // nothing
	useEnded             // a pair whose certificate has ended: it is deleted first (3.5.1-13)
	useBegun             // our row: a pair of another usage or algorithm that waits for its registration
	useTaken             // a registered pair
	useLost              // a registered pair without a row: of another database
	useOthers            // a pair that was made for another usage or algorithm, without a row
)

// use judges a slot. A registered pair is never replaced unless its certificate has ended.
func (c *candidate) use(n byte, r *EnrolRequest, now time.Time) use {
	k, s := c.Slot(n), c.said(n)
	if k != nil {
		switch {
		case k.Ended(now):
			return useEnded
		case k.State == mssp.KeyAborted && (s == nil || s.Status != applet.SlotRegistered):
			return useClear
		case !unregistered(k.State):
			return useTaken
		case s != nil && s.Status == applet.SlotRegistered: // of a registration that our rows have lost
			return useLost
		case k.Usage == r.Usage && applet.Algorithm(k.Algorithm) == r.Algorithm:
			return useGoOn
		}
		return useBegun
	}
	if s == nil {
		return useEmpty
	}
	switch s.Status {
	case applet.SlotEmpty:
		return useEmpty
	case applet.SlotRegistering:
		return useClear
	case applet.SlotGenerated:
		if d := r.described(n); s.Slot == d {
			return useAdopt
		}
		return useOthers
	}
	return useLost
}

// described is a slot as the pair of a request has it.
func (r *EnrolRequest) described(n byte) applet.Slot {
	d := *r
	d.Slot = n
	return d.slot()
}

// place finds the slot of a request that names none, and refuses one that it cannot have.
func (g *Registrar) place(c *candidate, r *EnrolRequest) error {
	now := g.o.Clock()
	if r.Slot != 0 {
		if u := c.use(r.Slot, r, now); u >= useTaken {
			return mssp.Faultf(mssp.RegistrationNOK, "%s: name another slot", c.taken(r.Slot, u))
		}
		return nil
	}
	best := useTaken
	var full []string
	for n := byte(1); n <= c.Profile.Slots; n++ {
		u := c.use(n, r, now)
		if u < best {
			best, r.Slot = u, n
		}
		full = append(full, c.taken(n, u))
	}
	if best == useBegun { // only whoever names it gives it up
		r.Slot = 0
	}
	if r.Slot == 0 {
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card has %d key slots and none is free: %s; a slot is used again when its certificate is revoked or has expired",
			c.Profile.Slots, strings.Join(full, ", "))
	}
	return nil
}

// taken says in words why a slot is not free.
func (c *candidate) taken(n byte, u use) string {
	switch u {
	case useLost:
		return fmt.Sprintf("slot %d holds a registered key that is not known here", n)
	case useOthers:
		s := c.said(n)
		return fmt.Sprintf("slot %d holds a %s key of %s that was made beforehand", n, mssp.KeyUsage(s.Usage), s.Algorithm)
	case useBegun:
		k := c.Slot(n)
		return fmt.Sprintf("slot %d holds a %s key that waits for its registration", n, k.Usage)
	}
	return fmt.Sprintf("slot %d holds a registered key", n)
}

// ready brings the slot of a request to where register_complete can begin.
func (g *Registrar) ready(ctx context.Context, c *candidate, r *EnrolRequest) (Enrolment, error) {
	for again := byte(0); ; again++ {
		en, err := g.prepared(ctx, c, r)
		if !inUse(err) || again > c.Profile.Slots {
			return en, err
		}
		if c, err = g.looked(ctx, c, r); err != nil { // 6A89: the card knows better
			return Enrolment{}, err
		}
	}
}

// prepared is one attempt of ready; the card may call the slot in use.
func (g *Registrar) prepared(ctx context.Context, c *candidate, r *EnrolRequest) (Enrolment, error) {
	en := Enrolment{Slot: r.Slot, Usage: r.Usage, Algorithm: r.Algorithm}
	if err := g.fit(ctx, c, r); err != nil {
		return en, err
	}
	if k := c.Slot(r.Slot); k != nil && len(k.PublicKey) > 0 { // 5.1-3, 3.5.1-9: made earlier
		return enrolment(k), g.activate(ctx, c, r)
	}
	if r.Flow == FlowB {
		return en, g.activate(ctx, c, r)
	}
	return g.generate(ctx, c, r)
}

// activate makes the applet work where nothing else is sent that could begin with it
// (5.1-4). That it fails ends the registration (5.1-12).
func (g *Registrar) activate(ctx context.Context, c *candidate, r *EnrolRequest) error {
	commands := c.prelude()
	if len(commands) == 0 {
		return nil
	}
	_, err := g.engine.Run(ctx, c.Target, engine.Order{
		Kind: mssp.KindApplet, Operation: opBegin, Procedure: &begin{look{step{g: g, Slot: r.Slot}}}, Life: r.TimeOut, Commands: commands,
	})
	return err
}

// fit empties a slot whose pair goes, and takes a pair that the card has already.
func (g *Registrar) fit(ctx context.Context, c *candidate, r *EnrolRequest) error {
	switch c.use(r.Slot, r, g.o.Clock()) {
	case useEnded, useClear:
		return g.empty(ctx, c, r)
	case useAdopt:
		return g.adopt(ctx, c, r)
	}
	return nil
}

// adopt takes a pair that the card has and no row of ours: its public key is read (3.5.1-9).
func (g *Registrar) adopt(ctx context.Context, c *candidate, r *EnrolRequest) error {
	key, err := g.readKey(ctx, c.Target, r.Slot, r.Algorithm, nil, r.TimeOut)
	if err != nil {
		return err
	}
	k := mssp.KeyPair{ICCID: c.Card.ICCID, Slot: r.Slot, Usage: r.Usage, Algorithm: byte(r.Algorithm), State: mssp.KeyGenerated, PublicKey: key}
	if err := g.putKey(ctx, c.Target, k); err != nil {
		return err
	}
	g.log.Info("a key pair that the card has already is used", "msisdn", r.MSISDN, "slot", r.Slot, "usage", r.Usage.String())
	return nil
}

// empty deletes what may be deleted in a slot, so that it is used again (4-10).
func (g *Registrar) empty(ctx context.Context, c *candidate, r *EnrolRequest) error {
	o := g.deleteOrder(r.Slot)
	o.Life = r.TimeOut
	o.Commands = append(activation(c.Target), o.Commands...)
	if _, err := g.engine.Run(ctx, c.Target, o); err != nil {
		return err
	}
	t, err := g.registrant(ctx, r.MSISDN)
	if err != nil {
		return err
	}
	g.log.Info("a key slot is empty again", "msisdn", r.MSISDN, "slot", r.Slot)
	c.Target = t
	if s := c.said(r.Slot); s != nil {
		*s = applet.SlotState{Slot: applet.Slot{Number: r.Slot}}
	}
	return nil
}
