package ota

import (
	"bytes"
	"sync"
	"testing"
)

// One key set serves many goroutines: their packets do not mix.
func TestKeySetIsShared(t *testing.T) {
	for _, alg := range []Algorithm{AES128, TripleDES2, DESECB} {
		kid := alg
		if alg == DESECB {
			kid = DES
		}
		ks := testKeySet(t, alg, kid, 8)
		spi := SPI{SPI1Default, SPI2Submit}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				data := bytes.Repeat([]byte{byte(g)}, 60+g)
				var packet, open, answer []byte
				for n := range 200 {
					var err error
					packet, err = ks.Seal(packet[:0], &Command{SPI: spi, CNTR: CNTR(n), Data: data})
					if err != nil {
						t.Error(err)
						return
					}
					c, err := ks.Open(open[:0], packet)
					if err != nil || !bytes.Equal(c.Data, data) || c.CNTR != CNTR(n) {
						t.Errorf("goroutine %d: %v", g, err)
						return
					}
					answer, err = ks.SealResponse(answer[:0], spi, &Response{CNTR: c.CNTR, Data: data})
					if err != nil {
						t.Error(err)
						return
					}
					if r, err := ks.OpenResponse(nil, answer, spi); err != nil || !bytes.Equal(r.Data, data) {
						t.Errorf("goroutine %d: %v", g, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// A warm key set allocates nothing: not for a command, not for a response.
func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	spi := SPI{SPI1Default, SPI2Submit}
	for _, alg := range []Algorithm{AES128, AES256, TripleDES2, TripleDES3, DES} {
		ks := testKeySet(t, alg, alg, 8)
		c := &Command{SPI: spi, CNTR: 1, Data: make([]byte, 98)}
		r := &Response{CNTR: 1, Data: make([]byte, 98)}
		packet, err := ks.Seal(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := ks.SealResponse(nil, spi, r)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 0, 256)
		for name, f := range map[string]func() error{
			"Seal":         func() error { _, err := ks.Seal(buf, c); return err },
			"Open":         func() error { _, err := ks.Open(buf, packet); return err },
			"SealResponse": func() error { _, err := ks.SealResponse(buf, spi, r); return err },
			"OpenResponse": func() error { _, err := ks.OpenResponse(buf, answer, spi); return err },
		} {
			n := testing.AllocsPerRun(200, func() {
				if err := f(); err != nil {
					t.Error(err)
				}
			})
			if n >= 1 {
				t.Errorf("%s with %s: %v allocations", name, alg, n)
			}
		}
	}
}
