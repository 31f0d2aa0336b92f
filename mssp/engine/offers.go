package engine

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
)

// What an applet offers (INT6 B8, Capabilities) it says in its reports; the card's row
// keeps it. Nothing else is sent: an order that needs more is refused with the reason
// before any short message leaves (3.2-11). A card that has not said is asked
// by its profile. What it offers makes a profile narrower and never wider, and
// chooses neither carriage nor security.

// offersOf reads the offers of a card's row; nil: there are none.
func offersOf(octets string) (*applet.Capabilities, error) {
	if octets == "" {
		return nil, nil
	}
	return applet.ParseCapabilities([]byte(octets))
}

// within is a profile as a card with these offers has it.
func within(p mssp.CardProfile, o *applet.Capabilities) mssp.CardProfile {
	if o == nil {
		return p
	}
	algorithms := p.Algorithms
	p.Algorithms = nil
	for _, a := range algorithms {
		if o.Offer(applet.Algorithm(a)) != 0 {
			p.Algorithms = append(p.Algorithms, a)
		}
	}
	p.Slots = min(p.Slots, o.Slots)
	p.StoresCert = p.StoresCert && o.Level >= applet.Level3
	p.UTF8 = p.UTF8 && o.Level >= applet.Level2
	p.Longest = int(o.LongestRequest)
	return p
}

// Does reports whether the card does this with that algorithm; one that has not
// said does.
func (t *Target) Does(a applet.Algorithm, bits applet.AlgorithmBits) bool {
	return t.Offers == nil || t.Offers.Offer(a)&bits == bits
}

// Hashes reports whether the card has a hash.
func (t *Target) Hashes(h applet.Hash) bool {
	return t.Offers == nil || h == 0 || t.Offers.Hashes&(1<<(h-1)) != 0
}

// HasCode reports whether the card has the personal code of that usage.
func (t *Target) HasCode(u mssp.KeyUsage) bool {
	return t.Offers == nil || int(t.Profile.Code(u)) <= int(t.Offers.Codes)
}

// limits of the levels (INT6, Levels) that no octet of B8 says.
var (
	maxCommands = map[applet.Level]int{applet.Level1: 4}
	maxText     = map[applet.Level]int{applet.Level1: 160, applet.Level2: 240}
)

// offered refuses what the card does not offer.
func (t *Target) offered(commands []applet.Command) error {
	o := t.Offers
	if o == nil {
		return nil
	}
	if n, ok := maxCommands[o.Level]; ok && len(commands) > n {
		return lacks("takes %d commands in one message, the request has %d", n, len(commands))
	}
	for _, c := range commands {
		why := ""
		switch c := c.(type) {
		case applet.SetAppletData:
			why = t.lacksForData(&c)
		case applet.SetAuthenticationHandlerData:
			why = t.lacksForHandler(&c)
		case applet.GetAuthenticationHandlerData:
			if o.Level < applet.Level3 && (c.What == applet.WhatCertificate || c.Part != nil) {
				why = "gives neither certificates nor parts of a key"
			}
		case applet.SignTransaction:
			why = t.lacksForSignature(&c)
		case applet.ManagePersonalCode:
			if int(c.Code) > int(o.Codes) {
				why = fmt.Sprintf("has %d personal code", o.Codes)
			}
		}
		if why != "" {
			return lacks("%s", why)
		}
	}
	if n := t.answerLen(commands); n > int(o.LongestAnswer) {
		return lacks("answers with %d octets at most, this answer needs %d", o.LongestAnswer, n)
	}
	return nil
}

func lacks(format string, args ...any) error {
	return mssp.Faultf(mssp.UnsupportedProfile, "the user's card "+format, args...)
}

func (t *Target) lacksForData(c *applet.SetAppletData) string {
	if t.Offers.Level < applet.Level2 && (c.Language != "" || len(c.Strings) > 0) {
		return "has the language and the texts of its installation"
	}
	for _, f := range c.Formats {
		if int(f.Code) > int(t.Offers.Codes) {
			return fmt.Sprintf("has %d personal code", t.Offers.Codes)
		}
	}
	for _, f := range c.Tries {
		if int(f.Code) > int(t.Offers.Codes) {
			return fmt.Sprintf("has %d personal code", t.Offers.Codes)
		}
	}
	return ""
}

func (t *Target) lacksForHandler(c *applet.SetAuthenticationHandlerData) string {
	switch {
	case c.Slot.Number > t.Offers.Slots:
		return fmt.Sprintf("has %d key slots", t.Offers.Slots)
	case int(c.Slot.Code) > int(t.Offers.Codes):
		return fmt.Sprintf("has %d personal code, for authentication", t.Offers.Codes)
	case (c.Operation == applet.HandlerGenerate || c.Operation == applet.HandlerReplace) && !t.Does(c.Slot.Algorithm, applet.MakesPairs):
		return fmt.Sprintf("makes no key pairs of %s", c.Slot.Algorithm)
	case (c.Operation == applet.HandlerImportCertificate || c.Operation == applet.HandlerDeleteCertificate) && t.Offers.Level < applet.Level3:
		return "keeps no certificates"
	}
	return ""
}

