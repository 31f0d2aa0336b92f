package card

import (
	"github.com/simsign/simsign/ota/sms"
)

// envelope is ENVELOPE (TS 102 223 7): a short message for the card, or the
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

// download is SMS-PP DOWNLOAD: the TPDU of an SMS-DELIVER. What the card says
// in the SMS-DELIVER-REPORT comes by GET RESPONSE. A message that is no part
// of a secured packet is acknowledged and dropped.
func (c *Card) download(cmd command, body []byte) ([]byte, uint16) {
	tpdu, ok := findTLV(body, tagTPDU)
	if !ok {
		return nil, swWrongData
	}
	d, err := sms.ParseDeliver(tpdu)
	if err != nil {
		c.log.Warn("short message refused", "err", err)
		return nil, swWrongData
	}
	if c.full() {
		return nil, swBusy
	}
	packet, ok := c.collect(&d)
	if !ok {
		return nil, swOK
	}
	report := c.receive(packet, d.Originator)
	return c.withResponse(cmd, report)
}

// menuSelection starts what the user chose (TS 102 223 7.2).
func (c *Card) menuSelection(body []byte) uint16 {
	id, ok := findTLV(body, tagItemID)
	if !ok || len(id) != 1 {
		return swWrongData
	}
	if c.full() {
		return swBusy
	}
	_, help := findTLV(body, tagHelpRequest)
	item := id[0]
	c.enqueue(&job{run: func(s *session) { s.menuChosen(item, help) }})
	if c.running == nil {
		c.advance()
	}
	return swOK
}

// readBER takes the one BER-TLV of an ENVELOPE.
func readBER(b []byte) (tag byte, value, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, nil, false
	}
	_, value, rest, ok = readTLV(b)
	return b[0], value, rest, ok
}

func findTLV(b []byte, want byte) ([]byte, bool) {
	for {
		tag, v, rest, ok := readTLV(b)
		if !ok {
			return nil, false
		}
		if tag == want {
			return v, true
		}
		b = rest
	}
}
