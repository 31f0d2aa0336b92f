package card

import (
	"bytes"
	"log/slog"

	"github.com/simsign/simsign/ota/sms"
)

// Bounds of a message in segments. A card has little memory and no clock:
// when a fifth message begins, the one that began first is forgotten.
const (
	maxPartials = 4
	maxParts    = 8
)

// partial is a message of which segments are missing.
type partial struct {
	from  sms.Address
	ref   uint16
	ref16 bool
	parts []sms.Part
	have  int
}

// segments are the messages that have begun to come in.
type segments struct {
	log      *slog.Logger
	partials []*partial
}

// collect adds a segment (TS 23.040 9.2.3.24.1) and returns the packet when it
// is whole. A segment that contradicts what is there (another total) takes the
// message with it; other octets in a place that is taken begin another message.
func (s *segments) collect(d *sms.Deliver) ([]byte, bool) {
	cat, _, err := sms.ParseConcat(d.UDH)
	if err != nil {
		s.log.Warn("segment refused", "error", err)
		return nil, false
	}
	if cat.Total == 1 {
		return s.join([]sms.Part{{UDH: d.UDH, UD: d.UD}})
	}
	if cat.Total > maxParts {
		s.log.Warn("message refused", "segments", cat.Total, "most", maxParts)
		return nil, false
	}
	i := s.find(d.Originator, cat)
	p := s.partials[i]
	if len(p.parts) != int(cat.Total) {
		s.log.Warn("segment contradicts its message", "segments", cat.Total, "before", len(p.parts))
		s.drop(i)
		return nil, false
	}
	switch at := &p.parts[cat.Part-1]; {
	case at.UDH == nil:
		p.have++
		*at = sms.Part{UDH: bytes.Clone(d.UDH), UD: bytes.Clone(d.UD)}
	case !bytes.Equal(at.UD, d.UD): // the reference has come round
		clear(p.parts)
		p.have = 1
		*at = sms.Part{UDH: bytes.Clone(d.UDH), UD: bytes.Clone(d.UD)}
	}
	if p.have < len(p.parts) {
		return nil, false
	}
	s.drop(i)
	return s.join(p.parts)
}

// join gives the packet of whole segments, when they are a command packet
// (TS 31.115 4.3).
func (s *segments) join(parts []sms.Part) ([]byte, bool) {
	packet, kind, err := sms.Join(nil, parts)
	if err != nil {
		s.log.Warn("segments refused", "error", err)
		return nil, false
	}
	return packet, kind == sms.CommandCPI
}

func (s *segments) find(from sms.Address, cat sms.Concat) int {
	for i, p := range s.partials {
		if p.from == from && p.ref == cat.Ref && p.ref16 == cat.Ref16 {
			return i
		}
	}
	if len(s.partials) == maxPartials {
		s.drop(0)
	}
	s.partials = append(s.partials, &partial{from: from, ref: cat.Ref, ref16: cat.Ref16, parts: make([]sms.Part, cat.Total)})
	return len(s.partials) - 1
}

func (s *segments) drop(i int) {
	s.partials = append(s.partials[:i], s.partials[i+1:]...)
}
