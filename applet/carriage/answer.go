package carriage

import (
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
)

// appletSPI is the security of a packet under keys of the applet, either way:
// counter higher, ciphered, CC; no PoR.
var appletSPI = ota.SPI{ota.SPI1Default, 0x00}

const (
	answerCC     = 8   // octets of the CC
	appletNibble = 0x2 // AES, of KIc and KID (TS 102 225 5.1.2)
)

// beginAnswer looks at the header of what an applet may have sealed.
func beginAnswer(e *Expected, ud []byte) (ota.Start, error) {
	start, err := ota.ParseCommandStart(ud)
	switch {
	case err != nil:
		return start, err
	case start.SPI != appletSPI || start.KIc != start.KID || start.KIc&0x0F != appletNibble:
		return start, fmt.Errorf("%w: SPI %s, KIc %02X, KID %02X", ErrForm, start.SPI, start.KIc, start.KID)
	case e.answers(start.KIc>>4) == nil:
		return start, fmt.Errorf("%w: number %d", ErrKeySet, start.KIc>>4)
	}
	return start, nil
}

// openAnswer opens a packet that an applet has sealed. Sender and key set are believed
// after the CC; heard is written when nothing is wrong.
func openAnswer(heard *Heard, dst []byte, e *Expected, ud []byte) error {
	h, err := ota.ParseHeader(ud)
	if err == nil {
		err = sealed(&h, &e.TAR)
	}
	if err != nil {
		return err
	}
	var c ota.Command
	if err := openSealed(&c, e.answers(h.KIc>>4), &h, dst, ud); err != nil {
		return err
	}
	bound, err := applet.Bound(c.Data)
	if err != nil {
		return err
	}
	heard.Kind, heard.INT6, heard.Request, heard.Set, heard.Counter = Answer, c.Data, bound, c.KIc>>4, c.CNTR
	return nil
}

// sealed looks at the header of a packet under keys of an applet, which is exactly one
// octet string for each key set.
func sealed(h *ota.Header, tar *ota.TAR) error {
	if h.TAR != *tar {
		return ErrTAR
	}
	if h.SPI != appletSPI || h.KIc != h.KID || h.KIc&0x0F != appletNibble || h.MACLen != answerCC {
		return fmt.Errorf("%w: SPI %s, KIc %02X, KID %02X, CC of %d octets", ErrForm, h.SPI, h.KIc, h.KID, h.MACLen)
	}
	return nil
}

// openSealed opens a packet with such a header. Of what ota.Security asks that leaves the
// padding, which must be less than a block.
func openSealed(c *ota.Command, ks *ota.KeySet, h *ota.Header, dst, packet []byte) error {
	if ks == nil {
		return fmt.Errorf("%w: number %d", ErrKeySet, h.KIc>>4)
	}
	if err := ks.OpenBehind(c, h, dst, packet); err != nil {
		return err
	}
	if c.PCNTR >= cipherBlock {
		return fmt.Errorf("%w: PCNTR %d with blocks of %d octets", ota.ErrPolicy, c.PCNTR, cipherBlock)
	}
	return nil
}

// SealAnswer appends the packet of an answer to dst, as the applet makes it.
func SealAnswer(dst []byte, keys *ota.KeySet, tar ota.TAR, cntr ota.CNTR, answer []byte) ([]byte, error) {
	c := ota.Command{SPI: appletSPI, TAR: tar, CNTR: cntr, Data: answer}
	return keys.Seal(dst, &c)
}

// OpenRequest opens the inner packet of carriage own, as the applet does: what
// is not exactly as it must be is an error, and nothing happens then.
// Whether the counter is new is for the applet to say.
func OpenRequest(dst []byte, keys func(set byte) *ota.KeySet, tar ota.TAR, data []byte) (c ota.Command, err error) {
	h, err := ota.ParseHeader(data)
	if err == nil {
		err = sealed(&h, &tar)
	}
	if err == nil {
		err = openSealed(&c, keys(h.KIc>>4), &h, dst, data)
	}
	if err != nil {
		return ota.Command{}, err
	}
	return c, nil
}
