package ota

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Command is a command packet in the open. TS 102 225 5.1.
type Command struct {
	SPI SPI
	// KIc and KID of the packet. When both are zero, Seal writes those of
	// the key set (KeySet.Octets).
	KIc, KID byte
	TAR      TAR
	CNTR     CNTR // sent as zeros when the SPI says that there is none
	// CNTRAnyway sends it as it is in any case, for tests of a card: it must not look
	// at it then (TS 102 225 5.1.4).
	CNTRAnyway bool
	// PCNTRAnyway claims PCNTR octets of padding, for tests of a card. They are there
	// when they fill whole blocks; else the claim is a lie.
	PCNTRAnyway bool
	Data        []byte

	PCNTR byte // padding octets that the packet claims; not used by Seal without PCNTRAnyway

	// The rest is set by Open and not used by Seal.
	Block   int    // octets of a cipher block, 0 when it came in clear
	MAC     []byte // RC or CC, already verified
	Padding []byte // as received: some cards do not use zeros
}

const (
	clearHeader   = 10 // CPL to TAR
	commandHeader = 13 // CHL without RC or CC: SPI to PCNTR
)

// Header is what everybody can read in a command packet. It chooses the card
// application and the key set; nothing in it is verified yet.
type Header struct {
	SPI      SPI
	KIc, KID byte
	TAR      TAR
	MACLen   int // octets of RC or CC
}

// ParseHeader reads the clear part of a command packet and checks CPL and CHL
// against its length (ErrLength).
func ParseHeader(packet []byte) (h Header, err error) {
	if len(packet) < headLen {
		return h, fmt.Errorf("%w: command packet needs %d octets, have %d", ErrLength, headLen, len(packet))
	}
	if cpl := int(binary.BigEndian.Uint16(packet)); cpl != len(packet)-2 {
		return h, fmt.Errorf("%w: CPL %d, have %d octets", ErrLength, cpl, len(packet)-2)
	}
	chl := int(packet[2])
	if chl < commandHeader || chl > len(packet)-3 {
		return h, fmt.Errorf("%w: CHL %d, must be %d to %d", ErrLength, chl, commandHeader, len(packet)-3)
	}
	h.SPI, h.KIc, h.KID, h.TAR, h.MACLen = SPI(packet[3:5]), packet[5], packet[6], TAR(packet[7:10]), chl-commandHeader
	return h, nil
}

// Seal appends the command packet, CPL to padding, to dst. It allocates only
// when dst has no room. It is not the place of policy: it also makes packets
// that Security refuses.
func (ks *KeySet) Seal(dst []byte, c *Command) ([]byte, error) {
	kic, kid := c.KIc, c.KID
	if kic == 0 && kid == 0 {
		kic, kid = ks.Octets(c.SPI)
	}
	p, err := ks.forCommand(c.SPI, kic, kid)
	if err != nil {
		return dst, err
	}
	cntr := c.CNTR
	if c.SPI.Counter() == CounterNone && !c.CNTRAnyway {
		cntr = 0
	}
	if cntr > MaxCNTR {
		return dst, fmt.Errorf("%w: %X has more than 40 bits", ErrCounter, uint64(cntr))
	}
	pad := p.pad(6 + p.tagLen + len(c.Data))
	pcntr := byte(pad)
	if c.PCNTRAnyway {
		pcntr = c.PCNTR
		if more := int(pcntr) - pad; more > 0 && more%max(p.block, 1) == 0 {
			pad += more
		}
	}
	n := headLen + p.tagLen + len(c.Data) + pad
	if n-2 > 0xFFFF {
		return dst, fmt.Errorf("%w: %d octets, CPL counts at most 65535", ErrLength, n-2)
	}
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	b := dst[start:]
	binary.BigEndian.PutUint16(b, uint16(n-2))
	b[2] = byte(commandHeader + p.tagLen)
	b[3], b[4], b[5], b[6] = c.SPI[0], c.SPI[1], kic, kid
	copy(b[7:], c.TAR[:])
	cntr.put(b[clearHeader:])
	b[15] = pcntr
	body := b[headLen+p.tagLen:]
	clear(body[copy(body, c.Data):])
	ks.protect(p, b[:headLen], b[headLen:headLen+p.tagLen], body, b[clearHeader:])
	return dst, nil
}

