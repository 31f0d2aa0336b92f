package signing

import (
	"slices"
	"unicode/utf8"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
)

const (
	maxQueue = 4 // tasks that wait in level 3
	maxSlots = 16
)

// limits are what a card of a level does (INT6, Levels). Level 3 is all of version 01; what
// is missing below it is what cards do not give to an applet.
type limits struct {
	level           applet.Level
	request, answer int // longest, octets
	commands        int // of one message
	slots           int // at least
	codes           int
	waiting         int  // messages, while one is worked on
	kept            int  // answers; of older ones only how they ended
	text            int  // characters; 0: what the codec reads
	codings         bool // all, not only the alphabet of GSM in octets and UCS-2
	hashes          byte
	algorithms      []applet.Algorithm

	hashSigning  bool // a given hash (96)
	certificates bool // and parts (94)
	strings      bool // A2/84 and 83
	languages    bool // five built in, not one
	anyTries     bool // A2/82 at any time: an OwnerPIN has its tries from its beginning
	otherCode    bool // a new code is compared with the other one: an OwnerPIN cannot be
	entries      bool // of the menu; otherwise one, which leads to a list
}

// Octets of message in a packet that is joined from segments into one TPDU, whose length is one
// octet; and of one that is in a packet of the applet's inside one of the domain.
const (
	joinedRequest = 226
	joinedOwn     = 194
)

// limits gives those of the profile.
func (p *Parameters) limits() limits {
	l := limits{
		level: applet.Level3, request: applet.MaxMessage, answer: applet.MaxMessage, commands: applet.MaxCommands,
		slots: 4, codes: 2, waiting: maxQueue, kept: remembered, hashes: 7,
		algorithms: []applet.Algorithm{applet.RSA2048, applet.RSA3072, applet.ECDSAP256, applet.ECDSAP384, applet.RSA4096, applet.ECDSAP521},

		codings: true, hashSigning: true, certificates: true, strings: true, languages: true, anyTries: true, otherCode: true, entries: true,
	}
	if p.Level == applet.Level1 || p.Level == applet.Level2 {
		l = limits{
			level: applet.Level2, request: 370, answer: 513, commands: applet.MaxCommands, slots: 4, codes: 2, waiting: 1, kept: 2, text: 240,
			hashes: 1, algorithms: []applet.Algorithm{applet.RSA2048, applet.ECDSAP256}, codings: true, hashSigning: true, strings: true,
		}
	}
	if p.Level == applet.Level1 {
		l = limits{
			level: applet.Level1, request: 210, answer: 370, commands: 4, slots: 2, codes: 1, waiting: 0, kept: 1, text: 160,
			hashes: 1, algorithms: []applet.Algorithm{applet.ECDSAP256},
		}
	}
	if p.CodeCount > 0 {
		l.codes = min(l.codes, p.CodeCount)
	}
	if p.Carriage == (carriage.Own{}).Name() && l.level != applet.Level3 {
		l.request -= 16
	}
	if p.Strict {
		l.anyTries, l.otherCode = false, false
		l.request = min(l.request, joinedRequest)
		if p.Carriage == (carriage.Own{}).Name() {
			l.request = min(l.request, joinedOwn)
		}
	}
	return l
}

// check refuses a message that is too large for the card.
func (l *limits) check(m *applet.Message, octets int) error {
	long := octets > l.request || len(m.Commands) > l.commands
	for _, cmd := range m.Commands {
		if v, ok := cmd.(applet.SignTransaction); ok && l.text > 0 {
			long = long || l.long(v.TextToShow) || l.long(v.TextToSign)
		}
	}
	if long {
		return applet.ErrLength
	}
	return nil
}

func (l *limits) long(t applet.Text) bool {
	s, err := decoded(t)
	return err == nil && utf8.RuneCountInString(s) > l.text
}

