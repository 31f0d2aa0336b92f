package card

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
)

// offer adds what the card can do (INT6 B8) to a report of its state, in version 02.
func (a *signingApplet) offer(res applet.Result, r *received, report bool) applet.Result {
	if report && r.hash != nil {
		res.Offers = a.offers()
	}
	return res
}

// offers is what the applet says of itself and the card.
func (a *signingApplet) offers() *applet.Capabilities {
	p := &a.opt.Profile
	c := &applet.Capabilities{
		Carriages: applet.CarriagePacket, Level: applet.Level3, LongestRequest: applet.MaxMessage, LongestAnswer: applet.MaxMessage,
		Hashes: 7, Slots: byte(p.Slots), Codes: byte(len(p.Codes)), Waiting: maxQueue, KeySet: a.keys.sealing().set, API: apiVersion, Applet: appletVersion,
	}
	if p.Carriage == (carriage.Own{}).Name() {
		c.Carriages = applet.CarriageOwn
	}
	for _, g := range p.Algorithms {
		bits := applet.SignsOctets | applet.SignsHash | applet.MakesPairs
		if g.RSA() {
			bits |= applet.SlowPairs
		}
		c.Algorithms = append(c.Algorithms, applet.AlgorithmOffer{Algorithm: g, Bits: bits})
	}
	return c
}

// Versions that the card tells: of the Java Card interface that it plays, and of the applet.
var (
	apiVersion    = [2]byte{3, 0}
	appletVersion = [3]byte{2, 0, 0}
)
