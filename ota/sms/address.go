package sms

import (
	"fmt"
	"log/slog"
	"strings"
)

// Type of number and numbering plan of an address. TS 23.040 9.1.2.5.
const (
	TONUnknown       byte = 0
	TONInternational byte = 1
	TONNational      byte = 2
	TONAlphanumeric  byte = 5 // the number is a name in the 7-bit alphabet
	NPIUnknown       byte = 0
	NPITelephone     byte = 1 // ITU-T E.164
)

// maxAddress is the longest address, in semi-octets.
const maxAddress = 20

// digits are the values of a semi-octet; F fills up.
const digits = "0123456789*#abc"

// Address is an address of a short message: a number, or a name of up to 11
// characters when TON is alphanumeric.
type Address struct {
	TON, NPI byte
	Number   string // 0-9, *, #, a, b, c without "+"; or the name
}

// AddressOf is the international address of a number.
func AddressOf(m MSISDN) Address {
	return Address{TON: TONInternational, NPI: NPITelephone, Number: string(m)}
}

// MSISDN is the number when the address is international (ErrMSISDN,
// ErrAddress). Other types are not guessed at.
func (a Address) MSISDN() (MSISDN, error) {
	if a.TON != TONInternational {
		return "", fmt.Errorf("%w: type of number %d, must be 1 (international)", ErrAddress, a.TON)
	}
	return ParseMSISDN(a.Number)
}

// LogValue masks like MSISDN; a name is shown.
func (a Address) LogValue() slog.Value {
	if a.TON == TONAlphanumeric {
		return slog.StringValue(a.Number)
	}
	return MSISDN(a.Number).LogValue()
}

// AppendBinary appends the address as in a TPDU: length in semi-octets, type
// octet, value (ErrAddress). TS 23.040 9.1.2.5.
func (a Address) AppendBinary(dst []byte) ([]byte, error) {
	at := len(dst)
	dst, err := a.AppendValue(append(dst, 0))
	if err != nil {
		return dst[:at], err
	}
	semi := len(a.Number)
	if a.TON == TONAlphanumeric {
		n, _ := GSMLen(a.Number)
		semi = (n*7 + 3) / 4
	}
	if semi > maxAddress {
		return dst[:at], fmt.Errorf("%w: %d semi-octets, the most is %d", ErrAddress, semi, maxAddress)
	}
	dst[at] = byte(semi)
	return dst, nil
}

// AppendValue appends type octet and value without a length, as in the
// address objects of a card (TS 102 223 8.1) and in the RP layer (TS 24.011).
func (a Address) AppendValue(dst []byte) ([]byte, error) {
	if a.TON > 7 || a.NPI > 15 {
		return dst, fmt.Errorf("%w: type %d or plan %d does not fit", ErrAddress, a.TON, a.NPI)
	}
	dst = append(dst, 0x80|a.TON<<4|a.NPI)
	if a.TON == TONAlphanumeric {
		septets, err := AppendGSM(nil, a.Number)
		if err != nil {
			return dst, fmt.Errorf("%w: a name must be in the 7-bit alphabet", ErrAddress)
		}
		return PackSeptets(dst, septets, 0), nil
	}
	for i := 0; i < len(a.Number); i += 2 {
		b := byte(0xF0)
		lo := strings.IndexByte(digits, a.Number[i])
		hi := 15
		if i+1 < len(a.Number) {
			hi = strings.IndexByte(digits, a.Number[i+1])
		}
		if lo < 0 || hi < 0 {
			return dst, fmt.Errorf("%w: only the characters %s can be dialled", ErrAddress, digits)
		}
		b = byte(hi)<<4 | byte(lo)
		dst = append(dst, b)
	}
	return dst, nil
}

// ParseAddress reads the form of AppendBinary and returns the rest.
func ParseAddress(b []byte) (Address, []byte, error) {
	if len(b) < 2 {
		return Address{}, nil, fmt.Errorf("%w: needs 2 octets, have %d", ErrAddress, len(b))
	}
	semi := int(b[0])
	n := 2 + (semi+1)/2
	if semi > maxAddress {
		return Address{}, nil, fmt.Errorf("%w: %d semi-octets, the most is %d", ErrAddress, semi, maxAddress)
	}
	if len(b) < n {
		return Address{}, nil, fmt.Errorf("%w: %d semi-octets need %d octets, have %d", ErrAddress, semi, n, len(b))
	}
	a, err := parseAddress(b[1:n], semi)
	return a, b[n:], err
}

// ParseAddressValue reads the form of AppendValue: all of b.
func ParseAddressValue(b []byte) (Address, error) {
	if len(b) < 1 || len(b) > 1+maxAddress/2 {
		return Address{}, fmt.Errorf("%w: %d octets, must be 1 to %d", ErrAddress, len(b), 1+maxAddress/2)
	}
	semi := 2 * (len(b) - 1)
	switch name := b[0]>>4&7 == TONAlphanumeric; {
	case semi == 0:
	case name && semi%14 == 0 && b[len(b)-1]>>1 == 0:
		semi-- // seven characters fill seven octets but for one septet: no "@" behind them
	case !name && b[len(b)-1]>>4 == 0xF:
		semi--
	}
	return parseAddress(b, semi)
}

func parseAddress(b []byte, semi int) (Address, error) {
	a := Address{TON: b[0] >> 4 & 7, NPI: b[0] & 15}
	b = b[1:]
	if a.TON == TONAlphanumeric {
		a.Number = DecodeGSM(UnpackSeptets(nil, b, 0, semi*4/7))
		return a, nil
	}
	number := make([]byte, semi)
	for i := range number {
		d := b[i/2] >> (4 * (i & 1)) & 15
		if int(d) >= len(digits) {
			return Address{}, fmt.Errorf("%w: filler F at digit %d of %d", ErrAddress, i+1, semi)
		}
		number[i] = digits[d]
	}
	a.Number = string(number)
	return a, nil
}
