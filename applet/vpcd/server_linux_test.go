package vpcd_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

const (
	service = "46700000001"
	code    = "739154"
)

var tar = ota.TAR{0xB0, 0x00, 0x51}

// server is just enough of one: it seals commands, splits them into envelopes,
// joins and opens the answers. It never meets the card.
type server struct {
	t    *testing.T
	ks   *ota.KeySet
	cntr ota.CNTR
}

var spi = ota.SPI{0x16, 0x39}

// personalised is a card and the server that has its keys.
func personalised(t *testing.T) (*card.Card, *server) {
	t.Helper()
	k := card.KeySet{
		KVN: 1,
		KIc: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x11}, 16)},
		KID: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x22}, 16)},
	}
	ks, err := ota.NewKeySet(k.KVN, k.KIc, k.KID, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := card.New(card.Options{Profile: card.Profile{
		ICCID: "8999012345678901234", IMSI: "999010123456789", TAR: tar, Active: true,
		KeySets: []card.KeySet{k}, ServerAddress: "+" + service,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, &server{t: t, ks: ks, cntr: 100}
}

// segments are the short messages that bring commands to the card.
func (s *server) segments(cmds ...applet.Command) []sms.Part {
	s.t.Helper()
	s.cntr++
	b, err := applet.Message{Transaction: uint32(s.cntr), Commands: cmds}.MarshalBinary()
	if err != nil {
		s.t.Fatal(err)
	}
	packet, err := s.ks.Seal(nil, &ota.Command{SPI: spi, TAR: tar, CNTR: s.cntr, Data: b})
	if err != nil {
		s.t.Fatal(err)
	}
	parts, err := sms.Split(packet, sms.SplitOptions{CPI: sms.CommandCPI, Ref: uint16(s.cntr)})
	if err != nil {
		s.t.Fatal(err)
	}
	return parts
}

// deliver is the SMS-DELIVER of a segment.
func deliver(t *testing.T, part sms.Part) []byte {
	t.Helper()
	d := sms.Deliver{
		Originator: sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: service},
		PID:        0x7F, DCS: 0xF6, UDH: part.UDH, UD: part.UD,
	}
	tpdu, err := d.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return tpdu
}

// envelope is ENVELOPE (SMS-PP DOWNLOAD) with a TPDU, in hexadecimal.
func envelope(tpdu []byte) string {
	length := func(n int) []byte {
		if n > 127 {
			return []byte{0x81, byte(n)}
		}
		return []byte{byte(n)}
	}
	b := append([]byte{0x82, 0x02, 0x83, 0x81, 0x8B}, length(len(tpdu))...)
	b = append(b, tpdu...)
	b = append(append([]byte{0xD1}, length(len(b))...), b...)
	return hex.EncodeToString(append([]byte{0x80, 0xC2, 0, 0, byte(len(b))}, b...))
}

// open joins the segments of an answer and checks whose it is.
func (s *server) open(parts []sms.Part) applet.Answer {
	s.t.Helper()
	packet, kind, err := sms.Join(nil, parts)
	if err != nil || kind != sms.ResponseCPI {
		s.t.Fatalf("no response packet in %d segments: %v", len(parts), err)
	}
	r, err := s.ks.OpenResponse(nil, packet, spi)
	if err != nil || r.Status != ota.StatusOK || r.CNTR != s.cntr || !r.Protected {
		s.t.Fatalf("response %v for counter %v, want %v: %v", r.Status, r.CNTR, s.cntr, err)
	}
	a, err := applet.ParseAnswer(r.Data)
	if err != nil || a.Transaction != uint32(s.cntr) || !a.OK() {
		s.t.Fatalf("answer %+v: %v", a, err)
	}
	return a
}

// register makes a key and has it registered by a signature.
func register() []applet.Command {
	sum := sha256.Sum256([]byte("request"))
	return []applet.Command{
		applet.SetAuthenticationHandlerData{Operation: applet.HandlerGenerate, Slot: applet.Slot{
			Number: 1, Usage: applet.UsageAuthentication, Algorithm: applet.ECDSAP256, Code: applet.CodeAuthentication,
		}},
		applet.SignTransaction{Slot: applet.Slot{Number: 1}, Mode: applet.ModeRegister, Hash: applet.SHA256, Digest: sum[:]},
	}
}

// registered verifies the answer to register.
func (s *server) registered(a applet.Answer) crypto.PublicKey {
	s.t.Helper()
	pub, err := applet.ECDSAP256.ParsePublicKey(a.Results[0].PublicKey)
	if err != nil {
		s.t.Fatal(err)
	}
	s.signed(pub, a, "request")
	return pub
}

// sign confirms the key and asks for a signature of a text.
func sign(text string) []applet.Command {
	return []applet.Command{
		applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerConfirm},
		applet.SignTransaction{
			Slot: applet.Slot{Number: 1}, Mode: applet.ModeAuthenticate, Hash: applet.SHA256,
			TextToSign: applet.UTF8(text), TextToShow: applet.UTF8("Example Bank"), Reference: "brave otter",
		},
	}
}

// signed verifies the signature in the second result.
func (s *server) signed(pub crypto.PublicKey, a applet.Answer, text string) {
	s.t.Helper()
	sum := sha256.Sum256([]byte(text))
	if err := applet.Verify(pub, applet.SHA256, sum[:], a.Results[1].Signature); err != nil {
		s.t.Fatal(err)
	}
}
