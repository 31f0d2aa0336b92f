package emulator

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// fromText makes an SMS-SUBMIT of a text and the +CSMP parameters.
func (s *settings) fromText(to, text string) (message, final) {
	to = s.hostText(to)
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
		out.UD, err = sms.AppendUCS2(nil, s.hostText(text))
	default:
		var septets []byte
		septets, err = sms.AppendGSM(nil, s.hostText(text))
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
func (s *settings) hostText(text string) string {
	switch s.cscs {
	case "UCS2":
		if b, err := hex.DecodeString(text); err == nil {
			if t, err := sms.DecodeUCS2(b); err == nil {
				return t
			}
		}
	case "GSM":
		return sms.DecodeGSM([]byte(text))
	}
	return text
}

// toHost writes a text in the host's character set.
func (s *settings) toHost(text string) string {
	switch s.cscs {
	case "UCS2":
		if b, err := sms.AppendUCS2(nil, text); err == nil {
			return strings.ToUpper(hex.EncodeToString(b))
		}
	case "GSM":
		if b, err := sms.AppendGSM(nil, text); err == nil {
			return string(b)
		}
	}
	return text
}

// toText is a message as text mode shows it, after <stat>: fields, and in a line
// of its own the text, which a status report has not. A list has fewer of the
// fields that +CSDH adds, and both times of a message (TS 27.005 3.4.2, TS 27.005 3.4.3).
func (s *settings) toText(msg *message, smsc string, list bool) string {
	quoted := func(text string) string { return `"` + s.toHost(text) + `"` }
	if a, err := sms.ParseAddressValue(msg.sca); err == nil {
		smsc = addressText(a)
	}
	kind := byte(0xFF)
	if len(msg.tpdu) > 0 {
		kind = msg.tpdu[0]
	}
	switch {
	case kind == 0xFF:
	case kind&3 == 2:
		r, err := sms.ParseStatusReport(msg.tpdu)
		if err == nil {
			return fmt.Sprintf(`%d,%d,%s,%d,"%s","%s",%d`, kind, r.Reference, quoted(addressText(r.Recipient)), typeOf(r.Recipient), stamp(r.Time), stamp(r.Discharged), r.Status)
		}
	case msg.status >= unsent:
		out, err := sms.ParseSubmit(msg.tpdu)
		if err == nil {
			head := quoted(addressText(out.Destination)) + ","
			if list {
				head += ","
			}
			vp := ""
			if out.Validity.Format == sms.ValidityRelative {
				vp = strconv.Itoa(int(out.Validity.Relative))
			}
			head += s.details(list, out.Destination, kind, fmt.Sprintf("%d,%d,%s", out.PID, out.DCS, vp), smsc, length(out.Septets, out.UD))
			return head + "\r\n" + s.content(out.DCS, out.UDH, out.UD, out.Septets)
		}
	default:
		d, err := sms.ParseDeliver(msg.tpdu)
		if err == nil {
			head := fmt.Sprintf(`%s,,"%s"`, quoted(addressText(d.Originator)), stamp(d.Time))
			head += s.details(list, d.Originator, kind, fmt.Sprintf("%d,%d", d.PID, d.DCS), smsc, length(d.Septets, d.UD))
			return head + "\r\n" + s.content(d.DCS, d.UDH, d.UD, d.Septets)
		}
	}
	return `"",,""` + "\r\n" + strings.ToUpper(hex.EncodeToString(msg.tpdu))
}

// details are the fields that +CSDH=1 adds: in a list the type of the number
// and the length, else also first octet, PID and DCS, and the service centre.
func (s *settings) details(list bool, a sms.Address, first byte, pid, smsc string, length int) string {
	switch {
	case !s.csdh:
		return ""
	case list:
		return fmt.Sprintf(",%d,%d", typeOf(a), length)
	}
	return fmt.Sprintf(`,%d,%d,%s,"%s",%d,%d`, typeOf(a), first, pid, smsc, toda(smsc), length)
}

// content is the text, or hex where it is none.
func (s *settings) content(dcs byte, udh, ud []byte, septets int) string {
	if udh == nil && sms.AlphabetOf(dcs) != sms.AlphabetData {
		if text, err := sms.DecodeText(dcs, udh, ud, septets); err == nil {
			return s.toHost(text)
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
