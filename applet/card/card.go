// Package card is an emulated UICC with the signing applet of package applet
// in it. Like a real one it has no other way in than APDUs: Transmit takes a
// command and gives the response, and everything that the outside learns or
// changes goes through it.
//
// Below is the T=0 interface of a USIM: a small file system, and the card
// application toolkit, in which the card waits to be asked. A short message
// arrives in an ENVELOPE; when the card wants something of the user it answers
// 91xx, the terminal FETCHes a proactive command (DISPLAY TEXT, GET INPUT, SEND
// SHORT MESSAGE), does it and reports with TERMINAL RESPONSE, whose status may
// again be 91xx. The applet above is written as if it called the user
// directly; each of its sessions is a coroutine that stops at a proactive
// command and goes on with the terminal's response.
//
// Between the two stands over-the-air security: segments are collected,
// packets opened, level, keys and counter checked, and only then does the
// applet see a message. Memory is a journal of records (nvm_journal.go). It
// holds keys and codes in clear and says so in its first line: this card is
// for tests and demonstrations, and protects nothing from whoever has the file.
package card

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Card is an emulated UICC. Transmit, Reset and Close may be called by
// different goroutines; one command runs at a time.
//
// Each part knows only what it stands on: the applet asks the toolkit, the
// sender and the packet security, and these run jobs and open packets without
// knowing what is in them. Only the card knows them all.
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
	sender   *sender
	applet   *signingApplet
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
	if err := o.Profile.unmarshal(nv.get(keyProfile)); err != nil {
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
	nv.put(keyProfile, b)
	for _, k := range o.KeySets {
		nv.put(keyCounter(k.KVN), encodeCounter(k.Counter))
	}
	c, err := powerOn(o, nv)
	if err != nil {
		return nil, err
	}
	c.applet.putAll()
	return c, nv.commit()
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
	c.toolkit = &toolkit{observe: c.observe, most: p.limits().waiting}
	c.security = &packetSecurity{profile: p, log: c.log, observe: c.observe, nv: nv, keySets: sets}
	c.sender = &sender{profile: p, log: c.log}
	c.applet = &signingApplet{
		opt: &c.opt, limits: p.limits(), log: c.log, observe: c.observe, nv: nv, tk: c.toolkit, security: c.security, sender: c.sender,
		codes: codeStore{nv: nv, profile: p, count: p.limits().codes}, slots: slotStore{nv: nv, profile: p}, answers: answerStore{nv: nv, sealed: p.sealsAnswers(), whole: p.limits().kept}, keys: keyStore{nv: nv, profile: p}, strings: stringStore{nv: nv, profile: p},
	}
	if err := c.applet.load(); err != nil {
		return nil, err
	}
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
	c.applet.answers.reset()
	c.applet.polling = false
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
