package applet

import "fmt"

// Usage is what a key pair is for (requirement 3.3-1).
type Usage byte

// Usages.
const (
	UsageAuthentication Usage = 0x01
	UsageNonRepudiation Usage = 0x02
)

// Slot names a key slot and, when Usage is not 0, says what the pair in it
// is or shall be. Numbers begin at 1.
type Slot struct {
	Number    byte
	Usage     Usage
	Algorithm Algorithm
	Code      CodeRef // the code that guards the key
}

// Described says whether usage, algorithm and code are given.
func (s Slot) Described() bool { return s.Usage != 0 || s.Algorithm != 0 || s.Code != 0 }

func (s Slot) append(b []byte) []byte {
	if s.Described() {
		return appendTLV(b, tagSlot, s.Number, byte(s.Usage), byte(s.Algorithm), byte(s.Code))
	}
	return appendTLV(b, tagSlot, s.Number)
}

func parseSlot(v []byte) (Slot, error) {
	var s Slot
	switch len(v) {
	case 1:
		s.Number = v[0]
	case 4:
		s = Slot{v[0], Usage(v[1]), Algorithm(v[2]), CodeRef(v[3])}
	default:
		return s, fmt.Errorf("%w: a slot needs 1 or 4 octets, have %d", ErrLength, len(v))
	}
	return s, s.check(len(v) == 4)
}

func (s Slot) check(described bool) error {
	if s.Number == 0 {
		return fmt.Errorf("%w: slot numbers begin at 1", ErrValue)
	}
	if !described {
		return nil
	}
	if s.Usage < UsageAuthentication || s.Usage > UsageNonRepudiation {
		return fmt.Errorf("%w: usage %02X", ErrValue, byte(s.Usage))
	}
	if s.Algorithm == 0 {
		return fmt.Errorf("%w: algorithm 00", ErrValue)
	}
	return s.Code.check()
}

// HandlerOperation is what SetAuthenticationHandlerData does.
type HandlerOperation byte

// Values of tag 91 (INT6 A3).
const (
	HandlerGenerate          HandlerOperation = 0x01 // make a pair in an empty slot
	HandlerReplace           HandlerOperation = 0x02 // make a pair, overwriting what is there
	HandlerDelete            HandlerOperation = 0x03 // delete pair and certificate
	HandlerConfirm           HandlerOperation = 0x04 // registration is complete: the key becomes usable
	HandlerImportCertificate HandlerOperation = 0x05
	HandlerDeleteCertificate HandlerOperation = 0x06
)

// MaxCertificate is the largest certificate that a slot holds, in octets.
const MaxCertificate = 2048

// Range is a part of something longer: in GetAuthenticationHandlerData the
// octets wanted, in an import the whole length and where the part begins.
type Range struct {
	Offset uint16
	Length uint16 // get: octets wanted; import: octets of the whole certificate
}

// SetAuthenticationHandlerData (A3) makes, confirms and deletes key pairs and
// stores certificates. Generate and replace need a described slot and answer
// with the public key. Requirements 4-6, 4-9, 4-10, 3.3-4.
type SetAuthenticationHandlerData struct {
	Slot        Slot
	Operation   HandlerOperation
	Certificate []byte // import only
	Part        *Range // import only: Certificate is a part
}

// Tag is A3.
func (SetAuthenticationHandlerData) Tag() Tag { return TagSetAuthenticationHandlerData }

func (c SetAuthenticationHandlerData) appendParams(b []byte) []byte {
	b = c.Slot.append(b)
	b = appendTLV(b, tagOperation, byte(c.Operation))
	if len(c.Certificate) > 0 {
		b = appendTLV(b, tagCertificate, c.Certificate...)
	}
	return c.Part.append(b)
}

func (c SetAuthenticationHandlerData) check() error {
	if err := c.Slot.check(c.Slot.Described()); err != nil {
		return err
	}
	if _, err := between([]byte{byte(c.Operation)}, byte(HandlerGenerate), byte(HandlerDeleteCertificate)); err != nil {
		return err
	}
	generates := c.Operation == HandlerGenerate || c.Operation == HandlerReplace
	if generates && !c.Slot.Described() {
		return fmt.Errorf("%w: a pair is made with usage, algorithm and code", ErrMissing)
	}
	if !generates && c.Slot.Described() {
		return fmt.Errorf("%w: operation %02X takes the slot number only", ErrConflict, byte(c.Operation))
	}
	return c.checkCertificate()
}

