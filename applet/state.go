package applet

import "fmt"

// LifeCycle is the state of the applet.
type LifeCycle byte

// Life cycle states (INT6, Life cycle).
const (
	AppletInstalled   LifeCycle = 0x01
	AppletActive      LifeCycle = 0x02
	AppletDeactivated LifeCycle = 0x03
)

// CodeStatus is the state of a personal code.
type CodeStatus byte

// States of a code (INT6 B5).
const (
	CodeNotSet  CodeStatus = 0x00
	CodeSet     CodeStatus = 0x01
	CodeBlocked CodeStatus = 0x02
)

// SlotStatus is the state of a key slot.
type SlotStatus byte

// States of a slot (INT6, Life cycle). Only a registered key signs for others
// (5.1-10).
const (
	SlotEmpty       SlotStatus = 0x00
	SlotGenerated   SlotStatus = 0x01
	SlotRegistering SlotStatus = 0x02 // has signed its registration, not yet confirmed
	SlotRegistered  SlotStatus = 0x03
)

// State is the report of tag B5 (INT6, Answer).
type State struct {
	LifeCycle  LifeCycle
	Language   string // two small letters
	Algorithms []Algorithm
	Codes      []CodeState
	Slots      []SlotState // every slot, also the empty ones
}

// CodeState describes one personal code.
type CodeState struct {
	Code      CodeRef
	Status    CodeStatus
	TriesLeft byte
	MaxTries  byte
	Min, Max  byte // length; 0 when not yet set
}

// SlotState describes one key slot. Usage, Algorithm and Code are 0 when the
// slot is empty.
type SlotState struct {
	Slot
	Status      SlotStatus
	Certificate bool // a certificate is stored
}

const (
	codeStateLen = 6
	slotStateLen = 6
)

func (s *State) append(b []byte) []byte {
	b = append(b, byte(s.LifeCycle))
	b = append(b, s.Language...)
	b = append(b, byte(len(s.Algorithms)))
	for _, a := range s.Algorithms {
		b = append(b, byte(a))
	}
	b = append(b, byte(len(s.Codes)))
	for _, c := range s.Codes {
		b = append(b, byte(c.Code), byte(c.Status), c.TriesLeft, c.MaxTries, c.Min, c.Max)
	}
	b = append(b, byte(len(s.Slots)))
	for _, k := range s.Slots {
		var cert byte
		if k.Certificate {
			cert = 1
		}
		b = append(b, k.Number, byte(k.Usage), byte(k.Algorithm), byte(k.Code), byte(k.Status), cert)
	}
	return b
}

func parseState(v []byte) (*State, error) {
	if len(v) < 3 {
		return nil, fmt.Errorf("%w: a state needs 6 octets or more, have %d", ErrLength, len(v))
	}
	s := &State{LifeCycle: LifeCycle(v[0]), Language: string(v[1:3])}
	if s.LifeCycle < AppletInstalled || s.LifeCycle > AppletDeactivated {
		return nil, fmt.Errorf("%w: life cycle %02X", ErrValue, v[0])
	}
	if !smallLetter(v[1]) || !smallLetter(v[2]) {
		return nil, fmt.Errorf("%w: a language is two small letters", ErrValue)
	}
	algs, v, err := counted(v[3:], 1)
	if err != nil {
		return nil, err
	}
	for _, a := range algs {
		s.Algorithms = append(s.Algorithms, Algorithm(a))
	}
	codes, v, err := counted(v, codeStateLen)
	if err != nil {
		return nil, err
	}
	for ; len(codes) > 0; codes = codes[codeStateLen:] {
		c := CodeState{CodeRef(codes[0]), CodeStatus(codes[1]), codes[2], codes[3], codes[4], codes[5]}
		if c.Code.check() != nil || c.Status > CodeBlocked {
			return nil, fmt.Errorf("%w: code %02X status %02X", ErrValue, codes[0], codes[1])
		}
		s.Codes = append(s.Codes, c)
	}
	slots, v, err := counted(v, slotStateLen)
	if err != nil {
		return nil, err
	}
	for ; len(slots) > 0; slots = slots[slotStateLen:] {
		k, err := parseSlotState(slots)
		if err != nil {
			return nil, err
		}
		s.Slots = append(s.Slots, k)
	}
	if len(v) > 0 {
		return nil, fmt.Errorf("%w: %d octets after the state", ErrLength, len(v))
	}
	return s, nil
}

func parseSlotState(b []byte) (SlotState, error) {
	k := SlotState{
		Slot:        Slot{b[0], Usage(b[1]), Algorithm(b[2]), CodeRef(b[3])},
		Status:      SlotStatus(b[4]),
		Certificate: b[5] == 1,
	}
	if k.Status > SlotRegistered || b[5] > 1 || (k.Status == SlotEmpty) != !k.Described() {
		return k, fmt.Errorf("%w: slot %d status %02X", ErrValue, b[0], b[4])
	}
	return k, k.check(k.Described())
}

// counted takes a count and that many items of a size.
func counted(b []byte, size int) (items, rest []byte, err error) {
	if len(b) < 1 {
		return nil, nil, fmt.Errorf("%w: a count needs 1 octet, have none", ErrLength)
	}
	n := int(b[0]) * size
	if len(b)-1 < n {
		return nil, nil, fmt.Errorf("%w: %d items need %d octets, have %d", ErrLength, b[0], n, len(b)-1)
	}
	return b[1 : 1+n], b[1+n:], nil
}

// FindSlot is the report of a slot, nil when the card has no such slot.
func (s *State) FindSlot(number byte) *SlotState {
	for i := range s.Slots {
		if s.Slots[i].Number == number {
			return &s.Slots[i]
		}
	}
	return nil
}

// FindCode is the report of a code, nil when the card has no such code.
func (s *State) FindCode(ref CodeRef) *CodeState {
	for i := range s.Codes {
		if s.Codes[i].Code == ref {
			return &s.Codes[i]
		}
	}
	return nil
}
