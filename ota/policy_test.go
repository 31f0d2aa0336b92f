package ota

import (
	"errors"
	"slices"
	"testing"
)

// every calls f with all 65,536 SPI values.
func every(f func(SPI)) {
	for n := range 1 << 16 {
		f(SPI{byte(n >> 8), byte(n)})
	}
}

// Of all SPI values a gateway uses eight: counter higher or exactly one
// higher, ciphered, CC; PoR always or on error, ciphered, CC, by either path.
// The card profile and its lab switch change that in known ways only.
func TestPolicyOverEverySPI(t *testing.T) {
	strong1 := []byte{0x16, 0x1E}
	strong2 := []byte{0x19, 0x1A, 0x39, 0x3A}
	counted := func(s Security, want func(SPI) bool) int {
		n := 0
		every(func(spi SPI) {
			err := s.CheckSPI(spi)
			if (err == nil) != want(spi) || err != nil && !errors.Is(err, ErrPolicy) {
				t.Errorf("%+v, SPI %s: %v", s, spi, err)
			}
			if err == nil {
				n++
			}
		})
		return n
	}
	byDefault := func(spi SPI) bool {
		return slices.Contains(strong1, spi[0]) && slices.Contains(strong2, spi[1])
	}
	if n := counted(Security{}, byDefault); n != 8 {
		t.Errorf("%d values by default, want 8", n)
	}
	// What the codec can do: no reserved bits, no digital signatures.
	possible := func(spi SPI) bool {
		return spi[0] < 0x20 && spi[1] < 0x40 && spi[0]&3 != 3 && spi[1]&0x0C != 0x0C && spi[1]&3 != 3
	}
	if n := counted(Security{Lab: true}, possible); n != 24*72/2 {
		t.Errorf("%d values in a laboratory, want %d", n, 24*72/2)
	}
	// Where the answer is a packet of its own, no PoR at all is lawful too.
	apart := func(spi SPI) bool {
		return byDefault(spi) || slices.Contains(strong1, spi[0]) && spi[1] == 0
	}
	if n := counted(Security{Apart: true}, apart); n != 10 {
		t.Errorf("%d values with an answer of its own, want 10", n)
	}
	// Around a packet of the application's own keys, so is no security at all, where the profile says so.
	nested := func(spi SPI) bool { return apart(spi) || spi == SPI{} }
	if n := counted(Security{Apart: true, Nested: true}, nested); n != 11 {
		t.Errorf("%d values around a packet, want 11", n)
	}
	if n := counted(Security{SPI: SPI{0x16, 0}, Apart: true, Nested: true}, apart); n != 10 {
		t.Errorf("%d values around a packet with a profile of 1600, want 10", n)
	}
	// Counter mode 3 in the profile rules out mode 2.
	if n := counted(Security{SPI: SPI{0x1E, 0x39}}, func(spi SPI) bool { return byDefault(spi) && spi[0] == 0x1E }); n != 4 {
		t.Errorf("%d values, want 4", n)
	}
	// A laboratory still keeps to the profile: at least CC, and CC in a PoR.
	min := Security{SPI: SPI{0x02, 0x09}, Lab: true}
	counted(min, func(spi SPI) bool {
		return possible(spi) && spi[0]&3 == 2 && spi[1]&0x0C == 0x08 && spi[1]&3 != 0
	})
}

// An incoming command packet is held to SPI1 alone: we never answer it.
func TestPolicyIncoming(t *testing.T) {
	every(func(spi SPI) {
		c := Command{SPI: spi, KIc: 0x32, KID: 0x32, Block: 16, PCNTR: 15}
		err := Security{}.CheckIncoming(&c)
		want := spi[0] == 0x16 || spi[0] == 0x1E
		if spi.PoRIntegrity() != IntegrityDS && (err == nil) != want {
			t.Errorf("SPI %s: %v", spi, err)
		}
	})
	for _, c := range []Command{
		{SPI: SPI{0x16, 0}, KIc: 0x31, KID: 0x32, Block: 8},             // DES
		{SPI: SPI{0x16, 0}, KIc: 0x3D, KID: 0x32, Block: 8},             // DES-ECB
		{SPI: SPI{0x16, 0}, KIc: 0x32, KID: 0x31, Block: 16},            // DES checksum
		{SPI: SPI{0x16, 0}, KIc: 0x35, KID: 0x35, Block: 8, PCNTR: 8},   // a whole block of padding
		{SPI: SPI{0x16, 0}, KIc: 0x32, KID: 0x32, Block: 16, PCNTR: 16}, // the same
	} {
		if err := (Security{}).CheckIncoming(&c); !errors.Is(err, ErrPolicy) {
			t.Errorf("%+v: %v", c, err)
		}
		if err := (Security{Lab: true}).CheckIncoming(&c); err != nil {
			t.Errorf("laboratory, %+v: %v", c, err)
		}
	}
}

