package carriage

import (
	"crypto/aes"
	"crypto/cipher"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// bare is what cannot be saved of opening an answer: one run of AES-CBC over the
// ciphered octets and one CMAC over the octets that it covers, with key schedules, modes and
// subkeys that are kept, by the fastest means of the standard library.
type bare struct {
	dec, mac interface {
		cipher.BlockMode
		SetIV([]byte)
	}
	iv, subkey, ciphered, covered, clear, out []byte
}

func newBare(b *testing.B, packet []byte) *bare {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		b.Fatal(err)
	}
	x := &bare{iv: make([]byte, 16), subkey: make([]byte, 16), ciphered: packet[10:], clear: make([]byte, len(packet)-10)}
	x.dec = cipher.NewCBCDecrypter(block, x.iv).(interface {
		cipher.BlockMode
		SetIV([]byte)
	})
	x.mac = cipher.NewCBCEncrypter(block, x.iv).(interface {
		cipher.BlockMode
		SetIV([]byte)
	})
	x.covered = make([]byte, (len(packet)-answerCC+15)&^15)
	x.out = make([]byte, len(x.covered))
	return x
}

func (x *bare) open() {
	x.dec.SetIV(x.iv)
	x.dec.CryptBlocks(x.clear, x.ciphered)
	last := x.covered[len(x.covered)-16:]
	for i := range last {
		last[i] ^= x.subkey[i]
	}
	x.mac.SetIV(x.iv)
	x.mac.CryptBlocks(x.out, x.covered)
}

// BenchmarkOpenAnswer opens the answer with a P-256 signature beside the bare primitives over
// the same octets. of-bare says how near it comes to them (1 is as fast): the
// median of many short rounds in turn, so that a busy machine does not spoil it.
func BenchmarkOpenAnswer(b *testing.B) {
	x := newBench(b, ota.SPI{0x16, 0x39})
	packet := x.seal(x.e.Answers[0], ota.Command{SPI: appletSPI, TAR: vectorTAR, CNTR: 7, Data: append(append(make([]byte, 0, 128), x.answer[:13]...), append(make([]byte, 64), x.answer[13:]...)...)})
	buf, primitives := make([]byte, 0, 256), newBare(b, packet)
	open := func() {
		if _, err := (Packet{}).Open(buf, &x.e, sms.CommandCPI, packet); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("packet", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			open()
			n++
		}
		b.ReportMetric(ofBare(open, primitives.open, n), "of-bare")
	})
	b.Run("primitives", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			primitives.open()
		}
	})
}

func ofBare(packet, primitives func(), n int) float64 {
	const rounds = 201
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

// Opening an answer allocates nothing once it is warm.
func TestOpenAnswerAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	x := newBench(t, ota.SPI{0x16, 0x39})
	packet := octets(t, vectorAnswer)
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := (Packet{}).Open(buf, &x.e, sms.CommandCPI, packet); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
