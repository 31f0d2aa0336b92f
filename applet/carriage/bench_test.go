package carriage

import (
	"crypto/aes"
	"crypto/cipher"
	"testing"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// BenchmarkOpenAnswer beside what cannot be saved: deciphering and one CMAC of
// the same octets.
func BenchmarkOpenAnswer(b *testing.B) {
	x := newBench(b, ota.SPI{0x16, 0x39})
	packet := x.seal(x.e.Answers[0], ota.Command{SPI: appletSPI, TAR: vectorTAR, CNTR: 7, Data: append(append(make([]byte, 0, 128), x.answer[:13]...), append(make([]byte, 64), x.answer[13:]...)...)})
	b.Run("packet", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 256)
		for b.Loop() {
			if _, err := (Packet{}).Open(buf, &x.e, sms.CommandCPI, packet); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("primitives", func(b *testing.B) {
		b.ReportAllocs()
		block, err := aes.NewCipher(make([]byte, 16))
		if err != nil {
			b.Fatal(err)
		}
		ciphered := packet[10:]
		clear, mac, iv := make([]byte, len(ciphered)), make([]byte, (len(packet)+15)&^15), make([]byte, 16)
		type mode interface {
			cipher.BlockMode
			SetIV([]byte)
		}
		dec, enc := cipher.NewCBCDecrypter(block, iv).(mode), cipher.NewCBCEncrypter(block, iv).(mode)
		for b.Loop() {
			dec.SetIV(iv)
			dec.CryptBlocks(clear, ciphered)
			enc.SetIV(iv)
			enc.CryptBlocks(mac, mac)
		}
	})
}
