package card

import (
	"crypto"
	"encoding/binary"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
)

// appletState is what the applet keeps. It lives in memory for speed and in
// the nvm for ever; whoever changes a part also puts it (put...), and the
// session commits once for each step.
type appletState struct {
	data      appletData
	codes     [2]personalCode // authentication, non-repudiation
	unblocks  byte            // tries left of the unblocking code
	slots     []slot
	answers   [remembered]answer
	seq       uint32 // of the next answer
	concatRef uint16
	strings   *stringTable // of data.language, with updates
}

// appletData is what SetAppletData and ChangeAppletStatus change.
type appletData struct {
	life         applet.LifeCycle
	language     string
	popTries     byte
	textSeconds  byte
	inputSeconds byte
	server       string
}

// slot is a key slot (requirement 3.3-1).
type slot struct {
	applet.Slot
	status applet.SlotStatus
	key    crypto.Signer // nil when empty
	public []byte        // as in INT6 tag B2
	cert   []byte
	staged []byte // beginning of a certificate that comes in parts
	total  int    // octets that it will have
}

// Names of values in the memory.
const (
	keyProfile  = "profile"
	keyData     = "data"
	keyUnblocks = "unblocks"
)

func keyCounter(kvn byte) string   { return "counter" + string('0'+rune(kvn)) }
func keyCode(i int) string         { return "code" + string('0'+rune(i)) }
func keySlot(n int) string         { return "slot" + string('a'+rune(n)) }
func keyCertificate(n int) string  { return "certificate" + string('a'+rune(n)) }
func keyStaged(n int) string       { return "staged" + string('a'+rune(n)) }
func keyAnswer(n uint32) string    { return "answer" + string('0'+rune(n)) }
func keySent(n uint32) string      { return "sent" + string('0'+rune(n)) }
func keyString(lang string) string { return "string-" + lang + "-" }

const counterLen = 5

func encodeCounter(n ota.CNTR) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(n))
	return b[8-counterLen:]
}

func decodeCounter(b []byte) ota.CNTR {
	var n ota.CNTR
	for _, o := range b {
		n = n<<8 | ota.CNTR(o)
	}
	return n
}

// install sets the applet to what installation left (5.1-9): no code, no
// key, the profile's parameters.
func (c *Card) install() {
	p := &c.opt.Profile
	c.data = appletData{life: applet.AppletInstalled, language: p.Language, popTries: p.PoPTries, server: p.ServerAddress}
	if p.Active {
		c.data.life = applet.AppletActive
	}
	for i, k := range p.Codes {
		c.codes[i] = personalCode{min: k.Min, max: k.Max, tries: k.Tries, left: k.Tries}
	}
	c.unblocks = unblockTries
}

// loadApplet takes the state from the memory; what is not there is as
// installed.
func (c *Card) loadApplet() error {
	c.install()
	c.slots = make([]slot, c.opt.Slots)
	for i := range c.slots {
		c.slots[i].Number = byte(i + 1)
	}
	if b := c.nv.get(keyData); b != nil {
		if len(b) < 6 {
			return fmt.Errorf("%w: applet data of %d octets", ErrJournal, len(b))
		}
		c.data = appletData{applet.LifeCycle(b[0]), string(b[1:3]), b[3], b[4], b[5], string(b[6:])}
	}
	if b := c.nv.get(keyUnblocks); len(b) == 1 {
		c.unblocks = b[0]
	}
	for i := range c.codes {
		if b := c.nv.get(keyCode(i)); b != nil {
			if err := c.codes[i].decode(b); err != nil {
				return err
			}
		}
	}
	for i := range c.slots {
		if err := c.slots[i].load(c.nv, i); err != nil {
			return err
		}
	}
	c.loadStrings()
	return c.loadAnswers()
}

func (c *Card) loadAnswers() error {
	for i := range uint32(remembered) {
		b := c.nv.get(keyAnswer(i))
		if b == nil {
			continue
		}
		a, err := decodeAnswer(b)
		if err != nil {
			return err
		}
		mark := c.nv.get(keySent(i))
		a.sent = mark != nil && decodeCounter(mark) == a.cntr
		c.answers[i] = a
		c.seq = max(c.seq, a.seq+1)
	}
	return nil
}

// putAll writes the state after personalisation.
func (c *Card) putAll() {
	c.putData()
	for i := range c.codes {
		c.putCode(i)
	}
	c.putUnblocks()
}

func (c *Card) putData() {
	d := &c.data
	b := append(make([]byte, 0, 32), byte(d.life), d.language[0], d.language[1], d.popTries, d.textSeconds, d.inputSeconds)
	c.nv.put(keyData, append(b, d.server...))
}

func (c *Card) putUnblocks() { c.nv.put(keyUnblocks, []byte{c.unblocks}) }

// report is the state as INT6 tells it (B5). Nothing of it is secret.
func (c *Card) reportState() *applet.State {
	s := &applet.State{LifeCycle: c.data.life, Language: c.data.language, Algorithms: c.opt.Algorithms}
	for i := range c.codes {
		k := &c.codes[i]
		s.Codes = append(s.Codes, applet.CodeState{
			Code: applet.CodeRef(i + 1), Status: k.status(), TriesLeft: k.left, MaxTries: k.tries, Min: k.min, Max: k.max,
		})
	}
	for i := range c.slots {
		k := &c.slots[i]
		s.Slots = append(s.Slots, applet.SlotState{Slot: k.Slot, Status: k.status, Certificate: k.cert != nil})
	}
	return s
}
