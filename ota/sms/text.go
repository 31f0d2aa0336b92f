package sms

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// TextPart is one segment of a plain message, ready for an SMS-SUBMIT.
type TextPart struct {
	DCS     byte
	UDH, UD []byte
	Septets int // TP-UDL with the 7-bit alphabet, header included; else 0
}

// TextOptions choose the form of a plain message.
type TextOptions struct {
	Ref   uint16 // concatenation reference, at most 255 unless Ref16
	Ref16 bool
}

// EncodeText turns a text into segments: in the 7-bit alphabet where every
// character is in it (160 septets in one message, 153 or 152 in each of
// several), else in UCS2 (70 units, 67 or 66). A segment never ends within a
// character. The error is ErrText: no UTF-8, empty, or more than 255 segments.
func EncodeText(text string, o TextOptions) ([]TextPart, error) {
	if text == "" || !utf8.ValidString(text) {
		return nil, fmt.Errorf("%w: it must be UTF-8 and not empty", ErrText)
	}
	if !o.Ref16 && o.Ref > 0xFF {
		return nil, fmt.Errorf("%w: reference %d does not fit into 8 bits", ErrSegments, o.Ref)
	}
	e := textEncoder{o: o, dcs: DCSGSM, unit: 1}
	header := concatLen(o.Ref16)
	single, several := 160, (MaxUserData*8-header*8)/7
	var err error
	if _, ok := GSMLen(text); ok {
		e.data, err = AppendGSM(nil, text)
	} else {
		e.dcs, e.unit = DCSUCS2, 2
		single, several = MaxUserData, (MaxUserData-header)&^1
		e.data, err = AppendUCS2(nil, text)
	}
	if err != nil {
		return nil, err
	}
	if len(e.data) <= single {
		return []TextPart{e.part(e.data, nil)}, nil
	}
	return e.cut(several)
}

// textEncoder holds a text in septets or in octets of 16-bit units.
type textEncoder struct {
	o    TextOptions
	dcs  byte
	unit int
	data []byte
}

func (e textEncoder) cut(size int) ([]TextPart, error) {
	var cuts [][]byte
	for rest := e.data; len(rest) > 0; {
		n := min(size, len(rest))
		if n < len(rest) && e.splits(rest[:n]) {
			n -= e.unit
		}
		cuts = append(cuts, rest[:n])
		rest = rest[n:]
	}
	if len(cuts) > 0xFF {
		return nil, fmt.Errorf("%w: %d segments, the most is 255", ErrText, len(cuts))
	}
	parts := make([]TextPart, len(cuts))
	for i, d := range cuts {
		c := Concat{Ref: e.o.Ref, Ref16: e.o.Ref16, Total: uint8(len(cuts)), Part: uint8(i + 1)}
		parts[i] = e.part(d, appendUDH(nil, c, NoCPI, false))
	}
	return parts, nil
}

// splits reports that the last unit needs the one behind it: an escape, or
// the first half of a surrogate pair.
func (e textEncoder) splits(d []byte) bool {
	if e.dcs == DCSGSM {
		return d[len(d)-1] == escape
	}
	return d[len(d)-2]&0xFC == 0xD8
}

func (e textEncoder) part(d, udh []byte) TextPart {
	if e.dcs != DCSGSM {
		return TextPart{DCS: e.dcs, UDH: udh, UD: slices.Clip(d)}
	}
	return TextPart{
		DCS: e.dcs, UDH: udh,
		UD:      PackSeptets(nil, d, fillBits(len(udh))),
		Septets: headerSeptets(len(udh)) + len(d),
	}
}

// headerSeptets is the room of a header, in septets begun.
func headerSeptets(udh int) int { return (udh*8 + 6) / 7 }

// fillBits come between a header and the first septet.
func fillBits(udh int) int { return headerSeptets(udh)*7 - udh*8 }

// DecodeText reads one segment of a plain message. septets is TP-UDL when the
// coding scheme is the 7-bit alphabet, header included, and not looked at
// otherwise. Octets (8-bit data) are no text: ErrText.
func DecodeText(dcs byte, udh, ud []byte, septets int) (string, error) {
	switch AlphabetOf(dcs) {
	case AlphabetUCS2:
		return DecodeUCS2(ud)
	case AlphabetData:
		return "", fmt.Errorf("%w: coding scheme %02X is data", ErrText, dcs)
	}
	n := septets - headerSeptets(len(udh))
	fill := fillBits(len(udh))
	if n < 0 || (fill+7*n+7)/8 > len(ud) {
		return "", fmt.Errorf("%w: %d septets, have a header of %d octets and %d octets of text", ErrText, septets, len(udh), len(ud))
	}
	return DecodeGSM(UnpackSeptets(nil, ud, fill, n)), nil
}
