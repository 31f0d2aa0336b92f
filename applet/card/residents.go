package card

import (
	"errors"

	"github.com/simsign/simsign/applet/card/neighbour"
	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/ota"
)

// resident is an applet on the card, and the TAR with which it is reached.
type resident struct {
	tar ota.TAR
	uicc.Applet
}

// residents are the applets of a card, the signing applet first. To the toolkit they are one:
// a message is for the one that has its TAR, a choice in the menu for the signing applet,
// which alone has entries there, everything else for all.
type residents []resident

// Process is uicc.Applet.
func (a residents) Process(e *uicc.Event, h uicc.Handler) (err error) {
	for i, r := range a {
		if e.Kind == uicc.Message && r.tar != e.Envelope.TAR || e.Kind == uicc.Menu && i > 0 {
			continue
		}
		err = errors.Join(err, r.Applet.Process(e, h))
		if h != nil && h.Off() {
			break
		}
	}
	return err
}

// Room is uicc.Applet.
func (a residents) Room() bool { return a[0].Applet.Room() }

// Reset is uicc.Applet.
func (a residents) Reset() {
	for _, r := range a {
		r.Applet.Reset()
	}
}

// installNeighbour makes the second applet, with a memory and a code of its own.
func (c *Card) installNeighbour() (uicc.Applet, error) {
	k := &pin{nv: c.nv, name: neighbourSpace + keyCode(0), tries: 3, left: 3, strict: c.opt.Strict}
	if err := k.load(); err != nil {
		return nil, err
	}
	return neighbour.New(&system{c: c, space: neighbourSpace, pins: []*pin{k}}), nil
}
