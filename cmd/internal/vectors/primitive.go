package vectors

import (
	"encoding/binary"

	"github.com/simsign/simsign/ota"
)

// primitiveFields are inputs and results of a single algorithm.
type primitiveFields struct {
	Input *octets `json:"input"`
	CRC16 *octets `json:"crc16"`
	CRC32 *octets `json:"crc32"`

	Key    *octets `json:"key"`
	Data   *octets `json:"data"`
	CCDES  *octets `json:"cc_des"`
	CC2    *octets `json:"cc_3des2"`
	CC3    *octets `json:"cc_3des3"`
	CMAC64 *octets `json:"cc_aes_cmac64"`
	CMAC32 *octets `json:"cc_aes_cmac32"`
}

// primitive compares every result that the entry has.
func (e *entry) primitive(c *check) {
	in := e.Input
	if in == nil {
		in = e.Data
	}
	if in == nil {
		c.fail("input or data is missing")
		return
	}
	c.octets("crc16", binary.BigEndian.AppendUint16(nil, ota.CRC16(*in)), e.CRC16)
	c.octets("crc32", binary.BigEndian.AppendUint32(nil, ota.CRC32(*in)), e.CRC32)
	e.checksum(c, "cc_des", ota.DES, *in, 8, e.CCDES)
	e.checksum(c, "cc_3des2", ota.TripleDES2, *in, 8, e.CC2)
	e.checksum(c, "cc_3des3", ota.TripleDES3, *in, 8, e.CC3)
	aes := map[int]ota.Algorithm{16: ota.AES128, 24: ota.AES192, 32: ota.AES256}
	if e.Key != nil {
		e.checksum(c, "cc_aes_cmac64", aes[len(*e.Key)], *in, 8, e.CMAC64)
		e.checksum(c, "cc_aes_cmac32", aes[len(*e.Key)], *in, 4, e.CMAC32)
	}
	if e.Verdict != "" && e.Verdict != "match" {
		c.fail("verdict %q of a primitive is not match", e.Verdict)
	}
}

func (e *entry) checksum(c *check, what string, alg ota.Algorithm, in []byte, n int, want *octets) {
	if want == nil {
		return
	}
	if e.Key == nil {
		c.fail("key is missing")
		return
	}
	ks, err := ota.NewKeySet(0, ota.Key{}, ota.Key{Alg: alg, Octets: *e.Key}, 8)
	if c.failed(what, err) {
		return
	}
	cc, err := ks.AppendChecksum(nil, in)
	if c.failed(what, err) {
		return
	}
	c.octets(what, cc[:n], want)
}
