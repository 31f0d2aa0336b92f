package signing

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
)

// offer adds what the card can do (INT6 B8) to a report of its state, in version 02.
func (a *Applet) offer(res applet.Result, r *received, report bool) applet.Result {
	if report && r.hash != nil {
		res.Offers = a.offers()
	}
	return res
}

// offers is what the applet says of itself and the card.
func (a *Applet) offers() *applet.Capabilities {
	p, l := a.p, &a.limits
	c := &applet.Capabilities{
		Carriages: applet.CarriagePacket, Level: l.level, LongestRequest: uint16(l.request), LongestAnswer: uint16(l.answer),
		Hashes: l.hashes, Slots: byte(p.Slots), Codes: byte(l.codes), Waiting: byte(l.waiting), KeySet: a.keys.sealing().set, API: apiVersion, Applet: appletVersion,
	}
	if p.Carriage == (carriage.Own{}).Name() {
		c.Carriages = applet.CarriageOwn
	}
	for _, g := range p.Algorithms {
		bits := applet.SignsOctets | applet.MakesPairs
		if l.hashSigning {
			bits |= applet.SignsHash
		}
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
