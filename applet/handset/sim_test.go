package handset_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/handset"
)

// classes is a card that notes the class of each command.
type classes struct {
	*card.Card
	seen   []byte
	refuse string // a command whose header begins so is not found
}

func (c *classes) Transmit(b []byte) []byte {
	c.seen = append(c.seen, b[0])
	if h := fmt.Sprintf("%X", b); c.refuse != "" && len(h) >= len(c.refuse) && h[:len(c.refuse)] == c.refuse {
		return []byte{0x94, 0x04}
	}
	return c.Card.Transmit(b)
}

// A phone of the second generation speaks class A0 and no other; any phone does when the card
// is a SIM, after the one command that shows it. A card that lacks what a phone needs is an
// error that says what.
//
// Supports: 3.2-10, 3.1-2
func TestSecondGeneration(t *testing.T) {
	for _, tc := range []struct {
		phone, sim bool
		refuse     string
		others     int // commands of other classes
		err        string
	}{
		{phone: true},
		{phone: true, sim: true},
		{sim: true, others: 1},
		{phone: true, refuse: "A0A40000023F00", err: "SELECT 3F00: status 9404"},
		{phone: true, refuse: "A0A40000022FE2", err: "EF.ICCID: SELECT 2FE2: status 9404"},
		{phone: true, refuse: "A0A40000026F38", err: "EF.SST: SELECT 6F38: status 9404"},
		{sim: true, others: 1, refuse: "A010", err: "TERMINAL PROFILE: status 9404"},
		{sim: true, others: 1, refuse: "A0A40000027F10"},
	} {
		sim, err := card.New(card.Options{Profile: card.Profile{
			ICCID: "8999012345678901234", IMSI: "999010123456789", TAR: tar, KeySets: []card.KeySet{keySet()}, SMSC: "+491710760000", SIM: tc.sim,
		}})
		if err != nil {
			t.Fatal(err)
		}
		c := &classes{Card: sim, refuse: tc.refuse}
		h, err := handset.New(handset.Options{Card: c, Number: "41791110001", SecondGeneration: tc.phone, Poll: -1})
		if err != nil {
			t.Fatal(err)
		}
		err = h.Start(context.Background())
		if have := fmt.Sprint(err); err == nil && tc.err != "" || err != nil && have != "handset cannot start the card: "+tc.err {
			t.Errorf("%+v: %v", tc, err)
		}
		if err == nil && len(h.Snapshot().Menu.Items) == 0 {
			t.Errorf("%+v: no menu", tc)
		}
		h.Stop()
		others := 0
		for _, class := range c.seen {
			if class != 0xA0 {
				others++
			}
		}
		if others != tc.others {
			t.Errorf("%+v: classes %X", tc, c.seen)
		}
	}
}
