package applet

import (
	"fmt"
	"time"
)

// CodeFormat sets the length of a code, once, before the first one is chosen
// (requirement 3.4-4).
type CodeFormat struct {
	Code     CodeRef
	Min, Max byte // digits, MinCodeLength to MaxCodeLength
}

// CodeTries sets how many wrong entries in a row block a code, 1 to 15.
type CodeTries struct {
	Code CodeRef
	Max  byte
}

// StringUpdate replaces one string of the language that is selected once the
// command is done (requirement 4-2). The numbers have a list (INT6, Strings).
type StringUpdate struct {
	ID   byte
	Text Text
}

// SetAppletData configures the applet (INT6 A2). Every field is optional, but one
// must be there.
type SetAppletData struct {
	Formats  []CodeFormat
	Tries    []CodeTries
	Language string // ISO 639-1, two small letters; "" leaves it
	Strings  []StringUpdate
	PoPTries byte // 1 to 15; 0 leaves it
	// ServerAddress is where answers go, "+" and digits for an international
	// number or digits alone for a short one; "" leaves it.
	ServerAddress string
	// Timeouts of a text and of an entry, whole seconds up to 255; 0 means
	// the terminal's own. Both zero with SetTimeouts false leaves them.
	TextTimeout, InputTimeout time.Duration
	SetTimeouts               bool
}

// Tag is A2.
func (SetAppletData) Tag() Tag { return TagSetAppletData }

func (c SetAppletData) check() error {
	b := c.appendParams(nil)
	for _, d := range []time.Duration{c.TextTimeout, c.InputTimeout} {
		if d < 0 || d > 255*time.Second || d%time.Second != 0 {
			return fmt.Errorf("%w: time-out must be whole seconds up to 255, have %v", ErrValue, d)
		}
	}
	if c.ServerAddress != "" {
		if err := checkAddress(c.ServerAddress); err != nil {
			return err
		}
	}
	_, err := parseSetAppletData(b)
	return err
}

func (c SetAppletData) appendParams(b []byte) []byte {
	for _, f := range c.Formats {
		b = appendTLV(b, tagCodeFormat, byte(f.Code), f.Min, f.Max)
	}
	for _, t := range c.Tries {
		b = appendTLV(b, tagCodeTries, byte(t.Code), t.Max)
	}
	if c.Language != "" {
		b = appendTLV(b, tagLanguage, []byte(c.Language)...)
	}
	for _, s := range c.Strings {
		var at int
		b, at = openTLV(b, tagString)
		b = append(b, s.ID, byte(s.Text.Coding))
		b = closeTLV(append(b, s.Text.Octets...), at)
	}
	if c.PoPTries != 0 {
		b = appendTLV(b, tagPoPTries, c.PoPTries)
	}
	if c.ServerAddress != "" {
		b = appendTLV(b, tagServerAddress, encodeAddress(c.ServerAddress)...)
	}
	if c.SetTimeouts {
		b = appendTLV(b, tagTimeouts, byte(c.TextTimeout/time.Second), byte(c.InputTimeout/time.Second))
	}
	return b
}

func parseSetAppletData(value []byte) (Command, error) {
	var c SetAppletData
	known := setOf(tagCodeFormat, tagCodeTries, tagLanguage, tagString, tagPoPTries, tagServerAddress, tagTimeouts)
	many := setOf(tagCodeFormat, tagCodeTries, tagString)
	err := walk(value, tagCodeFormat, known, many, 0, c.parseParam)
	if err == nil && len(c.appendParams(nil)) == 0 {
		err = fmt.Errorf("%w: nothing to set", ErrMissing)
	}
	return c, err
}

func (c *SetAppletData) parseParam(tag byte, v []byte) (err error) {
	switch tag {
	case tagCodeFormat:
		return c.parseFormat(v)
	case tagCodeTries:
		return c.parseTries(v)
	case tagLanguage:
		if len(v) != 2 {
			return fmt.Errorf("%w: a language has 2 letters, have %d", ErrLength, len(v))
		}
		if !smallLetter(v[0]) || !smallLetter(v[1]) {
			return fmt.Errorf("%w: a language is two small letters", ErrValue)
		}
		c.Language = string(v)
	case tagString:
		return c.parseString(v)
	case tagPoPTries:
		c.PoPTries, err = between(v, 1, 15)
	case tagServerAddress:
		c.ServerAddress, err = decodeAddress(v)
	case tagTimeouts:
		if len(v) != 2 {
			return fmt.Errorf("%w: time-outs need 2 octets, have %d", ErrLength, len(v))
		}
		c.SetTimeouts = true
		c.TextTimeout, c.InputTimeout = time.Duration(v[0])*time.Second, time.Duration(v[1])*time.Second
	}
	return err
}

func (c *SetAppletData) parseFormat(v []byte) error {
	if len(v) != 3 {
		return fmt.Errorf("%w: a code format needs 3 octets, have %d", ErrLength, len(v))
	}
	f := CodeFormat{CodeRef(v[0]), v[1], v[2]}
	if err := f.Code.check(); err != nil {
		return err
	}
	if f.Min < MinCodeLength || f.Max > MaxCodeLength || f.Min > f.Max {
		return fmt.Errorf("%w: code length %d to %d is not within %d to %d", ErrValue, f.Min, f.Max, MinCodeLength, MaxCodeLength)
	}
	for _, o := range c.Formats {
		if o.Code == f.Code {
			return fmt.Errorf("%w: code %02X", ErrDuplicate, v[0])
		}
	}
	c.Formats = append(c.Formats, f)
	return nil
}

func (c *SetAppletData) parseTries(v []byte) error {
	if len(v) != 2 {
		return fmt.Errorf("%w: code tries need 2 octets, have %d", ErrLength, len(v))
	}
	t := CodeTries{CodeRef(v[0]), v[1]}
	if err := t.Code.check(); err != nil {
		return err
	}
	if t.Max < 1 || t.Max > 15 {
		return fmt.Errorf("%w: %d tries are not within 1 to 15", ErrValue, t.Max)
	}
	for _, o := range c.Tries {
		if o.Code == t.Code {
			return fmt.Errorf("%w: code %02X", ErrDuplicate, v[0])
		}
	}
	c.Tries = append(c.Tries, t)
	return nil
}

func (c *SetAppletData) parseString(v []byte) error {
	if len(v) < 2 {
		return fmt.Errorf("%w: a string needs id and coding, 2 octets, have %d", ErrLength, len(v))
	}
	t, err := parseText(v[1:], MaxString)
	if err != nil {
		return err
	}
	for _, o := range c.Strings {
		if o.ID == v[0] {
			return fmt.Errorf("%w: string %02X", ErrDuplicate, v[0])
		}
	}
	c.Strings = append(c.Strings, StringUpdate{v[0], t})
	return nil
}

func smallLetter(c byte) bool { return c >= 'a' && c <= 'z' }
