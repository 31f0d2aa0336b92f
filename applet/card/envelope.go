package card

import (
	"github.com/simsign/simsign/applet/card/uicc"
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
		c.toolkit.profile = nil
	}
	_ = c.applet.Process(&uicc.Event{Kind: uicc.PowerOn}, nil)
	c.toolkit.profile = append([]byte{}, cmd.data...)
	if c.toolkit.has(uicc.FacilitySetUpMenu) {
		c.toolkit.queue = append([]task{c.toolkit.showMenu}, c.toolkit.queue...)
	}
	c.toolkit.advance()
	return swOK
}

// envelope is ENVELOPE (TS 102 221 11.2.2): a short message for the card, or the
// user's choice in the card's menu. Other events are acknowledged and ignored.
func (c *Card) envelope(cmd command) ([]byte, uint16) {
	tag, body, _, ok := uicc.ReadBER(cmd.data)
	if !ok {
		return nil, swWrongData
	}
	switch tag {
	case uicc.TagSMSDownload:
		return c.download(cmd, body)
	case uicc.TagMenuSelection:
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
	tpdu, ok := uicc.FindTLV(body, uicc.TagTPDU)
	if !ok {
		return nil, swWrongData
	}
	d, err := sms.ParseDeliver(tpdu)
	if err != nil {
		c.log.Warn("short message refused", "error", err)
		return nil, swWrongData
	}
	if !c.opt.Strict && !c.applet.Room() {
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
	id, ok := uicc.FindTLV(body, uicc.TagItemID)
	if !ok || len(id) != 1 {
		return swWrongData
	}
	if busy := !c.applet.Room(); busy && !c.opt.Strict || c.opt.Strict && c.toolkit.running != nil {
		return swBusy // a strict card knows of its own session, and no toolkit asks the applet
	}
	_, help := uicc.FindTLV(body, uicc.TagHelpRequest)
	_ = c.toolkit.trigger(&uicc.Event{Kind: uicc.Menu, Item: id[0], Help: help})
	return swOK
}
