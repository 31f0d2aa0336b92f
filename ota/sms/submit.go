package sms

// Submit is an SMS-SUBMIT: a message from a phone, a modem or a card to the
// network. TS 23.040 9.2.2.2.
type Submit struct {
	RejectDuplicates bool // TP-RD
	StatusReport     bool // TP-SRR: a status report is asked for
	ReplyPath        bool // TP-RP
	Reference        byte // TP-MR: modems overwrite it
	Destination      Address
	PID, DCS         byte
	Validity         Validity
	UDH, UD          []byte // header with its length octet, or nil; data behind it
	Septets          int    // TP-UDL with the 7-bit alphabet, header included; else 0
}

// AppendBinary appends the TPDU (ErrTPDU, ErrAddress, ErrUDH).
func (s Submit) AppendBinary(dst []byte) ([]byte, error) {
	at := len(dst)
	dst = append(dst, mtiSubmit|flag(s.RejectDuplicates, bitRD)|byte(s.Validity.Format&3)<<3|
		flag(s.StatusReport, bitSR)|flag(len(s.UDH) > 0, bitUDHI)|flag(s.ReplyPath, bitRP), s.Reference)
	dst, err := s.Destination.AppendBinary(dst)
	if err != nil {
		return dst[:at], err
	}
	dst = s.Validity.appendBinary(append(dst, s.PID, s.DCS))
	if dst, err = appendUD(dst, s.DCS, s.UDH, s.UD, s.Septets); err != nil {
		return dst[:at], err
	}
	return dst, nil
}

// ParseSubmit reads an SMS-SUBMIT: all of b. UDH and UD are slices of b.
func ParseSubmit(b []byte) (Submit, error) {
	var s Submit
	first, b, err := checkType(b, "SMS-SUBMIT", mtiSubmit)
	if err != nil {
		return s, err
	}
	s.RejectDuplicates, s.StatusReport, s.ReplyPath = first&bitRD != 0, first&bitSR != 0, first&bitRP != 0
	head, b, err := take(b, "TP-MR", 1)
	if err != nil {
		return s, err
	}
	s.Reference = head[0]
	if s.Destination, b, err = ParseAddress(b); err != nil {
		return s, err
	}
	if head, b, err = take(b, "PID and DCS", 2); err != nil {
		return s, err
	}
	s.PID, s.DCS = head[0], head[1]
	if s.Validity, b, err = parseValidity(ValidityFormat(first>>3&3), b); err != nil {
		return s, err
	}
	u, err := parseUD(b, s.DCS, first&bitUDHI != 0)
	s.UDH, s.UD, s.Septets = u.udh, u.ud, u.septets
	return s, err
}
