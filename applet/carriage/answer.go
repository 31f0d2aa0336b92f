package carriage

import (
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
)

// appletSPI is the security of a packet under keys of the applet, either way:
// counter higher, ciphered, CC; no PoR.
var appletSPI = ota.SPI{ota.SPI1Default, 0x00}

// answerHeader is CHL of an answer packet: CC of 8 octets.
const answerCC = 8

// beginAnswer looks at the header of what an applet may have sealed.
func beginAnswer(e *Expected, ud []byte) (ota.Start, error) {
	start, err := ota.ParseCommandStart(ud)
	switch {
	case err != nil:
		return start, err
	case start.SPI != appletSPI || start.KIc != start.KID || start.KIc&0x0F != ota.AES128.Nibble():
		return start, fmt.Errorf("%w: SPI %s, KIc %02X, KID %02X", ErrForm, start.SPI, start.KIc, start.KID)
	case e.answers(start.KIc>>4) == nil:
		return start, fmt.Errorf("%w: number %d", ErrKeySet, start.KIc>>4)
	}
	return start, nil
}

// openAnswer opens a packet that an applet has sealed. The header is looked at
// first, which is exactly one octet string for each key set; sender and key set are
// believed after the CC.
func openAnswer(dst []byte, e *Expected, ud []byte) (Heard, error) {
	h, err := ota.ParseHeader(ud)
	if err != nil {
		return Heard{}, err
	}
	if h.TAR != e.TAR {
		return Heard{}, ErrTAR
	}
	if h.SPI != appletSPI || h.KIc != h.KID || h.KIc&0x0F != ota.AES128.Nibble() || h.MACLen != answerCC {
		return Heard{}, fmt.Errorf("%w: SPI %s, KIc %02X, KID %02X, CC of %d octets", ErrForm, h.SPI, h.KIc, h.KID, h.MACLen)
	}
	keys := e.answers(h.KIc >> 4)
	if keys == nil {
		return Heard{}, fmt.Errorf("%w: number %d", ErrKeySet, h.KIc>>4)
	}
	c, err := keys.Open(dst, ud)
	if err == nil {
		err = (ota.Security{SPI: appletSPI, Apart: true}).CheckIncoming(&c)
	}
	if err != nil {
		return Heard{}, err
	}
	bound, err := applet.Bound(c.Data)
	if err != nil {
		return Heard{}, err
	}
	return Heard{Kind: Answer, INT6: c.Data, Request: bound, Set: h.KIc >> 4, Counter: c.CNTR}, nil
}

// SealAnswer appends the packet of an answer to dst, as the applet makes it.
func SealAnswer(dst []byte, keys *ota.KeySet, tar ota.TAR, cntr ota.CNTR, answer []byte) ([]byte, error) {
	c := ota.Command{SPI: appletSPI, TAR: tar, CNTR: cntr, Data: answer}
	return keys.Seal(dst, &c)
}

// OpenRequest opens the inner packet of carriage own, as the applet does: what
// is not exactly as it must be is an error, and nothing happens then.
// Whether the counter is new is for the applet to say.
func OpenRequest(dst []byte, keys func(set byte) *ota.KeySet, tar ota.TAR, data []byte) (ota.Command, error) {
	h, err := ota.ParseHeader(data)
	if err != nil {
		return ota.Command{}, err
	}
	switch {
	case h.TAR != tar:
		return ota.Command{}, ErrTAR
	case h.SPI != appletSPI || h.KIc != h.KID || h.KIc&0x0F != ota.AES128.Nibble() || h.MACLen != answerCC:
		return ota.Command{}, ErrForm
	}
	ks := keys(h.KIc >> 4)
	if ks == nil {
		return ota.Command{}, ErrKeySet
	}
	c, err := ks.Open(dst, data)
	if err == nil {
		err = (ota.Security{SPI: appletSPI, Apart: true}).CheckIncoming(&c)
	}
	return c, err
}
