package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// watched is a reader that remembers all that came out of the card.
type watched struct {
	*reader
	w    *world
	out  bytes.Buffer
	cntr ota.CNTR
}

const (
	kicOfCard = "00112233445566778899AABBCCDDEEFF"
	kidOfCard = "FFEEDDCCBBAA99887766554433221100"
	k0OfCard  = "0123456789ABCDEF0123456789ABCDEF"
)

func (r *watched) apdu(hexa string) ([]byte, uint16) {
	r.Helper()
	data, sw := r.reader.apdu(hexa)
	for {
		r.out.Write(data)
		switch sw >> 8 {
		case 0x61, 0x9F:
			data, sw = r.transmit([]byte{0x00, 0xC0, 0, 0, byte(sw)})
		case 0x6C:
			b := unhexed(r, hexa)
			data, sw = r.transmit(append(b[:4], byte(sw)))
		default:
			return data, sw
		}
	}
}

// packet seals a command with the keys of the domain, gives it to the card and opens what the
// card says in the SMS-DELIVER-REPORT.
func (r *watched) packet(tar, data string) (ota.ResponseStatus, string) {
	r.Helper()
	spi := ota.SPI{0x16, 0x19}
	ks, report := r.deliver(spi, tar, data)
	if len(report) < 3 {
		r.Fatalf("TAR %s, %s: %X", tar, data, report)
	}
	got, err := ks.OpenResponse(nil, report[3:], spi)
	if err != nil {
		r.Fatal(err)
	}
	return got.Status, hex.EncodeToString(got.Data)
}

// message is a packet of which no response packet is asked for.
func (r *watched) message(tar, data string) {
	r.Helper()
	r.deliver(ota.SPI{0x16, 0x00}, tar, data)
}

func (r *watched) deliver(spi ota.SPI, tar, data string) (*ota.KeySet, []byte) {
	r.Helper()
	ks, err := ota.NewKeySet(1, ota.Key{Alg: ota.AES128, Octets: unhexed(r, kicOfCard)}, ota.Key{Alg: ota.AES128, Octets: unhexed(r, kidOfCard)}, 8)
	if err != nil {
		r.Fatal(err)
	}
	r.cntr++
	packet, err := ks.Seal(nil, &ota.Command{SPI: spi, TAR: ota.TAR(unhexed(r, tar)), CNTR: r.cntr, Data: unhexed(r, data)})
	if err != nil {
		r.Fatal(err)
	}
	tpdu, err := (&sms.Deliver{Originator: sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: serviceNumber}, PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x70, 0}, UD: packet}).AppendBinary(nil)
	if err != nil {
		r.Fatal(err)
	}
	b := append([]byte{0x82, 0x02, 0x83, 0x81, 0x8B, byte(len(tpdu))}, tpdu...)
	report, sw := r.apdu(fmt.Sprintf("80C20000%02XD1%02X%X", len(b)+2, len(b), b))
	if sw != 0x9000 && sw>>8 != 0x91 {
		r.Fatalf("TAR %s, %s: status %04X", tar, data, sw)
	}
	return ks, report
}

