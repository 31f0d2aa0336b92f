package uicc

import "github.com/simsign/simsign/applet"

// AppendTLV adds an object with its length (TS 101 220 7.1.2): 00-7F, or 81 80-FF.
func AppendTLV(b []byte, tag byte, value ...byte) []byte {
	b = AppendHead(b, tag, len(value))
	return append(b, value...)
}

// AppendHead is tag and length.
func AppendHead(b []byte, tag byte, n int) []byte {
	if n < 0x80 {
		return append(b, tag, byte(n))
	}
	return append(b, tag, 0x81, byte(n))
}

// AlphaIdentifier codes a text as in an EF.ADN: GSM, or 80 and UCS-2
// (TS 102 221 annex A).
func AlphaIdentifier(s string) []byte {
	t, _ := applet.ScreenText(s)
	if t.Coding == applet.TextUCS2 {
		return append([]byte{0x80}, t.Octets...)
	}
	return t.Octets
}

// ReadTLV takes one comprehension TLV: lengths 00-7F and 81 80-FF. The tag
// comes without its comprehension bit.
func ReadTLV(b []byte) (tag byte, value, rest []byte, ok bool) {
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
	return b[0] &^ Required, b[at : at+n], b[at+n:], true
}

// ReadBER takes the one BER-TLV of an ENVELOPE.
func ReadBER(b []byte) (tag byte, value, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, nil, false
	}
	_, value, rest, ok = ReadTLV(b)
	return b[0], value, rest, ok
}

// FindTLV gives the value of the first object with a tag.
func FindTLV(b []byte, want byte) ([]byte, bool) {
	for {
		tag, v, rest, ok := ReadTLV(b)
		if !ok {
			return nil, false
		}
		if tag == want {
			return v, true
		}
		b = rest
	}
}
