package carriage

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// What each carriage needs, and how many octets of message go into 1 to 4 short messages:
// the table of INT6.md.
//
// Supports: 3.1-2
func TestNeedsAndRoom(t *testing.T) {
	octets := [4]int{140 - 3, 2*(140-6) - 2, 3*(140-6) - 2, 4*(140-6) - 2} // beside the headers; the mark stands in the first
	full := ota.SPI{0x16, 0x39}
	for _, tc := range []struct {
		c     Carriage
		spi   ota.SPI
		needs Needs
		room  [4]int
	}{
		{Response{}, full, Needs{Domain: true}, [4]int{98, 242, 370, 498}},
		{Packet{}, full, Needs{Domain: true, Answer: true}, [4]int{98, 242, 370, 498}},
		{Packet{}, ota.SPI{0x16, 0}, Needs{Domain: true, Answer: true}, [4]int{98, 242, 370, 498}},
		{Own{}, ota.SPI{}, Needs{Request: true, Answer: true}, [4]int{82, 226, 354, 482}},
		{Own{}, full, Needs{Domain: true, Request: true, Answer: true}, [4]int{66, 210, 338, 466}},
	} {
		if n := tc.c.Needs(tc.spi); n != tc.needs {
			t.Errorf("%s, SPI %s needs %+v", tc.c.Name(), tc.spi, n)
		}
		request, err := vectorKey.Request(1)
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, tc.spi)
		for i := range octets {
			if have := tc.c.Room(octets[i], tc.spi); have != tc.room[i] {
				t.Errorf("%s, SPI %s: %d octets of message in %d short messages, want %d", tc.c.Name(), tc.spi, have, i+1, tc.room[i])
			}
			for more := range 2 { // and one octet more does not fit
				m := Command{TAR: vectorTAR, SPI: tc.spi, Message: make([]byte, tc.room[i]+more), Domain: b.domain, DomainCNTR: 1, Applet: request, AppletCNTR: 1}
				packet, err := tc.c.Seal(nil, &m)
				if err != nil {
					t.Fatal(err)
				}
				parts, err := sms.Split(packet, sms.SplitOptions{CPI: sms.CommandCPI})
				if err != nil || len(parts) != i+1+more {
					t.Errorf("%s, SPI %s: %d octets of message in %d short messages, %v", tc.c.Name(), tc.spi, len(m.Message), len(parts), err)
				}
			}
		}
	}
}

// A packet of the domain is held to the rules of its profile, in each carriage, and so is what
// lies in it; what is refused leaves dst as it was.
func TestSealIsHeldToThePolicy(t *testing.T) {
	full := ota.SPI{0x16, 0x39}
	request, err := vectorKey.Request(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		c    Carriage
		spi  ota.SPI
		lab  bool
		cntr ota.CNTR
		own  ota.CNTR
		err  error
	}{
		{Response{}, full, false, 1, 1, nil},
		{Packet{}, full, false, 1, 1, nil},
		{Packet{}, ota.SPI{0x16, 0}, false, 1, 1, nil},
		{Own{}, full, false, 1, 1, nil},
		{Own{}, ota.SPI{}, false, 1, 1, nil},
		{Response{}, ota.SPI{0x16, 0}, false, 1, 1, ota.ErrPolicy},
		{Response{}, ota.SPI{0x12, 0x39}, false, 1, 1, ota.ErrPolicy},
		{Packet{}, ota.SPI{}, false, 1, 1, ota.ErrPolicy},
		{Packet{}, ota.SPI{0x16, 0x02}, false, 1, 1, ota.ErrPolicy},
		{Own{}, ota.SPI{0x12, 0}, false, 1, 1, ota.ErrPolicy},
		{Own{}, ota.SPI{0x00, 0x39}, false, 1, 1, ota.ErrPolicy},
		{Response{}, full, true, ota.LimitCNTR, 1, ota.ErrCounter},
		{Packet{}, full, true, ota.LimitCNTR, 1, ota.ErrCounter},
		{Own{}, full, true, ota.LimitCNTR, 1, ota.ErrCounter},
		{Own{}, ota.SPI{}, true, 1, ota.LimitCNTR, ota.ErrCounter},
	} {
		b := newBench(t, tc.spi)
		m := Command{TAR: vectorTAR, SPI: tc.spi, Lab: tc.lab, Message: []byte{2}, Domain: b.domain, DomainCNTR: tc.cntr, Applet: request, AppletCNTR: tc.own}
		packet, err := tc.c.Seal([]byte{0xAA}, &m)
		if !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) || packet[0] != 0xAA || (err != nil) != (len(packet) == 1) {
			t.Errorf("%s, SPI %s, counters %s, %s: %X, %v", tc.c.Name(), tc.spi, tc.cntr, tc.own, packet, err)
		}
	}
	keys := map[string]CardKey{"%v": vectorKey, "%#v": vectorKey, "%s": vectorKey}
	for format, k := range keys {
		if s := fmt.Sprintf(format, k); s != "key of an applet" {
			t.Errorf("%s prints %s", format, s)
		}
	}
	if text, err := vectorKey.MarshalText(); err != nil || strings.Contains(string(text), "0") || vectorKey.LogValue().String() != "key of an applet" {
		t.Errorf("%s, %v", text, err)
	}
}

