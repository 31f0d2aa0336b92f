package trace

import (
	"bytes"

	"github.com/simsign/simsign/smpp"
)

// maskNumbers masks the addresses of a body (SMPP 3.4 5.2.8, 5.2.9) where each
// command has them (SMPP 3.4 4.4 to 4.12), in place, as log lines do: the
// first three characters and the last two stay, and so does the length. Short
// numbers belong to services and stay whole.
func maskNumbers(cmd smpp.CommandID, body []byte) {
	c := cursor(body)
	switch cmd {
	case smpp.SubmitSM, smpp.DeliverSM, smpp.DataSM:
		c.text()
		c.address()
		c.address()
	case smpp.SubmitMulti:
		c.text()
		c.address()
		for range c.octet() {
			if c.octet() == 1 {
				c.address()
			} else {
				c.text()
			}
		}
	case smpp.SubmitMultiResp:
		c.text()
		for range c.octet() {
			c.address()
			c.skip(4)
		}
	case smpp.QuerySM, smpp.ReplaceSM:
		c.text()
		c.address()
	case smpp.CancelSM:
		c.text()
		c.text()
		c.address()
		c.address()
	case smpp.AlertNotification:
		c.address()
		c.address()
	}
}

// cursor walks through a body; behind its end there is nothing.
type cursor []byte

func (c *cursor) skip(n int) { *c = (*c)[min(n, len(*c)):] }

func (c *cursor) octet() (b byte) {
	if len(*c) > 0 {
		b = (*c)[0]
	}
	c.skip(1)
	return b
}

// text is the next C-octet string.
func (c *cursor) text() []byte {
	s, rest, _ := bytes.Cut(*c, []byte{0})
	*c = rest
	return s
}

// address masks the next address.
func (c *cursor) address() {
	c.skip(2)
	if s := c.text(); len(s) >= 8 {
		for i := range s[3 : len(s)-2] {
			s[3+i] = '*'
		}
	}
}
