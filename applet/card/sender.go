package card

import (
	"log/slog"

	"github.com/simsign/simsign/ota/sms"
)

// Bounds of sending again. A failed SEND SHORT MESSAGE is repeated at once
// with the same octets; an answer that still could not be sent waits for the
// terminal's next polls, and then for the next power on.
const (
	maxSends  = 3
	maxRounds = 5
)

// sender sends packets as short messages (TS 31.115 4.4): SMS-SUBMITs, which the
// terminal is asked to send.
type sender struct {
	profile   *Profile
	log       *slog.Logger
	concatRef uint16
}

// destination is the server address (INT6 A2/86), or where the command came
// from.
func (a *signingApplet) destination(o origin) sms.Address {
	server := a.data.server
	if server == "" {
		return o.from
	}
	if server[0] == '+' {
		return sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: server[1:]}
	}
	return sms.Address{TON: sms.TONUnknown, NPI: sms.NPITelephone, Number: server}
}

// submit sends a response packet, or a command packet of the applet's own, in as
// many SMS-SUBMIT as it needs. It reports whether the network took them all.
func (m *sender) submit(s *session, kind sms.CPI, packet []byte, to sms.Address) bool {
	p := m.profile
	o := sms.SplitOptions{CPI: kind, Ref16: p.ConcatRef16 && kind == sms.ResponseCPI, Ref: m.concatRef}
	if !o.Ref16 {
		o.Ref &= 0xFF
	}
	parts, err := sms.Split(packet, o)
	if err != nil {
		m.log.Error("answer cannot be split", "error", err)
		return false
	}
	var tpdu []byte
	for _, part := range parts {
		sm := sms.Submit{Destination: to, PID: p.PID, DCS: p.DCS, UDH: part.UDH, UD: part.UD}
		if tpdu, err = sm.AppendBinary(tpdu[:0]); err != nil {
			m.log.Error("short message cannot be made", "error", err)
			return false
		}
		if !m.sendTPDU(s, tpdu) {
			return false
		}
	}
	return true
}

// sendTPDU sends one SMS-SUBMIT, again when the terminal or the network could
// not take it (TERMINAL RESPONSE 20, 21, 35 and whatever else is no success).
func (m *sender) sendTPDU(s *session, tpdu []byte) bool {
	for range maxSends {
		s.tk.sendShortMessage(tpdu, m.profile.SMSC)
		r := s.send()
		if s.off {
			return false
		}
		if r.result < 0x10 {
			return true
		}
		m.log.Warn("terminal did not send the short message", "result", r.result, "info", r.info)
	}
	return false
}
