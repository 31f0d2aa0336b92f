package ota

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"slices"
	"testing"
	"time"
)

// bare is what the primitives alone cost: a CBC chain over the ciphered
// octets and a checksum over the covered ones, with key schedules and modes
// that are kept, by the fastest means that the standard library has.
type bare struct {
	block    int
	enc, dec blockMode
	mac      blockMode
	k1       []byte // of CMAC, nil for CBC-MAC
	iv       []byte
	covered  []byte
	ciphered []byte
	out      []byte
}

func newBare(tb testing.TB, alg Algorithm, kic, kid []byte, dataLen int) *bare {
	tb.Helper()
	block := func(k []byte) cipher.Block {
		var b cipher.Block
		var err error
		if alg.AES() {
			b, err = aes.NewCipher(k)
		} else {
			b, err = des.NewTripleDESCipher(append(append([]byte{}, k...), k[:8]...))
		}
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
	c, m := block(kic), block(kid)
	b := &bare{block: c.BlockSize(), iv: make([]byte, c.BlockSize())}
	b.enc = cipher.NewCBCEncrypter(c, b.iv).(blockMode)
	b.dec = cipher.NewCBCDecrypter(c, b.iv).(blockMode)
	b.mac = cipher.NewCBCEncrypter(m, b.iv).(blockMode)
	if alg.AES() {
		k1, _ := cmacSubkeys(m)
		b.k1 = k1[:]
	}
	pad := -(14 + dataLen) & (b.block - 1)
	b.ciphered = make([]byte, 14+dataLen+pad)
	b.covered = make([]byte, (headLen+dataLen+pad+b.block-1)/b.block*b.block)
	b.out = make([]byte, len(b.covered))
	return b
}

func (b *bare) tag() {
	n := len(b.covered) - b.block
	b.mac.SetIV(b.iv)
	b.mac.CryptBlocks(b.out[:n], b.covered[:n])
	last := b.covered[n:]
	for i := range b.k1 {
		last[i] ^= b.k1[i]
	}
	b.mac.CryptBlocks(b.out[n:], last)
}

func (b *bare) seal() {
	b.tag()
	b.enc.SetIV(b.iv)
	b.enc.CryptBlocks(b.ciphered, b.ciphered)
}

func (b *bare) open() {
	b.dec.SetIV(b.iv)
	b.dec.CryptBlocks(b.ciphered, b.ciphered)
	b.tag()
}

// benchPayload fills a short message: 98 octets with AES, 106 with 3DES.
func benchPayload(alg Algorithm) int {
	if alg.AES() {
		return 98
	}
	return 106
}

func benchmark(b *testing.B, run func(b *testing.B, ks *KeySet, bare *bare, data []byte)) {
	for _, alg := range []Algorithm{AES128, TripleDES2} {
		kic, kid := []byte("0123456789abcdef"), []byte("fedcba9876543210")
		ks, err := NewKeySet(3, Key{alg, kic}, Key{alg, kid}, 8)
		if err != nil {
			b.Fatal(err)
		}
		n := benchPayload(alg)
		b.Run(alg.String(), func(b *testing.B) {
			run(b, ks, newBare(b, alg, kic, kid, n), make([]byte, n))
		})
	}
}

// measure times the packet and the primitives, and reports how near the first
// comes to the second (of-bare; 1 is as fast). That figure is the median of
// many short rounds in turn, so that a busy machine does not spoil it.
func measure(b *testing.B, packet, primitives func()) {
	b.Run("packet", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			packet()
			n++
		}
		b.ReportMetric(ofBare(packet, primitives, n), "of-bare")
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			primitives()
		}
	})
}

func ofBare(packet, primitives func(), n int) float64 {
	const rounds = 51
	run := func(f func()) float64 {
		start := time.Now()
		for range n/rounds + 1 {
			f()
		}
		return float64(time.Since(start))
	}
	ratios := make([]float64, rounds)
	for i := range ratios {
		bare := run(primitives)
		ratios[i] = bare / run(packet)
	}
	slices.Sort(ratios)
	return ratios[rounds/2]
}

func BenchmarkSeal(b *testing.B) {
	benchmark(b, func(b *testing.B, ks *KeySet, bare *bare, data []byte) {
		c := &Command{SPI: SPI{SPI1Default, SPI2Submit}, TAR: TAR{0xB0, 0, 0x11}, CNTR: 5, Data: data}
		buf := make([]byte, 0, 256)
		measure(b, func() {
			if _, err := ks.Seal(buf, c); err != nil {
				b.Fatal(err)
			}
		}, bare.seal)
	})
}

func BenchmarkOpen(b *testing.B) {
	benchmark(b, func(b *testing.B, ks *KeySet, bare *bare, data []byte) {
		c := &Command{SPI: SPI{SPI1Default, SPI2Submit}, TAR: TAR{0xB0, 0, 0x11}, CNTR: 5, Data: data}
		packet, err := ks.Seal(nil, c)
		if err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 0, 256)
		measure(b, func() {
			if _, err := ks.Open(buf, packet); err != nil {
				b.Fatal(err)
			}
		}, bare.open)
	})
}