// protect fills in the check value and ciphers.
func (ks *KeySet) protect(p protection, head, tag, body, ciphered []byte) {
	if p.tagLen == 0 && p.block == 0 {
		return
	}
	ws := ks.pool.Get().(*workspace)
	ks.sum(ws, p.kind, tag, head, body)
	if p.block > 0 {
		ks.encrypt(ws, ciphered)
	}
	ks.pool.Put(ws)
}

// Open verifies and deciphers a command packet: one that a card receives, or
// one that an applet made. The clear text is appended to dst, and Data, MAC
// and Padding are slices of it; packet is not changed. The errors are
// ErrLength, ErrKey, ErrKeySet, ErrAlgorithm, ErrPolicy (CMAC too short),
// ErrIntegrity and ErrPadding. What the packet's own SPI allows is no reason
// to trust it: ask Security.
func (ks *KeySet) Open(dst, packet []byte) (c Command, err error) {
	h, err := ParseHeader(packet)
	if err == nil {
		err = ks.OpenBehind(&c, &h, dst, packet)
	}
	return c, err
}

// OpenBehind is Open for whoever has read the header, with ParseHeader from the same packet.
// It writes c when there is no error.
func (ks *KeySet) OpenBehind(c *Command, h *Header, dst, packet []byte) error {
	p, err := ks.forCommand(h.SPI, h.KIc, h.KID)
	if err != nil {
		return err
	}
	if p, err = p.received(ks, h.MACLen); err != nil {
		return err
	}
	if n := len(packet) - clearHeader; p.block > 0 && n%p.block != 0 {
		return fmt.Errorf("%w: %d ciphered octets are not whole blocks of %d", ErrLength, n, p.block)
	}
	start := len(dst)
	dst = append(dst, packet...)
	b := dst[start:]
	tag, body := b[headLen:headLen+p.tagLen], b[headLen+p.tagLen:]
	if !ks.unprotect(p, b[:headLen], tag, body, b[clearHeader:]) {
		return fmt.Errorf("%w: %s of a command for TAR %s", ErrIntegrity, p.kind, h.TAR)
	}
	data, padding, err := splitPadding(body, b[15])
	if err != nil {
		return err
	}
	c.SPI, c.KIc, c.KID, c.TAR, c.CNTR = h.SPI, h.KIc, h.KID, h.TAR, getCNTR(b[clearHeader:])
	c.Data, c.Block, c.PCNTR, c.MAC, c.Padding = data, p.block, b[15], tag, padding
	return nil
}

// unprotect deciphers in place and compares the check value.
func (ks *KeySet) unprotect(p protection, head, tag, body, ciphered []byte) bool {
	if p.tagLen == 0 && p.block == 0 {
		return true
	}
	ws := ks.pool.Get().(*workspace)
	if p.block > 0 {
		ks.decrypt(ws, ciphered)
	}
	right := p.tagLen == 0 || ks.verify(ws, p.kind, tag, head, body)
	ks.pool.Put(ws)
	return right
}

// splitPadding cuts off what PCNTR counts. The octets may have any value
// (vectors pub-resp-08), and more than a block is allowed here because one
// stack fills up to 16 for every cipher; Security is stricter.
func splitPadding(body []byte, pcntr byte) (data, padding []byte, err error) {
	n := len(body) - int(pcntr)
	if n < 0 {
		return nil, nil, fmt.Errorf("%w: PCNTR %d, have %d octets", ErrPadding, pcntr, len(body))
	}
	return body[:n:n], body[n:], nil
}
