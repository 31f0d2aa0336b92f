package esme

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// maxShort is the longest short_message (SMPP 3.4 5.2.22).
const maxShort = 254

// encode makes the submit_sm (SMPP 3.4 4.4.1) of a segment. The same segment always gives the
// same octets.
func (o *Options) encode(s *bearer.Segment) (*smpp.Message, error) {
	if len(s.UDH) > 0 && int(s.UDH[0]) != len(s.UDH)-1 {
		return nil, fmt.Errorf("UDHL is %d, the UDH has %d octets more", s.UDH[0], len(s.UDH)-1)
	}
	m := &smpp.Message{ // TON and NPI of phones: international, ISDN (SMPP 3.4 5.2.5, 5.2.6)
		ServiceType: o.ServiceType,
		Source:      o.Source.find(s.Dest),
		Dest:        smpp.Address{TON: 1, NPI: 1, Addr: string(s.Dest)},
		ESMClass:    o.Quirks.ESMClass, ProtocolID: s.PID, DataCoding: s.DCS,
	}
	if t := o.Quirks.DestTON; t != nil {
		m.Dest.TON = *t
	}
	if n := o.Quirks.DestNPI; n != nil {
		m.Dest.NPI = *n
	}
	if dcs, ok := o.Quirks.DataCoding[s.DCS]; ok {
		m.DataCoding = dcs
	}
	if (s.Report || o.Receipts) && !o.Quirks.NoReceipts {
		m.RegisteredDelivery = 1 // a receipt for success and for failure (SMPP 3.4 5.2.17)
	}
	if v := s.Validity; !o.Quirks.NoValidity {
		if v <= 0 {
			v = o.Validity
		}
		m.ValidityPeriod = relativeTime(v)
	}
	if o.Quirks.UserRef { // SMPP 3.4 5.3.2.17
		m.TLVs = append(m.TLVs, smpp.TLV{Tag: smpp.TagUserMessageRef, Value: binary.BigEndian.AppendUint16(nil, uint16(s.ID))})
	}
	return m, o.userData(m, s)
}

// checkSubmit finds what no submit_sm could hold: now, not at the first message.
func (o *Options) checkSubmit() error {
	m, err := o.encode(&bearer.Segment{Dest: "41790000001", UD: []byte{0}})
	if err != nil {
		return err
	}
	for _, r := range append(SourceRules{{}}, o.Source...) {
		m.Source = r.Address
		if _, err := smpp.Append(nil, smpp.Header{Command: smpp.SubmitSM}, m); err != nil {
			return err
		}
	}
	return nil
}

// userData puts UDH and user data where the centre wants them: short_message,
// or message_payload (SMPP 3.4 5.2.22, 5.3.2.32).
func (o *Options) userData(m *smpp.Message, s *bearer.Segment) error {
	udh, ud := s.UDH, s.UD
	if sms.AlphabetOf(s.DCS) == sms.AlphabetGSM && s.Septets > 0 {
		// SMPP carries one septet an octet; the centre packs them (TS 23.038
		// 6.1.2.1.1), behind a header that ends on a septet boundary (TS 23.040
		// 9.2.3.24).
		header := (len(udh)*8 + 6) / 7
		if s.Septets < header || (s.Septets*7+7)/8 > len(udh)+len(ud)+1 {
			return fmt.Errorf("%d septets do not fit %d octets", s.Septets, len(udh)+len(ud))
		}
		ud = sms.UnpackSeptets(nil, ud, header*7-len(udh)*8, s.Septets-header)
	}
	if o.Quirks.Long == LongSAR {
		var tlvs smpp.TLVs
		udh, tlvs = udhToSAR(udh)
		m.TLVs = append(m.TLVs, tlvs...)
	}
	if len(udh) > 0 {
		m.ESMClass |= smpp.ESMClassUDHI
	}
	data := make([]byte, 0, len(udh)+len(ud))
	data = append(append(data, udh...), ud...)
	switch {
	case len(data) > 0xFFFF:
		return fmt.Errorf("message_payload takes 65535 octets, has %d", len(data))
	case len(data) > maxShort || o.Quirks.Long == LongPayload && len(data) > 0:
		m.TLVs = append(m.TLVs, smpp.TLV{Tag: smpp.TagMessagePayload, Value: data})
	default:
		m.ShortMessage = data
	}
	return nil
}

// relativeTime is a time from now as the centre reads it (SMPP 3.4 7.1.1.2):
// YYMMDDhhmmsst00R; "" for none. A month is 30 days and a year 365, which is
// as exact as centres are.
func relativeTime(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	s := int64((d + time.Second - 1) / time.Second)
	days := s / 86400
	years, days := min(days/365, 99), days%365
	return fmt.Sprintf("%02d%02d%02d%02d%02d%02d000R", years, days/30, days%30, s/3600%24, s/60%60, s%60)
}

// udhToSAR takes the concatenation element out of a UDH and makes parameters
// of it (SMPP 3.4 5.3.2.22 to .24).
func udhToSAR(udh []byte) ([]byte, smpp.TLVs) {
	c, _, err := sms.ParseConcat(udh)
	if err != nil || c.Total <= 1 {
		return udh, nil
	}
	rest := make([]byte, 1, len(udh))
	for b := udh[1:]; len(b) > 0; {
		e, tail, err := sms.ParseElement(b)
		if err != nil {
			return udh, nil
		}
		if e.ID != 0x00 && e.ID != 0x08 { // TS 23.040 9.2.3.24.1, 9.2.3.24.8
			rest = append(rest, b[:len(b)-len(tail)]...)
		}
		b = tail
	}
	if rest[0] = byte(len(rest) - 1); rest[0] == 0 {
		rest = nil
	}
	return rest, smpp.TLVs{
		{Tag: smpp.TagSarMsgRefNum, Value: binary.BigEndian.AppendUint16(nil, c.Ref)},
		{Tag: smpp.TagSarTotalSegments, Value: []byte{c.Total}},
		{Tag: smpp.TagSarSegmentSeqnum, Value: []byte{c.Part}},
	}
}
