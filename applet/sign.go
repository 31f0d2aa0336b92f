package applet

import (
	"fmt"
)

// Mode is what a signature is for.
type Mode byte

// Values of tag 95 (INT6 A5).
const (
	ModeAuthenticate Mode = 0x01 // with an authentication key
	ModeSign         Mode = 0x02 // with a non-repudiation key
	ModeRegister     Mode = 0x03 // the key signs its own registration
)

// Journey is how text and code entry are shown (requirement 3.5.3-1).
type Journey byte

// Values of tag 9B.
const (
	JourneyOneStep Journey = 0x01 // text and code entry in one prompt, if they fit
	JourneyTwoStep Journey = 0x02 // text, then code entry; the default
)

// PoPMode says whether the user enters a proof of possession code.
type PoPMode byte

// Values of tag 9C.
const (
	PoPNone    PoPMode = 0x00 // the default
	PoPAsk     PoPMode = 0x01
	PoPChecked PoPMode = 0x02 // the last digit is a Luhn check digit
)

// SignTransaction (A5) shows a text, asks for the personal code and signs.
// Exactly one of Digest, Octets, TextToSign and Template is given. Requirements 4-5,
// 4-7, 3.5.3-1, 3.5.3-5.
type SignTransaction struct {
	// Slot: the number; with ModeRegister it may be described, and then the
	// pair is made when the slot is empty (requirement 5.1-7).
	Slot Slot
	Mode Mode
	Hash Hash // of the digest, or to take; 0 means SHA-256 for text and template

	Digest     []byte    // 96: signed as it is
	Octets     []byte    // 8A: hashed and signed, not shown; for cards that sign no given hash; version 02
	TextToSign Text      // 97: shown, and its octets are hashed
	Template   *Template // 98: ModeRegister only

	TextToShow Text   // 99: shown first: who asks, or the text that goes with a digest
	Reference  string // 9A: shown last; 0-9 A-Z a-z - and space, at most MaxReference
	Journey    Journey
	PoP        PoPMode // ModeRegister only
}

// Tag is A5.
func (SignTransaction) Tag() Tag { return TagSignTransaction }

func (c SignTransaction) appendParams(b []byte) []byte {
	b = c.Slot.append(b)
	b = appendTLV(b, tagMode, byte(c.Mode))
	switch {
	case len(c.Digest) > 0:
		var at int
		b, at = openTLV(b, tagDigest)
		b = append(b, byte(c.Hash))
		b = closeTLV(append(b, c.Digest...), at)
	case len(c.Octets) > 0:
		b = appendTLV(b, tagOctets, c.Octets...)
	case c.Template != nil:
		var at int
		b, at = openTLV(b, tagTemplate)
		b = closeTLV(c.Template.append(b), at)
	default:
		b = c.TextToSign.appendTLV(b, tagTextToSign)
	}
	if len(c.Digest) == 0 && c.Hash != 0 && c.Hash != SHA256 {
		b = appendTLV(b, tagHash, byte(c.Hash))
	}
	if !c.TextToShow.IsZero() {
		b = c.TextToShow.appendTLV(b, tagTextToShow)
	}
	if c.Reference != "" {
		b = appendTLV(b, tagReference, []byte(c.Reference)...)
	}
	if c.Journey != 0 && c.Journey != JourneyTwoStep {
		b = appendTLV(b, tagJourney, byte(c.Journey))
	}
	if c.PoP != PoPNone {
		b = appendTLV(b, tagPoP, byte(c.PoP))
	}
	return b
}

func parseSignTransaction(value []byte, version byte) (Command, error) {
	c := SignTransaction{Journey: JourneyTwoStep}
	known := setOf(tagSlot, tagMode, tagDigest, tagTextToSign, tagTemplate, tagTextToShow, tagReference, tagJourney, tagPoP, tagHash)
	if version != Version1 {
		known.add(tagOctets)
	}
	var seen tagSet
	err := walk(value, tagSlot, known, 0, setOf(tagSlot, tagMode), func(tag byte, v []byte) error {
		seen.add(tag)
		return c.parseParam(tag, v)
	})
	if err != nil {
		return nil, err
	}
	if seen.has(tagHash) && seen.has(tagDigest) {
		return nil, fmt.Errorf("%w: 96 names its hash, 9F cannot", ErrConflict)
	}
	if c.Hash == 0 {
		c.Hash = SHA256
	}
	return c, c.check()
}

func (c *SignTransaction) parseParam(tag byte, v []byte) (err error) {
	var x byte
	switch tag {
	case tagSlot:
		c.Slot, err = parseSlot(v)
	case tagMode:
		x, err = between(v, byte(ModeAuthenticate), byte(ModeRegister))
		c.Mode = Mode(x)
	case tagDigest:
		if len(v) < 2 {
			return fmt.Errorf("%w: hash algorithm and hash need 33 octets or more, have %d", ErrLength, len(v))
		}
		c.Hash, c.Digest = Hash(v[0]), v[1:]
	case tagOctets:
		if len(v) == 0 {
			return fmt.Errorf("%w: no octets to sign", ErrLength)
		}
		c.Octets = v
	case tagTextToSign:
		c.TextToSign, err = parseText(v, MaxText)
	case tagTemplate:
		c.Template, err = parseTemplate(v)
	case tagTextToShow:
		c.TextToShow, err = parseText(v, MaxText)
	case tagReference:
		if len(v) == 0 {
			return fmt.Errorf("%w: empty reference code", ErrLength)
		}
		c.Reference = string(v)
	case tagJourney:
		x, err = between(v, byte(JourneyOneStep), byte(JourneyTwoStep))
		c.Journey = Journey(x)
	case tagPoP:
		x, err = between(v, byte(PoPNone), byte(PoPChecked))
		c.PoP = PoPMode(x)
	case tagHash:
		if x, err = one(v); err == nil && !Hash(x).Known() {
			err = fmt.Errorf("%w: hash %02X", ErrUnsupported, x)
		}
		c.Hash = Hash(x)
	}
	return err
}

