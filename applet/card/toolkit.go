package card

import (
	"fmt"

	"github.com/simsign/simsign/applet"
)

// reply is a TERMINAL RESPONSE.
type reply struct {
	result byte
	info   []byte // additional information of the result, e.g. a cause
	entry  bool   // there is a text, perhaps an empty one
	text   applet.Text
}

// terminalProfile starts the toolkit: from now on 91xx may be answered. What
// was left unsent is sent, and the menu is set up (TS 102 223 6.4, 5.2).
func (c *Card) terminalProfile(cmd command) uint16 {
	if len(cmd.data) == 0 {
		return swWrongLength
	}
	// A second profile is a terminal that began anew. What came before the
	// first has used its counter and is done after the menu.
	if c.profile != nil {
		c.abortSessions()
	}
	c.profile = append([]byte{}, cmd.data...)
	if c.terminalHas(facilitySetUpMenu) {
		c.queue = append([]*job{{run: (*session).showMenu}}, c.queue...)
	}
	c.resendUnsent()
	c.advance()
	return swOK
}

// Facilities in TERMINAL PROFILE (TS 102 223 5.2): octet << 8 | bit.
const (
	facilityMoreTime  = 2<<8 | 0x08
	facilitySetUpMenu = 3<<8 | 0x20
)

// terminalHas is false only when the profile is long enough to say no.
func (c *Card) terminalHas(facility int) bool {
	octet := facility >> 8
	return octet >= len(c.profile) || c.profile[octet]&byte(facility) != 0
}

// fetch hands out the proactive command that waits.
func (c *Card) fetch(cmd command) ([]byte, uint16) {
	if len(c.pending) == 0 || c.fetched || c.profile == nil {
		return nil, swConditions
	}
	data, sw := exactly(cmd, c.pending)
	c.fetched = sw == swOK
	return data, sw
}

// terminalResponse gives the outcome to the session that waits for it.
func (c *Card) terminalResponse(cmd command) uint16 {
	if !c.fetched || c.running == nil {
		return swConditions
	}
	r, sw := c.parseResponse(cmd.data)
	if sw != swOK {
		return sw
	}
	if c.opt.Trace != nil {
		c.trace(EventTerminal, commandName(c.pendingType), fmt.Sprintf("result %02X", r.result), c.masked(cmd.data, 0))
	}
	c.pending, c.fetched = c.pending[:0], false
	c.running.reply = r
	c.advance()
	clear(r.text.Octets)
	return swOK
}

// parseResponse takes the TLVs of a TERMINAL RESPONSE. Command details must be
// those of the command that was fetched; the source device is not looked at,
// since terminals differ in it.
func (c *Card) parseResponse(b []byte) (reply, uint16) {
	var r reply
	details, result := false, false
	for len(b) > 0 {
		tag, v, rest, ok := readTLV(b)
		if !ok {
			return r, swWrongData
		}
		b = rest
		switch tag {
		case tagCommandDetails:
			if len(v) != 3 || v[0] != c.number || v[1] != c.pendingType {
				return r, swWrongData
			}
			details = true
		case tagResult:
			if len(v) < 1 || result {
				return r, swWrongData
			}
			result, r.result, r.info = true, v[0], append([]byte{}, v[1:]...)
		case tagText:
			r.entry = true
			if len(v) > 0 {
				r.text = applet.Text{Coding: applet.TextCoding(v[0]), Octets: append([]byte{}, v[1:]...)}
			}
		}
	}
	if !details || !result {
		return r, swWrongData
	}
	return r, swOK
}
