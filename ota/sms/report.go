package sms

import "fmt"

// Bits of TP-PI: which of the optional fields of a report are there. TS
// 23.040 9.2.3.27.
const (
	PIPID byte = 0x01
	PIDCS byte = 0x02
	PIUD  byte = 0x04
)

// Optional are the fields that end every report. Which are there is told by
// PI; the others are zero.
type Optional struct {
	PI       byte
	PID, DCS byte
	UDH, UD  []byte
	Septets  int // TP-UDL with the 7-bit alphabet, header included; else 0
}

func (o *Optional) appendBinary(dst []byte) ([]byte, error) {
	if o.PI&^(PIPID|PIDCS|PIUD) != 0 {
		return dst, fmt.Errorf("%w: TP-PI %02X has reserved bits", ErrTPDU, o.PI)
	}
	if o.PI&PIPID != 0 {
		dst = append(dst, o.PID)
	}
	if o.PI&PIDCS != 0 {
		dst = append(dst, o.DCS)
	}
	if o.PI&PIUD != 0 {
		return appendUD(dst, o.dcs(), o.UDH, o.UD, o.Septets)
	}
	return dst, nil
}

// dcs is the coding of the user data: without the field, the 7-bit alphabet.
func (o *Optional) dcs() byte {
	if o.PI&PIDCS == 0 {
		return DCSGSM
	}
	return o.DCS
}

func (o *Optional) hasUDH() bool { return o.PI&PIUD != 0 && len(o.UDH) > 0 }

// parse reads what PI announces: all of b. Reserved bits of PI are forgotten
// with whatever they announce behind the known fields.
func (o *Optional) parse(pi byte, b []byte, hasUDH bool) error {
	known := pi & (PIPID | PIDCS | PIUD)
	o.PI = known
	var head []byte
	var err error
	if pi&PIPID != 0 {
		if head, b, err = take(b, "TP-PID", 1); err != nil {
			return err
		}
		o.PID = head[0]
	}
	if pi&PIDCS != 0 {
		if head, b, err = take(b, "TP-DCS", 1); err != nil {
			return err
		}
		o.DCS = head[0]
	}
	if pi&PIUD != 0 {
		u, err := parseUD(b, o.dcs(), hasUDH)
		o.UDH, o.UD, o.Septets = u.udh, u.ud, u.septets
		return err
	}
	if len(b) > 0 && pi == known {
		return fmt.Errorf("%w: %d octets behind the end", ErrTPDU, len(b))
	}
	return nil
}

// DeliverReport is an SMS-DELIVER-REPORT: what a phone says of a message, and
// where the answer of the card to a secured packet travels. TS 23.040 9.2.2.1a.
type DeliverReport struct {
	Failed bool // for RP-ERROR, with a cause; else for RP-ACK
	Cause  byte // TP-FCS, 80 to FF
	Optional
}

// AppendBinary appends the TPDU (ErrTPDU, ErrUDH).
func (r DeliverReport) AppendBinary(dst []byte) ([]byte, error) {
	at := len(dst)
	dst = append(dst, mtiDeliver|flag(r.hasUDH(), bitUDHI))
	if r.Failed {
		dst = append(dst, r.Cause)
	}
	dst, err := r.appendBinary(append(dst, r.PI))
	if err != nil {
		return dst[:at], err
	}
	return dst, nil
}

// ParseDeliverReport reads an SMS-DELIVER-REPORT: all of b. The octets do not
// say whether there is a cause: failed is true when they came in an RP-ERROR.
func ParseDeliverReport(b []byte, failed bool) (DeliverReport, error) {
	r := DeliverReport{Failed: failed}
	first, b, err := checkType(b, "SMS-DELIVER-REPORT", mtiDeliver)
	if err != nil {
		return r, err
	}
	if r.Cause, b, err = parseCause(b, failed); err != nil {
		return r, err
	}
	head, b, err := take(b, "TP-PI", 1)
	if err != nil {
		return r, err
	}
	err = r.parse(head[0], b, first&bitUDHI != 0)
	return r, err
}

// SubmitReport is an SMS-SUBMIT-REPORT: what the network says of a message
// from a phone. TS 23.040 9.2.2.2a.
type SubmitReport struct {
	Failed bool      // for RP-ERROR, with a cause; else for RP-ACK
	Cause  byte      // TP-FCS, 80 to FF
	Time   Timestamp // TP-SCTS: when the SMSC took it
	Optional
}

// AppendBinary appends the TPDU (ErrTPDU, ErrUDH).
func (r SubmitReport) AppendBinary(dst []byte) ([]byte, error) {
	at := len(dst)
	dst = append(dst, mtiSubmit|flag(r.hasUDH(), bitUDHI))
	if r.Failed {
		dst = append(dst, r.Cause)
	}
	dst, err := r.appendBinary(append(append(dst, r.PI), r.Time[:]...))
	if err != nil {
		return dst[:at], err
	}
	return dst, nil
}

// ParseSubmitReport reads an SMS-SUBMIT-REPORT: all of b. failed is true when
// it came in an RP-ERROR.
func ParseSubmitReport(b []byte, failed bool) (SubmitReport, error) {
	r := SubmitReport{Failed: failed}
	first, b, err := checkType(b, "SMS-SUBMIT-REPORT", mtiSubmit)
	if err != nil {
		return r, err
	}
	if r.Cause, b, err = parseCause(b, failed); err != nil {
		return r, err
	}
	head, b, err := take(b, "TP-PI and time stamp", 8)
	if err != nil {
		return r, err
	}
	r.Time = Timestamp(head[1:])
	err = r.parse(head[0], b, first&bitUDHI != 0)
	return r, err
}

func parseCause(b []byte, failed bool) (cause byte, rest []byte, err error) {
	if !failed {
		return 0, b, nil
	}
	head, rest, err := take(b, "TP-FCS", 1)
	if err != nil {
		return 0, nil, err
	}
	return head[0], rest, nil
}
