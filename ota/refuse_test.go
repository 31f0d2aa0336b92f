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

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Commands that must be refused before, at or after their checksum.
func TestOpenRefuses(t *testing.T) {
	ks := testKeySet(t, AES128, AES128, 8)
	good, err := ks.Seal(nil, &Command{SPI: SPI{0x16, 0x39}, CNTR: 7, Data: []byte("data")})
	if err != nil {
		t.Fatal(err)
	}
	edit := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		return b
	}
	clearCC, err := ks.Seal(nil, &Command{SPI: SPI{0x12, 0x39}, CNTR: 7, Data: []byte("data")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		packet []byte
		want   error
	}{
		{"empty", nil, ErrLength},
		{"fifteen_octets", good[:15], ErrLength},
		{"cpl_one_too_large", edit(1, good[1]+1), ErrLength},
		{"cpl_past_end", edit(0, 0xFF), ErrLength},
		{"one_octet_more", append(bytes.Clone(good), 0), ErrLength},
		{"chl_too_small", edit(2, 12), ErrLength},
		{"chl_past_end", edit(2, 200), ErrLength},
		{"chl_without_cc", edit(2, 13), ErrLength},
		{"chl_of_unknown_cc", edit(2, 13+7), ErrLength},
		{"chl_of_short_cc", edit(2, 13+4), ErrPolicy},
		{"no_whole_blocks", unhex(t, "0017 15 1639 32 32 000000"+"00000000000000000000000000 00"), ErrLength},
		{"spi_without_cc", edit(3, 0x14), ErrLength},
		{"spi_with_signature", edit(3, 0x17), ErrAlgorithm},
		{"kic_of_3des", edit(5, 0x35), ErrAlgorithm},
		{"kic_proprietary", edit(5, 0x33), ErrAlgorithm},
		{"kid_of_des", edit(6, 0x31), ErrAlgorithm},
		{"other_key_set", edit(5, 0x42), ErrKeySet},
		{"other_kid_key_set", edit(6, 0x42), ErrKeySet},
		{"kic_implicit_is_covered", edit(5, 0x30), ErrIntegrity},
		{"tar", edit(7, 1), ErrIntegrity},
		{"first_ciphered_octet", edit(10, good[10]^1), ErrIntegrity},
		{"last_ciphered_octet", edit(len(good)-1, good[len(good)-1]^1), ErrIntegrity},
		{"spi2_is_covered", edit(4, 0x19), ErrIntegrity},
		{"clear_cc_broken", append(bytes.Clone(clearCC[:20]), append([]byte{clearCC[20] ^ 1}, clearCC[21:]...)...), ErrIntegrity},
		{"pcntr_past_the_body_without_cc", unhex(t, "0010 0D 0039 32 32 B00001 0000000001 03 AABB"), ErrPadding},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, err := ks.Open(nil, tc.packet)
			if !errors.Is(err, tc.want) {
				t.Errorf("have %v, want %v", err, tc.want)
			}
			if o.Data != nil || o.CNTR != 0 {
				t.Error("a refused packet gave something away")
			}
		})
	}
}

