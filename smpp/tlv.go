package smpp

import (
	"encoding/binary"
	"fmt"
)

// Tag names an optional parameter (SMPP 3.4 5.3.1).
type Tag uint16

// Optional parameters that this package and its users read or write
// (SMPP 3.4 5.3.2). All others are kept as they came (SMPP 3.4 3.3: what is not
// understood is no fault).
const (
	TagDestAddrSubunit     Tag = 0x0005 // 5.3.2.1
	TagPayloadType         Tag = 0x0019 // 5.3.2.10
	TagReceiptedMessageID  Tag = 0x001E // 5.3.2.12
	TagMsMsgWaitFacilities Tag = 0x0030 // 5.3.2.13
	TagPrivacyIndicator    Tag = 0x0201 // 5.3.2.14
	TagSourceSubaddress    Tag = 0x0202 // 5.3.2.15
	TagUserMessageRef      Tag = 0x0204 // 5.3.2.17
	TagSourcePort          Tag = 0x020A // 5.3.2.20
	TagDestPort            Tag = 0x020B // 5.3.2.21
	TagSarMsgRefNum        Tag = 0x020C // 5.3.2.22
	TagLanguageIndicator   Tag = 0x020D // 5.3.2.19
	TagSarTotalSegments    Tag = 0x020E // 5.3.2.23
	TagSarSegmentSeqnum    Tag = 0x020F // 5.3.2.24
	TagSCInterfaceVersion  Tag = 0x0210 // 5.3.2.25
	TagMsAvailability      Tag = 0x0422 // 5.3.2.30
	TagNetworkErrorCode    Tag = 0x0423 // 5.3.2.31
	TagMessagePayload      Tag = 0x0424 // 5.3.2.32
	TagDeliveryFailReason  Tag = 0x0425 // 5.3.2.33
	TagMoreMessages        Tag = 0x0426 // 5.3.2.34
	TagMessageState        Tag = 0x0427 // 5.3.2.35
)

// TLV is one optional parameter: tag, 16-bit length, value (SMPP 3.4 3.2.4.1).
type TLV struct {
	Tag   Tag
	Value []byte
}

// TLVs keep the order and the repetitions in which they came.
type TLVs []TLV

// Get returns the value of the first parameter with that tag.
func (ts TLVs) Get(tag Tag) ([]byte, bool) {
	for _, t := range ts {
		if t.Tag == tag {
			return t.Value, true
		}
	}
	return nil, false
}

// Uint8 and Uint16 return the value of an integer parameter of exactly that size.
func (ts TLVs) Uint8(tag Tag) (byte, bool) {
	v, ok := ts.Get(tag)
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

// Uint16 is Uint8 for two octets.
func (ts TLVs) Uint16(tag Tag) (uint16, bool) {
	v, ok := ts.Get(tag)
	if !ok || len(v) != 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(v), true
}

// String returns a C-octet string parameter without its terminator (which
// some peers leave out).
func (ts TLVs) String(tag Tag) (string, bool) {
	v, ok := ts.Get(tag)
	if ok && len(v) > 0 && v[len(v)-1] == 0 {
		v = v[:len(v)-1]
	}
	return string(v), ok
}

func (ts TLVs) appendTo(b []byte) ([]byte, error) {
	for _, t := range ts {
		if len(t.Value) > 0xFFFF {
			return nil, fmt.Errorf("%w: optional parameter %04X holds at most 65535 octets, has %d", ErrTooLong, uint16(t.Tag), len(t.Value))
		}
		b = binary.BigEndian.AppendUint16(b, uint16(t.Tag))
		b = binary.BigEndian.AppendUint16(b, uint16(len(t.Value)))
		b = append(b, t.Value...)
	}
	return b, nil
}

// parseTLVs reads the rest of a body. Values alias b.
func parseTLVs(b []byte) (TLVs, error) {
	if len(b) == 0 {
		return nil, nil
	}
	ts := make(TLVs, 0, 4)
	for len(b) > 0 {
		if len(b) < 4 {
			return ts, fmt.Errorf("%w: optional parameter header needs 4 octets, have %d", ErrTLV, len(b))
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if len(b)-4 < n {
			return ts, fmt.Errorf("%w: optional parameter %04X says %d octets, have %d", ErrTLV, binary.BigEndian.Uint16(b), n, len(b)-4)
		}
		ts = append(ts, TLV{Tag(binary.BigEndian.Uint16(b)), b[4 : 4+n : 4+n]})
		b = b[4+n:]
	}
	return ts, nil
}
