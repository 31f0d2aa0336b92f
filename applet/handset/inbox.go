package handset

import (
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// Bounds of texts that come in several segments.
const (
	maxJoins = 16
	joinTime = time.Hour
)

// joining is a text of which segments are missing.
type joining struct {
	from  sms.Address
	ref   uint16
	wide  bool
	parts []string
	have  int
	since time.Time
}

// inbox is the plain messages of the phone.
type inbox struct {
	view  *view
	clock func() time.Time
	joins []*joining
}

// plain puts a message into the inbox, when it is whole.
func (b *inbox) plain(d *sms.Deliver) {
	text, err := sms.DecodeText(d.DCS, d.UDH, d.UD, d.Septets)
	if err != nil {
		text = "(a message that this phone cannot show)"
	}
	if c, _, err := sms.ParseConcat(d.UDH); err == nil && c.Total > 1 {
		var whole bool
		if text, whole = b.join(d.Originator, c, text); !whole {
			return
		}
	}
	m := Message{From: d.Originator.Number, Text: text, At: b.clock()}
	if d.Originator.TON == sms.TONInternational {
		m.From = "+" + m.From
	}
	b.view.change(func(s *State) {
		if len(s.Inbox) >= maxInbox {
			s.Inbox = s.Inbox[1:]
		}
		s.Inbox = append(s.Inbox[:len(s.Inbox):len(s.Inbox)], m)
	})
}

// join collects segments (TS 23.040 9.2.3.24.1); the oldest unfinished text
// goes when there are too many.
func (b *inbox) join(from sms.Address, c sms.Concat, text string) (string, bool) {
	now := time.Now()
	at := -1
	for i, j := range b.joins {
		if j.from == from && j.ref == c.Ref && j.wide == c.Ref16 && len(j.parts) == int(c.Total) && now.Sub(j.since) < joinTime {
			at = i
		}
	}
	if at < 0 {
		if len(b.joins) >= maxJoins {
			b.joins = b.joins[1:]
		}
		b.joins = append(b.joins, &joining{from: from, ref: c.Ref, wide: c.Ref16, parts: make([]string, c.Total), since: now})
		at = len(b.joins) - 1
	}
	j := b.joins[at]
	if j.parts[c.Part-1] == "" && text != "" {
		j.parts[c.Part-1] = text
		j.have++
	}
	if j.have < len(j.parts) {
		return "", false
	}
	b.joins = append(b.joins[:at], b.joins[at+1:]...)
	whole := ""
	for _, p := range j.parts {
		whole += p
	}
	return whole, true
}