// Answers: those with less than was asked for are opened and marked; those
// with something wrong are refused.
func TestOpenResponseRefusesOrMarks(t *testing.T) {
	ks := testKeySet(t, AES128, AES128, 8)
	short := testKeySet(t, AES128, AES128, 4)
	des := testKeySet(t, TripleDES2, TripleDES2, 8)
	seal := func(ks *KeySet, spi SPI, s ResponseStatus) []byte {
		p, err := ks.SealResponse(nil, spi, &Response{TAR: TAR{0xB0, 0, 1}, CNTR: 9, Status: s, Data: []byte{1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	asked := SPI{0x16, 0x39}
	for _, tc := range []struct {
		name   string
		ks     *KeySet
		spi    SPI
		packet []byte
		want   error
	}{
		{"good", ks, asked, seal(ks, asked, 0), nil},
		{"empty", ks, asked, nil, ErrLength},
		{"twelve_octets", ks, asked, unhex(t, "000A 0A B00001 000000000000"), ErrLength},
		{"rpl_past_end", ks, asked, unhex(t, "000C 0A B00001 0000000000 00 06"), ErrLength},
		{"rhl_too_small", ks, asked, unhex(t, "000B 09 B00001 0000000000 00 06"), ErrLength},
		{"rhl_past_end", ks, asked, unhex(t, "000B 12 B00001 0000000000 00 06"), ErrLength},
		{"cmac_shorter_than_profile", ks, asked, seal(short, asked, 0), ErrPolicy},
		{"cmac_longer_than_profile", short, asked, seal(ks, asked, 0), nil},
		{"des_mac_of_4", des, SPI{0x16, 0x29}, unhex(t, "000F 0E B00001 0000000009 00 00 AABBCCDD"), ErrLength},
		{"cc_where_none_was_asked", ks, SPI{0x16, 0x31}, seal(ks, asked, 0), ErrLength},
		{"clear_cc_where_cipher_was_asked", ks, asked, seal(ks, SPI{0x16, 0x29}, 0), ErrLength},
		{"pcntr_past_the_body_in_clear", ks, SPI{0x16, 0x21}, unhex(t, "000B 0A B00001 0000000009 01 00"), ErrPadding},
		{"signature", ks, SPI{0x16, 0x2D}, seal(ks, asked, 0), ErrAlgorithm},
		{"crc_broken", ks, SPI{0x16, 0x25}, unhex(t, "000F 0E B00001 0000000009 00 00 00000000"), ErrIntegrity},
		{"wrong_keys", testKeySet(t, AES128, AES192, 8), asked, seal(ks, asked, 0), ErrIntegrity},
		// Only ciphering was asked for: octets that are no blocks are an
		// error in clear, or nothing.
		{"uncipherable_ok", ks, SPI{0x16, 0x31}, unhex(t, "000B 0A B00001 0000000009 00 00"), ErrLength},
		{"uncipherable_with_padding", ks, SPI{0x16, 0x31}, unhex(t, "000B 0A B00001 0000000009 01 06"), ErrLength},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := tc.ks.OpenResponse(nil, tc.packet, tc.spi)
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("have %v, want %v", err, tc.want)
			}
			if r.Protected != (tc.want == nil) {
				t.Errorf("protected is %v", r.Protected)
			}
		})
	}
	for _, tc := range []struct{ name, packet, spi string }{
		{"error_in_clear_counter_zero", "000B 0A B00001 0000000000 00 06", "1639"},
		{"error_in_clear_one_block", "000C 0A B00001 0000000009 00 02 AA", "1639"},
		{"success_in_clear", "000E 0A B00001 0000000009 00 00 019000", "1639"},
		{"error_in_clear_cipher_only", "000B 0A B00001 0000000009 00 06", "1631"},
		{"error_in_clear_rc", "000B 0A B00001 0000000009 00 06", "1625"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spi, err := ParseSPI(tc.spi)
			if err != nil {
				t.Fatal(err)
			}
			r, err := des.OpenResponse(nil, unhex(t, tc.packet), spi)
			if err != nil || r.Protected || r.Block != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestNewKeySetRefuses(t *testing.T) {
	good := testKey(AES128, 1)
	for _, tc := range []struct {
		name     string
		kvn      byte
		kic, kid Key
		cmacLen  int
		want     error
	}{
		{"key_set_16", 16, good, good, 8, ErrKeySet},
		{"cmac_of_5", 1, good, good, 5, ErrKey},
		{"cmac_of_16", 1, good, good, 16, ErrKey},
		{"short_key", 1, Key{AES128, make([]byte, 15)}, good, 8, ErrKey},
		{"long_key", 1, good, Key{TripleDES2, make([]byte, 24)}, 8, ErrKey},
		{"no_octets", 1, Key{AES256, nil}, good, 8, ErrKey},
		{"octets_without_algorithm", 1, Key{NoAlgorithm, make([]byte, 16)}, good, 8, ErrKey},
		{"ecb_checksum", 1, good, Key{DESECB, make([]byte, 8)}, 8, ErrAlgorithm},
		{"unknown_algorithm", 1, Key{AES256 + 1, make([]byte, 16)}, good, 8, ErrAlgorithm},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := NewKeySet(tc.kvn, tc.kic, tc.kid, tc.cmacLen); !errors.Is(err, tc.want) {
				t.Errorf("have %v, want %v", err, tc.want)
			}
		})
	}
}

func TestSealRefuses(t *testing.T) {
	ks := testKeySet(t, AES128, AES128, 8)
	none, err := NewKeySet(3, Key{}, Key{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	spi := SPI{0x16, 0x39}
	for _, tc := range []struct {
		name string
		ks   *KeySet
		c    Command
		want error
	}{
		{"counter_of_41_bits", ks, Command{SPI: spi, CNTR: MaxCNTR + 1}, ErrCounter},
		{"too_long", ks, Command{SPI: spi, Data: make([]byte, 65536)}, ErrLength},
		{"too_long_by_its_padding", ks, Command{SPI: spi, Data: make([]byte, 65535-12-14)}, ErrLength},
		{"signature", ks, Command{SPI: SPI{0x17, 0}}, ErrAlgorithm},
		{"no_kic", none, Command{SPI: SPI{0x04, 0}}, ErrKey},
		{"no_kid", none, Command{SPI: SPI{0x02, 0}}, ErrKey},
		{"other_algorithm", ks, Command{SPI: spi, KIc: 0x35, KID: 0x32}, ErrAlgorithm},
		{"rc_with_aes_number", ks, Command{SPI: SPI{0x01, 0}, KIc: 0x32, KID: 0x32}, ErrAlgorithm},
		{"other_key_set", ks, Command{SPI: spi, KIc: 0x22, KID: 0x22}, ErrKeySet},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dst := []byte{1}
			b, err := tc.ks.Seal(dst, &tc.c)
			if !errors.Is(err, tc.want) || len(b) != 1 {
				t.Errorf("have %v and %d octets, want %v", err, len(b), tc.want)
			}
		})
	}
	if _, err := none.SealResponse(nil, SPI{0, 0x10}, &Response{}); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
	if _, err := none.SealResponse(nil, SPI{0, 0x08}, &Response{}); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
	if _, err := ks.SealResponse(nil, spi, &Response{CNTR: MaxCNTR + 1}); !errors.Is(err, ErrCounter) {
		t.Error(err)
	}
	if _, err := ks.SealResponse(nil, spi, &Response{Data: make([]byte, 65536)}); !errors.Is(err, ErrLength) {
		t.Error(err)
	}
	if _, err := none.AppendChecksum(nil, nil); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
}

// Keys print as what they are for, in every format and in logs.
func TestKeysAreNotPrinted(t *testing.T) {
	secret := []byte("secretsecret4711")
	k := Key{AES128, secret}
	ks, err := NewKeySet(2, k, k, 8)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, f := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, f+f+"\n", k, ks)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", k, "set", ks)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", k, "set", ks)
	for _, form := range []string{string(secret), hex.EncodeToString(secret), "115 101 99", "0x73, 0x65"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the key is printed as %q", form)
		}
	}
	if !strings.Contains(out.String(), "AES128 key") {
		t.Error("the algorithm is not printed")
	}
}
