package sms_test

import (
	"bytes"
	"fmt"
	"log"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// A packet of 150 octets goes to a phone as two SMS-DELIVERs. On the other side
// they are parsed and joined.
func Example() {
	packet := bytes.Repeat([]byte{0xA5}, 150)
	parts, err := sms.Split(packet, sms.SplitOptions{CPI: sms.CommandCPI, Ref: 0x2A})
	if err != nil {
		log.Fatal(err)
	}
	sent := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	var tpdus [][]byte
	for _, p := range parts {
		tpdu, err := sms.Deliver{
			MoreMessages: len(tpdus) < len(parts)-1,
			Originator:   sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: "46700000001"},
			PID:          sms.PIDDownload, DCS: sms.DCSClass2Data, // for the card, not for the user
			Time: sms.NewTimestamp(sent),
			UDH:  p.UDH, UD: p.UD,
		}.AppendBinary(nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d octets: %X ...\n", len(tpdu), tpdu[:28])
		tpdus = append(tpdus, tpdu)
	}

	var received []sms.Part
	for _, tpdu := range tpdus {
		d, err := sms.ParseDeliver(tpdu)
		if err != nil {
			log.Fatal(err)
		}
		c, _, err := sms.ParseConcat(d.UDH)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("part %d of %d, reference %02X, from +%s\n", c.Part, c.Total, c.Ref, d.Originator.Number)
		received = append(received, sms.Part{UDH: d.UDH, UD: d.UD})
	}
	whole, kind, err := sms.Join(nil, received)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s of %d octets, the same: %t\n", kind, len(whole), bytes.Equal(whole, packet))

	// Output:
	// 159 octets: 400B916407000000F17FF6623010210000008C0700032A02017000A5 ...
	// 43 octets: 440B916407000000F17FF662301021000000180500032A0202A5A5A5 ...
	// part 1 of 2, reference 2A, from +46700000001
	// part 2 of 2, reference 2A, from +46700000001
	// command of 150 octets, the same: true
}
