package engine

import (
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// Layer is where on its way a transaction was seen.
type Layer string

// Layers, from the AP to the card and back.
const (
	LayerRequest Layer = "request"
	LayerINT6    Layer = "int6"
	LayerPacket  Layer = "packet"
	LayerSegment Layer = "segment"
	LayerAnswer  Layer = "answer"
	LayerVerify  Layer = "verify"
	LayerReply   Layer = "reply"
)

// Direction is the way that a traced thing goes.
type Direction string

// Directions.
const (
	Out Direction = "out" // towards the card
	In  Direction = "in"  // from the card
)

// TraceEvent is one step of a transaction for the eyes of an operator. It
// may hold the text to be signed, so it goes to a console and never to a log.
type TraceEvent struct {
	At        time.Time
	Tx        mssp.TransID
	MSISDN    sms.MSISDN
	Layer     Layer
	Direction Direction
	Summary   string
	Octets    []byte
	Fields    []Field // decoded
}

// Field is one decoded element.
type Field struct{ Name, Value string }
