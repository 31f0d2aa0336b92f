package ota

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var allAlgorithms = []Algorithm{DES, DESECB, TripleDES2, TripleDES3, AES128, AES192, AES256}

func testKey(a Algorithm, seed byte) Key {
	o := make([]byte, a.KeyLen())
	for i := range o {
		o[i] = seed + byte(i)*7
	}
	return Key{a, o}
}

func testKeySet(t testing.TB, kic, kid Algorithm, cmacLen int) *KeySet {
	t.Helper()
	ks, err := NewKeySet(3, testKey(kic, 1), testKey(kid, 101), cmacLen)
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// plain is the specification written down once more, slowly: what Seal makes
// must be this, for every algorithm, SPI and length.
func plain(c Command, kic, kid Key, tagLen int) []byte {
	block := func(k Key) cipher.Block {
		var b cipher.Block
		switch k.Alg {
		case DES, DESECB:
			b, _ = des.NewCipher(k.Octets)
		case TripleDES2:
			b, _ = des.NewTripleDESCipher(append(bytes.Clone(k.Octets), k.Octets[:8]...))
		case TripleDES3:
			b, _ = des.NewTripleDESCipher(k.Octets)
		default:
			b, _ = aes.NewCipher(k.Octets)
		}
		return b
	}
	cntr := make([]byte, 8)
	if c.SPI.Counter() != CounterNone {
		binary.BigEndian.PutUint64(cntr, uint64(c.CNTR))
	}
	pad := 0
	if c.SPI.Ciphered() {
		for (6+tagLen+len(c.Data)+pad)%block(kic).BlockSize() != 0 {
			pad++
		}
	}
	n := 13 + tagLen + len(c.Data) + pad
	head := []byte{byte((n + 1) >> 8), byte(n + 1), byte(13 + tagLen), c.SPI[0], c.SPI[1], c.KIc, c.KID, c.TAR[0], c.TAR[1], c.TAR[2]}
	counter := append(cntr[3:], byte(pad))
	data := append(bytes.Clone(c.Data), make([]byte, pad)...)
	covered := bytes.Join([][]byte{head, counter, data}, nil)
	var tag []byte
	switch c.SPI.Integrity() {
	case IntegrityCC:
		tag = plainMAC(block(kid), kid.Alg.AES(), covered)[:tagLen]
	case IntegrityRC:
		if tagLen == 2 {
			tag = binary.BigEndian.AppendUint16(nil, CRC16(covered))
		} else {
			tag = binary.BigEndian.AppendUint32(nil, CRC32(covered))
		}
	}
	body := bytes.Join([][]byte{counter, tag, data}, nil)
	if c.SPI.Ciphered() {
		b := block(kic)
		prev := make([]byte, b.BlockSize())
		for at := 0; at < len(body); at += b.BlockSize() {
			x := body[at : at+b.BlockSize()]
			if kic.Alg != DESECB {
				for i := range x {
					x[i] ^= prev[i]
				}
			}
			b.Encrypt(x, x)
			prev = x
		}
	}
	return append(head, body...)
}

// plainMAC chains block by block.
func plainMAC(b cipher.Block, cmac bool, m []byte) []byte {
	bs := b.BlockSize()
	m = bytes.Clone(m)
	k1, k2 := cmacSubkeys16(b)
	key := k1
	if len(m)%bs != 0 || len(m) == 0 {
		if cmac {
			m = append(m, 0x80)
			key = k2
		}
		for len(m)%bs != 0 || len(m) == 0 {
			m = append(m, 0)
		}
	}
	x := make([]byte, bs)
	for at := 0; at < len(m); at += bs {
		for i := range x {
			x[i] ^= m[at+i]
			if cmac && at+bs == len(m) {
				x[i] ^= key[i]
			}
		}
		b.Encrypt(x, x)
	}
	return x
}

func cmacSubkeys16(b cipher.Block) (k1, k2 [16]byte) {
	if b.BlockSize() != 16 {
		return
	}
	return cmacSubkeys(b)
}

// Every pair of algorithms, every possible SPI1, many lengths: the packet is
// that of the slow version, it opens to what was sealed, and any bit that is
// turned round is found where a CC protects the packet.
func TestSealAgainstPlainVersion(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	lengths := []int{0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 98, 99, 300, 480, 495, 496, 497, 512, 513, 1100}
	for _, kic := range allAlgorithms {
		for _, kid := range allAlgorithms {
			if kid == DESECB {
				continue
			}
			for _, cmacLen := range []int{8, 4} {
				ks := testKeySet(t, kic, kid, cmacLen)
				for spi1 := byte(0); spi1 < 0x20; spi1++ {
					spi := SPI{spi1, 0x39}
					if spi.Integrity() == IntegrityDS {
						continue
					}
					c := Command{SPI: spi, TAR: TAR{0xB0, 0, 1}, CNTR: CNTR(rng.Uint64N(1 << 40)), Data: make([]byte, lengths[rng.IntN(len(lengths))])}
					for i := range c.Data {
						c.Data[i] = byte(rng.Uint32())
					}
					c.KIc, c.KID = ks.Octets(spi)
					tagLen := ks.cmacLen
					switch spi.Integrity() {
					case IntegrityNone:
						tagLen = 0
					case IntegrityRC:
						tagLen = 4
						if rng.IntN(2) == 0 {
							c.KID, tagLen = c.KID&0xF0|1, 2
						}
					}
					checkPacket(t, ks, c, plain(c, testKey(kic, 1), testKey(kid, 101), tagLen), rng)
				}
			}
		}
	}
}

func checkPacket(t *testing.T, ks *KeySet, c Command, want []byte, rng *rand.Rand) {
	t.Helper()
	name := fmt.Sprintf("%s, SPI %s, %d octets", ks, c.SPI, len(c.Data))
	have, err := ks.Seal([]byte("before"), &c)
	if err != nil || !bytes.Equal(have, append([]byte("before"), want...)) {
		t.Fatalf("%s: have %X, %v, want %X", name, have, err, want)
	}
	packet := bytes.Clone(want)
	o, err := ks.Open([]byte("before"), packet)
	if err != nil || !bytes.Equal(packet, want) {
		t.Fatalf("%s: %v", name, err)
	}
	cntr := c.CNTR
	if c.SPI.Counter() == CounterNone {
		cntr = 0
	}
	if !bytes.Equal(o.Data, c.Data) || o.TAR != c.TAR || o.CNTR != cntr || o.SPI != c.SPI || o.KIc != c.KIc || o.KID != c.KID {
		t.Fatalf("%s: opened as %+v", name, o)
	}
	if c.SPI.Integrity() != IntegrityCC {
		return
	}
	packet[rng.IntN(len(packet))] ^= 1 << rng.IntN(8)
	if o, err := ks.Open(nil, packet); err == nil || o.Data != nil {
		t.Errorf("%s: a changed packet opens", name)
	}
}

// Responses: sealed and opened for every possible SPI2, both ways of KID.
func TestResponseRoundTrip(t *testing.T) {
	for _, kic := range allAlgorithms {
		for _, kid := range []Algorithm{DES, TripleDES2, TripleDES3, AES128, AES256} {
			ks := testKeySet(t, kic, kid, 8)
			for spi2 := byte(0); spi2 < 0x40; spi2++ {
				spi := SPI{0x16, spi2}
				for n := range 40 {
					r := Response{TAR: TAR{1, 2, 3}, CNTR: 0x1122334455, Status: StatusMemory, Data: make([]byte, n), KID: byte(n % 2)}
					packet, err := ks.SealResponse([]byte("x"), spi, &r)
					if spi.PoRIntegrity() == IntegrityDS {
						if !errors.Is(err, ErrAlgorithm) {
							t.Fatalf("SPI %s: %v", spi, err)
						}
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					o, err := ks.OpenResponse(nil, packet[1:], spi)
					if err != nil || o.TAR != r.TAR || o.CNTR != r.CNTR || o.Status != r.Status || !bytes.Equal(o.Data, r.Data) {
						t.Fatalf("%s, SPI %s, %d octets: %+v, %v", ks, spi, n, o, err)
					}
					if o.Protected != (spi.PoRIntegrity() == IntegrityCC) || (o.Block > 0) != spi.PoRCiphered() {
						t.Fatalf("SPI %s: protected %v, block %d", spi, o.Protected, o.Block)
					}
				}
			}
		}
	}
}

// RFC 4493 section 4: CMAC with AES-128 over 0, 16, 40 and 64 octets.
func TestCMAC(t *testing.T) {
	key := []byte{0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c}
	m := []byte{
		0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
		0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51,
		0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4, 0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef,
		0xf6, 0x9f, 0x24, 0x45, 0xdf, 0x4f, 0x9b, 0x17, 0xad, 0x2b, 0x41, 0x7b, 0xe6, 0x6c, 0x37, 0x10,
	}
	ks, err := NewKeySet(1, Key{}, Key{AES128, key}, 8)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]uint64{0: 0xbb1d6929e9593728, 16: 0x070a16b46b4d4144, 40: 0xdfa66747de9ae630, 64: 0x51f0bebf7e3b9d92} {
		have, err := ks.AppendChecksum(nil, m[:n])
		if err != nil || binary.BigEndian.Uint64(have) != want {
			t.Errorf("%d octets: %X, %v, want %X", n, have, err, want)
		}
	}
	// Longer than the buffer of a workspace, to each side of its limits.
	long := bytes.Repeat(m, 20)
	b, _ := aes.NewCipher(key)
	for n := 500; n < 1100; n++ {
		have, _ := ks.AppendChecksum(nil, long[:n])
		if want := plainMAC(b, true, long[:n])[:8]; !bytes.Equal(have, want) {
			t.Fatalf("%d octets: %X, want %X", n, have, want)
		}
	}
}

// The whole of a CMAC, and keys that are none of AES.
func TestWholeCMAC(t *testing.T) {
	key := []byte{0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c}
	if mac, err := CMAC(key, nil); err != nil || fmt.Sprintf("%x", mac) != "bb1d6929e95937287fa37d129b756746" {
		t.Errorf("%x, %v", mac, err)
	}
	for _, n := range []int{24, 32} {
		long := bytes.Repeat(key, 2)[:n]
		b, _ := aes.NewCipher(long)
		if mac, err := CMAC(long, key); err != nil || !bytes.Equal(mac[:], plainMAC(b, true, key)) {
			t.Errorf("a key of %d octets: %x, %v", n, mac, err)
		}
	}
	for _, n := range []int{0, 8, 15, 17, 31, 33} {
		if _, err := CMAC(make([]byte, n), key); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), fmt.Sprintf("have %d", n)) {
			t.Errorf("a key of %d octets: %v", n, err)
		}
	}
}
