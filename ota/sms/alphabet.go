package sms

import "fmt"

// escape announces a character of the extension table.
const escape = 0x1B

// gsmDefault is the GSM 7-bit default alphabet, a table that nobody writes.
// TS 23.038 6.2.1.
var gsmDefault = [128]rune{
	'@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
	'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', escape, 'Æ', 'æ', 'ß', 'É',
	' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
	'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
	'¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
	'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
	'¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
	'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
}

// gsmExtension is the extension table, reached by the escape: a code and its
// character. TS 23.038 6.2.1.1.
var gsmExtension = [...]struct {
	code byte
	r    rune
}{
	{0x0A, '\f'},
	{0x14, '^'},
	{0x28, '{'},
	{0x29, '}'},
	{0x2F, '\\'},
	{0x3C, '['},
	{0x3D, '~'},
	{0x3E, ']'},
	{0x40, '|'},
	{0x65, '€'},
}

// gsmCode finds the one or two septets of a character; n is 0 when there are
// none.
func gsmCode(r rune) (code [2]byte, n int) {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == ' ' {
		return [2]byte{byte(r)}, 1
	}
	for _, e := range gsmExtension {
		if e.r == r {
			return [2]byte{escape, e.code}, 2
		}
	}
	for i, d := range gsmDefault {
		if d == r && r != escape {
			return [2]byte{byte(i)}, 1
		}
	}
	return code, 0
}

// GSMLen is the number of septets that a text has in the 7-bit alphabet; a
// character of the extension table counts two. ok is false when a character
// is in neither table.
func GSMLen(text string) (n int, ok bool) {
	for _, r := range text {
		_, k := gsmCode(r)
		if k == 0 {
			return 0, false
		}
		n += k
	}
	return n, true
}

// AppendGSM appends a text in the 7-bit alphabet, one octet a septet: the
// "8-bit unpacked" form of card commands, and the input of PackSeptets. A
// character that is in neither table is ErrText; the error says where, not
// which.
func AppendGSM(dst []byte, text string) ([]byte, error) {
	for i, r := range text {
		code, n := gsmCode(r)
		if n == 0 {
			return dst, fmt.Errorf("%w: the character at octet %d is not in the 7-bit alphabet", ErrText, i)
		}
		dst = append(dst, code[:n]...)
	}
	return dst, nil
}

// DecodeGSM reads one septet an octet. As TS 23.038 wants it, a code that the
// extension table does not have is read from the default table, and an escape
// at the end is a space. The eighth bit is not looked at.
func DecodeGSM(septets []byte) string {
	out := make([]rune, 0, len(septets))
	for i := 0; i < len(septets); i++ {
		s := septets[i] & 0x7F
		if s != escape {
			out = append(out, gsmDefault[s])
			continue
		}
		r := ' '
		if i+1 < len(septets) && septets[i+1]&0x7F != escape {
			i++
			r = gsmDefault[septets[i]&0x7F]
			for _, e := range gsmExtension {
				if e.code == septets[i]&0x7F {
					r = e.r
				}
			}
		}
		out = append(out, r)
	}
	return string(out)
}

// PackSeptets appends septets packed, eight in seven octets, behind fill bits
// that bring them to a septet boundary after a header. TS 23.038 6.1.2.1.1.
func PackSeptets(dst, septets []byte, fill int) []byte {
	acc, bits := uint(0), fill
	for _, s := range septets {
		acc |= uint(s&0x7F) << bits
		for bits += 7; bits >= 8; bits -= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
		}
	}
	if bits > 0 && len(septets) > 0 {
		dst = append(dst, byte(acc))
	}
	return dst
}

// UnpackSeptets appends n septets from packed octets, passing over fill bits.
// Septets that are not there are left out.
func UnpackSeptets(dst, packed []byte, fill, n int) []byte {
	n = min(n, (len(packed)*8-fill)/7)
	for i := range max(n, 0) {
		at := fill + 7*i
		w := uint(packed[at/8])
		if at/8+1 < len(packed) {
			w |= uint(packed[at/8+1]) << 8
		}
		dst = append(dst, byte(w>>(at%8))&0x7F)
	}
	return dst
}