// A second applet on the card, somebody who has all keys of the domain, and whoever has the card in a
// reader try what they can: the calls of the toolkit, remote management of files and of applets,
// every file, every instruction. Nothing gives a personal code, a try of one, a
// private key or a key of the applet, and the code that the user chose is still his.
//
// Covers: 3.4-9 via simsign card emulate
// Covers: 3.3-2, 3.4-3 via simsign card attach
// Supports: 3.2-6
func TestSecondApplet(t *testing.T) {
	w := newWorld(t, 1, "")
	const number, iccid, second = "+41792000001", "8941000000000000001", "4D5350"
	w.write(t, "card.csv", "iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0\n"+iccid+",228010000000001,java,1,AES128:"+kicOfCard+",AES128:"+kidOfCard+",8,,AES128:"+k0OfCard+"\n")
	must(t, w.dir, "card", "import", "card.csv")
	must(t, w.dir, "card", "emulate", "card.csv", "--second-applet", second)
	must(t, w.dir, "user", "add", "--msisdn", number, "--iccid", iccid, "--name", "Anna Example")
	c := w.serve(t)
	const file = "card-" + iccid + ".journal"
	p := w.startTerminal(t, number, file, "")
	p.knows(signCode, signCode) // so long that it is nowhere by chance
	must(t, w.dir, "user", "register", "--msisdn", number)
	p.quit()
	c.stop(t)

	reader, takeOut := w.insert(t, file)
	r := &watched{reader: reader, w: w, cntr: 0x7000000000}
	r.control(2)
	r.apdu("80100000" + "08" + "FFFFFFFFFFFFFFFF")
	r.idle(0)
	for _, name := range []string{"profile", "unblocks", "counter1", "code0", "data", "slota", "applet keys", "answer0", "2/code0", "../slota"} {
		if st, got := r.packet(second, "02"+hex.EncodeToString([]byte(name))); st != ota.StatusOK || got != "00" {
			t.Errorf("it reads %q: %v, %s", name, st, got)
		}
	}
	for code := range 4 {
		for call := range 7 {
			if st, got := r.packet(second, fmt.Sprintf("04%02X%02X%X", code, call, signCode)); st != ota.StatusOK || code > 0 && got != "00" {
				t.Errorf("code %d, call %d: %v, %s", code, call, st, got)
			}
		}
	}
	if _, got := r.packet(second, "05"+"AABB"); got != "00" {
		t.Errorf("it makes answers: %s", got)
	}
	for _, tar := range []string{"000000", "B00000", "B00001", "B00010", "B00011", "B00020", "B20100", "BFFFFF"} { // ISD, RAM, RFM
		for _, cmd := range []string{"A0A40000023F00", "00A40004022FE2" + "00B000000A", "80F28000024F0000", "80CA00E000", "80E40000084F06A00000000101"} {
			if st, got := r.packet(tar, cmd); st != ota.StatusTARUnknown || got != "" {
				t.Errorf("TAR %s takes %s: %v, %s", tar, cmd, st, got)
			}
		}
	}
	r.everything()
	r.control(2)
	r.apdu("80100000" + "08" + "FFFFFFFFFFFFFFFF")
	r.idle(0)

	// The user still has his code, and all its tries.
	r.must("80C2000009" + "D307 82020181 900101")
	code := "830100 8D09 04" + hex.EncodeToString([]byte(signCode))
	next := "830100 8D09 04" + hex.EncodeToString([]byte("17039526"))
	for _, answer := range []string{code, next, next} {
		r.respond(r.fetched(), "82028281"+answer)
	}
	if told := r.fetched(); !bytes.Contains(told, []byte("Your new code is set.")) {
		t.Errorf("the code was changed in the menu, and the card says %q", told)
	}
	r.idle(0)
	takeOut()

	journal, err := os.ReadFile(w.path(file))
	if err != nil {
		t.Fatal(err)
	}
	private := []byte("\x30\x6B\x02\x01\x01\x04\x20") // of a P-256 key in PKCS#8; 32 octets follow
	at := bytes.LastIndex(journal, private)
	if at < 0 {
		t.Fatal("the card has no private key")
	}
	at += len(private)
	secrets := map[string][]byte{"the personal code": []byte(signCode), "the private key": journal[at : at+32]}
	for name, digits := range map[string]string{"KIc": kicOfCard, "KID": kidOfCard, "K0": k0OfCard} {
		secrets[name] = unhexed(t, digits)
	}
	for name, octets := range secrets {
		if bytes.Contains(r.out.Bytes(), octets) || strings.Contains(strings.ToUpper(r.out.String()), strings.ToUpper(hex.EncodeToString(octets))) {
			t.Errorf("%s came out of the card", name)
		}
	}
	if r.out.Len() < 1000 {
		t.Errorf("only %d octets came out of the card", r.out.Len())
	}
}

// everything reads each file and sends every instruction.
func (r *watched) everything() {
	r.Helper()
	r.apdu("00A4040C0C" + "A0000000871002FFFFFFFF89")
	for _, dir := range []string{"3F00", "7F20", "7F10", "7FFF"} {
		for fid := range 0x100 {
			for _, high := range []string{"2F", "6F"} {
				r.apdu("00A4000C02" + dir)
				if _, sw := r.apdu(fmt.Sprintf("00A4000402%s%02X", high, fid)); sw>>8 == 0x6A {
					continue
				}
				r.apdu("00B0000000")
				r.apdu("00B2010400")
			}
		}
	}
	for _, cla := range []byte{0x00, 0x80, 0xA0, 0x84, 0x90, 0x04} {
		for ins := range 0x100 {
			if ins == 0x12 || ins == 0x14 {
				continue // the terminal's own
			}
			for _, p := range []string{"0000", "0001", "0081", "00E0"} {
				r.apdu(fmt.Sprintf("%02X%02X%s00", cla, ins, p))
				r.apdu(fmt.Sprintf("%02X%02X%s08%X", cla, ins, p, signCode))
			}
		}
	}
}
