package rp

import (
	"errors"
	"fmt"
)

// Type is the message type indicator with its direction (TS 24.011 8.2.2).
type Type byte

// MO types go from the phone to the network, MT types the other way.
const (
	DataMO  Type = 0 // RP-DATA ms -> n
	DataMT  Type = 1 // RP-DATA n -> ms
	AckMO   Type = 2 // RP-ACK ms -> n
	AckMT   Type = 3 // RP-ACK n -> ms
	ErrorMO Type = 4 // RP-ERROR ms -> n
	ErrorMT Type = 5 // RP-ERROR n -> ms
	SMMA    Type = 6 // RP-SMMA ms -> n
)

// String is the name in TS 24.011, without the direction.
func (t Type) String() string {
	switch t {
	case DataMO, DataMT:
		return "RP-DATA"
	case AckMO, AckMT:
		return "RP-ACK"
	case ErrorMO, ErrorMT:
		return "RP-ERROR"
	case SMMA:
		return "RP-SMMA"
	}
	return fmt.Sprintf("RP type %d", byte(t))
}

const (
	// MaxAddress is the longest address content: TON/NPI and 20 digits (TS 24.011 8.2.5.1).
	MaxAddress = 11
	// MaxTPDU is the longest user data (TS 24.011 8.2.5.3).
	MaxTPDU = 233
	// MaxMessage is the longest message that Append makes and Parse takes.
	MaxMessage = 2 + 1 + 1 + MaxAddress + 1 + MaxTPDU

	userDataIE = 0x41 // RP-User-Data as optional element (TS 24.011 8.2.5.3)
)

// Message is one RP message. Slices of a parsed message point into its octets.
type Message struct {
	Type Type
	Ref  byte // RP-Message-Reference
	// Address is the service centre: RP-Destination-Address of an MO, RP-Originator-Address
	// of an MT RP-DATA; type octet and BCD digits, without the length. The
	// phone's own address never travels: the network knows who is attached.
	Address []byte
	Cause   Cause  // RP-ERROR only
	TPDU    []byte // RP-User-Data; optional in answers
}

// The errors of Parse and AppendBinary.
var (
	ErrLength  = errors.New("RP message has a wrong length")
	ErrType    = errors.New("RP message type is unknown")
	ErrElement = errors.New("RP message has a wrong element")
)

// AppendBinary appends the message.
func (m Message) AppendBinary(b []byte) ([]byte, error) {
	if len(m.Address) > MaxAddress {
		return b, fmt.Errorf("%w: address of %d octets, at most %d", ErrLength, len(m.Address), MaxAddress)
	}
	if len(m.TPDU) > MaxTPDU {
		return b, fmt.Errorf("%w: TPDU of %d octets, at most %d", ErrLength, len(m.TPDU), MaxTPDU)
	}
	b = append(b, byte(m.Type), m.Ref)
	switch m.Type {
	case DataMO:
		b = append(b, 0, byte(len(m.Address)))
		b = append(b, m.Address...)
		return appendLV(b, m.TPDU), nil
	case DataMT:
		b = append(b, byte(len(m.Address)))
		b = append(b, m.Address...)
		b = append(b, 0)
		return appendLV(b, m.TPDU), nil
	case ErrorMO, ErrorMT:
		b = append(b, 1, byte(m.Cause))
	case AckMO, AckMT:
	case SMMA:
		return b, nil
	default:
		return b[:len(b)-2], fmt.Errorf("%w: %d", ErrType, byte(m.Type))
	}
	if len(m.TPDU) > 0 {
		b = appendLV(append(b, userDataIE), m.TPDU)
	}
	return b, nil
}

func appendLV(b, v []byte) []byte {
	b = append(b, byte(len(v)))
	return append(b, v...)
}

// Parse reads one whole message; octets left over are an error. Its errors
// match ErrLength, ErrType or ErrElement.
func Parse(b []byte) (Message, error) {
	if len(b) < 2 {
		return Message{}, fmt.Errorf("%w: needs 2 octets, has %d", ErrLength, len(b))
	}
	m := Message{Type: Type(b[0]), Ref: b[1]}
	rest, err := b[2:], error(nil)
	switch m.Type {
	case DataMO, DataMT:
		rest, err = m.parseData(rest)
	case ErrorMO, ErrorMT:
		if rest, err = m.parseCause(rest); err == nil {
			rest, err = m.parseReport(rest)
		}
	case AckMO, AckMT:
		rest, err = m.parseReport(rest)
	case SMMA:
	default:
		return Message{}, fmt.Errorf("%w: %d", ErrType, b[0])
	}
	if err != nil {
		return Message{}, err
	}
	if len(rest) > 0 {
		return Message{}, fmt.Errorf("%w: %d octets after the last element", ErrLength, len(rest))
	}
	return m, nil
}

// parseData reads the two addresses, one of which is always empty, and the TPDU.
func (m *Message) parseData(b []byte) ([]byte, error) {
	first, b, err := lv(b, MaxAddress, "first address")
	if err != nil {
		return nil, err
	}
	second, b, err := lv(b, MaxAddress, "second address")
	if err != nil {
		return nil, err
	}
	own, centre := first, second
	if m.Type == DataMT {
		own, centre = second, first
	}
	if len(own) != 0 {
		return nil, fmt.Errorf("%w: the phone's own address must be empty, has %d octets", ErrElement, len(own))
	}
	tpdu, b, err := lv(b, MaxTPDU, "user data")
	if err != nil {
		return nil, err
	}
	if len(tpdu) == 0 {
		return nil, fmt.Errorf("%w: RP-DATA without user data", ErrElement)
	}
	m.Address, m.TPDU = centre, tpdu
	if len(centre) == 0 {
		m.Address = nil
	}
	return b, nil
}

func (m *Message) parseCause(b []byte) ([]byte, error) {
	cause, b, err := lv(b, 2, "cause") // cause and one diagnostic octet (TS 24.011 8.2.5.4)
	if err != nil {
		return nil, err
	}
	if len(cause) != 1 {
		return nil, fmt.Errorf("%w: cause needs 1 octet, has %d", ErrElement, len(cause))
	}
	m.Cause = Cause(cause[0])
	return b, nil
}

func (m *Message) parseReport(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return b, nil
	}
	if b[0] != userDataIE {
		return nil, fmt.Errorf("%w: element %02X where user data (41) may stand", ErrElement, b[0])
	}
	tpdu, b, err := lv(b[1:], MaxTPDU, "user data")
	if err != nil {
		return nil, err
	}
	if len(tpdu) == 0 {
		return nil, fmt.Errorf("%w: empty user data", ErrElement)
	}
	m.TPDU = tpdu
	return b, nil
}

func lv(b []byte, most int, what string) (v, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, fmt.Errorf("%w: %s is missing", ErrLength, what)
	}
	n := int(b[0])
	if n > most {
		return nil, nil, fmt.Errorf("%w: %s of %d octets, at most %d", ErrLength, what, n, most)
	}
	if len(b) < 1+n {
		return nil, nil, fmt.Errorf("%w: %s needs %d octets, has %d", ErrLength, what, n, len(b)-1)
	}
	return b[1 : 1+n : 1+n], b[1+n:], nil
}
