package applet_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log"

	"github.com/simsign/simsign/applet"
)

// A server asks for a signature under a text, and reads what the applet answers.
// The octets travel as the data of secured packets (package ota).
func Example() {
	text := applet.UTF8("Pay 10 EUR to Alice?")
	message, err := applet.Message{Transaction: 0x4711, Commands: []applet.Command{
		applet.SignTransaction{
			Slot: applet.Slot{Number: 2}, Mode: applet.ModeSign,
			TextToShow: applet.UTF8("Example Bank"), TextToSign: text, Reference: "brave otter",
		},
	}}.MarshalBinary()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("message: %X\n", message)

	// The applet reads the message wholly or not at all, asks the user, and
	// signs the octets of the text.
	asked, err := applet.Parse(message)
	if err != nil {
		log.Fatal(err)
	}
	command := asked.Commands[0].(applet.SignTransaction)
	fmt.Printf("%s: %q\n", command.Tag(), command.TextToSign.Octets)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	digest := sha256.Sum256(command.TextToSign.Octets)
	der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		log.Fatal(err)
	}
	signature, err := applet.ECDSAP256.SignatureFromASN1(der) // r and s, 64 octets
	if err != nil {
		log.Fatal(err)
	}
	answer, err := applet.Answer{Transaction: asked.Transaction, Results: []applet.Result{
		{Tag: command.Tag().Result(), Status: applet.StatusOK, Signature: signature},
	}}.MarshalBinary()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("answer:  %X ... (%d octets)\n", answer[:13], len(answer))

	// The server.
	got, err := applet.ParseAnswer(answer)
	if err != nil {
		log.Fatal(err)
	}
	r := got.Find(applet.TagSignTransaction)
	fmt.Printf("transaction %04X: %s\n", got.Transaction, r.Status)
	fmt.Println("signature:", applet.Verify(&key.PublicKey, applet.SHA256, digest[:], r.Signature) == nil)

	// Output:
	// message: 0100004711A5399001029501029715F85061792031302045555220746F20416C6963653F990DF84578616D706C652042616E6B9A0B6272617665206F74746572
	// SignTransaction: "Pay 10 EUR to Alice?"
	// answer:  0100004711E546B0029000B340 ... (77 octets)
	// transaction 4711: 9000 done
	// signature: true
}
