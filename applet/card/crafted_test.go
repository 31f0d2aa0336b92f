package card_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
)

// cmac is AES-CMAC (RFC 4493), written out for packets that no honest sealer
// makes.
func cmac(key, msg []byte) []byte {
	c, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	double := func(b []byte) []byte {
		out, carry := make([]byte, 16), b[0]>>7
		for i := range 15 {
			out[i] = b[i]<<1 | b[i+1]>>7
		}
		out[15] = b[15]<<1 ^ carry*0x87
		return out
	}
	l := make([]byte, 16)
	c.Encrypt(l, l)
	k := double(l)
	n := max((len(msg)+15)/16, 1)
	if len(msg) != 16*n {
		k = double(k)
		msg = append(bytes.Clone(msg), 0x80)
	}
	last := make([]byte, 16)
	copy(last, msg[16*(n-1):])
	x := make([]byte, 16)
	for i := range n {
		block := last
		if i < n-1 {
			block = msg[16*i : 16*i+16]
		}
		for j := range x {
			x[j] ^= block[j]
			if i == n-1 {
				x[j] ^= k[j]
			}
		}
		c.Encrypt(x, x)
	}
	return x
}

// craft is an authentic packet (AES, CC of 8 octets, ciphered) in which PCNTR
// says what the caller wants: CNTR PCNTR CC data are ciphered, the CC is over
// everything else.
func (p *phone) craft(data []byte, pcntr byte) []byte {
	p.Helper()
	p.cntr++
	body := []byte{byte(p.cntr >> 32), byte(p.cntr >> 24), byte(p.cntr >> 16), byte(p.cntr >> 8), byte(p.cntr), pcntr}
	n := (len(body) + 8 + len(data) + 15) / 16 * 16
	data = append(bytes.Clone(data), make([]byte, n-len(body)-8-len(data))...)
	size := 1 + 13 + 8 + len(data)
	head := []byte{byte(size >> 8), byte(size), 21, p.spi[0], p.spi[1], 0x12, 0x12, testTAR[0], testTAR[1], testTAR[2]}
	ks := aesKeys(1)
	covered := append(append(bytes.Clone(head), body...), data...)
	plain := append(append(body, cmac(ks.KID.Octets, covered)[:8]...), data...)
	c, err := aes.NewCipher(ks.KIc.Octets)
	if err != nil {
		p.Fatal(err)
	}
	cipher.NewCBCEncrypter(c, make([]byte, 16)).CryptBlocks(plain, plain)
	return append(head, plain...)
}

// PCNTR of a whole block or more is refused although the checksum is right:
// the data would end somewhere else than the sender meant.
//
// Supports: 3.5.3-6
func TestPaddingOfABlock(t *testing.T) {
	p := fresh(t)
	m, err := p.message(applet.ChangeAppletStatus{To: applet.StatusReport}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	honest := byte(-(6 + 8 + len(m)) & 15)
	p.deliver(p.craft(m, honest))
	if a := p.answer(); !a.OK() {
		t.Fatalf("an honest packet is refused: %+v", a)
	}
	for _, pcntr := range []byte{16, 17, 31, 255} {
		// So many octets of padding are there, up to the longest.
		p.sent, p.screens = nil, nil
		p.deliver(p.craft(append(bytes.Clone(m), make([]byte, min(int(pcntr), 31))...), pcntr))
		if r := p.reported(p.spi.PlainPoR()); r == nil || r.Status != ota.StatusCiphering {
			t.Errorf("PCNTR %d: %+v", pcntr, r)
		}
		if len(p.sent) != 0 {
			t.Errorf("PCNTR %d: the card answered by a short message", pcntr)
		}
	}
}

// An entry that begins with the code and goes on is wrong, also where the
// code has the greatest length and the terminal does not keep to the limit.
//
// Supports: 3.3-3, 3.5.3-2
func TestEntryLongerThanTheCode(t *testing.T) {
	long := "9142753806142758"
	p := newPhone(t, newCard(t, func(o *card.Options) { o.Active, o.Codes[0].Max = true, 16 }))
	p.enrol(1, applet.ECDSAP256, long)
	for _, entry := range []string{long + "1", long + strings.Repeat("0", 100-len(long)), long[:15]} {
		p.fails(applet.StatusWrongCodeTries(2), script(ok(), enter(entry), result(0x10)), signHash(digest([]byte("y"))))
		p.signs(long)
	}
}
