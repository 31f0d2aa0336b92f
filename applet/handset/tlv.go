package handset

import (
	"errors"
	"fmt"
)

// Tags of COMPREHENSION-TLV objects without the comprehension bit (TS 101 220
// 7.2). A card may set that bit (80) or not; the other seven are the tag.
const (
	tagDetails     = 0x01
	tagDevices     = 0x02
	tagResult      = 0x03
	tagDuration    = 0x04
	tagAlpha       = 0x05
	tagAddress     = 0x06
	tagTPDU        = 0x0B
	tagText        = 0x0D
	tagTone        = 0x0E
	tagItem        = 0x0F
	tagItemID      = 0x10
	tagRespLength  = 0x11
	tagFileList    = 0x12
	tagLocation    = 0x13
	tagIMEI        = 0x14
	tagHelp        = 0x15
	tagMeasurement = 0x16
	tagDefault     = 0x17
	tagEvents      = 0x19
	tagIcon        = 0x1E
	tagItemIcons   = 0x1F
	tagTimerID     = 0x24
	tagTimerValue  = 0x25
	tagDateTime    = 0x26
	tagImmediate   = 0x2B
	tagLanguage    = 0x2D
	tagAccess      = 0x3F

	tagTextAttribute  = 0x50
	tagItemAttributes = 0x51

	comprehension = 0x80
)

// Tags of BER-TLV objects (TS 101 220 7.2).
const (
	berProactive = 0xD0
	berDownload  = 0xD1
	berMenu      = 0xD3
	berTimer     = 0xD7
)

// Devices (TS 102 223 8.7).
const (
	devKeypad   = 0x01
	devDisplay  = 0x02
	devEarpiece = 0x03
	devCard     = 0x81
	devTerminal = 0x82
	devNetwork  = 0x83
)

var errTLV = errors.New("bad TLV")

// takeTLV reads one COMPREHENSION-TLV with a one-octet tag.
func takeTLV(b []byte) (tag byte, value, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, fmt.Errorf("%w: tag and length need 2 octets, have %d", errTLV, len(b))
	}
	tag, n, at := b[0]&^comprehension, int(b[1]), 2
	if b[0] == 0x00 || b[0] == 0x7F || b[0] == 0xFF {
		return 0, nil, nil, fmt.Errorf("%w: tag %02X is reserved", errTLV, b[0])
	}
	switch {
	case n == 0x81 && len(b) > 2:
		n, at = int(b[2]), 3
	case n > 0x7F:
		return 0, nil, nil, fmt.Errorf("%w: length octet %02X", errTLV, n)
	}
	if len(b)-at < n {
		return 0, nil, nil, fmt.Errorf("%w: tag %02X needs %d octets, have %d", errTLV, tag, n, len(b)-at)
	}
	return tag, b[at : at+n : at+n], b[at+n:], nil
}

// appendTLV appends an object of up to 255 octets.
func appendTLV(b []byte, tag byte, value ...byte) []byte {
	b = append(b, tag)
	b = appendLen(b, len(value))
	return append(b, value...)
}

func appendLen(b []byte, n int) []byte {
	if n > 0x7F {
		b = append(b, 0x81)
	}
	return append(b, byte(n))
}
