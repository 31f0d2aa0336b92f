package ota_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/simsign/simsign/ota"
)

// A gateway seals a command, a card opens it and answers, and the gateway opens
// the answer. Both have the same two keys.
func Example() {
	keys, err := ota.NewKeySet(1,
		ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x11}, 16)}, // KIc: ciphers
		ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x22}, 16)}, // KID: checksum
		8)
	if err != nil {
		log.Fatal(err)
	}

	// The gateway. Security says what it may send and what it may believe; its
	// zero value is the rule that nobody should go below.
	var rule ota.Security
	command := ota.Command{
		SPI:  ota.SPI{0x16, 0x39}, // CC, ciphered, counter higher; an answer with CC, ciphered, by SMS-SUBMIT
		TAR:  ota.TAR{0xB0, 0x00, 0x51},
		CNTR: 7,
		Data: []byte("are you there?"),
	}
	if err := rule.CheckCommand(&command); err != nil {
		log.Fatal(err)
	}
	packet, err := keys.Seal(nil, &command)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("command packet:  %X\n", packet)

	// The card.
	opened, err := keys.Open(nil, packet)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the card reads:  %q for %s, counter %s\n", opened.Data, opened.TAR, opened.CNTR)
	answer, err := keys.SealResponse(nil, opened.SPI, &ota.Response{
		TAR: opened.TAR, CNTR: opened.CNTR, Status: ota.StatusOK, Data: []byte("yes"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("response packet: %X\n", answer)

	// The gateway again. OpenResponse verifies what the packet claims; whether
	// that is enough is for the rule to say.
	response, err := keys.OpenResponse(nil, answer, command.SPI)
	if err != nil {
		log.Fatal(err)
	}
	if err := rule.CheckResponse(command.SPI, &response); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the card says:   %q, status %s\n", response.Data, response.Status)

	// Output:
	// command packet:  00281516391212B000514A0C64E68588548150A118E66149631AA6EC775E93E3B3D4926DF2E1B3928840
	// the card reads:  "are you there?" for B00051, counter 0000000007
	// response packet: 002412B00051F2365D6007ED611823293579C51B2A160C5494DBCF4FE8E0B3BA79A2BA1D9D71
	// the card says:   "yes", status OK
}
