package sms

import (
	"fmt"
	"slices"
)

// Part is one segment: a user data header with its length octet, and the user
// data behind it. Together they have at most MaxUserData octets.
type Part struct {
	UDH, UD []byte
}

// SplitOptions choose the form of the headers.
type SplitOptions struct {
	CPI      CPI    // kind of packet; NoCPI for other binary messages
	Ref      uint16 // concatenation reference, at most 255 unless Ref16
	Ref16    bool   // use the 16-bit reference: one octet less for the packet
	CPIFirst bool   // put element 70 or 71 before the concatenation: some cards want it
}

// Split cuts a packet into as few segments as can be, every one but the last
// full. A packet that fits has no concatenation element. The error is
// ErrSegments: more than 255 segments, or a reference that does not fit.
func Split(packet []byte, o SplitOptions) ([]Part, error) {
	if !o.Ref16 && o.Ref > 0xFF {
		return nil, fmt.Errorf("%w: reference %d does not fit into 8 bits", ErrSegments, o.Ref)
	}
	c := Concat{Ref: o.Ref, Ref16: o.Ref16, Total: 1, Part: 1}
	single := appendUDH(nil, c, o.CPI, o.CPIFirst)
	if len(single)+len(packet) <= MaxUserData {
		return []Part{{UDH: single, UD: packet}}, nil
	}
	const longest = 9 // 08 08 04 refHi refLo total part 70 00
	first := MaxUserData - concatLen(o.Ref16)
	if o.CPI != NoCPI {
		first -= 2
	}
	later := MaxUserData - concatLen(o.Ref16)
	total := 1 + (len(packet)-first+later-1)/later
	if total > 0xFF {
		return nil, fmt.Errorf("%w: %d octets need %d segments, the most is 255", ErrSegments, len(packet), total)
	}
	c.Total = uint8(total)
	parts := make([]Part, 0, total)
	headers := make([]byte, 0, total*longest)
	for n := first; len(packet) > 0; n = later {
		at := len(headers)
		headers = appendUDH(headers, c, o.CPI, o.CPIFirst)
		n = min(n, len(packet))
		parts = append(parts, Part{UDH: slices.Clip(headers[at:]), UD: slices.Clip(packet[:n])})
		packet = packet[n:]
		c.Part++
	}
	return parts, nil
}

// concatLen is the length of a header with only a concatenation element.
func concatLen(ref16 bool) int {
	if ref16 {
		return 7
	}
	return 6
}

// Join appends the packet that the segments make to dst, in whatever order
// they are, and says of which kind it is. Every segment must be there once and
// name the same reference and total (ErrSegments, ErrUDH). A plain binary
// message joins to NoCPI.
func Join(dst []byte, parts []Part) ([]byte, CPI, error) {
	if len(parts) == 0 || len(parts) > 0xFF {
		return dst, NoCPI, fmt.Errorf("%w: %d segments, must be 1 to 255", ErrSegments, len(parts))
	}
	var at [256]uint8 // 1 + index of each part
	var message Concat
	kind := NoCPI
	for i, p := range parts {
		c, cpi, err := ParseConcat(p.UDH)
		if err != nil {
			return dst, NoCPI, err
		}
		part := c.Part
		c.Part = 0
		if i == 0 {
			message = c
		}
		switch {
		case c != message:
			return dst, NoCPI, fmt.Errorf("%w: part %d has another reference or total than the first seen", ErrSegments, part)
		case int(c.Total) != len(parts):
			return dst, NoCPI, fmt.Errorf("%w: have %d of %d", ErrSegments, len(parts), c.Total)
		case at[part] != 0:
			return dst, NoCPI, fmt.Errorf("%w: part %d twice", ErrSegments, part)
		}
		at[part] = uint8(i) + 1
		if cpi != NoCPI {
			kind = cpi
		}
	}
	for part := 1; part <= len(parts); part++ {
		dst = append(dst, parts[at[part]-1].UD...)
	}
	return dst, kind, nil
}
