package applet

import "fmt"

// Hole is what a card puts into one place of a template.
type Hole byte

// Kinds of template parts; literal octets are copied.
const (
	Literal       Hole = 0x01
	HolePublicKey Hole = 0x02 // EC: uncompressed point 04 X Y; RSA: 00 and the modulus
	HolePoP       Hole = 0x03 // the digits of the PoP code, ASCII
)

// TemplatePart is one piece of a template.
type TemplatePart struct {
	Hole   Hole
	Octets []byte // Literal
	Digits byte   // HolePoP: how many digits the PoP code has, 4 to 16
}

// Template is what the card signs in registration flow B: octets with holes
// (INT6, Registration). The server writes the CertificationRequestInfo of
// PKCS#10 (RFC 2986 4.1) around the holes; all its lengths are known, because a
// public key of a given algorithm and a PoP code of a given number of digits
// have one length. The exponent of an RSA key is always 65537 and is part of
// the literal octets. The card fills the holes, hashes the whole and signs the
// hash: it needs no ASN.1. There is exactly one hole for the key and at most
// one for the PoP code.
type Template struct {
	Parts []TemplatePart
}

// Limits of a template (INT6, Registration).
const (
	MaxTemplateParts = 8
	minPoPDigits     = 4
	maxPoPDigits     = 16
)

// PoPDigits is the length of the PoP code in the template, 0 when it has none.
func (t *Template) PoPDigits() int {
	for _, p := range t.Parts {
		if p.Hole == HolePoP {
			return int(p.Digits)
		}
	}
	return 0
}

// Fill gives what is hashed and signed: the literal octets with a public key
// (wire form, as in tag B2) and a PoP code in the holes.
func (t *Template) Fill(b []byte, alg Algorithm, key []byte, pop string) ([]byte, error) {
	for _, p := range t.Parts {
		switch p.Hole {
		case Literal:
			b = append(b, p.Octets...)
		case HolePublicKey:
			k, err := alg.templateKey(key)
			if err != nil {
				return nil, err
			}
			b = append(b, k...)
		case HolePoP:
			if len(pop) != int(p.Digits) {
				return nil, fmt.Errorf("%w: PoP code needs %d digits, have %d", ErrLength, p.Digits, len(pop))
			}
			b = append(b, pop...)
		}
	}
	return b, nil
}

func (t *Template) append(b []byte) []byte {
	for _, p := range t.Parts {
		switch p.Hole {
		case Literal:
			b = appendTLV(b, byte(p.Hole), p.Octets...)
		case HolePublicKey:
			b = appendTLV(b, byte(p.Hole))
		default:
			b = appendTLV(b, byte(p.Hole), p.Digits)
		}
	}
	return b
}

func parseTemplate(v []byte) (*Template, error) {
	t := new(Template)
	for len(v) > 0 {
		tag, value, rest, err := readTLV(v)
		if err != nil {
			return nil, err
		}
		v = rest
		p := TemplatePart{Hole: Hole(tag)}
		switch p.Hole {
		case Literal:
			p.Octets = value
		case HolePublicKey:
			if len(value) != 0 {
				return nil, fmt.Errorf("%w: hole 02 has no content, have %d octets", ErrLength, len(value))
			}
		case HolePoP:
			if p.Digits, err = one(value); err != nil {
				return nil, err
			}
		}
		t.Parts = append(t.Parts, p)
		if len(t.Parts) > MaxTemplateParts {
			return nil, fmt.Errorf("%w: a template has at most %d parts", ErrLength, MaxTemplateParts)
		}
	}
	return t, t.check()
}

func (t *Template) check() error {
	keys, pops := 0, 0
	if len(t.Parts) > MaxTemplateParts {
		return fmt.Errorf("%w: a template has at most %d parts", ErrLength, MaxTemplateParts)
	}
	for _, p := range t.Parts {
		switch p.Hole {
		case Literal:
			if len(p.Octets) == 0 {
				return fmt.Errorf("%w: empty literal in a template", ErrLength)
			}
		case HolePublicKey:
			keys++
		case HolePoP:
			pops++
			if p.Digits < minPoPDigits || p.Digits > maxPoPDigits {
				return fmt.Errorf("%w: PoP code of %d digits, needs %d to %d", ErrValue, p.Digits, minPoPDigits, maxPoPDigits)
			}
		default:
			return fmt.Errorf("%w: template part %02X", ErrTag, byte(p.Hole))
		}
	}
	switch {
	case keys == 0:
		return fmt.Errorf("%w: a template needs the hole for the public key", ErrMissing)
	case keys > 1 || pops > 1:
		return fmt.Errorf("%w: a template has one hole for the key and at most one for the PoP code", ErrDuplicate)
	}
	// A to-be-signed structure that begins with a hole or a free octet could
	// be chosen to look like something else; DER of a request begins with 30.
	if p := t.Parts[0]; p.Hole != Literal || p.Octets[0] != 0x30 {
		return fmt.Errorf("%w: a template begins with a SEQUENCE (30)", ErrValue)
	}
	return nil
}
