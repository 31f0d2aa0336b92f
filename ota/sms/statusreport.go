package sms

// StatusReport is an SMS-STATUS-REPORT: the fate of a message. TS 23.040
// 9.2.2.3.
type StatusReport struct {
	MoreMessages bool // TP-MMS turned round
	Loop         bool // TP-LP
	Command      bool // TP-SRQ: it answers an SMS-COMMAND and not an SMS-SUBMIT
	Reference    byte // TP-MR of the message
	Recipient    Address
	Time         Timestamp // TP-SCTS: when the SMSC took the message
	Discharged   Timestamp // TP-DT: when it was delivered or given up
	Status       byte      // TP-ST
	HasOptional  bool      // TP-PI and what it announces follow
	Optional
}

// AppendBinary appends the TPDU (ErrTPDU, ErrAddress, ErrUDH).
func (r StatusReport) AppendBinary(dst []byte) ([]byte, error) {
	at := len(dst)
	dst = append(dst, mtiStatus|flag(!r.MoreMessages, bitNMMS)|flag(r.Loop, bitLP)|flag(r.Command, bitSR)|
		flag(r.HasOptional && r.hasUDH(), bitUDHI), r.Reference)
	dst, err := r.Recipient.AppendBinary(dst)
	if err != nil {
		return dst[:at], err
	}
	dst = append(append(append(dst, r.Time[:]...), r.Discharged[:]...), r.Status)
	if r.HasOptional {
		if dst, err = r.appendBinary(append(dst, r.PI)); err != nil {
			return dst[:at], err
		}
	}
	return dst, nil
}

// ParseStatusReport reads an SMS-STATUS-REPORT: all of b.
func ParseStatusReport(b []byte) (StatusReport, error) {
	var r StatusReport
	first, b, err := checkType(b, "SMS-STATUS-REPORT", mtiStatus)
	if err != nil {
		return r, err
	}
	r.MoreMessages, r.Loop, r.Command = first&bitNMMS == 0, first&bitLP != 0, first&bitSR != 0
	head, b, err := take(b, "TP-MR", 1)
	if err != nil {
		return r, err
	}
	r.Reference = head[0]
	if r.Recipient, b, err = ParseAddress(b); err != nil {
		return r, err
	}
	if head, b, err = take(b, "time stamps and status", 15); err != nil {
		return r, err
	}
	r.Time, r.Discharged, r.Status = Timestamp(head[:7]), Timestamp(head[7:14]), head[14]
	if len(b) == 0 {
		return r, nil
	}
	r.HasOptional = true
	err = r.parse(b[0], b[1:], first&bitUDHI != 0)
	return r, err
}

// Outcome is what a status report means.
type Outcome byte

// The outcomes. TS 23.040 9.2.3.15.
const (
	OutcomePending   Outcome = iota // the SMSC is still trying
	OutcomeDelivered                // on the handset
	OutcomeUnknown                  // handed on; whether it arrived nobody says
	OutcomeFailed                   // given up
)

// Outcome reads TP-ST: 00 and 02 delivered, 01 handed on, 20 to 3F still
// trying, all others given up.
func (r StatusReport) Outcome() Outcome {
	switch s := r.Status; {
	case s == 0x00, s == 0x02:
		return OutcomeDelivered
	case s < 0x20:
		return OutcomeUnknown
	case s < 0x40:
		return OutcomePending
	}
	return OutcomeFailed
}
