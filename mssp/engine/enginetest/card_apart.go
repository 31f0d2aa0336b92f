package enginetest

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Cards of INT6 version 02, whose applet answers with packets of its own.

// openPacket is the command that a packet brings to the applet.
func (c *Card) openPacket(packet []byte) (ota.Command, error) {
	if _, own := c.Way.(carriage.Own); !own {
		return c.Set.Open(nil, packet)
	}
	around, err := ota.NewKeySet(0, ota.Key{}, ota.Key{}, 0)
	if err != nil {
		return ota.Command{}, err
	}
	if h, err := ota.ParseHeader(packet); err == nil && h.SPI != (ota.SPI{}) {
		around = c.Set
	}
	outer, err := around.Open(nil, packet)
	if err != nil {
		return ota.Command{}, err
	}
	h, err := ota.ParseHeader(outer.Data)
	if err != nil {
		return ota.Command{}, err
	}
	set := h.KIc >> 4
	cmd, err := carriage.OpenRequest(nil, c.requestKeys, outer.TAR, outer.Data)
	if err == nil && set == c.KeySet {
		c.Old = nil // whoever asks under the new key has it
	}
	if err == nil && set != c.under { // each has a counter of its own
		c.Last, c.under = 0, set
	}
	return cmd, err
}

func (c *Card) requestKeys(set byte) *ota.KeySet {
	key := c.Key
	switch {
	case set == c.KeySet:
	case c.Old != nil && set == c.Old.Set:
		key = c.Old.Key
	default:
		return nil
	}
	keys, err := key.Request(set)
	if err != nil {
		c.t.Error(err)
	}
	return keys
}

// OldKey is a key that is being replaced.
type OldKey struct {
	Key carriage.CardKey
	Set byte
}

// setKeys is A7: a set is dropped before a new one is taken.
func (c *Card) setKeys(transaction uint32, x *applet.SetKeys) applet.StatusWord {
	if c.Old != nil && x.Drop == c.Old.Set {
		c.Old = nil
	} else if x.Drop == c.KeySet {
		return applet.StatusSlotInUse
	}
	if x.New == nil {
		return applet.StatusOK
	}
	confirmed := OldKey{c.Key, c.KeySet}
	if c.Old != nil {
		confirmed = *c.Old
	}
	if x.New.Set == confirmed.Set {
		return applet.StatusSlotInUse
	}
	fresh, err := confirmed.Key.Unwrap(confirmed.Set, transaction, x.New)
	if err != nil {
		return applet.StatusMalformed
	}
	if c.Key != fresh || c.KeySet != x.New.Set {
		c.Key, c.KeySet, c.moCtr = fresh, x.New.Set, 0
		c.Old = &confirmed
	}
	return applet.StatusOK
}

// runApart does what a message says and answers apart.
func (c *Card) runApart(cmd *ota.Command, m *applet.Message) []bearer.MO {
	var out []bearer.MO
	if _, ok := c.Way.(carriage.Packet); ok && c.First {
		out = c.Send(cmd, ota.StatusOK, nil) // of the OTA layer: handed over
	}
	request := applet.RequestHash(cmd.Data)
	packet, known := c.sealed[string(request)]
	if !known {
		a := c.Apply
		if c.Say != nil {
			a = c.Say
		}
		packet = c.Answer(request, a(*m))
		c.sealed[string(request)] = packet
	}
	if c.Mute {
		return out
	}
	return append(out, c.split(packet, sms.CommandCPI)...)
}

// Answer is an answer packet to the request with that hash, under the next counter.
func (c *Card) Answer(request []byte, a applet.Answer) []byte {
	a.Version, a.Request = applet.Version2, request
	b, err := a.MarshalBinary()
	if err != nil {
		c.t.Errorf("applet cannot answer: %v", err)
	}
	c.moCtr++
	return c.SealAnswer(c.KeySet, c.moCtr, b)
}

// SealAnswer seals an answer under a key set and counter.
func (c *Card) SealAnswer(set byte, cntr ota.CNTR, answer []byte) []byte {
	keys, err := c.Key.Answer(set)
	if err != nil {
		c.t.Fatal(err)
	}
	packet, err := carriage.SealAnswer(nil, keys, TAR, cntr, answer)
	if err != nil {
		c.t.Error(err)
	}
	return packet
}

// AsMOs is a packet as the phone sends it: a command packet (mark 70) or a response
// packet (71).
func (c *Card) AsMOs(packet []byte, cpi sms.CPI) []bearer.MO { return c.split(packet, cpi) }