// The first part of a message is looked at before a place is given to it.
func TestBegin(t *testing.T) {
	full, none := ota.SPI{0x16, 0x39}, ota.SPI{0x16, 0}
	answer := octets(t, vectorAnswer)
	with := func(at int, v byte) []byte {
		b := bytes.Clone(answer)
		b[at] = v
		return b
	}
	por := newBench(t, full).por(full, ota.StatusOK, nil)
	for _, tc := range []struct {
		name string
		c    Carriage
		spi  ota.SPI
		cpi  sms.CPI
		ud   []byte
		err  error
	}{
		{"an answer", Packet{}, full, sms.CommandCPI, answer, nil},
		{"an answer", Own{}, ota.SPI{}, sms.CommandCPI, answer, nil},
		{"set 2", Packet{}, full, sms.CommandCPI, func() []byte { b := with(5, 0x22); b[6] = 0x22; return b }(), nil},
		{"set 4", Packet{}, full, sms.CommandCPI, func() []byte { b := with(5, 0x42); b[6] = 0x42; return b }(), ErrKeySet},
		{"DES", Packet{}, full, sms.CommandCPI, func() []byte { b := with(5, 0x11); b[6] = 0x11; return b }(), ErrForm},
		{"KIc is not KID", Own{}, full, sms.CommandCPI, with(5, 0x22), ErrForm},
		{"SPI 0000", Own{}, full, sms.CommandCPI, with(3, 0), ErrForm},
		{"too short", Own{}, full, sms.CommandCPI, answer[:9], ota.ErrLength},
		{"a response packet", Packet{}, full, sms.ResponseCPI, por, nil},
		{"a response packet, none asked for", Packet{}, none, sms.ResponseCPI, por, ErrNoAnswer},
		{"a response packet", Own{}, full, sms.ResponseCPI, por, ErrNoAnswer},
		{"a response packet", Response{}, full, sms.ResponseCPI, por, nil},
		{"a command packet", Response{}, full, sms.CommandCPI, answer, nil},
		{"a weak command packet", Response{}, full, sms.CommandCPI, with(3, 0x12), ota.ErrPolicy},
		{"single DES in KIc", Response{}, full, sms.CommandCPI, with(5, 0x11), ota.ErrPolicy},
		{"single DES in KID", Response{}, full, sms.CommandCPI, with(6, 0x11), ota.ErrPolicy},
		{"a short command packet", Response{}, full, sms.CommandCPI, answer[:9], ota.ErrLength},
		{"no mark", Packet{}, full, sms.NoCPI, answer, ErrMark},
		{"no mark", Own{}, full, sms.NoCPI, answer, ErrMark},
		{"no mark", Response{}, full, sms.NoCPI, answer, ErrMark},
	} {
		b := newBench(t, tc.spi)
		start, err := tc.c.Begin(&b.e, tc.cpi, tc.ud)
		if !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) || err == nil && (start.TAR != vectorTAR || start.Len != len(tc.ud)) {
			t.Errorf("%s, %s: %+v, %v", tc.c.Name(), tc.name, start, err)
		}
	}
}

