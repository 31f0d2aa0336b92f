package sms_test

import (
	"testing"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// The largest payload for a number of short messages, by security.
func TestCapacity(t *testing.T) {
	counts := []int{1, 2, 3, 4, 8}
	for _, tc := range []struct {
		name    string
		alg     ota.Algorithm
		cmacLen int
		spi     ota.SPI
		want    []int
	}{
		{"none", ota.AES128, 8, ota.SPI{0, 0}, []int{121, 250, 384, 518, 1054}},
		{"cc8_clear", ota.AES128, 8, ota.SPI{0x12, 0}, []int{113, 242, 376, 510, 1046}},
		{"cc8_3des", ota.TripleDES2, 8, ota.SPI{0x16, 0}, []int{106, 242, 370, 506, 1042}},
		{"cc8_aes", ota.AES128, 8, ota.SPI{0x16, 0}, []int{98, 242, 370, 498, 1042}},
		{"cc4_aes", ota.AES128, 4, ota.SPI{0x16, 0}, []int{102, 246, 374, 502, 1046}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := ota.Key{Alg: tc.alg, Octets: make([]byte, tc.alg.KeyLen())}
			ks, err := ota.NewKeySet(1, k, k, tc.cmacLen)
			if err != nil {
				t.Fatal(err)
			}
			messages := func(n int) int {
				p, err := ks.Seal(nil, &ota.Command{SPI: tc.spi, Data: make([]byte, n)})
				if err != nil {
					t.Fatal(err)
				}
				parts, err := sms.Split(p, sms.SplitOptions{CPI: sms.CommandCPI})
				if err != nil {
					t.Fatal(err)
				}
				return len(parts)
			}
			for i, want := range tc.want {
				if a, b := messages(want), messages(want+1); a != counts[i] || b != counts[i]+1 {
					t.Errorf("%d octets in %d messages, one more in %d; want %d and %d", want, a, b, counts[i], counts[i]+1)
				}
			}
		})
	}
}

// Answers of a card, in 1 to 5 messages.
// Supports: 3.3-5
func TestAnswerCapacity(t *testing.T) {
	for alg, wants := range map[ota.Algorithm][]int{
		ota.AES128: {113, 241, 369, 513, 641}, ota.TripleDES2: {113, 241, 377, 513, 641},
	} {
		k := ota.Key{Alg: alg, Octets: make([]byte, alg.KeyLen())}
		ks, err := ota.NewKeySet(1, k, k, 8)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range wants {
			for d := range 2 {
				p, err := ks.SealResponse(nil, ota.SPI{0x16, 0x39}, &ota.Response{Data: make([]byte, want+d)})
				if err != nil {
					t.Fatal(err)
				}
				parts, err := sms.Split(p, sms.SplitOptions{CPI: sms.ResponseCPI})
				if err != nil || len(parts) != i+1+d {
					t.Errorf("%s, %d octets: %d messages, %v", alg, want+d, len(parts), err)
				}
			}
		}
	}
}
