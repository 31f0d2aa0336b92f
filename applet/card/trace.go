package card

import (
	"fmt"

	"github.com/simsign/simsign/applet/card/uicc"
)

// EventKind says what an Event is about.
type EventKind string

// Kinds of events, from the outside inwards.
const (
	EventCommand   EventKind = "apdu command"  // Octets: the APDU
	EventResponse  EventKind = "apdu response" // Octets: data and status word
	EventProactive EventKind = "proactive"     // Octets: the proactive command
	EventTerminal  EventKind = "terminal response"
	EventPacket    EventKind = "packet"  // Octets: command or response packet
	EventMessage   EventKind = "message" // Octets: INT6 message or answer, opened
)

// Event is what Options.Trace sees. Digits of personal and unblocking codes
// are replaced by asterisks in Octets.
type Event struct {
	Kind   EventKind
	Name   string // for example "ENVELOPE", "GET INPUT", "SignTransaction"
	Detail string // outcome in words
	Octets []byte // a copy; the observer may keep it
}

// observer is Options.Trace. None costs nothing.
type observer func(Event)

func (o observer) see(kind EventKind, name, detail string, octets []byte) {
	if o != nil {
		o(Event{kind, name, detail, append([]byte{}, octets...)})
	}
}

func (c *Card) traceAPDU(apdu []byte) {
	if c.observe == nil {
		return
	}
	name := "APDU"
	if len(apdu) >= 2 {
		name = instructionName(apdu[1])
		if apdu[1] == insTerminalResponse {
			apdu = c.toolkit.masked(apdu, 5)
		}
	}
	c.observe.see(EventCommand, name, "", apdu)
}

func (c *Card) traceResponse(cmd command, out []byte) {
	if c.observe == nil {
		return
	}
	sw := out[len(out)-2:]
	c.observe.see(EventResponse, instructionName(cmd.ins), fmt.Sprintf("%02X%02X", sw[0], sw[1]), out)
}

// masked is a TERMINAL RESPONSE whose text is hidden, and whatever cannot be read,
// when the command that it belongs to asked for a code.
func (t *toolkit) masked(b []byte, from int) []byte {
	if !t.secret() || len(b) < from {
		return b
	}
	b = append([]byte{}, b...)
	for rest := b[from:]; ; {
		tag, value, next, ok := uicc.ReadTLV(rest)
		if !ok {
			hide(rest)
			break
		}
		if tag == uicc.TagText && len(value) > 0 {
			hide(value[1:])
		}
		rest = next
	}
	return b
}

func hide(b []byte) {
	for i := range b {
		b[i] = '*'
	}
}

func instructionName(ins byte) string {
	switch ins {
	case insTerminalProfile:
		return "TERMINAL PROFILE"
	case insFetch:
		return "FETCH"
	case insTerminalResponse:
		return "TERMINAL RESPONSE"
	case insVerify:
		return "VERIFY"
	case insUnblock:
		return "UNBLOCK PIN"
	case insManageChannel:
		return "MANAGE CHANNEL"
	case insSelect:
		return "SELECT"
	case insReadBinary:
		return "READ BINARY"
	case insReadRecord:
		return "READ RECORD"
	case insGetResponse:
		return "GET RESPONSE"
	case insEnvelope:
		return "ENVELOPE"
	case insStatus:
		return "STATUS"
	}
	return fmt.Sprintf("INS %02X", ins)
}
