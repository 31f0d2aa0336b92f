package handset

import (
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// sending is the phone's side of SEND SHORT MESSAGE.
type sending struct {
	ref   byte // RP-Message-Reference of the last message
	await byte // of the message whose answer the card waits for
	mr    byte // TP-MR
	later []segment
}

// segment is a message that a fault holds back.
type segment struct {
	tpdu []byte
	at   time.Time
	next bool // goes right after the next one
}

func (s *sending) nextRef() byte {
	s.ref++
	return s.ref
}

// packed says that the phone has to pack the text of the card's message
// (qualifier of SEND SHORT MESSAGE).
const packed = 0x01

// sendShortMessage sends the card's SMS-SUBMIT or SMS-COMMAND with the phone's
// TP-MR (TS 102 223 6.4.10). Its response waits for the network.
func (h *Handset) sendShortMessage() {
	c := &h.running
	if len(c.tpdu) < 2 {
		h.respond(ValuesMissing, nil)
		return
	}
	tpdu := c.tpdu
	if c.qualifier&packed != 0 {
		var ok bool
		if tpdu, ok = pack(tpdu); !ok {
			h.respond(DataUnknown, nil)
			return
		}
	}
	h.sending.mr++
	tpdu[1] = h.sending.mr // in the buffer of the fetched command, or in pack's own
	if h.tracing() {
		h.traceSMS(ToNetwork, "SMS-SUBMIT", tpdu, submitFields(tpdu))
	}
	if h.link == nil {
		h.respond(TerminalBusy, []byte{NoService})
		return
	}
	f := h.faults.segment()
	if f.Action != Pass && f.Action != Duplicate {
		h.withhold(f, tpdu)
		h.respond(Done, nil)
		return
	}
	h.sending.await = h.rpData(tpdu)
	if f.Action == Duplicate {
		h.rpData(tpdu)
	}
	h.waiting = waitNetwork
	h.clock.set(timerNetwork, h.o.Timeouts.Network)
	h.releaseNext()
}

// rpData queues a message and returns its reference.
func (h *Handset) rpData(tpdu []byte) byte {
	ref := h.sending.nextRef()
	address := h.running.address
	if len(address) == 0 || len(address) > rp.MaxAddress {
		address = h.centre
	}
	h.queue(&rp.Message{Type: rp.DataMO, Ref: ref, Address: address, TPDU: tpdu})
	return ref
}

// sent is the network's answer; cause 0 is RP-ACK.
func (h *Handset) sent(ref byte, cause rp.Cause) {
	if h.waiting != waitNetwork || ref != h.sending.await {
		return // of a segment that a fault held back or doubled, or of RP-SMMA
	}
	h.clock.clear(timerNetwork)
	if cause == 0 {
		h.respond(Done, nil)
	} else {
		h.respond(SMSError, []byte{byte(cause)})
	}
	h.proceed()
}

// networkTimeout: the network took too long (result 21).
func (h *Handset) networkTimeout() {
	if h.waiting == waitNetwork {
		h.respond(NetworkBusy, []byte{NoCause})
		h.proceed()
	}
}

// networkLost: the link is gone and with it the answer.
func (h *Handset) networkLost() {
	h.clock.clear(timerNetwork)
	if h.waiting == waitNetwork {
		h.respond(TerminalBusy, []byte{NoService})
		h.proceed()
	}
}

// reorderWait is how long a reordered segment waits for a next one.
const reorderWait = 2 * time.Second

// withhold keeps or loses a segment; the card hears that it was sent.
func (h *Handset) withhold(f SegmentFault, tpdu []byte) {
	s := segment{tpdu: append([]byte(nil), tpdu...)}
	switch f.Action {
	case Drop:
		return
	case Delay:
		s.at = time.Now().Add(f.Delay)
	case Reorder:
		s.at, s.next = time.Now().Add(reorderWait), true
	}
	h.sending.later = append(h.sending.later, s)
	h.armLater()
}

// releaseNext sends what waited for another segment to go first.
func (h *Handset) releaseNext() {
	h.release(func(s segment) bool { return s.next })
}

// releaseDue sends what has waited long enough.
func (h *Handset) releaseDue() {
	now := time.Now()
	h.release(func(s segment) bool { return !s.at.After(now) })
}

func (h *Handset) release(due func(segment) bool) {
	if len(h.sending.later) == 0 {
		return
	}
	keep := h.sending.later[:0]
	for _, s := range h.sending.later {
		if due(s) {
			h.rpData(s.tpdu)
		} else {
			keep = append(keep, s)
		}
	}
	h.sending.later = keep
	h.armLater()
}

func (h *Handset) armLater() {
	h.clock.clear(timerLater)
	for _, s := range h.sending.later {
		if t := h.clock.at[timerLater]; t.IsZero() || s.at.Before(t) {
			h.clock.at[timerLater] = s.at
		}
	}
}

// pack turns the 8-bit text of an SMS-SUBMIT into packed septets
// (TS 102 223 6.4.10).
func pack(tpdu []byte) ([]byte, bool) {
	s, err := sms.ParseSubmit(tpdu)
	if err != nil {
		return nil, false
	}
	header := (len(s.UDH)*8 + 6) / 7
	septets := make([]byte, len(s.UD))
	for i, o := range s.UD {
		septets[i] = o & 0x7F
	}
	s.DCS &^= 0x0C
	if s.DCS >= 0xF0 {
		s.DCS &^= 0x04
	}
	s.Septets = header + len(septets)
	s.UD = sms.PackSeptets(nil, septets, header*7-len(s.UDH)*8)
	b, err := s.AppendBinary(nil)
	return b, err == nil
}
