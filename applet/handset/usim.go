package handset

import "github.com/simsign/simsign/ota/sms"

// ust is the USIM service table: bit 1 of the first octet is service 1.
type ust []byte

func (u ust) has(service int) bool {
	i := (service - 1) / 8
	return i < len(u) && u[i]&(1<<((service-1)%8)) != 0
}

// smscOf finds the service centre in a record of EF.SMSP: 12 octets that begin
// with a length, 15 octets before the end; FF is none (TS 31.102 4.2.27).
func smscOf(record []byte) []byte {
	at := len(record) - 15
	if at < 0 {
		return nil
	}
	a := record[at : at+12]
	n := int(a[0])
	if n < 2 || n > 11 {
		return nil
	}
	if _, err := sms.ParseAddressValue(a[1 : 1+n]); err != nil {
		return nil
	}
	return append([]byte(nil), a[1:1+n]...)
}

// swappedDigits reads digits of swapped semi-octets up to the filler F.
func swappedDigits(b []byte) string {
	var out []byte
	for _, o := range b {
		for _, d := range [2]byte{o & 15, o >> 4} {
			if d > 9 {
				return string(out)
			}
			out = append(out, '0'+d)
		}
	}
	return string(out)
}
