package loopback

import (
	"errors"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// centreAddress is the service centre of this network in RP addresses:
// +000000, no number of a real one.
var centreAddress = []byte{0x91, 0x00, 0x00, 0x00}

// shortNumber is the most digits of a number that has no international form.
const shortNumber = 6

// addressOf writes a number of this network as a TP address (TS 23.040 9.1.2.5).
func addressOf(n sms.MSISDN) sms.Address {
	a := sms.AddressOf(n)
	if len(n) <= shortNumber {
		a.TON = sms.TONUnknown
	}
	return a
}

// numberOf reads a TP address as a number of this network. A national number
// is refused: guessing a country would send a request to somebody else.
func numberOf(a sms.Address) (sms.MSISDN, error) {
	if a.TON == sms.TONInternational || len(a.Number) <= shortNumber && a.TON != sms.TONAlphanumeric {
		return sms.ParseMSISDN(a.Number)
	}
	return a.MSISDN()
}

// convert reads an SMS-SUBMIT (TS 23.040 9.2.2.2) and writes the SMS-DELIVER of
// it (TS 23.040 9.2.2.1) into m; a cause other than 0 refuses it. mu is held.
func (n *Network) convert(m *message, tpdu []byte) rp.Cause {
	s, err := sms.ParseSubmit(tpdu)
	if err != nil {
		return rp.InvalidMandatory
	}
	if m.to, err = numberOf(s.Destination); err != nil {
		return rp.UnassignedNumber
	}
	now := n.now()
	valid := n.o.Validity
	if d, ok := s.Validity.Duration(); ok && d > 0 {
		valid = d
	} else if at, err := s.Validity.Absolute.Time(); s.Validity.Format == sms.ValidityAbsolute && err == nil {
		valid = at.Sub(now)
	}
	m.scts = sms.NewTimestamp(now)
	m.expires, m.report, m.mr = now.Add(valid), s.StatusReport, s.Reference
	d := sms.Deliver{
		Originator: addressOf(m.from), StatusReport: s.StatusReport, ReplyPath: s.ReplyPath,
		PID: s.PID, DCS: s.DCS, Time: m.scts, UDH: s.UDH, UD: s.UD, Septets: s.Septets,
	}
	if !m.write(d.AppendBinary(m.buf[:0])) {
		return rp.InvalidMandatory
	}
	return 0
}

// write takes the octets of an AppendBinary into m.buf.
func (m *message) write(b []byte, err error) bool {
	if err != nil || len(b) > len(m.buf) {
		return false
	}
	m.size = len(b)
	return true
}

// TP-ST of status reports (TS 23.040 9.2.3.15).
const (
	statusReceived byte = 0x00
	statusRefused  byte = 0x41 // permanent: incompatible destination
	statusExpired  byte = 0x46 // permanent: validity period is over
)

// finish ends the life of a message and reports it when the sender asked (TS
// 23.040 9.2.2.3); mu is held.
func (n *Network) finish(m *message, st byte) {
	n.stored--
	sender := n.subs[m.from]
	if !m.report || sender == nil || n.stored >= n.o.MaxStored {
		return
	}
	now := n.now()
	r := &message{from: m.to, to: m.from, expires: now.Add(n.o.Validity), seq: n.nextSeq()}
	report := sms.StatusReport{
		Reference: m.mr, Recipient: addressOf(m.to), Time: m.scts,
		Discharged: sms.NewTimestamp(now), Status: st,
	}
	if !r.write(report.AppendBinary(r.buf[:0])) {
		return
	}
	n.stored++
	n.observe(Event{Kind: "report", From: r.from, To: r.to, TPDU: r.tpdu()})
	n.offer(sender, r)
}

// submitReport is the SMS-SUBMIT-REPORT that goes with RP-ACK (TS 23.040
// 9.2.2.2a).
func submitReport(b []byte, at sms.Timestamp) []byte {
	r := sms.SubmitReport{Time: at}
	b, err := r.AppendBinary(b)
	if err != nil {
		return nil // cannot be: there is no user data in it
	}
	return b
}

const submitReportSize = 9

// submitReportStamp is TP-SCTS (TS 23.040 9.2.3.11) of an SMS-SUBMIT-REPORT, or zeros.
func submitReportStamp(b []byte) sms.Timestamp {
	r, err := sms.ParseSubmitReport(b, false)
	if err != nil {
		return sms.Timestamp{}
	}
	return r.Time
}

// reportIsTemporary reads TP-FCS of an SMS-DELIVER-REPORT in an RP-ERROR: card
// storage full, memory exceeded and toolkit busy pass (TS 23.040 9.2.3.22).
func reportIsTemporary(b []byte) bool {
	r, err := sms.ParseDeliverReport(b, true)
	return err == nil && (r.Cause == 0xD0 || r.Cause == 0xD3 || r.Cause == 0xD4)
}

// appendSubmit writes a segment as SMS-SUBMIT.
func appendSubmit(b []byte, s *bearer.Segment, mr byte) ([]byte, error) {
	t := sms.Submit{
		StatusReport: s.Report, Reference: mr, Destination: addressOf(s.Dest),
		PID: s.PID, DCS: s.DCS, Validity: validity(s.Validity), UDH: s.UDH, UD: s.UD, Septets: s.Septets,
	}
	return t.AppendBinary(b)
}

// validity counts seconds where it can (TS 23.040 9.2.3.12.3): a signature
// request is of no use after a minute or two, and the relative format begins at
// five (TS 23.040 9.2.3.12.1).
func validity(d time.Duration) sms.Validity {
	if d > 0 && d <= 255*time.Second {
		secs := byte((d + time.Second - 1) / time.Second)
		return sms.Validity{Format: sms.ValidityEnhanced, Enhanced: [7]byte{0x02, secs}}
	}
	return sms.ValidFor(d)
}

// errNeverTaken marks a message that would be refused each time.
var errNeverTaken = errors.New("message cannot be read")
