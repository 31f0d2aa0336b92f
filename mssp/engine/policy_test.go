package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/display"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// The engine asks the policy itself, whatever a configuration or an import has
// let through: no packet below CC, ciphering and counter leaves, and none under
// single DES.
//
// Supports: 1-1, 3.5.3-6
func TestPolicyBeforeSending(t *testing.T) {
	des := bytes.Repeat([]byte{0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38}, 2)
	for name, c := range map[string]struct {
		spi  ota.SPI
		keys keys.Material
	}{
		"no CC":      {spi: ota.SPI{0x14, 0x39}},
		"in clear":   {spi: ota.SPI{0x12, 0x39}},
		"no counter": {spi: ota.SPI{0x06, 0x39}},
		"plain PoR":  {spi: ota.SPI{0x16, 0x21}},
		"DES": {spi: enginetest.SPI, keys: keys.Material{
			KVN: 2, CMACLen: 8,
			KIc: ota.Key{Alg: ota.DES, Octets: des[:8]}, KID: ota.Key{Alg: ota.DES, Octets: des[:8]},
		}},
		"3DES with equal halves": {spi: enginetest.SPI, keys: keys.Material{
			KVN: 2, CMACLen: 8,
			KIc: ota.Key{Alg: ota.TripleDES2, Octets: des}, KID: ota.Key{Alg: ota.TripleDES2, Octets: des},
		}},
	} {
		l := enginetest.New(t)
		l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		card, err := l.Store.Card(context.Background(), l.Key(1).ICCID)
		l.OK(err)
		if c.keys.KVN != 0 {
			blob, err := l.Vault.SealMaterial(card.ICCID, c.keys)
			l.OK(err)
			counter, err := l.Vault.SealCounter(card.ICCID, c.keys.KVN, 0)
			l.OK(err)
			l.OK(l.Store.ImportCard(context.Background(), card, []mssp.KeySet{{ICCID: card.ICCID, KVN: c.keys.KVN, Keys: blob, Counter: counter}}))
		}
		p := l.Options.CardProfiles["test"]
		p.SPI = c.spi
		l.Options.CardProfiles = map[string]mssp.CardProfile{"test": p}
		l.Kill()
		sent := len(l.Sent)
		_, err = l.Signer.Sign(context.Background(), enginetest.Request("T1", "hello"))
		enginetest.WantFault(t, err, mssp.OTAError)
		l.Settle()
		if len(l.Sent) != sent {
			t.Errorf("%s: a packet left", name)
		}
	}
}

// The level of an answer is that of our card profile: one that an applet made
// as a command packet below it is not believed, whatever its own SPI says.
//
// Supports: 3.5.3-6, F12
func TestWeakCommandAnswer(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.AsCommand = true
	tx, mos := l.Ask("T1")
	cancel := enginetest.Cancelled(t, tx.AppletTxn)
	for _, spi1 := range []byte{0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x12, 0x15} {
		b, err := c.Set.Seal(nil, &ota.Command{SPI: ota.SPI{spi1, 0}, TAR: enginetest.TAR, CNTR: 1, Data: cancel})
		l.OK(err)
		parts, err := sms.Split(b, sms.SplitOptions{CPI: sms.CommandCPI})
		l.OK(err)
		l.Bring(bearer.MO{Source: enginetest.Number, UDH: parts[0].UDH, UD: parts[0].UD})
		if s := l.Tx(tx.ID).State; s.Final() {
			t.Fatalf("SPI1 %02X: transaction is %s", spi1, s)
		}
	}
	l.Bring(mos...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// An authentic answer with our counter but from another application of the
// card (its TAR) is not ours.
//
// Supports: F12, I6
func TestAnswerOfAnotherApplication(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	tx, mos := l.Ask("T1")
	l.Bring(c.Send(&ota.Command{TAR: ota.TAR{0xB0, 0x00, 0x11}, CNTR: c.Last}, ota.StatusOK, enginetest.Cancelled(t, tx.AppletTxn))...)
	if s := l.Tx(tx.ID).State; s.Final() {
		t.Fatalf("transaction is %s", s)
	}
	l.WantMO("late", 1)
	l.Bring(mos...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// Where the operator permits another text beside the one that is signed
// (DataToBeDisplayed), the card signs the hash of what is signed and shows both,
// and never signs the text on the screen in place of it.
//
// Supports: 3.5.3-5, 4-5
func TestSignedAndShownDiffer(t *testing.T) {
	for _, alg := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		l := enginetest.New(t)
		c := l.Enrolled(enginetest.Number, alg, mssp.Authentication)
		r := enginetest.Request("T1", "I buy the house in Example Street 5.")
		r.Display, r.AP.OtherDisplay, r.Profile.OtherDisplay = "Buy house 5?", true, true
		tx := l.Sign(r)
		l.Want(tx.ID, mssp.Done, mssp.Signature)
		x := c.Shown[len(c.Shown)-1]
		if len(x.TextToSign.Octets) != 0 || len(x.Digest) == 0 {
			t.Errorf("%s: the card was given a text to sign", alg)
		}
		if shown, err := x.TextToShow.Decode(); err != nil || !strings.Contains(shown, r.Display) || !strings.Contains(shown, string(r.Content)) {
			t.Errorf("%s: shown %q, %v", alg, shown, err)
		}
		same := enginetest.Request("T2", "Buy house 5?")
		same.Display = "Buy house 5?"
		tx = l.Sign(same)
		l.Want(tx.ID, mssp.Done, mssp.Signature)
		if x := c.Shown[len(c.Shown)-1]; string(x.TextToSign.Octets) != same.Display || len(x.Digest) != 0 {
			t.Errorf("%s: the text that is shown is not the one that is signed", alg)
		}
	}
}

// The text that the service permits is the one that the engine and the card
// take: exactly as many characters as the fault has named, and not one more.
//
// Supports: 3.5.3-5
func TestTextOfExactlyTheScreen(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	for i, c := range []struct {
		char string
		room int // 240 or 120 without name, reference code, label and line feeds
	}{{"a", 240 - 4 - 4 - 16 - 2}, {"õ", 120 - 4 - 4 - 16 - 2}} {
		text := strings.Repeat(c.char, c.room)
		if _, err := (display.Frame{AP: "Bank", Text: text, Reference: "0000"}).Fit(); err != nil {
			t.Errorf("the service refuses %d: %v", c.room, err)
		}
		if tx := l.Sign(enginetest.Request(fmt.Sprint("fits", i), text)); tx.Status != mssp.Signature {
			t.Errorf("%d characters %s: %d %s", c.room, c.char, tx.Status, tx.Detail)
		}
		_, err := l.Signer.Sign(context.Background(), enginetest.Request(fmt.Sprint("long", i), text+c.char))
		if enginetest.WantFault(t, err, mssp.WrongDataLength); err != nil && !strings.Contains(err.Error(), fmt.Sprintf("1 character too long: %d of", c.room)) {
			t.Error(err)
		}
	}
}
