package smsc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// data_coding values that are not the TP-DCS of the same number (SMPP 3.4 5.2.19).
const (
	codingDefault = 0x00
	codingIA5     = 0x01
	codingOctets  = 0x02
	codingLatin1  = 0x03
)

var (
	errUDH     = errors.New("user data header")
	errTooLong = errors.New("message is too long")
	errPayload = errors.New("short_message and message_payload at once")
)

// userData is the user data of a submitted message in the coding of a TPDU:
// with the 7-bit alphabet data holds one septet an octet.
type userData struct {
	udh, data []byte
	dcs       byte
}

// readUserData takes user data from wherever they are and brings sar_*
// parameters into the header, as an SMSC does (SMPP 3.4 5.3.2.22 to 24).
func readUserData(m *smpp.Message) (userData, error) {
	if _, both := m.TLVs.Get(smpp.TagMessagePayload); both && len(m.ShortMessage) > 0 {
		return userData{}, errPayload
	}
	u := userData{data: m.UserData(), dcs: m.DataCoding}
	if m.ESMClass&smpp.ESMClassUDHI != 0 {
		if len(u.data) == 0 || int(u.data[0]) > len(u.data)-1 {
			return u, fmt.Errorf("%w overruns %d octets of user data", errUDH, len(u.data))
		}
		n := 1 + int(u.data[0])
		u.udh, u.data = u.data[:n:n], u.data[n:]
		for rest := u.udh[1:]; len(rest) > 0; {
			var err error
			if _, rest, err = sms.ParseElement(rest); err != nil {
				return u, fmt.Errorf("%w: %w", errUDH, err)
			}
		}
	}
	ref, ok := m.TLVs.Uint16(smpp.TagSarMsgRefNum)
	total, ok2 := m.TLVs.Uint8(smpp.TagSarTotalSegments)
	seq, ok3 := m.TLVs.Uint8(smpp.TagSarSegmentSeqnum)
	if ok && ok2 && ok3 && total > 1 {
		// TS 23.040 9.2.3.24.8: a reference of 16 bits, as sar_msg_ref_num has.
		u.udh = header([]byte{0x08, 4, byte(ref >> 8), byte(ref), total, seq}, u.udh)
	}
	err := u.recode()
	return u, err
}

// recode brings the codings that a TPDU does not know (IA5, Latin 1: SMPP 3.4
// 5.2.19) into one that it does (TS 23.038 4).
func (u *userData) recode() error {
	switch u.dcs {
	case codingOctets:
		u.dcs = sms.DCS8Bit
	case codingIA5, codingLatin1:
		text := make([]rune, len(u.data))
		for i, o := range u.data {
			text[i] = rune(o)
		}
		var err error
		if u.data, err = sms.AppendGSM(nil, string(text)); err == nil {
			u.dcs = codingDefault
			return nil
		}
		u.dcs = sms.DCSUCS2
		u.data, err = sms.AppendUCS2(nil, string(text))
		return err
	}
	return nil
}

// header puts elements before those of a header, which may be nil.
func header(elements, udh []byte) []byte {
	if len(udh) > 0 {
		udh = udh[1:]
	}
	h := append([]byte{byte(len(elements) + len(udh))}, elements...)
	return append(h, udh...)
}

// capacity is how much data go behind a header: octets, or septets (TS 23.040
// 9.2.3.24).
func (u *userData) capacity(udh []byte) int {
	free := sms.MaxUserData - len(udh)
	switch sms.AlphabetOf(u.dcs) {
	case sms.AlphabetGSM:
		return free * 8 / 7
	case sms.AlphabetUCS2:
		return free &^ 1
	}
	return free
}

// split cuts what does not fit into one TPDU: a concatenation element joins
// the header of each part. The (U)SIM's own elements, 70 to 7F, stay in the
// first (TS 31.115 4), all others are repeated.
func (u *userData) split(ref byte) ([]userData, error) {
	if len(u.data) <= u.capacity(u.udh) {
		return []userData{*u}, nil
	}
	var repeated []byte
	for rest := u.udh; len(rest) > 0; {
		if len(rest) == len(u.udh) {
			rest = rest[1:]
			continue
		}
		e, next, err := sms.ParseElement(rest)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUDH, err)
		}
		if e.ID == 0x00 || e.ID == 0x08 {
			return nil, fmt.Errorf("%w: %d octets in one part", errTooLong, len(u.data))
		}
		if e.ID&0xF0 != 0x70 {
			repeated = append(repeated, rest[:len(rest)-len(next)]...)
		}
		rest = next
	}
	concat := []byte{0x00, 3, ref, 0, 0} // TS 23.040 9.2.3.24.1
	first := header(concat, u.udh)
	later := header(concat, append([]byte{0}, repeated...))
	if u.capacity(first) < 4 || u.capacity(later) < 4 {
		return nil, fmt.Errorf("%w: header of %d octets", errUDH, len(u.udh))
	}
	var parts []userData
	for rest, udh := u.data, first; len(rest) > 0; udh = later {
		n := min(u.capacity(udh), len(rest))
		if n < len(rest) {
			n -= u.half(rest[:n])
		}
		h := append([]byte(nil), udh...)
		h[5] = byte(len(parts) + 1)
		parts = append(parts, userData{h, rest[:n], u.dcs})
		rest = rest[n:]
	}
	if len(parts) > 255 {
		return nil, fmt.Errorf("%w: %d octets make %d parts", errTooLong, len(u.data), len(parts))
	}
	for _, p := range parts {
		p.udh[4] = byte(len(parts))
	}
	return parts, nil
}

