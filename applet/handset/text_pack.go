package handset

import "github.com/simsign/simsign/ota/sms"

// pack turns the 8-bit text of an SMS-SUBMIT into packed septets
// (TS 102 223 6.4.10).
func pack(tpdu []byte) ([]byte, bool) {
	s, err := sms.ParseSubmit(tpdu)
	if err != nil {
		return nil, false
	}
	header := (len(s.UDH)*8 + 6) / 7
	septets := make([]byte, len(s.UD))
	for i, o := range s.UD {
		septets[i] = o & 0x7F
	}
	s.DCS &^= 0x0C
	if s.DCS >= 0xF0 {
		s.DCS &^= 0x04
	}
	s.Septets = header + len(septets)
	s.UD = sms.PackSeptets(nil, septets, header*7-len(s.UDH)*8)
	b, err := s.AppendBinary(nil)
	return b, err == nil
}
