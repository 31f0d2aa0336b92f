package handset

import "github.com/simsign/simsign/ota/sms"

// Codings of a text object (TS 102 223 8.15).
const (
	codingPacked = 0x00
	codingOctets = 0x04
	codingUCS2   = 0x08
)

// text decodes a text object: coding and octets. ok is false for another
// coding, or octets that are no text.
func text(v []byte) (s string, dcs byte, octets []byte, ok bool) {
	if len(v) == 0 {
		return "", codingOctets, nil, true
	}
	dcs, octets = v[0], v[1:]
	switch dcs & 0x0C {
	case codingPacked:
		return unpack(octets), dcs, octets, true
	case codingOctets:
		return decodeGSM(octets), dcs, octets, true
	case codingUCS2:
		s, err := sms.DecodeUCS2(octets)
		return s, dcs, octets, err == nil
	}
	return "", dcs, octets, false
}

// unpack decodes packed text. Seven spare bits at the end hold CR, which is
// not part of the text (TS 23.038 6.1.2.3.1).
func unpack(b []byte) string {
	septets := sms.UnpackSeptets(nil, b, 0, len(b)*8/7)
	if n := len(septets); n > 0 && n%8 == 0 && septets[n-1] == '\r' {
		septets = septets[:n-1]
	}
	return sms.DecodeGSM(septets)
}

// decodeGSM has a short way for what is the same in ASCII, which is nearly all.
func decodeGSM(b []byte) string {
	for _, c := range b {
		if (c < ' ' || c > '?' || c == '$') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '\n' {
			return sms.DecodeGSM(b)
		}
	}
	return string(b)
}

// alpha decodes an alpha identifier: the 7-bit alphabet, or UCS2 in one of
// three forms that the first octet tells (TS 102 221 annex A).
func alpha(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	switch {
	case b[0] == 0x80:
		s, err := sms.DecodeUCS2(b[1 : 1+(len(b)-1)&^1])
		if err != nil {
			return ""
		}
		return s
	case b[0] == 0x81 && len(b) >= 3:
		return alphaPage(b[3:min(len(b), 3+int(b[1]))], rune(b[2])<<7)
	case b[0] == 0x82 && len(b) >= 4:
		return alphaPage(b[4:min(len(b), 4+int(b[1]))], rune(b[2])<<8|rune(b[3]))
	}
	return decodeGSM(b)
}

// alphaPage decodes octets of which those with bit 8 are offsets into a page.
func alphaPage(b []byte, base rune) string {
	var out []rune
	for i := 0; i < len(b); {
		if b[i]&0x80 != 0 {
			out = append(out, base+rune(b[i]&0x7F))
			i++
			continue
		}
		j := i
		for j < len(b) && b[j]&0x80 == 0 {
			j++
		}
		out = append(out, []rune(sms.DecodeGSM(b[i:j]))...)
		i = j
	}
	return string(out)
}

// appendInput writes what the user typed as a text object, and tells where the
// octets of the input are.
func appendInput(b []byte, in string, packed, ucs2 bool) ([]byte, span) {
	var v []byte
	coding := byte(codingOctets)
	switch septets, err := sms.AppendGSM(nil, in); {
	case packed && err == nil && !ucs2:
		// Seven spare bits would read as another character: CR fills them.
		if len(septets)%8 == 7 {
			septets = append(septets, '\r')
		}
		coding, v = codingPacked, sms.PackSeptets(nil, septets, 0)
	case ucs2 || err != nil:
		coding = codingUCS2
		v, _ = sms.AppendUCS2(nil, in) // Screen.check has seen that it is UTF-8
	default:
		v = septets
	}
	b = append(b, comprehension|tagText)
	b = appendLen(b, 1+len(v))
	b = append(b, coding)
	from := len(b)
	return append(b, v...), span{from, from + len(v)}
}
