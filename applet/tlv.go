package applet

import "fmt"

// readTLV takes one TLV from b: a one-octet tag, a length of 00-7F, 81 80-FF
// or 82 0100-FFFF, and that many octets. Longer forms of a length that fits a
// shorter one are refused, so that a message has one encoding (INT6, Message).
func readTLV(b []byte) (tag byte, value, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, fmt.Errorf("%w: tag and length need 2 octets, have %d", ErrLength, len(b))
	}
	tag = b[0]
	n, at := int(b[1]), 2
	switch {
	case n < 0x80:
	case n == 0x81:
		if len(b) < 3 {
			return 0, nil, nil, fmt.Errorf("%w: tag %02X: length 81 needs 1 more octet, have none", ErrLength, tag)
		}
		if n, at = int(b[2]), 3; n < 0x80 {
			return 0, nil, nil, fmt.Errorf("%w: tag %02X: length %d written as 81 %02X", ErrNotMinimal, tag, n, n)
		}
	case n == 0x82:
		if len(b) < 4 {
			return 0, nil, nil, fmt.Errorf("%w: tag %02X: length 82 needs 2 more octets, have %d", ErrLength, tag, len(b)-2)
		}
		if n, at = int(b[2])<<8|int(b[3]), 4; n < 0x100 {
			return 0, nil, nil, fmt.Errorf("%w: tag %02X: length %d written as 82 %04X", ErrNotMinimal, tag, n, n)
		}
	default:
		return 0, nil, nil, fmt.Errorf("%w: tag %02X: length octet %02X", ErrLength, tag, n)
	}
	if len(b)-at < n {
		return 0, nil, nil, fmt.Errorf("%w: tag %02X needs %d octets, have %d", ErrLength, tag, n, len(b)-at)
	}
	return tag, b[at : at+n : at+n], b[at+n:], nil
}

// appendTLV appends one TLV; values are below 64 KiB (checked by the callers' limits).
func appendTLV(b []byte, tag byte, value ...byte) []byte {
	b = append(b, tag)
	b = appendLength(b, len(value))
	return append(b, value...)
}

func appendLength(b []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 0x100:
		return append(b, 0x81, byte(n))
	}
	return append(b, 0x82, byte(n>>8), byte(n))
}

// openTLV appends a tag and room for a short length; closeTLV, given the
// place, writes the real length and moves the value when that needs more room.
func openTLV(b []byte, tag byte) ([]byte, int) {
	return append(b, tag, 0), len(b) + 2
}

func closeTLV(b []byte, at int) []byte {
	n := len(b) - at
	switch {
	case n < 0x80:
		b[at-1] = byte(n)
		return b
	case n < 0x100:
		b = append(b, 0)
		copy(b[at+1:], b[at:])
		b[at-1], b[at] = 0x81, byte(n)
		return b
	}
	b = append(b, 0, 0)
	copy(b[at+2:], b[at:])
	b[at-1], b[at], b[at+1] = 0x82, byte(n>>8), byte(n)
	return b
}

// tagSet is a set of tags that differ in their low five bits: the parameters
// of commands (80-9F) or the parts of a result (B0-BF).
type tagSet uint32

func (s tagSet) has(tag byte) bool { return s&(1<<(tag&0x1F)) != 0 }
func (s *tagSet) add(tag byte)     { *s |= 1 << (tag & 0x1F) }

func setOf(tags ...byte) (s tagSet) {
	for _, t := range tags {
		s.add(t)
	}
	return s
}

// walk calls f for each TLV of value. Vendor tags are skipped; a tag outside
// known refuses, as does the second occurrence of one that is not in many, or
// the absence of one in needed. first is the lowest tag of the class.
func walk(value []byte, first byte, known, many, needed tagSet, f func(tag byte, v []byte) error) error {
	var seen tagSet
	for len(value) > 0 {
		tag, v, rest, err := readTLV(value)
		if err != nil {
			return err
		}
		value = rest
		if vendorTag(tag) {
			continue
		}
		if tag&0xE0 != first&0xE0 || !known.has(tag) {
			return fmt.Errorf("%w: tag %02X is not known here", ErrTag, tag)
		}
		if seen.has(tag) && !many.has(tag) {
			return fmt.Errorf("%w: tag %02X occurs twice", ErrDuplicate, tag)
		}
		seen.add(tag)
		if err := f(tag, v); err != nil {
			return fmt.Errorf("tag %02X: %w", tag, err)
		}
	}
	if missing := needed &^ seen; missing != 0 {
		for i := range byte(32) {
			if missing&(1<<i) != 0 {
				return fmt.Errorf("%w: tag %02X is needed", ErrMissing, first&0xE0|i)
			}
		}
	}
	return nil
}

// one is the value of a parameter of exactly one octet.
func one(v []byte) (byte, error) {
	if len(v) != 1 {
		return 0, fmt.Errorf("%w: needs 1 octet, have %d", ErrLength, len(v))
	}
	return v[0], nil
}

// between is one for a value with limits.
func between(v []byte, lo, hi byte) (byte, error) {
	x, err := one(v)
	if err == nil && (x < lo || x > hi) {
		err = fmt.Errorf("%w: %02X is not within %02X to %02X", ErrValue, x, lo, hi)
	}
	return x, err
}
