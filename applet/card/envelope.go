package card

import (
	"github.com/simsign/simsign/ota/sms"
)

// terminalProfile starts the toolkit: from now on 91xx may be answered. What
// was left unsent is sent, and the menu is set up (TS 102 223 5.1).
func (c *Card) terminalProfile(cmd command) uint16 {
	if len(cmd.data) == 0 {
		return swWrongLength
	}
	// A second profile is a terminal that began anew. What came before the
	// first has used its counter and is done after the menu.
	if c.toolkit.profile != nil {
		c.toolkit.abort()
	}
	c.toolkit.profile = append([]byte{}, cmd.data...)
	c.applet.begin()
	c.toolkit.advance()
	return swOK
}

// envelope is ENVELOPE (TS 102 221 11.2.2): a short message for the card, or the
// user's choice in the card's menu. Other events are acknowledged and ignored.
func (c *Card) envelope(cmd command) ([]byte, uint16) {
	tag, body, _, ok := readBER(cmd.data)
	if !ok {
		return nil, swWrongData
	}
	switch tag {
	case tagSMSDownload:
		return c.download(cmd, body)
	case tagMenuSelection:
		return nil, c.menuSelection(body)
	}
	return nil, swOK
}

// A joined message as a strict card has it: one TPDU, whose TP-UDL is one octet and
// counts the header too (TS 51.013 6.3.11).
const (
	maxJoined  = 255
	commandUDH = "\x02\x70\x00"
)

// download is SMS-PP DOWNLOAD (TS 31.111 7.1.1): the TPDU of an SMS-DELIVER.
// What the card says in the SMS-DELIVER-REPORT comes by GET RESPONSE. A message
// that is no part of a secured packet is acknowledged and dropped.
func (c *Card) download(cmd command, body []byte) ([]byte, uint16) {
	tpdu, ok := findTLV(body, tagTPDU)
	if !ok {
		return nil, swWrongData
	}
	d, err := sms.ParseDeliver(tpdu)
	if err != nil {
		c.log.Warn("short message refused", "error", err)
		return nil, swWrongData
	}
	if c.toolkit.full() && !c.opt.Strict {
		return nil, swBusy
	}
	packet, ok := c.segments.collect(&d)
	if !ok {
		return nil, swOK
	}
	if n := len(commandUDH) + len(packet); n > maxJoined && c.opt.Strict {
		c.log.Warn("message refused: joined it is longer than its length can say", "octets", n, "most", maxJoined)
		return nil, swOK
	}
	report, sw := c.receive(packet, d.Originator)
	if sw != swOK {
		return nil, sw
	}
	return c.withResponse(cmd, report)
}

// menuSelection starts what the user chose (TS 102 223 7.2).
func (c *Card) menuSelection(body []byte) uint16 {
	id, ok := findTLV(body, tagItemID)
	if !ok || len(id) != 1 {
		return swWrongData
	}
	if c.toolkit.full() {
		return swBusy
	}
	_, help := findTLV(body, tagHelpRequest)
	item := id[0]
	c.toolkit.begin(&job{run: func(s *session) { c.applet.menuChosen(s, item, help) }})
	return swOK
}
