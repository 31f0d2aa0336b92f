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
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/ota"
)

// Card is an emulated UICC. Transmit, Reset and Close may be called by
// different goroutines; one command runs at a time.
type Card struct {
	mu  sync.Mutex
	opt Options
	log *slog.Logger
	nv  *nvm

	// Transport and file system.
	files    selection
	response []byte // waits for GET RESPONSE
	usim     *file

	// Toolkit.
	profile     []byte // TERMINAL PROFILE; nil before it came
	pending     []byte // proactive command that waits for FETCH
	pendingType byte
	fetched     bool // pending was fetched and waits for TERMINAL RESPONSE
	number      byte // of the last proactive command
	running     *session
	queue       []*job
	partials    []*partial

	// Over-the-air security and the applet.
	keySets map[byte]*ota.KeySet
	appletState
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
// is not looked at; the one in the file counts. Only one process may have the
// file open.
func Load(path string, o Options) (*Card, error) {
	nv := newNVM()
	j, err := openJournal(path, nv)
	if err != nil {
		return nil, err
	}
	nv.file = j
	o.Profile = Profile{}
	if err := json.Unmarshal(nv.get(keyProfile), &o.Profile); err != nil {
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
	c.putAll()
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
	c := &Card{opt: o, log: o.Logger, nv: nv, keySets: sets}
	if c.log == nil {
		c.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if err := c.loadApplet(); err != nil {
		return nil, err
	}
	mf, usim := buildFiles(&c.opt.Profile)
	c.usim = usim
	c.files = newSelection(mf, usim)
	return c, nil
}

// Profile is what the card was personalised with. It holds keys.
func (c *Card) Profile() Profile { return c.opt.Profile }

// ATR is the answer to reset: T=0, own historical bytes, TCK.
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
	c.abortSessions()
	for i := range c.answers {
		c.answers[i].rounds = 0
	}
	c.partials, c.response, c.profile = nil, nil, nil
	c.files = newSelection(c.files.mf, c.usim)
}

// Close switches the card off and closes its file.
func (c *Card) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
	return c.nv.close()
}