// refuse is the status of a command that the card does not do at all.
func (l *limits) refuse(cmd applet.Command) applet.StatusWord {
	takes := true
	switch v := cmd.(type) {
	case applet.SetAppletData:
		takes = l.strings || v.Language == "" && len(v.Strings) == 0
		for _, f := range v.Formats {
			takes = takes && l.hasCode(f.Code)
		}
		for _, t := range v.Tries {
			takes = takes && l.hasCode(t.Code)
		}
	case applet.SetAuthenticationHandlerData:
		certificate := v.Operation == applet.HandlerImportCertificate || v.Operation == applet.HandlerDeleteCertificate
		takes = l.hasCode(v.Slot.Code) && (l.certificates || !certificate)
	case applet.GetAuthenticationHandlerData:
		takes = l.certificates || v.What != applet.WhatCertificate && v.Part == nil
	case applet.SignTransaction:
		takes = l.hasCode(v.Slot.Code) && (l.hashSigning || len(v.Digest) == 0) && l.hashes&(1<<(v.Hash-1)) != 0 && l.reads(v.TextToShow) && l.reads(v.TextToSign)
	case applet.ManagePersonalCode:
		takes = l.hasCode(v.Code)
	}
	if !takes {
		return applet.StatusNotSupported
	}
	return applet.StatusOK
}

func (l *limits) reads(t applet.Text) bool {
	return l.codings || t.IsZero() || t.Coding == applet.TextGSM || t.Coding == applet.TextUCS2
}

// hasCode takes 0, which names no code.
func (l *limits) hasCode(ref applet.CodeRef) bool { return int(ref) <= l.codes }

// Octets of an answer: around its results, of a result without what it brings, and of a
// state and of what the card offers, at most.
const (
	answerAround = 5 + 18
	resultAround = 3 + 4 + 3 + 4 + 4
	stateOctets  = 120
)

// room is how many octets the result of a command takes at most, so that a card with
// little memory refuses before it works and not afterwards.
func (a *Applet) room(cmd applet.Command) int {
	n := resultAround
	switch v := cmd.(type) {
	case applet.ChangeAppletStatus:
		n += stateOctets
	case applet.GetAuthenticationHandlerData:
		if v.What == applet.WhatState {
			return n + stateOctets
		}
		if k := a.slots.get(v.Slot); k != nil {
			n += len(k.public)
		}
	case applet.SetAuthenticationHandlerData:
		n += v.Slot.Algorithm.PublicKeyLen()
	case applet.SignTransaction:
		g := v.Slot.Algorithm
		if k := a.slots.get(v.Slot.Number); k != nil && k.status != applet.SlotEmpty {
			g = k.Algorithm
		}
		if n += g.SignatureLen() + maxPoP; v.Template != nil {
			n += g.PublicKeyLen()
		}
	}
	return n
}

// Complete fills in what a level decides and calls fault for what no card can be.
func (p *Parameters) Complete(fault func(format string, args ...any)) {
	if p.Level > applet.Level3 {
		fault("level %d, it must be 1 to 3", p.Level)
	}
	if !languageName(p.Language) {
		fault("language must be two small letters")
	}
	orDefault(&p.Level, applet.Level3)
	l := p.limits()
	orDefault(&p.Slots, l.slots)
	if p.Slots < l.slots || p.Slots > maxSlots {
		fault("%d key slots, must be %d to %d", p.Slots, l.slots, maxSlots)
	}
	if len(p.Algorithms) == 0 {
		p.Algorithms = l.algorithms[:min(len(l.algorithms), 4)]
	}
	p.Algorithms = once(p.Algorithms)
	for _, a := range p.Algorithms {
		if !a.Known() {
			fault("%s", a)
		} else if !slices.Contains(l.algorithms, a) && !(l.level == applet.Level1 && a == applet.RSA2048) {
			fault("%s is nothing for a card of level %d", a, p.Level)
		}
	}
	if p.Strict && !p.sealsAnswers() {
		fault("carriage response needs more than the toolkit of the standards gives: a strict card has packet or own")
	}
}

// once leaves each algorithm where it stands first: what the card offers names it once.
func once(all []applet.Algorithm) (out []applet.Algorithm) {
	for _, a := range all {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}
