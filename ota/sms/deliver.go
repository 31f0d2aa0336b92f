package sms

// Deliver is an SMS-DELIVER: a message from the network to a phone. TS 23.040
// 9.2.2.1.
type Deliver struct {
	MoreMessages bool // TP-MMS turned round: others wait at the SMSC
	Loop         bool // TP-LP: forwarded, do not forward again
	ReplyPath    bool // TP-RP
	StatusReport bool // TP-SRI: the sender will get a status report
	Originator   Address
	PID, DCS     byte
	Time         Timestamp // TP-SCTS
	UDH, UD      []byte    // header with its length octet, or nil; data behind it
	Septets      int       // TP-UDL with the 7-bit alphabet, header included; else 0
}

// AppendBinary appends the TPDU (ErrTPDU, ErrAddress, ErrUDH).
func (d Deliver) AppendBinary(dst []byte) ([]byte, error) {
	at := len(dst)
	dst = append(dst, mtiDeliver|flag(!d.MoreMessages, bitNMMS)|flag(d.Loop, bitLP)|
		flag(d.StatusReport, bitSR)|flag(len(d.UDH) > 0, bitUDHI)|flag(d.ReplyPath, bitRP))
	dst, err := d.Originator.AppendBinary(dst)
	if err != nil {
		return dst[:at], err
	}
	dst = append(append(dst, d.PID, d.DCS), d.Time[:]...)
	if dst, err = appendUD(dst, d.DCS, d.UDH, d.UD, d.Septets); err != nil {
		return dst[:at], err
	}
	return dst, nil
}

// ParseDeliver reads an SMS-DELIVER: all of b. UDH and UD are slices of b.
func ParseDeliver(b []byte) (Deliver, error) {
	var d Deliver
	first, b, err := checkType(b, "SMS-DELIVER", mtiDeliver)
	if err != nil {
		return d, err
	}
	d.MoreMessages, d.Loop = first&bitNMMS == 0, first&bitLP != 0
	d.StatusReport, d.ReplyPath = first&bitSR != 0, first&bitRP != 0
	if d.Originator, b, err = ParseAddress(b); err != nil {
		return d, err
	}
	head, b, err := take(b, "PID, DCS and time stamp", 9)
	if err != nil {
		return d, err
	}
	d.PID, d.DCS, d.Time = head[0], head[1], Timestamp(head[2:])
	u, err := parseUD(b, d.DCS, first&bitUDHI != 0)
	d.UDH, d.UD, d.Septets = u.udh, u.ud, u.septets
	return d, err
}