// half is the length of half a character at the end of a part: an escape
// (TS 23.038 6.2.1.1), or the first half of a surrogate pair.
func (u *userData) half(part []byte) int {
	n := len(part)
	switch alphabet := sms.AlphabetOf(u.dcs); {
	case alphabet == sms.AlphabetGSM && part[n-1] == 0x1B:
		return 1
	case alphabet == sms.AlphabetUCS2 && part[n-2]&0xFC == 0xD8:
		return 2
	}
	return 0
}

// deliverTPDUs are the SMS-DELIVER (TS 23.040 9.2.2.1) of a submitted message.
func deliverTPDUs(m *smpp.Message, from smpp.Address, ref byte, at time.Time) ([][]byte, error) {
	u, err := readUserData(m)
	if err != nil {
		return nil, err
	}
	parts, err := u.split(ref)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for i, p := range parts {
		d := sms.Deliver{
			MoreMessages: i < len(parts)-1, Originator: originator(from), PID: m.ProtocolID, DCS: p.dcs,
			Time: sms.NewTimestamp(at), UDH: p.udh, UD: p.data, ReplyPath: m.ESMClass&0x80 != 0,
		}
		if sms.AlphabetOf(p.dcs) == sms.AlphabetGSM {
			d.UD, d.Septets = pack(len(p.udh), p.data)
		}
		b, err := d.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func originator(a smpp.Address) sms.Address {
	return sms.Address{TON: a.TON & 7, NPI: a.NPI & 15, Number: strings.TrimPrefix(a.Addr, "+")}
}

// pack packs septets behind a header of so many octets; the second value is
// TP-UDL (TS 23.040 9.2.3.16).
func pack(udh int, septets []byte) ([]byte, int) {
	h := (udh*8 + 6) / 7
	return sms.PackSeptets(nil, septets, h*7-udh*8), h + len(septets)
}

// unpack is the other direction of pack.
func unpack(udh int, packed []byte, udl int) []byte {
	h := (udh*8 + 6) / 7
	return sms.UnpackSeptets(nil, packed, h*7-udh*8, udl-h)
}

// moMessage is the deliver_sm (SMPP 3.4 4.6.1) of an SMS-SUBMIT (TS 23.040
// 9.2.2.2).
func moMessage(from, to sms.MSISDN, s *sms.Submit) *smpp.Message {
	m := &smpp.Message{Source: address(from), Dest: address(to), ProtocolID: s.PID, DataCoding: s.DCS}
	if len(s.UDH) > 0 {
		m.ESMClass |= smpp.ESMClassUDHI
	}
	if s.ReplyPath { // SMPP 3.4 5.2.12: bit 7
		m.ESMClass |= 0x80
	}
	ud := s.UD
	if sms.AlphabetOf(s.DCS) == sms.AlphabetGSM {
		ud = unpack(len(s.UDH), s.UD, s.Septets)
	}
	m.ShortMessage = append(append([]byte(nil), s.UDH...), ud...)
	return m
}

// asPayload moves the user data of a copy into message_payload (SMPP 3.4
// 5.3.2.32).
func asPayload(m *smpp.Message) *smpp.Message {
	c := *m
	c.TLVs = append(append(smpp.TLVs(nil), m.TLVs...), smpp.TLV{Tag: smpp.TagMessagePayload, Value: m.ShortMessage})
	c.ShortMessage = nil
	return &c
}

// asData is the message as data_sm (SMPP 3.4 4.7.1). That has no protocol_id: the
// receiver sees 0, as with real centres.
func asData(m *smpp.Message) *smpp.Data {
	c := asPayload(m)
	return &smpp.Data{
		ServiceType: c.ServiceType, Source: c.Source, Dest: c.Dest, ESMClass: c.ESMClass,
		RegisteredDelivery: c.RegisteredDelivery, DataCoding: c.DataCoding, TLVs: c.TLVs,
	}
}

// tlv8 and tlvString are optional parameters.
func tlv8(tag smpp.Tag, v byte) smpp.TLV { return smpp.TLV{Tag: tag, Value: []byte{v}} }

func tlvString(tag smpp.Tag, v string) smpp.TLV {
	return smpp.TLV{Tag: tag, Value: append([]byte(v), 0)}
}

// networkError is network_error_code of a GSM network (SMPP 3.4 5.3.2.31).
func networkError(code byte) smpp.TLV {
	return smpp.TLV{Tag: smpp.TagNetworkErrorCode, Value: binary.BigEndian.AppendUint16([]byte{3}, uint16(code))}
}