func (t *Target) lacksForSignature(c *applet.SignTransaction) string {
	alg := t.algorithm(c.Slot)
	bits := applet.SignsOctets
	if len(c.Digest) > 0 {
		bits = applet.SignsHash
	}
	if c.Template != nil && t.Slot(c.Slot.Number) == nil {
		bits |= applet.MakesPairs
	}
	o := t.Offers
	most, bounded := maxText[o.Level]
	switch {
	case c.Slot.Number > t.Offers.Slots:
		return fmt.Sprintf("has %d key slots", t.Offers.Slots)
	case int(c.Slot.Code) > int(t.Offers.Codes):
		return fmt.Sprintf("has %d personal code, for authentication", t.Offers.Codes)
	case alg != 0 && !t.Does(alg, bits&applet.SignsHash):
		return fmt.Sprintf("signs no given hash with %s: only a text that it shows, or a CMS with signed attributes", alg)
	case alg != 0 && !t.Does(alg, bits):
		return fmt.Sprintf("does not do that with %s", alg)
	case !t.Hashes(c.Hash):
		return fmt.Sprintf("does not have %s", c.Hash)
	case o.Level < applet.Level2 && (packedOrUTF8(c.TextToShow) || packedOrUTF8(c.TextToSign)):
		return "reads texts of the GSM alphabet and UCS-2 alone"
	case bounded && (characters(c.TextToShow) > most || characters(c.TextToSign) > most):
		return fmt.Sprintf("shows %d characters", most)
	}
	return ""
}

// packedOrUTF8 are the codings that a card of level 1 does not read.
func packedOrUTF8(t applet.Text) bool {
	return !t.IsZero() && t.Coding != applet.TextGSM && t.Coding != applet.TextUCS2
}

func characters(t applet.Text) int {
	s, err := t.Decode()
	if err != nil {
		return len(t.Octets)
	}
	return utf8.RuneCountInString(s)
}

// algorithm is that of a slot; 0 when it is empty.
func (t *Target) algorithm(s applet.Slot) applet.Algorithm {
	if k := t.Slot(s.Number); k != nil {
		return applet.Algorithm(k.Algorithm)
	}
	return s.Algorithm
}

// Octets of an answer: around its results, of a result with its status.
const (
	answerAround = 5 + 18
	resultAround = 3 + 4
	popAround    = 2 + 16
)

// answerLen is how many octets the answer to these commands has at most.
func (t *Target) answerLen(commands []applet.Command) int {
	o := t.Offers
	state := 3 + 5 + len(o.Algorithms) + 6*int(o.Codes) + 6*int(o.Slots)
	n := answerAround
	for _, c := range commands {
		n += resultAround
		switch c := c.(type) {
		case applet.ChangeAppletStatus:
			n += state
			if c.To == applet.StatusReport {
				n += 3 + 17 + 2*len(o.Algorithms)
			}
		case applet.SetAuthenticationHandlerData:
			if c.Operation == applet.HandlerGenerate || c.Operation == applet.HandlerReplace {
				n += 4 + c.Slot.Algorithm.PublicKeyLen()
			}
		case applet.GetAuthenticationHandlerData:
			if c.What == applet.WhatState {
				n += state + 3 + 17 + 2*len(o.Algorithms)
			} else if c.Part == nil {
				n += 4 + t.algorithm(applet.Slot{Number: c.Slot}).PublicKeyLen()
			}
		case applet.SignTransaction:
			alg := t.algorithm(c.Slot)
			n += 4 + alg.SignatureLen()
			if c.Template != nil {
				n += 4 + alg.PublicKeyLen()
			}
			if c.PoP != applet.PoPNone {
				n += popAround
			}
		}
	}
	return n
}

// learn notes in the row of a card what an answer says of its offers; false when
// there is nothing new. An applet that does not support what it was asked for is asked anew.
func learn(card *mssp.Card, a *applet.Answer) bool {
	was := card.Offers
	if a.Version == applet.Version1 {
		return false
	}
	if !a.OK() && a.Status() == applet.StatusNotSupported {
		card.Offers = ""
	}
	if i := slices.IndexFunc(a.Results, func(r applet.Result) bool { return r.Offers != nil }); i >= 0 {
		if b, err := a.Results[i].Offers.MarshalBinary(); err == nil {
			card.Offers = string(b)
		}
	}
	return card.Offers != was
}

// says reports whether learn may have something to note.
func says(a *applet.Answer) bool {
	return a.Version != applet.Version1 && (!a.OK() && a.Status() == applet.StatusNotSupported ||
		slices.ContainsFunc(a.Results, func(r applet.Result) bool { return r.Offers != nil }))
}
