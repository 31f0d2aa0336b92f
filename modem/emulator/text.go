package emulator

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// fromText makes an SMS-SUBMIT of a text and the +CSMP parameters.
func (m *Modem) fromText(to, text string) (message, final) {
	s := m.set
	to = m.hostText(to)
	if strings.Trim(to, "+0123456789*#") != "" || strings.Trim(to, "+") == "" {
		return message{}, failSMS(cmsText)
	}
	out := sms.Submit{Destination: addressOf(to), PID: byte(s.pid), DCS: byte(s.dcs), StatusReport: s.fo&0x20 != 0}
	if s.fo&0x18 == 0x10 {
		out.Validity = sms.Validity{Format: sms.ValidityRelative, Relative: byte(s.vp)}
	}
	alphabet := sms.AlphabetOf(byte(s.dcs))
	var err error
	switch {
	case s.fo&0x40 != 0 || alphabet == sms.AlphabetData: // hex, with its header
		var b []byte
		if b, err = hex.DecodeString(text); err == nil && s.fo&0x40 != 0 {
			if len(b) == 0 || int(b[0])+1 > len(b) {
				return message{}, failSMS(cmsText)
			}
			out.UDH, b = b[:b[0]+1], b[b[0]+1:]
		}
		out.UD = b
	case alphabet == sms.AlphabetUCS2:
		out.UD, err = sms.AppendUCS2(nil, m.hostText(text))
	default:
		var septets []byte
		septets, err = sms.AppendGSM(nil, m.hostText(text))
		out.Septets, out.UD = len(septets), sms.PackSeptets(nil, septets, 0)
	}
	if err != nil || len(out.UDH)+len(out.UD) > sms.MaxUserData {
		return message{}, failSMS(cmsText)
	}
	tpdu, err := out.AppendBinary(nil)
	if err != nil {
		return message{}, failSMS(cmsText)
	}
	return message{tpdu: tpdu}, ok
}

// hostText reads a string in the host's character set (+CSCS).
func (m *Modem) hostText(s string) string {
	switch m.set.cscs {
	case "UCS2":
		if b, err := hex.DecodeString(s); err == nil {
			if t, err := sms.DecodeUCS2(b); err == nil {
				return t
			}
		}
	case "GSM":
		return sms.DecodeGSM([]byte(s))
	}
	return s
}

// toHost writes a text in the host's character set.
func (m *Modem) toHost(s string) string {
	switch m.set.cscs {
	case "UCS2":
		if b, err := sms.AppendUCS2(nil, s); err == nil {
			return strings.ToUpper(hex.EncodeToString(b))
		}
	case "GSM":
		if b, err := sms.AppendGSM(nil, s); err == nil {
			return string(b)
		}
	}
	return s
}

// toText is a message as text mode shows it: the fields after <stat>, and the
// text (TS 27.005 3.4.2).
func (m *Modem) toText(msg *message) (head, body string) {
	quoted := func(s string) string { return `"` + m.toHost(s) + `"` }
	switch {
	case len(msg.tpdu) == 0:
	case msg.tpdu[0]&3 == 2:
		r, err := sms.ParseStatusReport(msg.tpdu)
		if err == nil {
			return fmt.Sprintf(`%d,%d,%s,%d,"%s","%s",%d`, msg.tpdu[0], r.Reference, quoted(addressText(r.Recipient)), typeOf(r.Recipient), stamp(r.Time), stamp(r.Discharged), r.Status), ""
		}
	case msg.status >= unsent:
		s, err := sms.ParseSubmit(msg.tpdu)
		if err == nil {
			head = fmt.Sprintf(`%s,`, quoted(addressText(s.Destination)))
			if m.set.csdh {
				head += fmt.Sprintf(`,%d,%d,%d,%d,%d,"%s",%d,%d`, typeOf(s.Destination), msg.tpdu[0], s.PID, s.DCS, s.Validity.Relative, m.smsc, toda(m.smsc), length(s.Septets, s.UD))
			}
			return head, m.content(s.DCS, s.UDH, s.UD, s.Septets)
		}
	default:
		d, err := sms.ParseDeliver(msg.tpdu)
		if err == nil {
			head = fmt.Sprintf(`%s,,"%s"`, quoted(addressText(d.Originator)), stamp(d.Time))
			if m.set.csdh {
				head += fmt.Sprintf(`,%d,%d,%d,%d,"%s",%d,%d`, typeOf(d.Originator), msg.tpdu[0], d.PID, d.DCS, m.smsc, toda(m.smsc), length(d.Septets, d.UD))
			}
			return head, m.content(d.DCS, d.UDH, d.UD, d.Septets)
		}
	}
	return `"",,""`, strings.ToUpper(hex.EncodeToString(msg.tpdu))
}

// content is the text, or hex where it is none.
func (m *Modem) content(dcs byte, udh, ud []byte, septets int) string {
	if udh == nil && sms.AlphabetOf(dcs) != sms.AlphabetData {
		if s, err := sms.DecodeText(dcs, udh, ud, septets); err == nil {
			return m.toHost(s)
		}
	}
	return strings.ToUpper(hex.EncodeToString(udh) + hex.EncodeToString(ud))
}

func typeOf(a sms.Address) int { return 0x80 | int(a.TON)<<4 | int(a.NPI) }

func length(septets int, ud []byte) int {
	if septets > 0 {
		return septets
	}
	return len(ud)
}

// stamp is a time as text mode shows it, with the zone in quarters of an hour.
func stamp(t sms.Timestamp) string {
	at, err := t.Time()
	if err != nil {
		return ""
	}
	_, zone := at.Zone()
	return at.Format("06/01/02,15:04:05") + fmt.Sprintf("%+03d", zone/int((15*time.Minute).Seconds()))
}

// wait gives up mu until a value comes, the network's time is over or the
// modem stops; the lock is held again afterwards.
func wait[T any](m *Modem, c <-chan T) (v T, came bool) {
	m.mu.Unlock()
	defer m.mu.Lock()
	t := time.NewTimer(m.o.Answer)
	defer t.Stop()
	select {
	case v = <-c:
		return v, true
	case <-t.C:
	case <-m.run.Done():
	}
	return v, false
}
