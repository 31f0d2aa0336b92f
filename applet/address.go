package applet

import "fmt"

// Type and numbering plan octets of an address (TS 23.040 9.1.2.5).
const (
	addressInternational = 0x91
	addressUnknown       = 0x81
	maxAddressDigits     = 20
)

func checkAddress(s string) error {
	digits := s
	if s[0] == '+' {
		digits = s[1:]
	}
	if n := len(digits); n < 1 || n > maxAddressDigits {
		return fmt.Errorf("%w: an address has 1 to %d digits, have %d", ErrLength, maxAddressDigits, n)
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return fmt.Errorf("%w: an address has digits only", ErrValue)
		}
	}
	return nil
}

// encodeAddress is type and plan, then swapped digits, F filling an odd one.
func encodeAddress(s string) []byte {
	b := []byte{addressUnknown}
	if s[0] == '+' {
		b[0], s = addressInternational, s[1:]
	}
	for i := 0; i < len(s); i += 2 {
		o := s[i] & 0x0F
		if i+1 < len(s) {
			o |= s[i+1] << 4
		} else {
			o |= 0xF0
		}
		b = append(b, o)
	}
	return b
}

func decodeAddress(v []byte) (string, error) {
	if len(v) < 2 || len(v) > 1+maxAddressDigits/2 {
		return "", fmt.Errorf("%w: an address needs 2 to %d octets, have %d", ErrLength, 1+maxAddressDigits/2, len(v))
	}
	var s []byte
	switch v[0] {
	case addressInternational:
		s = append(s, '+')
	case addressUnknown:
	default:
		return "", fmt.Errorf("%w: address type %02X is not 81 or 91", ErrValue, v[0])
	}
	for i, o := range v[1:] {
		lo, hi := o&0x0F, o>>4
		last := i == len(v)-2
		if lo > 9 || hi > 9 && !(last && hi == 0x0F) {
			return "", fmt.Errorf("%w: address octet %02X", ErrValue, o)
		}
		s = append(s, '0'+lo)
		if hi <= 9 {
			s = append(s, '0'+hi)
		}
	}
	return string(s), nil
}
