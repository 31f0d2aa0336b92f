package card_test

import (
	"bytes"
	"fmt"
	"log"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// A card in software is switched on as a phone does it, and gets a short message
// in which a server asks for the state of the applet.
func Example() {
	kic := ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x11}, 16)}
	kid := ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x22}, 16)}
	tar := ota.TAR{0xB0, 0x00, 0x51}
	c, err := card.New(card.Options{Profile: card.Profile{
		ICCID: "8999012345678901234", IMSI: "999010123456789",
		TAR: tar, KeySets: []card.KeySet{{KVN: 1, KIc: kic, KID: kid}}, Active: true,
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	// Power on. After TERMINAL PROFILE the card says (91xx) that it wants
	// something; FETCH tells what, TERMINAL RESPONSE that it was done.
	fmt.Printf("ATR               %X\n", c.Reset())
	sw := show("TERMINAL PROFILE", c.Transmit([]byte{0x80, 0x10, 0x00, 0x00, 0x04, 0xFF, 0xFF, 0xFF, 0xFF}))
	menu := c.Transmit([]byte{0x80, 0x12, 0x00, 0x00, sw[1]})
	show("FETCH", menu)
	details := menu[2:7] // number, type and qualifier of the command, as TLV
	done := slices.Concat(details, []byte{0x82, 0x02, 0x82, 0x81, 0x83, 0x01, 0x00})
	show("TERMINAL RESPONSE", c.Transmit(slices.Concat([]byte{0x80, 0x14, 0x00, 0x00, byte(len(done))}, done)))

	// The server's message, sealed and in a short message, goes in by ENVELOPE.
	keys, err := ota.NewKeySet(1, kic, kid, 8)
	if err != nil {
		log.Fatal(err)
	}
	message, err := applet.Message{Transaction: 1, Commands: []applet.Command{
		applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatState},
	}}.MarshalBinary()
	if err != nil {
		log.Fatal(err)
	}
	spi := ota.SPI{0x16, 0x19} // the answer comes back in the SMS-DELIVER-REPORT
	packet, err := keys.Seal(nil, &ota.Command{SPI: spi, TAR: tar, CNTR: 1, Data: message})
	if err != nil {
		log.Fatal(err)
	}
	tpdu, err := sms.Deliver{
		Originator: sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: "46700000001"},
		PID:        sms.PIDDownload, DCS: sms.DCSClass2Data, UDH: []byte{0x02, 0x70, 0x00}, UD: packet,
	}.AppendBinary(nil)
	if err != nil {
		log.Fatal(err)
	}
	download := slices.Concat([]byte{0x82, 0x02, 0x83, 0x81, 0x8B, byte(len(tpdu))}, tpdu)
	envelope := slices.Concat([]byte{0x80, 0xC2, 0x00, 0x00, byte(len(download) + 2), 0xD1, byte(len(download))}, download)
	sw = show("ENVELOPE", c.Transmit(envelope))
	report := c.Transmit([]byte{0x80, 0xC0, 0x00, 0x00, sw[1]})
	show("GET RESPONSE", report)

	// The report is the header 02 71 00 and a response packet.
	r, err := keys.OpenResponse(nil, report[3:len(report)-2], spi)
	if err != nil {
		log.Fatal(err)
	}
	answer, err := applet.ParseAnswer(r.Data)
	if err != nil {
		log.Fatal(err)
	}
	state := answer.Results[0].State
	fmt.Printf("applet: life cycle %02X, language %s, %d slots, tries left %d\n",
		byte(state.LifeCycle), state.Language, len(state.Slots), state.FindCode(applet.CodeAuthentication).TriesLeft)

	// Output:
	// ATR               3B9C96801FC78031E073FE2113454D553031E0
	// TERMINAL PROFILE  913C, 0 octets
	// FETCH             9000, 60 octets
	// TERMINAL RESPONSE 9000, 0 octets
	// ENVELOPE          6159, 0 octets
	// GET RESPONSE      9000, 89 octets
	// applet: life cycle 02, language en, 4 slots, tries left 3
}

// show prints how a command ended and returns the two status octets.
func show(command string, response []byte) []byte {
	n := len(response) - 2
	fmt.Printf("%-18s%02X, %d octets\n", command, response[n:], n)
	return response[n:]
}
