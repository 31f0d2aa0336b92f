package handset

import "github.com/simsign/simsign/ota/sms"

// What PROVIDE LOCAL INFORMATION asks for (TS 102 223 8.6).
const (
	localLocation = 0x00
	localIMEI     = 0x01
	localNMR      = 0x02
	localTime     = 0x03
	localLanguage = 0x04
	localAccess   = 0x06
)

// provideLocal answers PROVIDE LOCAL INFORMATION (TS 102 223 6.4.15) with facts
// of a test network: MCC 001, MNC 01. Requirement 3.1-3.
func (t *toolkit) provideLocal() {
	var v []byte
	switch t.running.qualifier {
	case localLocation:
		if !t.radio.attached() {
			t.respond(TerminalBusy, []byte{NoService})
			return
		}
		// MCC and MNC (TS 24.008 10.5.1.3), area code 0001, cell 0001.
		v = appendTLV(nil, comprehension|tagLocation, 0x00, 0xF1, 0x10, 0x00, 0x01, 0x00, 0x01)
	case localIMEI:
		v = appendTLV(nil, comprehension|tagIMEI, imei(t.o.IMEI)...)
	case localNMR:
		// Measurement results without neighbours (TS 24.008 10.5.2.20), no channel list.
		v = appendTLV(nil, comprehension|tagMeasurement, make([]byte, 16)...)
	case localTime:
		now := sms.NewTimestamp(t.o.Clock())
		v = appendTLV(nil, comprehension|tagDateTime, now[:]...)
	case localLanguage:
		v = appendTLV(nil, comprehension|tagLanguage, t.o.Language[0], t.o.Language[1])
	case localAccess:
		v = appendTLV(nil, comprehension|tagAccess, 0x08) // E-UTRAN
	default:
		t.respond(BeyondCapability, nil)
		return
	}
	t.respondWith(Done, nil, v, span{})
}

// imei codes an IMEI as a mobile identity (TS 24.008 10.5.1.4).
func imei(s string) []byte {
	b := []byte{(s[0]-'0')<<4 | 0x0A}
	for i := 1; i < 15; i += 2 {
		b = append(b, (s[i+1]-'0')<<4|(s[i]-'0'))
	}
	return b
}
