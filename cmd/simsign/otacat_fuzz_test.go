package main

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/simsign/simsign/ota/sms"
)

// FuzzPart: whatever somebody hands to "simsign ota", what is taken out of it was in it, and a
// message that was made here is found in each form in which it is printed.
func FuzzPart(f *testing.F) {
	for _, s := range []string{
		"", "00", "D1", "D103820283", "D00C8103012304820281828D0104", "80C2000003D10382", "80140000138103012304820282818301008D050431323334",
		"027000003815160012124D5353", "003815160012124D5353B9D4238FF9D8E52E", "440B911497000000F07FF66211031121430004027000AA", "4100",
		"D0658103021300820281838B5A41000B911497000000F07FF64D027000004815160012124D5353", "0B00039A020170000102", "FFFFFF", "D181FF8B", "A0C2000000",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := partOf(bytes.Clone(b))
		if err != nil {
			return
		}
		if !bytes.Contains(b, p.UD) || !bytes.Contains(b, p.UDH) {
			t.Fatalf("%X gives %X and %X", b, p.UDH, p.UD)
		}
		if len(p.UDH) == 0 || len(p.UDH)+len(p.UD) > sms.MaxUserData || int(p.UDH[0])+1 != len(p.UDH) || len(p.UD) < 2 {
			return
		}
		for _, form := range []string{"deliver", "submit", "envelope"} {
			tpdu, err := (&otaForm{TPDU: form, Number: "+41790000000", PID: "7F", DCS: "F6"}).tpdu(p)
			if err != nil {
				t.Fatalf("%s of %X %X: %v", form, p.UDH, p.UD, err)
			}
			again, err := partOf(tpdu)
			if err != nil || !bytes.Equal(again.UDH, p.UDH) || !bytes.Equal(again.UD, p.UD) {
				t.Fatalf("%s %X gives %X and %X, %v", form, tpdu, again.UDH, again.UD, err)
			}
			if form != "envelope" {
				continue
			}
			apdu := append([]byte{0x80, 0xC2, 0, 0, byte(len(tpdu))}, tpdu...)
			for _, whole := range [][]byte{apdu, append(bytes.Clone(apdu), 0)} {
				if again, err := partOf(whole); err != nil || !bytes.Equal(again.UD, p.UD) {
					t.Fatalf("APDU %X gives %X, %v", whole, again.UD, err)
				}
			}
		}
	})
}
