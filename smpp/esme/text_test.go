package esme

import (
	"bytes"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// A text is packed and counted, whatever its last character is.
func TestDecodeText(t *testing.T) {
	var o Options
	for _, text := range []string{"@", "1234567", "123456@", "12345678", "1234567@", "123456789012345", "12345678901234@", "1234567890123456", "123456789012345@"} {
		septets, err := sms.AppendGSM(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, udh := range [][]byte{nil, {5, 0, 3, 1, 2, 1}, {6, 8, 4, 0, 1, 2, 1}} {
			m := answer()
			m.ProtocolID, m.DataCoding, m.ShortMessage = 0, 0, append(bytes.Clone(udh), septets...)
			if udh == nil {
				m.ESMClass = 0
			}
			mo, err := o.decode(m, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := sms.DecodeText(mo.DCS, mo.UDH, mo.UD, mo.Septets); got != text || err != nil {
				t.Errorf("header %X: %q became %q, %v", udh, text, got, err)
			}
		}
	}
}

// What is no text of the 7-bit alphabet stays as it is.
func TestDecodeOctets(t *testing.T) {
	var o Options
	data := []byte{0x30, 0x31, 0x32}
	for name, change := range map[string]func(*smpp.Message){
		"8-bit":                   func(m *smpp.Message) { m.DataCoding = 4 },
		"class 2":                 func(m *smpp.Message) { m.DataCoding = 0xF6 },
		"UCS2":                    func(m *smpp.Message) { m.DataCoding = 8 },
		"octets, SMPP's coding 2": func(m *smpp.Message) { m.DataCoding = 2 },
		"Latin 1":                 func(m *smpp.Message) { m.DataCoding = 3 },
		"packet without coding":   func(m *smpp.Message) { m.ESMClass = smpp.ESMClassUDHI },
		"download without coding": func(m *smpp.Message) { m.ProtocolID = sms.PIDDownload },
		"octets without coding":   func(m *smpp.Message) { data[0] = 0x80 },
	} {
		m := answer()
		m.ProtocolID, m.DataCoding, m.ESMClass, data[0] = 0, 0, 0, 0x30
		change(m)
		m.ShortMessage = data
		if m.ESMClass&smpp.ESMClassUDHI != 0 {
			m.ShortMessage = append([]byte{2, 0x71, 0}, data...)
		}
		mo, err := o.decode(m, time.Time{})
		if err != nil || mo.Septets != 0 || !bytes.Equal(mo.UD, data) {
			t.Errorf("%s: %X, %d septets, %v", name, mo.UD, mo.Septets, err)
		}
	}
}
