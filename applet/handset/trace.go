package handset

import (
	"bytes"
	"time"
)

// Layer is where a trace event was seen.
type Layer string

// The layers, from the air to the card.
const (
	LayerSMS       Layer = "sms"
	LayerProactive Layer = "proactive"
	LayerAPDU      Layer = "apdu"
)

// Direction of the octets of an event, seen from the handset.
type Direction string

// Directions.
const (
	ToCard      Direction = "to card"
	FromCard    Direction = "from card"
	ToNetwork   Direction = "to network"
	FromNetwork Direction = "from network"
)

// Event is one step for a trace. Octets are a copy. What a user types into a
// hidden prompt is replaced by 2A ("*") in every layer.
type Event struct {
	At        time.Time
	Layer     Layer
	Direction Direction
	Name      string // APDU command, proactive command or RP message
	Octets    []byte
	Fields    []Field // decoded, in the order of the octets
}

// Field is one decoded value of an event.
type Field struct{ Name, Value string }

// tracer tells Options.Trace what happens.
type tracer struct {
	sink  func(Event)
	clock func() time.Time
}

// on tells whether anybody listens; callers make fields only then.
func (t *tracer) on() bool { return t.sink != nil }

func (t *tracer) see(l Layer, d Direction, name string, octets []byte, fields []Field) {
	if t.on() {
		t.sink(Event{At: t.clock(), Layer: l, Direction: d, Name: name, Octets: bytes.Clone(octets), Fields: fields})
	}
}

// span is a part of an APDU that must not be shown.
type span struct{ from, to int }

// mask returns b, or a copy with stars where the span is.
func (s span) mask(b []byte) []byte {
	if s.from == s.to {
		return b
	}
	b = bytes.Clone(b)
	for i := s.from; i < s.to; i++ {
		b[i] = '*'
	}
	return b
}
