package e2e

import (
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/vpcd"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// toolkitCard is a card whose applet issues what a test wants, and which notes what the phone
// says. For the rest it is an emulated one.
type toolkitCard struct {
	*card.Card
	mu        sync.Mutex
	commands  [][]byte // to be fetched
	profile   []byte
	responses []string
	envelopes int
}

func (c *toolkitCard) Transmit(b []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch b[1] {
	case 0x10:
		c.profile = slices.Clone(b[5:])
	case 0x12:
		return append(slices.Clone(c.commands[0]), 0x90, 0x00)
	case 0x14:
		c.responses = append(c.responses, strings.ToUpper(hex.EncodeToString(b[5:])))
		c.commands = c.commands[1:]
	case 0xC2:
		c.envelopes++
		return []byte{0x90, 0x00}
	default:
		return c.Card.Transmit(b)
	}
	if len(c.commands) == 0 {
		return []byte{0x90, 0x00}
	}
	return []byte{0x91, byte(len(c.commands[0]))}
}

func (c *toolkitCard) said() (responses []string, envelopes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.responses), c.envelopes
}

// The phone does each command that the applets of the field need, in the class of its card, and
// says what became of it; it tells the card what it can, and brings it short messages.
//
// Covers: 3.1-2 via simsign handset
func TestToolkitCommands(t *testing.T) {
	w := newWorld(t, 1, "")
	sim, err := card.New(card.Options{Profile: card.Profile{
		ICCID: "8941000000000000001", IMSI: "228010000000001", TAR: ota.TAR{0x4D, 0x53, 0x53},
		KeySets: []card.KeySet{{KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: unhexed(t, kicOfCard)}, KID: ota.Key{Alg: ota.AES128, Octets: unhexed(t, kidOfCard)}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := &toolkitCard{Card: sim}
	command := func(kind, qualifier byte, to string, objects string) {
		b := unhexed(t, fmt.Sprintf("8103%02X%02X%02X 820281%s", len(c.commands)+1, kind, qualifier, to)+objects)
		c.commands = append(c.commands, append([]byte{0xD0, byte(len(b))}, b...))
	}
	command(0x21, 0x81, "02", "8D06 04"+hex.EncodeToString([]byte("Hello")))             // DISPLAY TEXT
	command(0x22, 0x00, "82", "8D05 04"+hex.EncodeToString([]byte("Yes?")))              // GET INKEY
	command(0x23, 0x04, "82", "8D05 04"+hex.EncodeToString([]byte("Code"))+"9102 04 08") // GET INPUT
	command(0x02, 0x00, "82", "")                                                        // MORE TIME
	command(0x13, 0x00, "83", "8B11 01000B911497000000F07FF604 01020304")                // SEND SHORT MESSAGE

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = vpcd.Session(conn, c) // it ends with the phone
	}()
	const number = "+41792000001"
	p := w.startTerminal(t, number, "tcp://"+l.Addr().String(), "", "--auto", personalCode)
	want := []string{
		"8103012181" + "82028281" + "830100",
		"8103022200" + "82028281" + "830100" + "8D020431",
		"8103032304" + "82028281" + "830100" + "8D0504" + strings.ToUpper(hex.EncodeToString([]byte(personalCode))),
		"8103040200" + "82028281" + "830100",
		"8103051300" + "82028281" + "830100",
	}
	eventually(t, "five responses", func() bool { r, _ := c.said(); return len(r) >= len(want) })
	if have, _ := c.said(); !slices.Equal(have, want) {
		t.Errorf("the phone says\n%s\nwant\n%s\nphone:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"), p.text())
	}
	can := []struct {
		name  string
		octet int
		bit   byte
	}{
		{"SMS-PP data download", 0, 0x02}, {"DISPLAY TEXT", 2, 0x01}, {"GET INKEY", 2, 0x02}, {"GET INPUT", 2, 0x04}, {"MORE TIME", 2, 0x08}, {"SEND SHORT MESSAGE", 3, 0x02},
	}
	for _, f := range can {
		if c.profile[f.octet]&f.bit == 0 {
			t.Errorf("the profile does not say %s: %X", f.name, c.profile)
		}
	}
	stranger, err := loopback.Dial(t.Context(), w.networkAddr, "41790009999", &villain{got: map[byte][]byte{}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Stop()
	if _, err := stranger.Submit(t.Context(), bearer.Segment{Dest: sms.MSISDN(number[1:]), PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x70, 0}, UD: []byte("octets")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ENVELOPE", func() bool { _, n := c.said(); return n == 1 })
	p.quit()
}