func (c SetAuthenticationHandlerData) checkCertificate() error {
	if c.Operation != HandlerImportCertificate {
		if len(c.Certificate) > 0 || c.Part != nil {
			return fmt.Errorf("%w: a certificate goes with operation 05 only", ErrConflict)
		}
		return nil
	}
	n := len(c.Certificate)
	if n == 0 {
		return fmt.Errorf("%w: certificate to import", ErrMissing)
	}
	if n > MaxCertificate {
		return fmt.Errorf("%w: a certificate has at most %d octets, have %d", ErrLength, MaxCertificate, n)
	}
	if p := c.Part; p != nil && (int(p.Offset)+n > int(p.Length) || p.Length > MaxCertificate) {
		return fmt.Errorf("%w: part of %d octets at %d of %d", ErrLength, n, p.Offset, p.Length)
	}
	return nil
}

func parseSetAuthenticationHandlerData(value []byte) (Command, error) {
	var c SetAuthenticationHandlerData
	known := setOf(tagSlot, tagOperation, tagCertificate, tagRange)
	err := walk(value, tagSlot, known, 0, setOf(tagSlot, tagOperation), func(tag byte, v []byte) (err error) {
		switch tag {
		case tagSlot:
			c.Slot, err = parseSlot(v)
		case tagOperation:
			var x byte
			x, err = one(v)
			c.Operation = HandlerOperation(x)
		case tagCertificate:
			if len(v) == 0 {
				return fmt.Errorf("%w: empty certificate", ErrLength)
			}
			c.Certificate = v
		case tagRange:
			c.Part, err = parseRange(v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, c.check()
}

// What GetAuthenticationHandlerData asks for.
type What byte

// Values of tag 93 (INT6 A4).
const (
	WhatPublicKey   What = 0x01
	WhatState       What = 0x02
	WhatCertificate What = 0x03
)

// GetAuthenticationHandlerData (A4) reads a public key, the applet's state or
// a certificate, whole or in part: a part repairs an answer that lost a
// segment. Nothing that it can read is secret. Requirement 4-8.
type GetAuthenticationHandlerData struct {
	Slot byte
	What What
	Part *Range
}

// Tag is A4.
func (GetAuthenticationHandlerData) Tag() Tag { return TagGetAuthenticationHandlerData }

func (c GetAuthenticationHandlerData) check() error {
	if c.Slot == 0 {
		return fmt.Errorf("%w: slot numbers begin at 1", ErrValue)
	}
	if _, err := between([]byte{byte(c.What)}, byte(WhatPublicKey), byte(WhatCertificate)); err != nil {
		return err
	}
	if c.Part != nil && c.Part.Length == 0 {
		return fmt.Errorf("%w: a part of no octets", ErrValue)
	}
	if c.Part != nil && c.What == WhatState {
		return fmt.Errorf("%w: the state is not read in parts", ErrConflict)
	}
	return nil
}

func (c GetAuthenticationHandlerData) appendParams(b []byte) []byte {
	b = appendTLV(b, tagSlot, c.Slot)
	b = appendTLV(b, tagWhat, byte(c.What))
	return c.Part.append(b)
}

func parseGetAuthenticationHandlerData(value []byte) (Command, error) {
	var c GetAuthenticationHandlerData
	known := setOf(tagSlot, tagWhat, tagRange)
	err := walk(value, tagSlot, known, 0, setOf(tagSlot, tagWhat), func(tag byte, v []byte) (err error) {
		switch tag {
		case tagSlot:
			c.Slot, err = one(v)
		case tagWhat:
			var x byte
			x, err = one(v)
			c.What = What(x)
		case tagRange:
			c.Part, err = parseRange(v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, c.check()
}

func (r *Range) append(b []byte) []byte {
	if r == nil {
		return b
	}
	return appendTLV(b, tagRange, byte(r.Offset>>8), byte(r.Offset), byte(r.Length>>8), byte(r.Length))
}

func parseRange(v []byte) (*Range, error) {
	if len(v) != 4 {
		return nil, fmt.Errorf("%w: a range needs 4 octets, have %d", ErrLength, len(v))
	}
	return &Range{uint16(v[0])<<8 | uint16(v[1]), uint16(v[2])<<8 | uint16(v[3])}, nil
}
