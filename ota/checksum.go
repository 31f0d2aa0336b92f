package ota

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// headLen is the number of octets that a checksum covers before the data.
// Both kinds of packet have 16: CPL to PCNTR of a command; the user data
// header 02 71 00 and RPL to the status of a response.
const headLen = 16

// Low nibbles of KID when the SPI asks for an RC. TS 102 225 5.1.3.
const (
	nibbleCRC16 = 0x1
	nibbleCRC32 = 0x5
)

// sum puts the check value of head and body into tag, whose length says which
// RC or how much of the CC is wanted. An empty tag is none.
func (ks *KeySet) sum(ws *workspace, kind Integrity, tag, head, body []byte) {
	switch {
	case kind == IntegrityCC:
		cc := ks.checksum(ws, head, body)
		if ks.kid.AES() {
			copy(tag, cc) // the leftmost octets
		} else {
			copy(tag, cc[len(cc)-len(tag):])
		}
	case kind == IntegrityRC && len(tag) == 2:
		binary.BigEndian.PutUint16(tag, ^crc16(crc16(0xFFFF, head), body))
	case kind == IntegrityRC:
		binary.BigEndian.PutUint32(tag, crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, body))
	}
}

// verify compares in constant time.
func (ks *KeySet) verify(ws *workspace, kind Integrity, tag, head, body []byte) bool {
	if kind == IntegrityCC && ks.kid.AES() { // without a copy
		return subtle.ConstantTimeCompare(ks.checksum(ws, head, body)[:len(tag)], tag) == 1
	}
	want := ws.tag[:len(tag)]
	ks.sum(ws, kind, want, head, body)
	return subtle.ConstantTimeCompare(want, tag) == 1
}

// checksum is the last block of a CBC chain over head and body, with zero IV:
// CMAC for AES (NIST SP 800-38B), else CBC-MAC over octets that are filled up
// with zeros. The octets are gathered first: one long run of the cipher is
// faster than several short ones. The result is valid until the next use of
// ws.
func (ks *KeySet) checksum(ws *workspace, head, body []byte) []byte {
	bs := ks.kid.BlockLen()
	ws.mac.SetIV(ws.iv[:bs])
	buf := ws.covered[:]
	n := copy(buf, head)
	for len(body) > len(buf)-n { // strictly: the last block stays for below
		body = body[copy(buf[n:], body):]
		ws.mac.CryptBlocks(buf, buf)
		n = 0
	}
	n += copy(buf[n:], body)
	end := max(n+bs-1, bs) &^ (bs - 1)
	last := buf[end-bs : end]
	clear(buf[n:end])
	if ks.kid.AES() {
		key := &ks.k1
		if n < end {
			buf[n] = 0x80
			key = &ks.k2
		}
		for i := 0; i < len(key); i += 8 { // shorter than the call of subtle.XORBytes
			binary.NativeEndian.PutUint64(last[i:], binary.NativeEndian.Uint64(last[i:])^binary.NativeEndian.Uint64(key[i:]))
		}
	}
	ws.mac.CryptBlocks(buf[:end], buf[:end])
	return last
}

// cmacSubkeys derives K1 and K2 (NIST SP 800-38B 6.1).
func cmacSubkeys(b cipher.Block) (k1, k2 [aes.BlockSize]byte) {
	l := make([]byte, aes.BlockSize)
	b.Encrypt(l, l)
	k1 = double([aes.BlockSize]byte(l))
	return k1, double(k1)
}

// double multiplies by x in GF(2^128).
func double(v [aes.BlockSize]byte) (d [aes.BlockSize]byte) {
	hi, lo := binary.BigEndian.Uint64(v[:]), binary.BigEndian.Uint64(v[8:])
	binary.BigEndian.PutUint64(d[:], hi<<1|lo>>63)
	binary.BigEndian.PutUint64(d[8:], lo<<1^hi>>63*0x87)
	return d
}

// crc16 goes on with a CRC-16 of polynomial 1021, reflected (8408); it begins
// with FFFF and ends with a complement.
func crc16(c uint16, b []byte) uint16 {
	for _, o := range b {
		c ^= uint16(o)
		for range 8 {
			c = c>>1 ^ -(c&1)&0x8408
		}
	}
	return c
}

// CRC16 is the two-octet redundancy check of TS 102 225 5.1.3.1.
func CRC16(b []byte) uint16 { return ^crc16(0xFFFF, b) }

// CRC32 is the four-octet redundancy check of TS 102 225 5.1.3.2.
func CRC32(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

// CMAC is the whole AES-CMAC (NIST SP 800-38B; 16 octets) of data. The error is
// ErrKey: not a key of AES.
func CMAC(key, data []byte) (mac [aes.BlockSize]byte, err error) {
	alg := map[int]Algorithm{16: AES128, 24: AES192, 32: AES256}[len(key)]
	if alg == NoAlgorithm {
		return mac, fmt.Errorf("%w: a CMAC needs 16, 24 or 32 octets, have %d", ErrKey, len(key))
	}
	ks, err := NewKeySet(0, Key{}, Key{alg, key}, 0)
	if err != nil {
		return mac, err
	}
	copy(mac[:], ks.checksum(ks.newWorkspace(), nil, data))
	return mac, nil
}

// AppendChecksum appends the 8 octets of a cryptographic checksum by KID over
// any octets: for tests and for tools, the packets need nothing from here.
func (ks *KeySet) AppendChecksum(dst, data []byte) ([]byte, error) {
	if ks.mac == nil {
		return dst, fmt.Errorf("%w: a checksum needs KID", ErrKey)
	}
	ws := ks.pool.Get().(*workspace)
	defer ks.pool.Put(ws)
	var tag [8]byte
	ks.sum(ws, IntegrityCC, tag[:], nil, data)
	return append(dst, tag[:]...), nil
}
