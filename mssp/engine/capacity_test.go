package engine

import (
	"testing"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// What fits into a number of segments is what the packets really take.
//
// Supports: 5-2
func TestCapacity(t *testing.T) {
	set, err := ota.NewKeySet(1, ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}, ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}, 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref16 := range []bool{false, true} {
		for n := 1; n <= 6; n++ {
			for _, c := range []struct{ octets, segments int }{{capacity(n, ref16), n}, {capacity(n, ref16) + 1, n + 1}} {
				p, err := set.Seal(nil, &ota.Command{SPI: ota.SPI{0x16, 0x39}, TAR: ota.TAR{0xB0, 0x00, 0x10}, CNTR: 1, Data: make([]byte, c.octets)})
				if err != nil {
					t.Fatal(err)
				}
				parts, err := sms.Split(p, sms.SplitOptions{CPI: sms.CommandCPI, Ref16: ref16})
				if err != nil || len(parts) != c.segments {
					t.Errorf("%d octets (16-bit reference %v) take %d segments, want %d", c.octets, ref16, len(parts), c.segments)
				}
			}
		}
	}
	for n, want := range map[int]int{1: 98, 2: 242, 3: 370, 4: 498} {
		if got := capacity(n, false); got != want {
			t.Errorf("capacity(%d) is %d, want %d", n, got, want)
		}
	}
}
