package uicc

import (
	"log/slog"

	"github.com/simsign/simsign/ota/sms"
)

// maxSends is how often a failed SEND SHORT MESSAGE is repeated at once with the same octets.
const maxSends = 3

// Sender sends packets as short messages (TS 31.115 4.4): SMS-SUBMITs, which the
// terminal is asked to send.
type Sender struct {
	SMSC     []byte // as in EF.ADN; nil leaves it to the terminal
	PID, DCS byte
	Ref16    bool // 16-bit concatenation references in response packets
	Log      *slog.Logger
}

// Submit sends a response packet, or a command packet of the applet's own, in as
// many SMS-SUBMIT as it needs. It reports whether the network took them all.
func (m *Sender) Submit(h Handler, kind sms.CPI, ref uint16, packet []byte, to sms.Address) bool {
	o := sms.SplitOptions{CPI: kind, Ref16: m.Ref16 && kind == sms.ResponseCPI, Ref: ref}
	if !o.Ref16 {
		o.Ref &= 0xFF
	}
	parts, err := sms.Split(packet, o)
	if err != nil {
		m.Log.Error("answer cannot be split", "error", err)
		return false
	}
	var tpdu []byte
	for _, part := range parts {
		sm := sms.Submit{Destination: to, PID: m.PID, DCS: m.DCS, UDH: part.UDH, UD: part.UD}
		if tpdu, err = sm.AppendBinary(tpdu[:0]); err != nil {
			m.Log.Error("short message cannot be made", "error", err)
			return false
		}
		if !m.sendTPDU(h, tpdu) {
			return false
		}
	}
	return true
}

// sendTPDU sends one SMS-SUBMIT, again when the terminal or the network could
// not take it (TERMINAL RESPONSE 20, 21, 35 and whatever else is no success).
func (m *Sender) sendTPDU(h Handler, tpdu []byte) bool {
	for range maxSends {
		SendShortMessage(h, tpdu, m.SMSC)
		r := h.Send()
		if h.Off() {
			return false
		}
		if r.Result <= ResultHighest {
			return true
		}
		m.Log.Warn("terminal did not send the short message", "result", r.Result, "info", r.Info)
	}
	return false
}

// Address is a server address, "+" and digits or a short number; "" is the other one.
func Address(server string, other sms.Address) sms.Address {
	if server == "" {
		return other
	}
	if server[0] == '+' {
		return sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: server[1:]}
	}
	return sms.Address{TON: sms.TONUnknown, NPI: sms.NPITelephone, Number: server}
}
