package card

import "github.com/simsign/simsign/applet"

func appendTLV(b []byte, tag byte, value ...byte) []byte {
	b = appendHead(b, tag, len(value))
	return append(b, value...)
}

func appendHead(b []byte, tag byte, n int) []byte {
	if n < 0x80 {
		return append(b, tag, byte(n))
	}
	return append(b, tag, 0x81, byte(n))
}

func appendText(b []byte, tag byte, t applet.Text) []byte {
	b = appendHead(b, tag, 1+len(t.Octets))
	b = append(b, byte(t.Coding))
	return append(b, t.Octets...)
}

// appendDuration adds a time-out in seconds (TS 102 223 8.8) where there is one
// and room for it. It is not marked as required: a terminal without it takes
// its own time.
func appendDuration(b []byte, seconds byte, room int) []byte {
	if seconds == 0 || room < durationLen {
		return b
	}
	return append(b, tagDuration, 2, 0x01, seconds)
}

// alphaIdentifier codes a text as in an EF.ADN: GSM, or 80 and UCS-2
// (TS 102 221 annex A).
func alphaIdentifier(s string) []byte {
	t, _ := applet.ScreenText(s)
	if t.Coding == applet.TextUCS2 {
		return append([]byte{0x80}, t.Octets...)
	}
	return t.Octets
}

// readTLV takes one comprehension TLV: lengths 00-7F and 81 80-FF. The tag
// comes without its comprehension bit.
func readTLV(b []byte) (tag byte, value, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	n, at := int(b[1]), 2
	if n == 0x81 && len(b) > 2 {
		n, at = int(b[2]), 3
	} else if n > 0x7F {
		return 0, nil, nil, false
	}
	if len(b) < at+n {
		return 0, nil, nil, false
	}
	return b[0] &^ required, b[at : at+n], b[at+n:], true
}

// readBER takes the one BER-TLV of an ENVELOPE.
func readBER(b []byte) (tag byte, value, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, nil, false
	}
	_, value, rest, ok = readTLV(b)
	return b[0], value, rest, ok
}

func findTLV(b []byte, want byte) ([]byte, bool) {
	for {
		tag, v, rest, ok := readTLV(b)
		if !ok {
			return nil, false
		}
		if tag == want {
			return v, true
		}
		b = rest
	}
}
