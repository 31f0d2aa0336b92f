package ota

import (
	"bytes"
	"errors"
	"testing"
)

var declared = []error{ErrLength, ErrIntegrity, ErrPadding, ErrPolicy, ErrAlgorithm, ErrKey, ErrKeySet, ErrCounter}

// once reports an error that is not exactly one of the declared ones.
func once(t *testing.T, err error) {
	t.Helper()
	n := 0
	for _, d := range declared {
		if errors.Is(err, d) {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%v is %d of the declared errors", err, n)
	}
}

func fuzzKeySets(f *testing.F) []*KeySet {
	none, err := NewKeySet(0, Key{}, Key{}, 0)
	if err != nil {
		f.Fatal(err)
	}
	return []*KeySet{
		testKeySet(f, AES128, AES128, 8), testKeySet(f, AES256, AES128, 4), testKeySet(f, TripleDES2, TripleDES2, 8),
		testKeySet(f, DESECB, DES, 8), none,
	}
}

// What opens seals to the same octets, but for padding that was not zeros.
func FuzzOpen(f *testing.F) {
	sets := fuzzKeySets(f)
	for i, ks := range sets {
		for _, spi := range []SPI{{0x16, 0x39}, {0x12, 0x19}, {0x11, 0x01}, {0x15, 0x05}, {0x04, 0}, {0, 0}} {
			if p, err := ks.Seal(nil, &Command{SPI: spi, CNTR: 77, Data: []byte("payload")}); err == nil {
				f.Add(byte(i), p)
			}
		}
	}
	f.Fuzz(func(t *testing.T, set byte, packet []byte) {
		ks := sets[int(set)%len(sets)]
		before := bytes.Clone(packet)
		c, err := ks.Open(nil, packet)
		if !bytes.Equal(packet, before) {
			t.Fatal("the packet was changed")
		}
		if err != nil {
			once(t, err)
			return
		}
		if c.SPI.Counter() == CounterNone && c.CNTR != 0 || c.KIc == 0 && c.KID == 0 {
			return // ours would carry zeros, or the octets of the key set
		}
		again, err := ks.Seal(nil, &c)
		if err != nil {
			t.Fatal(err)
		}
		regular := c.PCNTR < 16 && bytes.Count(c.Padding, []byte{0}) == len(c.Padding) && len(c.MAC) == int(again[2])-commandHeader
		if regular && len(again) == len(packet) && !bytes.Equal(again, packet) {
			t.Errorf("%X opens as %+v, which seals to %X", packet, c, again)
		}
	})
}

func FuzzOpenResponse(f *testing.F) {
	sets := fuzzKeySets(f)
	for i, ks := range sets {
		for _, spi := range []SPI{{0x16, 0x39}, {0x16, 0x29}, {0x16, 0x25}, {0x16, 0x31}, {0x16, 0x21}} {
			if p, err := ks.SealResponse(nil, spi, &Response{CNTR: 77, Data: []byte("payload")}); err == nil {
				f.Add(byte(i), spi[1], p)
			}
		}
		f.Add(byte(i), byte(0x39), []byte{0, 11, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 6})
	}
	f.Fuzz(func(t *testing.T, set, spi2 byte, packet []byte) {
		ks := sets[int(set)%len(sets)]
		spi := SPI{0x16, spi2}
		r, err := ks.OpenResponse(nil, packet, spi)
		if err != nil {
			once(t, err)
			return
		}
		if r.Protected != (spi.PoRIntegrity() == IntegrityCC && len(r.MAC) >= 4) {
			t.Errorf("protected %v with a checksum of %d octets", r.Protected, len(r.MAC))
		}
		if len(r.MAC) == 2 {
			r.KID = 1
		}
		if len(r.MAC) == 0 && spi.PoRIntegrity() != IntegrityNone || r.Block == 0 {
			return // weaker than asked for
		}
		again, err := ks.SealResponse(nil, spi, &r)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(r.Padding, []byte{0}) == len(r.Padding) && len(again) == len(packet) && !bytes.Equal(again, packet) {
			t.Errorf("%X opens as %+v, which seals to %X", packet, r, again)
		}
	})
}