func (c SignTransaction) check() error {
	if err := c.Slot.check(c.Slot.Described()); err != nil {
		return err
	}
	if c.Mode < ModeAuthenticate || c.Mode > ModeRegister {
		return fmt.Errorf("%w: mode %02X", ErrValue, byte(c.Mode))
	}
	if c.Journey > JourneyTwoStep {
		return fmt.Errorf("%w: journey %02X", ErrValue, byte(c.Journey))
	}
	if err := c.checkSubject(); err != nil {
		return err
	}
	if !c.TextToShow.IsZero() {
		if err := c.TextToShow.check(MaxText); err != nil {
			return err
		}
	}
	return c.checkRegister()
}

// checkSubject: exactly one thing is to be signed.
func (c SignTransaction) checkSubject() error {
	n := 0
	if len(c.Digest) > 0 {
		n++
		if !c.Hash.Known() {
			return fmt.Errorf("%w: hash %02X", ErrUnsupported, byte(c.Hash))
		}
		if len(c.Digest) != c.Hash.Size() {
			return fmt.Errorf("%w: hash %s has %d octets, have %d", ErrLength, c.Hash, c.Hash.Size(), len(c.Digest))
		}
	} else if c.Hash != 0 && !c.Hash.Known() {
		return fmt.Errorf("%w: hash %02X", ErrUnsupported, byte(c.Hash))
	}
	if len(c.Octets) > 0 {
		n++
		if err := c.checkOctets(); err != nil {
			return err
		}
	}
	if !c.TextToSign.IsZero() {
		n++
		if err := c.TextToSign.check(MaxText); err != nil {
			return err
		}
	}
	if c.Template != nil {
		n++
		if err := c.Template.check(); err != nil {
			return err
		}
	}
	switch {
	case n == 0:
		return fmt.Errorf("%w: 96, 97, 98 or 8A says what to sign", ErrMissing)
	case n > 1:
		return fmt.Errorf("%w: only one of 96, 97, 98 and 8A", ErrConflict)
	}
	return checkReference(c.Reference)
}

// MaxOctets is the most that SignTransaction.Octets may have.
const MaxOctets = 200

// checkOctets: what is hashed on the card is the signed attributes of a CMS, a SET, or
// in a registration a SEQUENCE, so that neither can be of use as the other.
func (c SignTransaction) checkOctets() error {
	if len(c.Octets) > MaxOctets {
		return fmt.Errorf("%w: at most %d octets are hashed, have %d", ErrLength, MaxOctets, len(c.Octets))
	}
	first := byte(0x31)
	if c.Mode == ModeRegister {
		first = 0x30
	}
	if c.Octets[0] != first {
		return fmt.Errorf("%w: octets to sign begin with %02X in mode %02X, have %02X", ErrValue, first, byte(c.Mode), c.Octets[0])
	}
	return nil
}

// later: version 01 has no octets.
func (c SignTransaction) later() bool { return len(c.Octets) > 0 }

// checkRegister keeps registration apart: what a key signs in mode 03 must
// not be of use as a signature of mode 01 or 02, and the other way round.
func (c SignTransaction) checkRegister() error {
	if c.Mode == ModeRegister {
		if !c.TextToSign.IsZero() {
			return fmt.Errorf("%w: mode 03 does not sign a text", ErrConflict)
		}
		if c.PoP > PoPChecked {
			return fmt.Errorf("%w: PoP %02X", ErrValue, byte(c.PoP))
		}
		if c.Template != nil && c.Template.PoPDigits() > 0 && c.PoP == PoPNone {
			return fmt.Errorf("%w: the template holds a PoP code, 9C must ask for it", ErrConflict)
		}
		return nil
	}
	switch {
	case c.Template != nil:
		return fmt.Errorf("%w: a template goes with mode 03 only", ErrConflict)
	case c.PoP != PoPNone:
		return fmt.Errorf("%w: a PoP code goes with mode 03 only", ErrConflict)
	case c.Slot.Described():
		return fmt.Errorf("%w: modes 01 and 02 take the slot number only", ErrConflict)
	}
	return nil
}

func checkReference(s string) error {
	if len(s) > MaxReference {
		return fmt.Errorf("%w: a reference code has at most %d characters, have %d", ErrLength, MaxReference, len(s))
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', smallLetter(c), c == '-', c == ' ':
		default:
			return fmt.Errorf("%w: character %d of the reference code", ErrValue, i+1)
		}
	}
	return nil
}
