package sms

import "fmt"

// Message types: TP-MTI, the low two bits of the first octet. The same number
// means another type in the other direction. TS 23.040 9.2.3.1.
const (
	mtiDeliver = 0 // to the phone; from it: DELIVER-REPORT
	mtiSubmit  = 1 // from the phone; to it: SUBMIT-REPORT
	mtiStatus  = 2 // to the phone: STATUS-REPORT
)

// Bits of the first octet.
const (
	bitRD   = 0x04 // SUBMIT: reject duplicates
	bitNMMS = 0x04 // DELIVER, STATUS-REPORT: no more messages to send
	bitLP   = 0x08 // DELIVER, STATUS-REPORT: loop prevention
	bitSR   = 0x20 // SUBMIT: status report asked for; DELIVER: will be sent; STATUS-REPORT: of a command
	bitUDHI = 0x40 // user data begin with a header
	bitRP   = 0x80 // reply path
)

func flag(on bool, bit byte) byte {
	if on {
		return bit
	}
	return 0
}

// checkType reads the first octet.
func checkType(b []byte, name string, mti byte) (first byte, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, fmt.Errorf("%w: %s is empty", ErrTPDU, name)
	}
	if b[0]&3 != mti {
		return 0, nil, fmt.Errorf("%w: message type %d, %s is %d", ErrTPDU, b[0]&3, name, mti)
	}
	return b[0], b[1:], nil
}

// take cuts n octets off.
func take(b []byte, what string, n int) (head, rest []byte, err error) {
	if len(b) < n {
		return nil, nil, fmt.Errorf("%w: %s needs %d octets, have %d", ErrTPDU, what, n, len(b))
	}
	return b[:n], b[n:], nil
}

// appendUD appends TP-UDL and TP-UD. septets counts with the 7-bit alphabet
// only, and must fit the octets.
func appendUD(dst []byte, dcs byte, udh, ud []byte, septets int) ([]byte, error) {
	n := len(udh) + len(ud)
	if n > MaxUserData {
		return dst, fmt.Errorf("%w: user data of %d octets, the most is %d", ErrTPDU, n, MaxUserData)
	}
	if len(udh) > 0 && int(udh[0]) != len(udh)-1 {
		return dst, fmt.Errorf("%w: UDHL %d, have %d octets", ErrUDH, udh[0], len(udh)-1)
	}
	udl := n
	if AlphabetOf(dcs) == AlphabetGSM {
		if udl = septets; septets < 0 || (septets*7+7)/8 != n {
			return dst, fmt.Errorf("%w: %d septets in %d octets", ErrTPDU, septets, n)
		}
	}
	return append(append(append(dst, byte(udl)), udh...), ud...), nil
}

// userData is TP-UD taken apart.
type userData struct {
	udh, ud []byte
	septets int
}

// parseUD reads TP-UDL and TP-UD, which must be all of b. The slices returned
// are those of b.
func parseUD(b []byte, dcs byte, hasUDH bool) (userData, error) {
	var u userData
	head, rest, err := take(b, "TP-UDL", 1)
	if err != nil {
		return u, err
	}
	n := int(head[0])
	if AlphabetOf(dcs) == AlphabetGSM {
		u.septets, n = n, (n*7+7)/8
	}
	if n > MaxUserData {
		return u, fmt.Errorf("%w: user data of %d octets, the most is %d", ErrTPDU, n, MaxUserData)
	}
	if n != len(rest) {
		return u, fmt.Errorf("%w: TP-UDL says %d octets of user data, have %d", ErrTPDU, n, len(rest))
	}
	u.ud = rest
	if hasUDH {
		if len(rest) == 0 || int(rest[0]) > len(rest)-1 {
			return u, fmt.Errorf("%w: it overruns %d octets of user data", ErrUDH, len(rest))
		}
		u.udh, u.ud = rest[:1+rest[0]:1+rest[0]], rest[1+rest[0]:]
	}
	return u, nil
}
