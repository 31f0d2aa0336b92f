package card

import (
	"github.com/simsign/simsign/ota/sms"
)

// Bounds of sending again. A failed SEND SHORT MESSAGE is repeated at once
// with the same octets; an answer that still could not be sent waits for the
// terminal's next polls, and then for the next power on.
const (
	maxSends  = 3
	maxRounds = 5
)

// destination is the server address, or where the command came from.
func (c *Card) destination(o origin) sms.Address {
	a := c.data.server
	if a == "" {
		return o.from
	}
	if a[0] == '+' {
		return sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: a[1:]}
	}
	return sms.Address{TON: sms.TONUnknown, NPI: sms.NPITelephone, Number: a}
}

// submit sends a response packet in as many SMS-SUBMIT as it needs. It
// reports whether the network took them all.
func (s *session) submit(packet []byte, to sms.Address) bool {
	c := s.c
	o := sms.SplitOptions{CPI: sms.ResponseCPI, Ref16: c.opt.ConcatRef16, Ref: c.concatRef}
	if !o.Ref16 {
		o.Ref &= 0xFF
	}
	parts, err := sms.Split(packet, o)
	if err != nil {
		c.log.Error("answer cannot be split", "err", err)
		return false
	}
	var tpdu []byte
	for _, p := range parts {
		m := sms.Submit{Destination: to, PID: c.opt.PID, DCS: c.opt.DCS, UDH: p.UDH, UD: p.UD}
		if tpdu, err = m.AppendBinary(tpdu[:0]); err != nil {
			c.log.Error("short message cannot be made", "err", err)
			return false
		}
		if !s.sendTPDU(tpdu) {
			return false
		}
	}
	return true
}

// sendTPDU sends one SMS-SUBMIT, again when the terminal or the network could
// not take it (TERMINAL RESPONSE 20, 21, 35 and whatever else is no success).
func (s *session) sendTPDU(tpdu []byte) bool {
	for range maxSends {
		s.c.sendShortMessage(tpdu)
		r := s.send()
		if s.off {
			return false
		}
		if r.result < 0x10 {
			return true
		}
		s.c.log.Warn("terminal did not send the short message", "result", r.result, "info", r.info)
	}
	return false
}

// resendUnsent queues the answers that were not sent, the oldest first.
func (c *Card) resendUnsent() {
	for i := range uint32(remembered) {
		k := &c.answers[(c.seq+i)%remembered]
		if k.octets == nil || k.sent || k.rounds >= maxRounds || c.full() {
			continue
		}
		k.rounds++
		seq := k.seq
		c.enqueue(&job{run: func(s *session) {
			if k.seq == seq && !k.sent {
				s.sendAnswer(k, nil)
			}
		}})
	}
}

// polled is called with each STATUS: a quiet moment to send what is left.
func (c *Card) polled() {
	if c.running == nil && len(c.queue) == 0 && c.profile != nil {
		c.resendUnsent()
		c.advance()
	}
}
