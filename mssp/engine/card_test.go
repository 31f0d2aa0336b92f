package engine

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// fakeCard is the card side for tests of the engine alone: it opens packets,
// refuses replays, answers from memory, and does with a message what the test
// says. It speaks only the codecs.
type fakeCard struct {
	t      *testing.T
	set    *ota.KeySet
	spi    ota.SPI
	number sms.MSISDN
	last   ota.CNTR // replay check
	ref    uint16

	parts   map[uint16][]sms.Part
	keys    map[byte]crypto.Signer
	alg     map[byte]applet.Algorithm
	memory  map[uint32][]byte
	prompts int // how often a user was asked
	seen    []ota.Command
	shown   []applet.SignTransaction
	pop     string

	// say, when set, answers in place of the applet.
	say func(m applet.Message) applet.Answer
	// mute drops the answer (it is remembered all the same); first sends 0B.
	mute  bool
	first bool
	asCmd bool // answers with a command packet
	moCtr ota.CNTR
}

// receive takes a segment and gives back what the phone sends for it.
func (c *fakeCard) receive(s bearer.Segment) []bearer.MO {
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
	cmd, err := c.set.Open(nil, packet)
	if err != nil {
		c.t.Errorf("card cannot open: %v", err)
		return nil
	}
	c.seen = append(c.seen, cmd)
	if cmd.CNTR <= c.last {
		return c.send(&cmd, ota.StatusCounterLow, nil)
	}
	c.last = cmd.CNTR
	return c.run(&cmd)
}

func (c *fakeCard) run(cmd *ota.Command) []bearer.MO {
	m, err := applet.Parse(cmd.Data)
	if err != nil {
		c.t.Errorf("applet cannot parse: %v", err)
		return nil
	}
	var out []bearer.MO
	if c.first {
		out = c.send(cmd, ota.StatusFollowsInSubmit, nil)
	}
	b, known := c.memory[m.Transaction]
	if !known {
		var a applet.Answer
		if c.say != nil {
			a = c.say(m)
		} else {
			a = c.apply(m)
		}
		if b, err = a.MarshalBinary(); err != nil {
			c.t.Errorf("applet cannot answer: %v", err)
		}
		c.memory[m.Transaction] = b
	}
	if c.mute {
		return out
	}
	if c.asCmd {
		return append(out, c.sendCommand(b)...)
	}
	return append(out, c.send(cmd, ota.StatusOK, b)...)
}

// apply is an applet whose user always agrees.
func (c *fakeCard) apply(m applet.Message) applet.Answer {
	a := applet.Answer{Transaction: m.Transaction}
	for _, cmd := range m.Commands {
		r := applet.Result{Tag: cmd.Tag().Result(), Status: applet.StatusOK}
		switch x := cmd.(type) {
		case applet.ChangeAppletStatus:
			r.State = &applet.State{LifeCycle: applet.AppletActive, Language: "en"}
		case applet.SetAuthenticationHandlerData:
			if x.Operation == applet.HandlerGenerate {
				c.generate(x.Slot)
				_, r.PublicKey, _ = applet.MarshalPublicKey(c.keys[x.Slot.Number].Public())
			}
		case applet.SignTransaction:
			c.prompts++
			c.shown = append(c.shown, x)
			c.sign(&x, &r)
		case applet.ManagePersonalCode:
			c.prompts++
		}
		a.Results = append(a.Results, r)
	}
	return a
}

func (c *fakeCard) generate(s applet.Slot) {
	var err error
	if s.Algorithm.RSA() {
		c.keys[s.Number], err = rsaKey() // one for all tests: making them is slow
	} else {
		c.keys[s.Number], err = ecdsa.GenerateKey(s.Algorithm.Curve(), rand.Reader)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.alg[s.Number] = s.Algorithm
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func (c *fakeCard) sign(x *applet.SignTransaction, r *applet.Result) {
	slot := x.Slot.Number
	h := x.Hash
	if h == 0 {
		h = applet.SHA256
	}
	digest := x.Digest
	sum := h.Hash().New()
	switch {
	case x.Template != nil:
		if c.keys[slot] == nil {
			c.generate(x.Slot)
		}
		_, r.PublicKey, _ = applet.MarshalPublicKey(c.keys[slot].Public())
		filled, err := x.Template.Fill(nil, c.alg[slot], r.PublicKey, c.pop)
		if err != nil {
			c.t.Error(err)
		}
		sum.Write(filled)
		digest = sum.Sum(nil)
	case len(x.TextToSign.Octets) > 0:
		sum.Write(x.TextToSign.Octets)
		digest = sum.Sum(nil)
	}
	if x.PoP != applet.PoPNone {
		r.PoP = c.pop
	}
	der, err := c.keys[slot].Sign(rand.Reader, digest, h.Hash())
	if err == nil {
		r.Signature, err = c.alg[slot].SignatureFromASN1(der)
	}
	if err != nil {
		c.t.Error(err)
	}
}

// send is the response packet as the phone submits it.
func (c *fakeCard) send(cmd *ota.Command, st ota.ResponseStatus, data []byte) []bearer.MO {
	b, err := c.set.SealResponse(nil, c.spi, &ota.Response{TAR: cmd.TAR, CNTR: cmd.CNTR, Status: st, Data: data})
	if err != nil {
		c.t.Error(err)
	}
	return c.split(b, sms.ResponseCPI)
}

func (c *fakeCard) sendCommand(data []byte) []bearer.MO {
	c.moCtr++
	b, err := c.set.Seal(nil, &ota.Command{SPI: ota.SPI{0x16, 0}, TAR: testTAR, CNTR: c.moCtr, Data: data})
	if err != nil {
		c.t.Error(err)
	}
	return c.split(b, sms.CommandCPI)
}

func (c *fakeCard) split(b []byte, cpi sms.CPI) []bearer.MO {
	c.ref++
	parts, err := sms.Split(b, sms.SplitOptions{CPI: cpi, Ref: c.ref & 0xFF})
	if err != nil {
		c.t.Error(err)
	}
	var out []bearer.MO
	for _, p := range parts {
		out = append(out, bearer.MO{Bearer: "fake", Source: c.number, PID: 0x7F, DCS: 0xF6, UDH: p.UDH, UD: p.UD})
	}
	return out
}

func newFakeCard(t *testing.T, number sms.MSISDN, set *ota.KeySet) *fakeCard {
	return &fakeCard{
		t: t, set: set, spi: testSPI, number: number, first: true,
		parts: map[uint16][]sms.Part{}, keys: map[byte]crypto.Signer{}, alg: map[byte]applet.Algorithm{}, memory: map[uint32][]byte{},
	}
}
