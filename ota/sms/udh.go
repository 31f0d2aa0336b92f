package sms

import (
	"encoding/binary"
	"fmt"
)

// Information elements of a user data header. TS 23.040 9.2.3.24.
const (
	ieConcat8  = 0x00 // concatenation, 8-bit reference
	ieConcat16 = 0x08 // concatenation, 16-bit reference
)

// CPI is the command packet identifier: the element that marks the first
// segment of a secured packet. TS 31.115 4.
type CPI byte

// The kinds of message.
const (
	NoCPI       CPI = 0x00 // not a secured packet, or not its first segment
	CommandCPI  CPI = 0x70 // command packet
	ResponseCPI CPI = 0x71 // response packet
)

// String is "command", "response" or "none".
func (c CPI) String() string {
	switch c {
	case CommandCPI:
		return "command"
	case ResponseCPI:
		return "response"
	}
	return "none"
}

// Concat says where a segment belongs. A message of one segment has Total and
// Part 1 and no element for it.
type Concat struct {
	Ref   uint16
	Ref16 bool // the reference has 16 bits (element 08) and not 8 (element 00)
	Total uint8
	Part  uint8 // 1 is the first
}

// Element is one information element of a user data header.
type Element struct {
	ID   byte
	Data []byte // a slice of the header
}

// ParseElement reads one element and returns the rest (ErrUDH).
func ParseElement(b []byte) (Element, []byte, error) {
	if len(b) < 2 {
		return Element{}, nil, fmt.Errorf("%w: an element needs 2 octets, have %d", ErrUDH, len(b))
	}
	if n := int(b[1]); len(b) < 2+n {
		return Element{}, nil, fmt.Errorf("%w: element %02X has %d octets, have %d", ErrUDH, b[0], n, len(b)-2)
	}
	return Element{ID: b[0], Data: b[2 : 2+b[1]]}, b[2+b[1]:], nil
}

// ParseConcat reads a user data header, length octet included: where the
// segment belongs, and whether a secured packet begins here. nil is no header:
// a whole plain message. Elements that are not known are passed over, as the
// standard wants it. Two concatenation elements, part 0, a part beyond the
// total, a total of 0, a packet mark twice or in a later part are ErrUDH.
func ParseConcat(udh []byte) (Concat, CPI, error) {
	c, cpi := Concat{Total: 1, Part: 1}, NoCPI
	if len(udh) == 0 {
		return c, cpi, nil
	}
	if int(udh[0]) != len(udh)-1 {
		return Concat{}, NoCPI, fmt.Errorf("%w: UDHL %d, have %d octets", ErrUDH, udh[0], len(udh)-1)
	}
	concatenated := false
	for rest := udh[1:]; len(rest) > 0; {
		var e Element
		var err error
		if e, rest, err = ParseElement(rest); err != nil {
			return Concat{}, NoCPI, err
		}
		switch e.ID {
		case ieConcat8, ieConcat16:
			if concatenated {
				return Concat{}, NoCPI, fmt.Errorf("%w: two concatenation elements", ErrUDH)
			}
			concatenated = true
			if c, err = parseConcatElement(e); err != nil {
				return Concat{}, NoCPI, err
			}
		case byte(CommandCPI), byte(ResponseCPI):
			if cpi != NoCPI {
				return Concat{}, NoCPI, fmt.Errorf("%w: two packet marks (70, 71)", ErrUDH)
			}
			if len(e.Data) != 0 {
				return Concat{}, NoCPI, fmt.Errorf("%w: element %02X has %d octets, must have none", ErrUDH, e.ID, len(e.Data))
			}
			cpi = CPI(e.ID)
		}
	}
	if cpi != NoCPI && c.Part != 1 {
		return Concat{}, NoCPI, fmt.Errorf("%w: packet mark %02X in part %d", ErrUDH, byte(cpi), c.Part)
	}
	return c, cpi, nil
}

func parseConcatElement(e Element) (Concat, error) {
	var c Concat
	d := e.Data
	switch {
	case e.ID == ieConcat8 && len(d) == 3:
		c.Ref, d = uint16(d[0]), d[1:]
	case e.ID == ieConcat16 && len(d) == 4:
		c.Ref, c.Ref16, d = binary.BigEndian.Uint16(d), true, d[2:]
	default:
		return c, fmt.Errorf("%w: concatenation element %02X with %d octets", ErrUDH, e.ID, len(d))
	}
	c.Total, c.Part = d[0], d[1]
	if c.Total == 0 || c.Part == 0 || c.Part > c.Total {
		return c, fmt.Errorf("%w: part %d of %d", ErrUDH, c.Part, c.Total)
	}
	return c, nil
}

// appendUDH appends a header, length octet included, or nothing when none is
// needed.
func appendUDH(dst []byte, c Concat, cpi CPI, cpiFirst bool) []byte {
	if c.Total <= 1 && cpi == NoCPI {
		return dst
	}
	at := len(dst)
	dst = append(dst, 0)
	mark := cpi != NoCPI && c.Part == 1
	if mark && cpiFirst {
		dst = append(dst, byte(cpi), 0)
	}
	switch {
	case c.Total <= 1:
	case c.Ref16:
		dst = append(dst, ieConcat16, 4, byte(c.Ref>>8), byte(c.Ref), c.Total, c.Part)
	default:
		dst = append(dst, ieConcat8, 3, byte(c.Ref), c.Total, c.Part)
	}
	if mark && !cpiFirst {
		dst = append(dst, byte(cpi), 0)
	}
	dst[at] = byte(len(dst) - at - 1)
	return dst
}
