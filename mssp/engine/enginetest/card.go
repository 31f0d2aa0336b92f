package enginetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"sync"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Card is the card side for tests of the engine alone: it opens packets,
// refuses replays, answers from memory, and does with a message what the test
// says. It speaks only the codecs.
type Card struct {
	t      *testing.T
	Set    *ota.KeySet
	SPI    ota.SPI
	Number sms.MSISDN
	Last   ota.CNTR // replay check
	ref    uint16

	parts      map[uint16][]sms.Part
	Keys       map[byte]crypto.Signer
	Algorithms map[byte]applet.Algorithm
	Life       applet.LifeCycle
	Pairs      map[byte]applet.SlotState // of Keys: what they are for and how far they have come
	Memory     map[uint32][]byte
	Prompts    int // how often a user was asked
	Seen       []ota.Command
	Shown      []applet.SignTransaction
	PoP        string

	// Say, when set, answers in place of the applet.
	Say func(m applet.Message) applet.Answer
	// Mute drops the answer (it is remembered all the same); First sends 0B.
	Mute      bool
	First     bool
	AsCommand bool // answers with a command packet
	moCtr     ota.CNTR

	// Way is how it is asked and answers; nil is carriage.Response. Key is K0 of the
	// others, KeySet their key set.
	Way    carriage.Carriage
	Key    carriage.CardKey
	KeySet byte
	Offers *applet.Capabilities // nil: it does not say
	Old    *OldKey              // the confirmed one, while Key is new
	under  byte                 // key set of the last request
	sealed map[string][]byte    // answers by request, sealed once
}

// Receive takes a segment and gives back what the phone sends for it.
func (c *Card) Receive(s bearer.Segment) []bearer.MO {
	k, _, err := sms.ParseConcat(s.UDH)
	if err != nil {
		c.t.Errorf("card got a bad header: %v", err)
		return nil
	}
	packet := s.UD
	if k.Total > 1 {
		key := k.Ref
		for _, p := range c.parts[key] {
			if string(p.UDH) == string(s.UDH) {
				return nil // a copy of what is waiting
			}
		}
		c.parts[key] = append(c.parts[key], sms.Part{UDH: s.UDH, UD: s.UD})
		if len(c.parts[key]) < int(k.Total) {
			return nil
		}
		if packet, _, err = sms.Join(nil, c.parts[key]); err != nil {
			c.t.Errorf("card cannot join: %v", err)
		}
		delete(c.parts, key)
	}
	cmd, err := c.openPacket(packet)
	if errors.Is(err, carriage.ErrKeySet) {
		return nil // it says nothing
	}
	if err != nil {
		c.t.Errorf("card cannot open: %v", err)
		return nil
	}
	c.Seen = append(c.Seen, cmd)
	if cmd.CNTR <= c.Last {
		if _, own := c.Way.(carriage.Own); own {
			return nil // it says nothing
		}
		return c.Send(&cmd, ota.StatusCounterLow, nil)
	}
	c.Last = cmd.CNTR
	return c.run(&cmd)
}

func (c *Card) run(cmd *ota.Command) []bearer.MO {
	m, err := applet.Parse(cmd.Data)
	if err != nil {
		c.t.Errorf("applet cannot parse: %v", err)
		return nil
	}
	if c.Way != nil {
		return c.runApart(cmd, &m)
	}
	var out []bearer.MO
	if c.First {
		out = c.Send(cmd, ota.StatusFollowsInSubmit, nil)
	}
	b, known := c.Memory[m.Transaction]
	if !known {
		var a applet.Answer
		if c.Say != nil {
			a = c.Say(m)
		} else {
			a = c.Apply(m)
		}
		if b, err = a.MarshalBinary(); err != nil {
			c.t.Errorf("applet cannot answer: %v", err)
		}
		c.Memory[m.Transaction] = b
	}
	if c.Mute {
		return out
	}
	if c.AsCommand {
		return append(out, c.SendCommand(b)...)
	}
	return append(out, c.Send(cmd, ota.StatusOK, b)...)
}

