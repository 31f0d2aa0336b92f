package registration

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
)

// activation is what goes before the first command to a card whose applet is not active,
// in the same packet (5.1-4, 5-2, 3.3-5).
func activation(t *engine.Target) []applet.Command {
	if t.Card.Applet == mssp.AppletActive {
		return nil
	}
	return []applet.Command{applet.ChangeAppletStatus{To: applet.StatusActivate}}
}

// prelude is what an applet needs before its first registration: to be active, and its data
// where it was never configured (5.1-4). It goes in one message with the command that it is
// for: together they have less than 70 octets, so that one SMS holds them.
//
// A refusal ends register_init (5.1-12), also one of the data, where the text leaves it open:
// the length of a code is never altered after the first one was chosen (3.4-4), so an applet
// that has not taken it must not get that far.
func (c *candidate) prelude() []applet.Command {
	out := activation(c.Target)
	if d := c.data(); d != nil {
		out = append(out, *d)
	}
	return out
}

// data is what the card profile has for an applet that says that it was never configured: it
// was never activated, or a code has no length yet. What it has already stays.
func (c *candidate) data() *applet.SetAppletData {
	if c.state == nil {
		return nil
	}
	p, d := &c.Profile, &applet.SetAppletData{}
	for i := range p.CodeMin {
		code := c.state.FindCode(applet.CodeRef(i + 1))
		if code != nil && code.Min == 0 && code.Status == applet.CodeNotSet && p.CodeMin[i] != 0 && (i == 0 || !p.OneCode) {
			d.Formats = append(d.Formats, applet.CodeFormat{Code: code.Code, Min: p.CodeMin[i], Max: p.CodeMax[i]})
		}
	}
	if c.state.LifeCycle != applet.AppletInstalled && len(d.Formats) == 0 {
		return nil
	}
	if p.ServerAddress != "" {
		d.ServerAddress = "+" + p.ServerAddress
	}
	if l := c.Subscriber.Language; l != c.state.Language && (c.Offers == nil || c.Offers.Level >= applet.Level2) {
		d.Language = l
	}
	if len(d.Formats) == 0 && d.ServerAddress == "" && d.Language == "" {
		return nil
	}
	return d
}
