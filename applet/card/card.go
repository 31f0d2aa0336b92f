// Package card is an emulated UICC with the signing applet of package applet
// in it. Like a real one it has no other way in than APDUs: Transmit takes a
// command and gives the response, and everything that the outside learns or
// changes goes through it.
//
// It has two rooms. This package is the card: the T=0 interface of a USIM with a small
// file system, the OTA layer (segments are collected, packets opened, level, keys and
// counter checked), the card application toolkit, the memory and the personal codes.
// Package signing is the applet, and cannot import this one: it has the calls of package
// uicc, which are those of a toolkit applet, so that it can do no more than a real one. A
// second applet (package neighbour) may be beside it, with the same calls.
//
// In the toolkit the card waits to be asked: when it wants something of the user it answers
// 91xx, the terminal FETCHes a proactive command (DISPLAY TEXT, GET INPUT, SEND
// SHORT MESSAGE), does it and reports with TERMINAL RESPONSE, whose status may
// again be 91xx. Each session is a coroutine that stops at a proactive
// command and goes on with the terminal's response.
//
// Memory is a journal of records (nvm_journal.go). It
// holds keys and codes in clear and says so in its first line: this card is
// for tests and demonstrations, and protects nothing from whoever has the file.
package card

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/applet/card/signing"
	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/ota"
)

// Card is an emulated UICC. Transmit, Reset and Close may be called by
// different goroutines; one command runs at a time.
//
// Each part knows only what it stands on: the toolkit runs sessions and the packet security
// opens packets without knowing what is in them. Only the card knows them all. The
// applet is in another room: it has a system, which is all that the card is to it
// (package uicc).
type Card struct {
	mu       sync.Mutex
	opt      Options
	log      *slog.Logger
	observe  observer
	nv       *nvm
	response []byte // waits for GET RESPONSE

	files    *fileSystem
	toolkit  *toolkit
	segments segments
	security *packetSecurity
	sender   *uicc.Sender
	pins     []*pin
	applet   residents
	signing  *signing.Applet // the first of them

	reference uint16 // of concatenation in the card's own messages
}

// New makes a card whose memory lives as long as the process.
func New(o Options) (*Card, error) { return personalise(o, newNVM(), nil) }

// Create makes a card with its memory in a new file. The file is not
// protected: it is for tests.
func Create(path string, o Options) (*Card, error) {
	// Checked before the file exists, so that a bad profile leaves none.
	if err := o.complete(); err != nil {
		return nil, err
	}
	if _, err := o.openKeySets(); err != nil {
		return nil, err
	}
	j, err := createJournal(path)
	if err != nil {
		return nil, err
	}
	c, err := personalise(o, newNVM(), j)
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	return c, nil
}

// Load takes a card from a file that Create made. The profile in the options
// is ignored: the one in the file counts. Only one process may have the file
// open.
func Load(path string, o Options) (*Card, error) {
	nv := newNVM()
	j, err := openJournal(path, nv)
	if err != nil {
		return nil, err
	}
	nv.file = j
	o.Profile = Profile{}
	if err := o.Profile.unmarshal(nv.Get(keyProfile)); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w: profile: %v", path, ErrJournal, err), j.close())
	}
	c, err := powerOn(o, nv)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), j.close())
	}
	return c, nil
}

// personalise writes the profile into an empty memory.
func personalise(o Options, nv *nvm, j *journal) (*Card, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	nv.file = j
	b, err := o.marshal()
	if err != nil {
		return nil, err
	}
	nv.Put(keyProfile, b)
	for _, k := range o.KeySets {
		nv.Put(keyCounter(k.KVN), uicc.CounterOctets(k.Counter))
	}
	c, err := powerOn(o, nv)
	if err != nil {
		return nil, err
	}
	for _, d := range o.Pairs {
		if err := c.signing.Personalise(d); err != nil {
			return nil, fmt.Errorf("%w: pair of slot %d: %w", ErrProfile, d.Number, err)
		}
	}
	return c, nv.Commit()
}

// Pairs are the key pairs that wait for their registration, as whoever personalises the card
// sees them.
func (c *Card) Pairs() []signing.Pair {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.signing.Pairs()
}

// powerOn builds a card around its memory.
func powerOn(o Options, nv *nvm) (*Card, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	sets, err := o.openKeySets()
	if err != nil {
		return nil, err
	}
	if o.Sleep == nil {
		o.Sleep = time.Sleep
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Card{opt: o, log: o.Logger, observe: o.Trace, nv: nv, segments: segments{log: o.Logger}}
	p := &c.opt.Profile
	c.files = newFileSystem(p)
	c.toolkit = &toolkit{observe: c.observe}
	c.security = &packetSecurity{profile: p, log: c.log, observe: c.observe, nv: nv, keySets: sets}
	c.sender = &uicc.Sender{PID: p.PID, DCS: p.DCS, Ref16: p.ConcatRef16, Log: c.log}
	if p.SMSC != "" {
		c.sender.SMSC = dialled(p.SMSC)
	}
	if c.pins, err = newPINs(nv, p); err != nil {
		return nil, err
	}
	c9, err := p.installation()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrProfile, err)
	}
	applet, err := signing.New(c9, p.build(), &system{c: c, pins: c.pins}, signing.Emulation{
		Logger: c.log, Sender: c.sender, KeygenDelay: o.KeygenDelay, Sleep: o.Sleep,
	})
	if err != nil {
		return nil, err
	}
	c.signing, c.applet = applet, residents{{p.TAR, applet}}
	if p.Neighbour != (ota.TAR{}) {
		second, err := c.installNeighbour()
		if err != nil {
			return nil, err
		}
		c.applet = append(c.applet, resident{p.Neighbour, second})
	}
	c.toolkit.applet = c.applet
	return c, nil
}

// Profile is what the card was personalised with. It holds keys.
func (c *Card) Profile() Profile { return c.opt.Profile }

// ATR is the answer to reset (ISO 7816-3 8.2): T=0, own historical bytes, TCK.
func (c *Card) ATR() []byte {
	return []byte{
		0x3B, 0x9C, 0x96, 0x80, 0x1F, 0xC7, 0x80, 0x31, 0xE0, 0x73, 0xFE, 0x21, 0x13,
		0x45, 0x4D, 0x55, 0x30, 0x31, 0xE0,
	}
}

// Reset is a reset or a loss of power: the session with the user, the queue
// and half a message are gone, the memory stays. It returns the ATR.
func (c *Card) Reset() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
	return c.ATR()
}

func (c *Card) reset() {
	c.toolkit.abort()
	c.toolkit.profile = nil
	c.segments.partials, c.response = nil, nil
	c.files.reset()
}

// Close switches the card off and closes its file.
func (c *Card) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
	return c.nv.close()
}