// Apply is an applet whose user always agrees.
func (c *Card) Apply(m applet.Message) applet.Answer {
	a := applet.Answer{Transaction: m.Transaction}
	for _, cmd := range m.Commands {
		r := applet.Result{Tag: cmd.Tag().Result(), Status: applet.StatusOK}
		switch x := cmd.(type) {
		case applet.ChangeAppletStatus:
			c.change(x.To)
			r.State = c.State()
			if x.To == applet.StatusReport && c.Way != nil {
				r.Offers = c.Offers
			}
		case applet.SetAuthenticationHandlerData:
			c.handle(&x, &r)
		case applet.GetAuthenticationHandlerData:
			if x.What == applet.WhatState {
				r.State = c.State()
			} else if k := c.Keys[x.Slot]; k != nil && x.Part == nil {
				_, r.PublicKey, _ = applet.MarshalPublicKey(k.Public())
			}
		case applet.SignTransaction:
			c.Prompts++
			c.Shown = append(c.Shown, x)
			c.sign(&x, &r)
		case applet.ManagePersonalCode:
			c.Prompts++
		case applet.SetKeys:
			r.Status = c.setKeys(m.Transaction, &x)
		}
		a.Results = append(a.Results, r)
		if !r.Status.OK() {
			break // no other command runs
		}
	}
	return a
}

func (c *Card) generate(s applet.Slot) {
	var err error
	if s.Algorithm.RSA() {
		c.Keys[s.Number], err = rsaKey() // one for all tests: making them is slow
	} else {
		c.Keys[s.Number], err = ecdsa.GenerateKey(s.Algorithm.Curve(), rand.Reader)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.Algorithms[s.Number] = s.Algorithm
	c.Pairs[s.Number] = applet.SlotState{Slot: s, Status: applet.SlotGenerated}
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func (c *Card) sign(x *applet.SignTransaction, r *applet.Result) {
	slot := x.Slot.Number
	h := x.Hash
	if h == 0 {
		h = applet.SHA256
	}
	digest := x.Digest
	sum := h.Hash().New()
	switch {
	case x.Template != nil:
		if c.Keys[slot] == nil {
			c.generate(x.Slot)
		}
		_, r.PublicKey, _ = applet.MarshalPublicKey(c.Keys[slot].Public())
		filled, err := x.Template.Fill(nil, c.Algorithms[slot], r.PublicKey, c.PoP)
		if err != nil {
			c.t.Error(err)
		}
		sum.Write(filled)
		digest = sum.Sum(nil)
	case len(x.Octets) > 0:
		sum.Write(x.Octets)
		digest = sum.Sum(nil)
	case len(x.TextToSign.Octets) > 0:
		sum.Write(x.TextToSign.Octets)
		digest = sum.Sum(nil)
	}
	if x.PoP != applet.PoPNone {
		r.PoP = c.PoP
	}
	if x.Mode == applet.ModeRegister {
		c.mark(slot, applet.SlotRegistering)
	}
	der, err := c.Keys[slot].Sign(rand.Reader, digest, h.Hash())
	if err == nil {
		r.Signature, err = c.Algorithms[slot].SignatureFromASN1(der)
	}
	if err != nil {
		c.t.Error(err)
	}
}

// Send is the response packet as the phone submits it.
func (c *Card) Send(cmd *ota.Command, st ota.ResponseStatus, data []byte) []bearer.MO {
	b, err := c.Set.SealResponse(nil, c.SPI, &ota.Response{TAR: cmd.TAR, CNTR: cmd.CNTR, Status: st, Data: data})
	if err != nil {
		c.t.Error(err)
	}
	return c.split(b, sms.ResponseCPI)
}

// SendCommand is the answer as a command packet of the applet's own.
func (c *Card) SendCommand(data []byte) []bearer.MO {
	c.moCtr++
	b, err := c.Set.Seal(nil, &ota.Command{SPI: ota.SPI{0x16, 0}, TAR: TAR, CNTR: c.moCtr, Data: data})
	if err != nil {
		c.t.Error(err)
	}
	return c.split(b, sms.CommandCPI)
}

func (c *Card) split(b []byte, cpi sms.CPI) []bearer.MO {
	c.ref++
	parts, err := sms.Split(b, sms.SplitOptions{CPI: cpi, Ref: c.ref & 0xFF})
	if err != nil {
		c.t.Error(err)
	}
	var out []bearer.MO
	for _, p := range parts {
		out = append(out, bearer.MO{Bearer: "fake", Source: c.Number, PID: 0x7F, DCS: 0xF6, UDH: p.UDH, UD: p.UD})
	}
	return out
}

func newCard(t *testing.T, number sms.MSISDN, set *ota.KeySet) *Card {
	return &Card{
		t: t, Set: set, SPI: SPI, Number: number, First: true,
		parts: map[uint16][]sms.Part{}, Keys: map[byte]crypto.Signer{}, Algorithms: map[byte]applet.Algorithm{}, Pairs: map[byte]applet.SlotState{}, Life: applet.AppletInstalled, Memory: map[uint32][]byte{}, sealed: map[string][]byte{},
	}
}