// A native applet of carriage response may answer by a command packet under the domain's keys,
// as strong as the profile asks.
func TestNativeAnswers(t *testing.T) {
	full := ota.SPI{0x16, 0x39}
	b := newBench(t, full)
	good := ota.Command{SPI: ota.SPI{0x16, 0}, TAR: vectorTAR, CNTR: 7, Data: []byte{1, 2, 3}}
	with := func(f func(*ota.Command)) ota.Command {
		c := good
		f(&c)
		return c
	}
	for name, tc := range map[string]struct {
		c   ota.Command
		lab bool
		err error
	}{
		"good":                   {good, false, nil},
		"no counter":             {with(func(c *ota.Command) { c.SPI[0] = 0x06 }), false, ota.ErrPolicy},
		"in clear":               {with(func(c *ota.Command) { c.SPI[0] = 0x12 }), false, ota.ErrPolicy},
		"another TAR":            {with(func(c *ota.Command) { c.TAR[0]++ }), false, ErrTAR},
		"weaker in a laboratory": {with(func(c *ota.Command) { c.SPI[0] = 0x06 }), true, ota.ErrPolicy},
	} {
		b.e.Lab = tc.lab
		h, err := Response{}.Open(nil, &b.e, sms.CommandCPI, b.seal(b.domain, tc.c))
		if !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) || err == nil && (h.Kind != Answer || !bytes.Equal(h.INT6, good.Data) || h.Set != 0 || h.Request != nil) || err != nil && h.Kind != 0 {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

// crafted is an answer packet with a PCNTR that the codec does not write, under a checksum
// that is right.
func crafted(t *testing.T, pcntr byte, answer []byte) []byte {
	t.Helper()
	for len(answer) == 0 || (14+len(answer)+int(pcntr))%16 != 0 {
		answer = append(bytes.Clone(answer), 0)
	}
	n := 10 + 14 + len(answer) + int(pcntr)
	head := []byte{byte((n - 2) >> 8), byte(n - 2), 0x15, 0x16, 0, 0x12, 0x12, vectorTAR[0], vectorTAR[1], vectorTAR[2]}
	body := append([]byte{0, 0, 0, 0, 9, pcntr}, append(bytes.Clone(answer), make([]byte, pcntr)...)...)
	check, err := vectorKey.derive(answerCheck, 1)
	if err != nil {
		t.Fatal(err)
	}
	mac, err := ota.CMAC(check[:], append(bytes.Clone(head), body...))
	if err != nil {
		t.Fatal(err)
	}
	clear := append(append(bytes.Clone(body[:6]), mac[:8]...), body[6:]...)
	key, err := vectorKey.derive(answerCipher, 1)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(clear, clear)
	return append(head, clear...)
}

// Padding of a whole block is none: PCNTR is below 16.
func TestPaddingOfAnAnswer(t *testing.T) {
	data := func(pcntr byte) []byte { // of a length that goes with it, which ends with B7
		tail := octets(t, "B7107768B7C256125645066ED5F29043D953")
		head := octets(t, "0201020306E504B0026401")
		vendor := 0
		for (14+len(head)+2+vendor+len(tail)+int(pcntr))%16 != 0 {
			vendor++
		}
		return append(append(append(head, 0xC0, byte(vendor)), make([]byte, vendor)...), tail...)
	}
	for pcntr, want := range map[byte]error{0: nil, 1: nil, 15: nil, 16: ota.ErrPolicy, 17: ota.ErrPolicy, 32: ota.ErrPolicy} {
		for _, c := range []Carriage{Packet{}, Own{}} {
			b := newBench(t, ota.SPI{0x16, 0x39})
			answer := data(pcntr)
			h, err := c.Open(nil, &b.e, sms.CommandCPI, crafted(t, pcntr, answer))
			if !errors.Is(err, want) || (err == nil) != (want == nil) || err == nil && (!bytes.Equal(h.INT6, answer) || h.Counter != 9) {
				t.Errorf("%s, PCNTR %d: %X, %v", c.Name(), pcntr, h.INT6, err)
			}
			if err == nil {
				if _, err := applet.ParseAnswer(h.INT6); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
