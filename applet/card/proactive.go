package card

import (
	"github.com/simsign/simsign/applet"
)

// BER and comprehension TLV tags (TS 101 220 7.2). Bit 8 of the latter says
// that the receiver must understand them; reading ignores it.
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
	cmdPollInterval     = 0x03
	cmdSendShortMessage = 0x13
	cmdDisplayText      = 0x21
	cmdGetInput         = 0x23
	cmdSelectItem       = 0x24
	cmdSetUpMenu        = 0x25
)

// Devices (TS 102 223 8.7).
const (
	deviceDisplay  = 0x02
	deviceUICC     = 0x81
	deviceTerminal = 0x82
	deviceNetwork  = 0x83
)

// Qualifiers (TS 102 223 8.6).
const (
	displayHigh  = 0x01 // high priority, cleared after a delay
	displayWait  = 0x81 // high priority, the user clears it
	inputDigits  = 0x00 // 0-9 * # +, shown
	inputHidden  = 0x04 // 0-9 * # +, not shown
	sendUnpacked = 0x00
)

// Limits of a text, and of a menu's objects, in octets, so that the command
// fits a FETCH of 256 (INT6, What the user sees).
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
	case cmdPollInterval:
		return "POLL INTERVAL"
	case cmdSendShortMessage:
		return "SEND SHORT MESSAGE"
	case cmdDisplayText:
		return "DISPLAY TEXT"
	case cmdGetInput:
		return "GET INPUT"
	case cmdSelectItem:
		return "SELECT ITEM"
	case cmdSetUpMenu:
		return "SET UP MENU"
	}
	return "proactive command"
}

// proactive begins a command; the parameters follow, and issue closes it.
func (t *toolkit) proactive(kind, qualifier, to byte) []byte {
	if t.number++; t.number > 0xFE {
		t.number = 1
	}
	t.pendingType = kind
	b := append(t.pending[:0], tagProactive, 0)
	b = append(b, required|tagCommandDetails, 3, t.number, kind, qualifier)
	return append(b, required|tagDevices, 2, deviceUICC, to)
}

// issue writes the length (TS 101 220 7.1.2); more than 127 octets need the
// form 81 LL. The command then waits for FETCH.
func (t *toolkit) issue(b []byte) {
	n := len(b) - 2
	if n < 0x80 {
		b[1] = byte(n)
	} else {
		b = append(b, 0)
		copy(b[3:], b[2:])
		b[1], b[2] = 0x81, byte(n)
	}
	t.pending, t.fetched = b, false
	t.observe.see(EventProactive, commandName(t.pendingType), "", b)
}

// displayText is DISPLAY TEXT (TS 102 223 6.6.1). seconds, where not 0, is how
// long a text waits for the user.
func (t *toolkit) displayText(text applet.Text, qualifier, seconds byte) {
	b := t.proactive(cmdDisplayText, qualifier, deviceDisplay)
	b = appendText(b, required|tagText, text)
	if qualifier == displayWait {
		b = appendDuration(b, seconds, maxDisplay-len(text.Octets))
	}
	t.issue(b)
}

// getInput is GET INPUT (TS 102 223 6.6.3).
func (t *toolkit) getInput(text applet.Text, lo, hi, qualifier, seconds byte) {
	b := t.proactive(cmdGetInput, qualifier, deviceTerminal)
	b = appendText(b, required|tagText, text)
	b = appendTLV(b, required|tagResponseLength, lo, hi)
	t.issue(appendDuration(b, seconds, maxInput-len(text.Octets)))
}

// moreTime is MORE TIME (TS 102 223 6.6.4).
func (t *toolkit) moreTime() {
	t.issue(t.proactive(cmdMoreTime, 0, deviceTerminal))
}

// sendShortMessage is SEND SHORT MESSAGE (TS 102 223 6.6.9). Without an smsc the
// terminal takes the one that it knows.
func (t *toolkit) sendShortMessage(tpdu []byte, smsc string) {
	b := t.proactive(cmdSendShortMessage, sendUnpacked, deviceNetwork)
	if smsc != "" {
		b = appendTLV(b, required|tagAddress, dialled(smsc)...)
	}
	t.issue(appendTLV(b, required|tagTPDU, tpdu...))
}

// pollSeconds is how often an applet that has something left asks to be polled.
const pollSeconds = 30

// pollInterval is POLL INTERVAL (TS 102 223 6.6.5).
func (t *toolkit) pollInterval() {
	t.issue(appendTLV(t.proactive(cmdPollInterval, 0, deviceTerminal), required|tagDuration, 0x01, pollSeconds))
}

// selectItem is SELECT ITEM (TS 102 223 6.6.8).
func (t *toolkit) selectItem(m menu) {
	t.issue(m.append(t.proactive(cmdSelectItem, 0, deviceTerminal)))
}

// setUpMenu is SET UP MENU (TS 102 223 6.6.7).
func (t *toolkit) setUpMenu(m menu) {
	t.issue(m.append(t.proactive(cmdSetUpMenu, 0, deviceTerminal)))
}
