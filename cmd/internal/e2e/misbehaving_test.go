package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A terminal that misbehaves, at the contacts of a card of each carriage and level: what it says out of
// turn, of another command, twice, cut, too long or never does not hang the card, which needs no reset.
//
// Supports: 3.1-2, 3.1-4
func TestTerminalMisbehaves(t *testing.T) {
	for name, flags := range map[string][]string{
		"response": {"--carriage", "response"}, "strict packet": {"--strict"}, "own of level 1": {"--carriage", "own", "--level", "1"}, "SIM": {"--sim"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, "")
			const iccid = "8941000000000000001"
			w.write(t, "card.csv", "iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0\n"+iccid+",228010000000001,java,1,AES128:"+kicOfCard+",AES128:"+kidOfCard+",8,,AES128:"+k0OfCard+"\n")
			must(t, w.dir, append([]string{"card", "emulate", "card.csv"}, flags...)...)
			r, _ := w.insert(t, "card-"+iccid+".journal")
			class := "80"
			if name == "SIM" {
				class = "A0"
			}
			send := func(apdu string) uint16 {
				t.Helper()
				_, sw := r.apdu(class + apdu)
				return sw
			}
			response := func(octets string) uint16 {
				t.Helper()
				octets = strings.ReplaceAll(octets, " ", "")
				return send(fmt.Sprintf("140000%02X%s", len(octets)/2, octets))
			}
			status := "F2000C00"
			if class == "A0" {
				status = "F2000016"
			}
			r.control(2)
			if sw := response("81030121818202828183 0100"); sw>>8 == 0x91 || sw == 0x9000 {
				t.Errorf("before anything: %04X", sw)
			}
			sw := send("10000008FFFFFFFFFFFFFFFF")
			settle := func() { // answers what the card wants until it is quiet
				t.Helper()
				for range 20 {
					if sw>>8 != 0x91 {
						return
					}
					cmd, _ := r.apdu(fmt.Sprintf("%s120000%02X", class, sw&0xFF))
					sw = response(fmt.Sprintf("8103%X 82028281 830100", numbers(cmd)))
				}
				t.Fatal("the card does not become quiet")
			}
			settle()
			about := func() []byte { // a text that waits for its user
				t.Helper()
				item := "05"
				if name == "own of level 1" {
					item = "06"
				}
				if sw = send("C2000009D3078202018190 01" + item); sw>>8 != 0x91 {
					t.Fatalf("the menu: %04X", sw)
				}
				cmd, fetched := r.apdu(fmt.Sprintf("%s120000%02X", class, sw&0xFF))
				if fetched != 0x9000 {
					t.Fatalf("FETCH: %04X", fetched)
				}
				return numbers(cmd)
			}
			var before []byte
			for _, bad := range []string{ // NN is the number of the command, TT its type and qualifier
				"8103NNTT", "8103NN", "8103NNTT 82028281", "8103NNTT 82028281 8300", "8103NNTT 82028281 830100 830100", "8103NNTT 82028281 830100 830110",
				"8103NNTT 8103NNTT 830100", "8103NN0000 82028281 830100", "8103NNTT 82028281 8305", "8103NNTT 82028281 830100 8D", "8103NNTT" + strings.Repeat("00", 250),
				"8103NNTT 82028281 830136", "8103NNTT 82028281 830120 00", "8103NNTT 82028281 8302 2001",
			} {
				at := about()
				for _, other := range []string{"", "81", "8103", "830100", "8103FFTT 82028281 830100", "8103" + fmt.Sprintf("%X", before) + "82028281 830100", strings.Repeat("FF", 255)} {
					if len(before) == 0 && strings.HasPrefix(other, "810382") {
						continue
					}
					if sw := response(strings.ReplaceAll(other, "TT", fmt.Sprintf("%X", at[1:]))); sw>>8 == 0x91 || sw == 0x9000 {
						t.Errorf("%q is taken for the response to %X: %04X", other, at, sw)
					}
				}
				sw = response(strings.NewReplacer("NN", fmt.Sprintf("%02X", at[0]), "TT", fmt.Sprintf("%X", at[1:])).Replace(bad))
				if sw != 0x9000 && sw>>8 != 0x91 {
					t.Errorf("%q to %X: %04X", bad, at, sw)
				}
				settle()
				if sw := response(fmt.Sprintf("8103%X 82028281 830100", at)); sw>>8 == 0x91 || sw == 0x9000 {
					t.Errorf("a second response to %X: %04X", at, sw)
				}
				before = at
			}
			about() // and is never answered
			for range 29 {
				if sw = send(status); sw>>8 == 0x91 {
					t.Fatalf("%04X while a command is out", sw)
				}
			}
			sw = send(status)
			settle()
			about()
			sw = response("8103" + fmt.Sprintf("%X", before) + "830100") // of an older one
			if sw == 0x9000 || sw>>8 == 0x91 {
				t.Errorf("an older response: %04X", sw)
			}
		})
	}
}

// numbers are number, type and qualifier of a proactive command.
func numbers(cmd []byte) []byte {
	if len(cmd) < 8 {
		return []byte{0, 0, 0}
	}
	if cmd[1] == 0x81 {
		return cmd[5:8]
	}
	return cmd[4:7]
}
