package card

import (
	"github.com/simsign/simsign/applet"
)

// BER and comprehension TLV tags (TS 102 223 9). Bit 8 of the latter says
// that the receiver must understand them; it is not looked at when reading.
const (
	tagProactive     = 0xD0
	tagSMSDownload   = 0xD1
	tagMenuSelection = 0xD3

	tagCommandDetails = 0x01
	tagDevices        = 0x02
	tagResult         = 0x03
	tagDuration       = 0x04
	tagAlpha          = 0x05
	tagAddress        = 0x06
	tagTPDU           = 0x0B
	tagText           = 0x0D
	tagItem           = 0x0F
	tagItemID         = 0x10
	tagResponseLength = 0x11
	tagHelpRequest    = 0x15

	required = 0x80
)

// Proactive commands (TS 102 223 9.4).
const (
	cmdMoreTime         = 0x02
	cmdSendShortMessage = 0x13
	cmdDisplayText      = 0x21
	cmdGetInput         = 0x23
	cmdSetUpMenu        = 0x25
)

// Devices (TS 102 223 8.7).
const (
	deviceDisplay  = 0x02
	deviceUICC     = 0x81
	deviceTerminal = 0x82
	deviceNetwork  = 0x83
)

// Qualifiers.
const (
	displayHigh  = 0x01 // high priority, cleared after a delay
	displayWait  = 0x81 // high priority, the user clears it
	inputDigits  = 0x00 // 0-9 * # +, shown
	inputHidden  = 0x04 // 0-9 * # +, not shown
	sendUnpacked = 0x00
)

// Limits of a text, and of a menu's objects, in octets, so that the command
// fits a FETCH of 256.
const (
	maxDisplay  = 240
	maxInput    = 236
	maxMenu     = 244
	durationLen = 4
)

func commandName(t byte) string {
	switch t {
	case cmdMoreTime:
		return "MORE TIME"
	case cmdSendShortMessage:
		return "SEND SHORT MESSAGE"
	case cmdDisplayText:
		return "DISPLAY TEXT"
	case cmdGetInput:
		return "GET INPUT"
	case cmdSetUpMenu:
		return "SET UP MENU"
	}
	return "proactive command"
}

// proactive begins a command; the parameters follow, and end closes it.
func (c *Card) proactive(kind, qualifier, to byte) []byte {
	if c.number++; c.number > 0xFE {
		c.number = 1
	}
	c.pendingType = kind
	b := append(c.pending[:0], tagProactive, 0)
	b = append(b, required|tagCommandDetails, 3, c.number, kind, qualifier)
	return append(b, required|tagDevices, 2, deviceUICC, to)
}

// endProactive writes the length; more than 127 octets need the form 81 LL.
func (c *Card) endProactive(b []byte) {
	n := len(b) - 2
	if n < 0x80 {
		b[1] = byte(n)
	} else {
		b = append(b, 0)
		copy(b[3:], b[2:])
		b[1], b[2] = 0x81, byte(n)
	}
	c.pending, c.fetched = b, false
	c.trace(EventProactive, commandName(c.pendingType), "", b)
}

func appendTLV(b []byte, tag byte, value ...byte) []byte {
	b = appendHead(b, tag, len(value))
	return append(b, value...)
}

func appendHead(b []byte, tag byte, n int) []byte {
	if n < 0x80 {
		return append(b, tag, byte(n))
	}
	return append(b, tag, 0x81, byte(n))
}

func appendText(b []byte, tag byte, t applet.Text) []byte {
	b = appendHead(b, tag, 1+len(t.Octets))
	b = append(b, byte(t.Coding))
	return append(b, t.Octets...)
}

// appendDuration adds a time-out in seconds where there is one and room for
// it. It is not marked as required: a terminal without it takes its own time.
func appendDuration(b []byte, seconds byte, room int) []byte {
	if seconds == 0 || room < durationLen {
		return b
	}
	return append(b, tagDuration, 2, 0x01, seconds)
}

func (c *Card) displayText(t applet.Text, qualifier byte) {
	b := c.proactive(cmdDisplayText, qualifier, deviceDisplay)
	b = appendText(b, required|tagText, t)
	if qualifier == displayWait {
		b = appendDuration(b, c.data.textSeconds, maxDisplay-len(t.Octets))
	}
	c.endProactive(b)
}

func (c *Card) getInput(t applet.Text, lo, hi, qualifier byte) {
	b := c.proactive(cmdGetInput, qualifier, deviceTerminal)
	b = appendText(b, required|tagText, t)
	b = appendTLV(b, required|tagResponseLength, lo, hi)
	c.endProactive(appendDuration(b, c.data.inputSeconds, maxInput-len(t.Octets)))
}

func (c *Card) moreTime() {
	c.endProactive(c.proactive(cmdMoreTime, 0, deviceTerminal))
}

func (c *Card) sendShortMessage(tpdu []byte) {
	b := c.proactive(cmdSendShortMessage, sendUnpacked, deviceNetwork)
	if a := c.opt.SMSC; a != "" {
		b = appendTLV(b, required|tagAddress, dialled(a)...)
	}
	c.endProactive(appendTLV(b, required|tagTPDU, tpdu...))
}

func (c *Card) setUpMenu(m menu) {
	c.endProactive(m.append(c.proactive(cmdSetUpMenu, 0, deviceTerminal)))
}

// alphaIdentifier codes a text as in an EF.ADN: GSM, or 80 and UCS-2
// (TS 102 221 annex A).
func alphaIdentifier(s string) []byte {
	t, _ := applet.ScreenText(s)
	if t.Coding == applet.TextUCS2 {
		return append([]byte{0x80}, t.Octets...)
	}
	return t.Octets
}

// readTLV takes one comprehension TLV: lengths 00-7F and 81 80-FF. The tag
// comes without its comprehension bit.
func readTLV(b []byte) (tag byte, value, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	n, at := int(b[1]), 2
	if n == 0x81 && len(b) > 2 {
		n, at = int(b[2]), 3
	} else if n > 0x7F {
		return 0, nil, nil, false
	}
	if len(b) < at+n {
		return 0, nil, nil, false
	}
	return b[0] &^ required, b[at : at+n], b[at+n:], true
}
