package ota

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// What a packet says of itself beside its data, in octets: 0102 and two of
// padding in a block of 3DES (TS 102 225 5.1).
func TestOpenTellsAll(t *testing.T) {
	ks := testKeySet(t, TripleDES2, TripleDES2, 8)
	spi := SPI{0x16, 0x39}
	packet, err := ks.Seal(nil, &Command{SPI: spi, TAR: TAR{0xB0, 0, 1}, CNTR: 0x0102030405, Data: []byte{0x90, 0}}) // 6 + 8 + 2
	if err != nil || hex.EncodeToString(packet[:10]) != "0018"+"15"+"1639"+"3535"+"b00001" {
		t.Fatalf("%x, %v", packet, err)
	}
	c, err := ks.Open([]byte("x"), packet)
	if err != nil || c.Block != 8 || c.PCNTR != 0 || len(c.MAC) != 8 || len(c.Padding) != 0 || c.CNTR != 0x0102030405 || !bytes.Equal(c.Data, []byte{0x90, 0}) {
		t.Errorf("%+v, %v", c, err)
	}
	packet, err = ks.Seal(nil, &Command{SPI: spi, CNTR: 1, Data: make([]byte, 7)})
	if err != nil {
		t.Fatal(err)
	}
	c, err = ks.Open(nil, packet)
	if err != nil || c.PCNTR != 3 || !bytes.Equal(c.Padding, []byte{0, 0, 0}) || len(c.Data) != 7 {
		t.Errorf("%+v, %v", c, err)
	}
	tag := make([]byte, 8)
	ws := ks.pool.Get().(*workspace)
	head := append([]byte{0, packet[1], 0x15, 0x16, 0x39, 0x35, 0x35, 0, 0, 0}, 0, 0, 0, 0, 1, 3)
	ks.sum(ws, IntegrityCC, tag, head, make([]byte, 10))
	if !bytes.Equal(c.MAC, tag) {
		t.Errorf("checksum %x, the packet has %x", tag, c.MAC)
	}
	answer, err := ks.SealResponse(nil, spi, &Response{TAR: TAR{0xB0, 0, 1}, CNTR: 5, Status: 9, Data: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := ks.OpenResponse(nil, answer, spi)
	if err != nil || r.Block != 8 || r.PCNTR != 0 || len(r.MAC) != 8 || !r.Protected || r.TAR != (TAR{0xB0, 0, 1}) || r.CNTR != 5 || r.Status != 9 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A redundancy check in an answer is as long as KID of the command says, and
// stands over the header 027100 and the packet around it (TS 102 225 5.2, TS
// 31.115 4.4).
func TestResponseRedundancy(t *testing.T) {
	ks := testKeySet(t, AES128, AES128, 8)
	spi := SPI{0x16, 0x25}
	const tail = "b00001" + "0000000009" + "00" + "06"
	crc16 := CRC16(unhex(t, "027100"+"000e"+"0c"+tail+"aa"))
	crc32 := CRC32(unhex(t, "027100"+"0010"+"0e"+tail+"aa"))
	for kid, rc := range map[byte]string{0x31: fmt.Sprintf("%04x", crc16), 0x35: fmt.Sprintf("%08x", crc32), 0: fmt.Sprintf("%08x", crc32)} {
		b, err := ks.SealResponse(nil, spi, &Response{TAR: TAR{0xB0, 0, 1}, CNTR: 9, Status: 6, KID: kid, Data: []byte{0xAA}})
		if err != nil {
			t.Fatal(err)
		}
		n := len(rc) / 2
		if want := fmt.Sprintf("%04x%02x", 12+n, 10+n) + tail + rc + "aa"; len(b) != 14+n || hex.EncodeToString(b) != want {
			t.Errorf("KID %02X: %x, want %s", kid, b, want)
		}
		if r, err := ks.OpenResponse(nil, b, spi); err != nil || r.Status != 6 || !bytes.Equal(r.Data, []byte{0xAA}) || r.Protected {
			t.Errorf("KID %02X: %+v, %v", kid, r, err)
		}
		b[len(b)-2] ^= 1
		if _, err := ks.OpenResponse(nil, b, spi); !errors.Is(err, ErrIntegrity) {
			t.Errorf("KID %02X with a broken check: %v", kid, err)
		}
	}
}

// An answer in clear is one without any check value: one octet of it is a
// packet that is broken. And octets that are no blocks are an error in clear.
func TestAnswerInClear(t *testing.T) {
	ks := testKeySet(t, TripleDES2, TripleDES2, 8)
	for _, tc := range []struct {
		packet, spi string
		want        error
	}{
		{"000B 0A B00001 0000000009 00 06", "1639", nil},
		{"000C 0B B00001 0000000009 00 06 AA", "1639", ErrLength},
		{"000C 0B B00001 0000000009 00 06 AA", "1631", ErrLength},
		{"0010 0A B00001 0000000009 00 06 AABBCCDDEE", "1631", nil},
		{"0010 0A B00001 0000000009 00 00 AABBCCDDEE", "1631", ErrLength},
		{"0010 0A B00001 0000000009 01 06 AABBCCDDEE", "1631", ErrLength},
	} {
		spi, err := ParseSPI(tc.spi)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := ks.OpenResponse(nil, unhex(t, tc.packet), spi); !errors.Is(err, tc.want) || r.Protected || (err == nil) != (r.Status == 6) {
			t.Errorf("%s, SPI %s: %+v, %v", tc.packet, tc.spi, r, err)
		}
	}
}

// Each rule of a command is asked, in a command that breaks no other.
func TestPolicyOfCommands(t *testing.T) {
	good := Command{SPI: SPI{0x16, 0x39}, KIc: 0x35, KID: 0x35, CNTR: 1}
	if err := (Security{}).CheckCommand(&good); err != nil {
		t.Error(err)
	}
	for says, change := range map[string]func(*Command){
		"the command has no CC":      func(c *Command) { c.SPI[0] = 0x15 },
		"KIc 31, KID 35: single DES": func(c *Command) { c.KIc = 0x31 },
		"KIc 35, KID 31: single DES": func(c *Command) { c.KID = 0x31 },
	} {
		c := good
		change(&c)
		if err := (Security{}).CheckCommand(&c); !errors.Is(err, ErrPolicy) || !strings.HasSuffix(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	// Without a cipher there is nothing to fill up (PCNTR 0).
	for pcntr, want := range map[byte]error{0: nil, 1: ErrPolicy} {
		r := Response{Protected: true, PCNTR: pcntr}
		if err := (Security{}).CheckResponse(SPI{0x16, 0x39}, &r); !errors.Is(err, want) {
			t.Errorf("in clear, PCNTR %d: %v", pcntr, err)
		}
	}
}

// What people read: names in place of keys, digits that are hidden, and the
// numbers that did not fit.
func TestWhatIsSaid(t *testing.T) {
	ks := testKeySet(t, AES128, TripleDES2, 8)
	kic, kid := ks.Algorithms()
	if kic != AES128 || kid != TripleDES2 {
		t.Errorf("KIc %s, KID %s", kic, kid)
	}
	none, err := NewKeySet(3, Key{}, testKey(AES128, 1), 8)
	if err != nil {
		t.Fatal(err)
	}
	if kic, kid := none.Octets(SPI{0x02, 0}); kic != 0x30 || kid != 0x32 {
		t.Errorf("without KIc: %02X, %02X", kic, kid)
	}
	for want, x := range map[string]any{"key set 3 (KIc AES128, KID 3DES2)": ks, "AES192 key": testKey(AES192, 1)} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "x", x)
		for _, have := range []string{fmt.Sprint(x), fmt.Sprintf("%#v", x), log.String()} {
			if !strings.Contains(have, want) {
				t.Errorf("%q, want %q", have, want)
			}
		}
	}
	for iccid, want := range map[ICCID]string{"": "****", "1234567": "****", "12345678": "****5678", "8941000000000000017": "****0017"} {
		if have := iccid.LogValue().String(); have != want {
			t.Errorf("%s is logged as %q", string(iccid), have)
		}
	}
	var alg Algorithm
	_, letter := ParseCNTR("0g")
	_, digit := ParseICCID("89410000000000000x7")
	_, command := ParseHeader(unhex(t, "000F 0D 0009 32 32 B00001 0000000000 00"))
	_, header := ParseHeader(unhex(t, "000E 0C 0009 32 32 B00001 0000000000 00"))
	_, response := ParseResponseHead(unhex(t, "000C 0A B00001 0000000000 00 09"))
	_, rhl := ParseResponseHead(unhex(t, "000B 09 B00001 0000000000 00 09"))
	_, none0 := ParseHeader(nil)
	_, none1 := ParseResponseHead(nil)
	_, start := ParseCommandStart(make([]byte, 9))
	_, long := ks.Seal(nil, &Command{SPI: SPI{0x12, 0x09}, CNTR: 1, Data: make([]byte, 65535)})
	for says, err := range map[string]error{
		"character 2 is not one": letter, "character 18 is not a digit": digit, "CPL 15, have 14 octets": command, "CHL 12, must be 13 to 13": header,
		"RPL 12, have 11 octets": response, "RHL 9, must be 10 to 10": rhl, "needs 16 octets, have 0": none0, "needs 13 octets, have 0": none1,
		"10 octets in clear, have 9": start, "65557 octets, CPL counts at most 65535": long, "AES128, AES192, AES256": alg.UnmarshalText([]byte("AES")),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if alg != NoAlgorithm {
		t.Errorf("a name that is none gave %s", alg)
	}
}
