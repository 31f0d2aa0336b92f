package sms_test

import (
	"fmt"
	"log"

	"github.com/simsign/simsign/ota/sms"
)

func ExampleSplit() {
	parts, err := sms.Split(make([]byte, 150), sms.SplitOptions{CPI: sms.CommandCPI, Ref: 0x2A})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range parts {
		fmt.Printf("%X and %d octets\n", p.UDH, len(p.UD))
	}
	// Output:
	// 0700032A02017000 and 132 octets
	// 0500032A0202 and 18 octets
}
