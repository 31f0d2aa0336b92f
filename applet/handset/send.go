package handset

import (
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// segment is a message that a fault holds back.
type segment struct {
	tpdu []byte
	at   time.Time
	next bool // goes right after the next one
}

// sender is the phone's side of SEND SHORT MESSAGE.
type sender struct {
	*toolkit
	ref   byte // RP-Message-Reference of the last message
	await byte // of the message whose answer the card waits for
	mr    byte // TP-MR
	later []segment
}

func (s *sender) nextRef() byte {
	s.ref++
	return s.ref
}

// reset forgets what is on its way, as a loss of power does.
func (s *sender) reset() { s.ref, s.await, s.mr, s.later = 0, 0, 0, nil }

// packed says that the phone has to pack the text of the card's message
// (qualifier of SEND SHORT MESSAGE).
const packed = 0x01

// sendShortMessage sends the card's SMS-SUBMIT or SMS-COMMAND with the phone's
// TP-MR (TS 102 223 6.4.10). Its response waits for the network.
func (s *sender) sendShortMessage() {
	c := &s.running
	if len(c.tpdu) < 2 {
		s.respond(ValuesMissing, nil)
		return
	}
	tpdu := c.tpdu
	if c.qualifier&packed != 0 {
		var ok bool
		if tpdu, ok = pack(tpdu); !ok {
			s.respond(DataUnknown, nil)
			return
		}
	}
	s.mr++
	tpdu[1] = s.mr // in the buffer of the fetched command, or in pack's own
	if s.trace.on() {
		s.trace.see(LayerSMS, ToNetwork, "SMS-SUBMIT", tpdu, submitFields(tpdu))
	}
	if !s.radio.attached() {
		s.respond(TerminalBusy, []byte{NoService})
		return
	}
	f := s.faults.segment()
	if f.Action != Pass && f.Action != Duplicate {
		s.withhold(f, tpdu)
		s.respond(Done, nil)
		return
	}
	s.await = s.rpData(tpdu)
	if f.Action == Duplicate {
		s.rpData(tpdu)
	}
	s.waiting = waitNetwork
	s.clock.set(timerNetwork, s.o.Timeouts.Network)
	s.releaseNext()
}

// rpData queues a message and returns its reference.
func (s *sender) rpData(tpdu []byte) byte {
	ref := s.nextRef()
	address := s.running.address
	if len(address) == 0 || len(address) > rp.MaxAddress {
		address = s.card.centre
	}
	s.radio.queue(&rp.Message{Type: rp.DataMO, Ref: ref, Address: address, TPDU: tpdu})
	return ref
}

// sent is the network's answer; cause 0 is RP-ACK.
func (s *sender) sent(ref byte, cause rp.Cause) {
	if s.waiting != waitNetwork || ref != s.await {
		return // of a segment that a fault held back or doubled, or of RP-SMMA
	}
	s.clock.clear(timerNetwork)
	if cause == 0 {
		s.respond(Done, nil)
	} else {
		s.respond(SMSError, []byte{byte(cause)})
	}
	s.proceed()
}

// networkTimeout: the network took too long (result 21).
func (s *sender) networkTimeout() {
	if s.waiting == waitNetwork {
		s.respond(NetworkBusy, []byte{NoCause})
		s.proceed()
	}
}

// networkLost: the link is gone and with it the answer.
func (s *sender) networkLost() {
	s.clock.clear(timerNetwork)
	if s.waiting == waitNetwork {
		s.respond(TerminalBusy, []byte{NoService})
		s.proceed()
	}
}

// reorderWait is how long a reordered segment waits for a next one.
const reorderWait = 2 * time.Second

// withhold keeps or loses a segment; the card hears that it was sent.
func (s *sender) withhold(f SegmentFault, tpdu []byte) {
	held := segment{tpdu: append([]byte(nil), tpdu...)}
	switch f.Action {
	case Drop:
		return
	case Delay:
		held.at = time.Now().Add(f.Delay)
	case Reorder:
		held.at, held.next = time.Now().Add(reorderWait), true
	}
	s.later = append(s.later, held)
	s.armLater()
}

// releaseNext sends what waited for another segment to go first.
func (s *sender) releaseNext() {
	s.release(func(g segment) bool { return g.next })
}

// releaseDue sends what has waited long enough.
func (s *sender) releaseDue() {
	now := time.Now()
	s.release(func(g segment) bool { return !g.at.After(now) })
}

func (s *sender) release(due func(segment) bool) {
	if len(s.later) == 0 {
		return
	}
	keep := s.later[:0]
	for _, g := range s.later {
		if due(g) {
			s.rpData(g.tpdu)
		} else {
			keep = append(keep, g)
		}
	}
	s.later = keep
	s.armLater()
}

func (s *sender) armLater() {
	s.clock.clear(timerLater)
	for _, g := range s.later {
		if t := s.clock.at[timerLater]; t.IsZero() || g.at.Before(t) {
			s.clock.at[timerLater] = g.at
		}
	}
}