func TestPolicyCounter(t *testing.T) {
	for _, tc := range []struct {
		cntr CNTR
		ok   bool
	}{
		{0, true},
		{1, true},
		{1<<40 - 1<<16 - 1, true},
		{1<<40 - 1<<16, false},
		{MaxCNTR, false},
		{MaxCNTR + 1, false},
	} {
		for _, lab := range []bool{false, true} {
			c := Command{SPI: SPI{0x16, 0x39}, KIc: 0x32, KID: 0x32, CNTR: tc.cntr}
			err := Security{Lab: lab}.CheckCommand(&c)
			if tc.ok != (err == nil) || err != nil && !errors.Is(err, ErrCounter) {
				t.Errorf("counter %s, lab %v: %v", tc.cntr, lab, err)
			}
		}
	}
}

func TestPolicyKeys(t *testing.T) {
	k := func(a Algorithm, fill ...byte) Key {
		o := make([]byte, a.KeyLen())
		for i := range o {
			o[i] = byte(i * 3)
			if len(fill) > 0 {
				o[i] = fill[i/8]
			}
		}
		return Key{a, o}
	}
	for _, tc := range []struct {
		name     string
		kic, kid Key
		ok       bool
	}{
		{"aes128", k(AES128), k(AES128), true},
		{"aes256_3des3", k(AES256), k(TripleDES3), true},
		{"3des2_aes192", k(TripleDES2), k(AES192), true},
		{"des_kic", k(DES), k(AES128), false},
		{"des_ecb_kic", k(DESECB), k(AES128), false},
		{"des_kid", k(AES128), k(DES), false},
		{"no_kid", k(AES128), Key{}, false},
		{"no_kic", Key{}, k(AES128), false},
		{"3des2_equal_halves", k(TripleDES2, 2, 2), k(AES128), false},
		{"3des2_equal_but_parity", k(TripleDES2, 2, 3), k(AES128), false},
		{"3des3_first_equal", k(AES128), k(TripleDES3, 2, 2, 8), false},
		{"3des3_last_equal", k(AES128), k(TripleDES3, 8, 2, 2), false},
		{"3des3_outer_equal", k(AES128), k(TripleDES3, 2, 8, 2), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ks, err := NewKeySet(1, tc.kic, tc.kid, 8)
			if err != nil {
				t.Fatal(err)
			}
			if err := (Security{}).CheckKeys(ks); tc.ok != (err == nil) || err != nil && !errors.Is(err, ErrPolicy) {
				t.Error(err)
			}
			if err := (Security{Lab: true}).CheckKeys(ks); err != nil {
				t.Error("laboratory:", err)
			}
		})
	}
}

// An answer without the CC that was asked for is a hint when it is an error
// and a failure when it claims success, whatever the laboratory switch says.
func TestPolicyResponse(t *testing.T) {
	spi := SPI{0x16, 0x39}
	for _, lab := range []bool{false, true} {
		s := Security{Lab: lab}
		for status := range 256 {
			r := Response{Status: ResponseStatus(status)}
			want := ErrUnauthenticated
			if status == 0 {
				want = ErrPolicy
			}
			if err := s.CheckResponse(spi, &r); !errors.Is(err, want) {
				t.Errorf("status %02X: %v", status, err)
			}
			r.Protected, r.Block = true, 16
			if err := s.CheckResponse(spi, &r); err != nil {
				t.Errorf("protected status %02X: %v", status, err)
			}
		}
	}
	plain := Response{Status: StatusOK}
	if err := (Security{}).CheckResponse(SPI{0x16, 0x21}, &plain); !errors.Is(err, ErrPolicy) {
		t.Errorf("an answer to a command that asked for no protection: %v", err)
	}
	if err := (Security{Lab: true}).CheckResponse(SPI{0x16, 0x21}, &plain); err != nil {
		t.Errorf("the same in a laboratory: %v", err)
	}
	long := Response{Protected: true, Block: 8, PCNTR: 8}
	if err := (Security{}).CheckResponse(spi, &long); !errors.Is(err, ErrPolicy) {
		t.Errorf("PCNTR of a whole block: %v", err)
	}
}
