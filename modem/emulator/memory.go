package emulator

import (
	"fmt"

	"github.com/simsign/simsign/ota/sms"
)

// status of a stored message (TS 27.005 3.1, <stat>).
type status int

const (
	unread status = iota
	seen
	unsent
	sent
	all
)

var statusNames = [...]string{"REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL"}

// message is a stored TPDU with its service centre.
type message struct {
	status status
	sca    []byte // type octet and digits; nil is none
	tpdu   []byte
}

// memory is one of the message memories; slot 1 is the first.
type memory struct{ slots []*message }

// memories are all of them by name: SM is in the SIM, ME in the modem (TS
// 27.005 3.1, <mem1>).
type memories map[string]*memory

// usage is used and total places as +CPMS gives them.
func (s memories) usage(name string) string {
	m := s[name]
	return fmt.Sprintf("%d,%d", m.used(), len(m.slots))
}

func newMemory(n int) *memory { return &memory{slots: make([]*message, n)} }

func (s *memory) used() int {
	n := 0
	for _, m := range s.slots {
		if m != nil {
			n++
		}
	}
	return n
}

// at is the message in slot i, or nil.
func (s *memory) at(i int) *message {
	if i < 1 || i > len(s.slots) {
		return nil
	}
	return s.slots[i-1]
}

// put returns the slot, or 0 when the memory is full.
func (s *memory) put(m *message) int {
	for i, old := range s.slots {
		if old == nil {
			s.slots[i] = m
			return i + 1
		}
	}
	return 0
}

// Stored counts the messages in a memory, "SM" or "ME".
func (m *Modem) Stored(memory string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.mem[memory]; s != nil {
		return s.used()
	}
	return 0
}

// Sent counts the messages that the network has taken.
func (m *Modem) Sent() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.radio.sent
}

// Fill puts old messages into every free slot of a memory.
func (m *Modem) Fill(memory string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.mem[memory]
	if s == nil {
		return
	}
	d := sms.Deliver{Originator: sms.Address{TON: sms.TONAlphanumeric, Number: "OPERATOR"}, Time: sms.NewTimestamp(m.o.Clock()), DCS: 4, UD: []byte("advertisement")}
	tpdu, err := d.AppendBinary(nil)
	if err != nil {
		return
	}
	for s.put(&message{status: seen, tpdu: tpdu}) > 0 {
	}
}
