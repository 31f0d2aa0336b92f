package modem

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warthog618/sms/encoding/pdumode"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// ErrPDU: a PDU of the modem is no service centre address and TPDU.
var ErrPDU = errors.New("not a PDU")

// errNoNumber: a message that is from no telephone number.
var errNoNumber = errors.New("source is not a telephone number")

// maxUD is the longest TP-UD in octets. TS 23.040 9.2.3.16.
const maxUD = 140

// encode makes the PDU of a segment (TS 27.005 3.1: service centre address,
// then SMS-SUBMIT) in hexadecimal digits, and the length of its TPDU in
// octets, which +CMGS wants. The modem puts its own TP-MR.
func encode(s *bearer.Segment) (pdu string, length int, err error) {
	if len(s.UDH)+len(s.UD) > maxUD {
		return "", 0, fmt.Errorf("user data takes %d octets, has %d", maxUD, len(s.UDH)+len(s.UD))
	}
	t := sms.Submit{
		StatusReport: s.Report, Destination: sms.AddressOf(s.Dest), PID: s.PID, DCS: s.DCS,
		UDH: s.UDH, UD: s.UD, Septets: s.Septets,
	}
	if s.Validity > 0 {
		t.Validity = sms.ValidFor(s.Validity)
	}
	b, err := t.AppendBinary(nil)
	if err != nil {
		return "", 0, err
	}
	// The zero address: the one that the SIM has.
	text, err := (&pdumode.PDU{TPDU: b}).MarshalHexString()
	return strings.ToUpper(text), len(b), err
}

// tpduOf takes the TPDU out of a PDU: behind the service centre address (TS 24.011
// 8.2.5.1), whose content is of no interest. length is what the modem said, -1 when nothing;
// one that does not fit is a PDU that got damaged.
func tpduOf(pdu string, length int) ([]byte, error) {
	b, err := hex.DecodeString(pdu)
	if err != nil {
		return nil, fmt.Errorf("%w: %d characters that are not all hexadecimal pairs", ErrPDU, len(pdu))
	}
	if len(b) == 0 || int(b[0])+1 >= len(b) {
		return nil, fmt.Errorf("%w: needs a service centre address and a TPDU, has %d octets", ErrPDU, len(b))
	}
	t := b[1+int(b[0]):]
	if length == len(b) && length > len(t) {
		length = len(t) // some modems count the address
	}
	if length >= 0 && length != len(t) {
		return nil, fmt.Errorf("%w: TPDU of %d octets, the modem said %d", ErrPDU, len(t), length)
	}
	return t, nil
}

// incoming is one TPDU, read: one of MO and Report.
type incoming struct {
	mo     *bearer.MO
	report *sms.StatusReport
}

// incoming reads a PDU as the modem gives it; length as for tpduOf.
func (o *Options) incoming(pdu string, length int, now time.Time) (incoming, error) {
	tpdu, err := tpduOf(pdu, length)
	if err != nil {
		return incoming{}, err
	}
	return o.decode(tpdu, now)
}

// decode reads a TPDU from the network: TP-MTI says which (TS 23.040 9.2.3.1). Its error leaves the TPDU as it is:
// somebody may still want it.
func (o *Options) decode(tpdu []byte, now time.Time) (incoming, error) {
	if len(tpdu) > 0 && tpdu[0]&3 == 2 {
		r, err := sms.ParseStatusReport(tpdu)
		if err != nil {
			return incoming{}, err
		}
		return incoming{report: &r}, nil
	}
	d, err := sms.ParseDeliver(tpdu)
	if err != nil {
		return incoming{}, err
	}
	from, err := o.number(d.Originator)
	if err != nil {
		return incoming{}, fmt.Errorf("%w: %w", errNoNumber, err)
	}
	return incoming{mo: &bearer.MO{
		Bearer: o.Name, Source: from, PID: d.PID, DCS: d.DCS,
		UDH: d.UDH, UD: d.UD, Septets: d.Septets, ReceivedAt: now,
	}}, nil
}

// number reads an address that may be national or of unknown type (TS 23.040
// 9.1.2.5): a network does not always write its own subscribers as it is asked to.
func (o *Options) number(a sms.Address) (sms.MSISDN, error) {
	if a.TON == sms.TONAlphanumeric {
		return "", fmt.Errorf("%w: a name", sms.ErrAddress)
	}
	n := a.Number
	if a.TON == sms.TONInternational {
		return sms.ParseMSISDN(strings.TrimPrefix(n, "00"))
	}
	switch cc := o.CountryCode; {
	case strings.HasPrefix(n, "00"):
		n = n[2:]
	case cc == "" || a.TON != sms.TONNational && strings.HasPrefix(n, cc):
	case strings.HasPrefix(n, "0"):
		n = cc + n[1:]
	case a.TON == sms.TONNational || len(n)+len(cc) <= 11:
		n = cc + n
	}
	return sms.ParseMSISDN(n)
}
