package ota

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Response is a response packet (PoR) in the open. TS 102 225 5.2. TAR and
// CNTR are those of the command that it answers.
type Response struct {
	TAR    TAR
	CNTR   CNTR
	Status ResponseStatus
	Data   []byte
	// KID of the command. Only SealResponse with an RC needs it: low nibble
	// 1 makes a CRC-16, any other a CRC-32.
	KID byte

	// The rest is set by OpenResponse and not used by SealResponse.

	// Protected: the answer has a cryptographic checksum, and it is right.
	// False is also an answer in clear to a command that asked for more:
	// let Security.CheckResponse decide what it is worth.
	Protected bool
	Block     int    // octets of a cipher block, 0 when it came in clear
	PCNTR     byte   // padding octets that the packet claims
	MAC       []byte // RC or CC, already verified
	Padding   []byte // as received
}

const (
	responseClear  = 6  // RPL to TAR
	responseHeader = 10 // RHL without RC or CC: TAR to status
	responseMin    = 13 // RPL to status
)

// responseUDH is the user data header that the check value of a response
// covers, whatever header the message really had (TS 31.115 4.4).
func responseUDH() [3]byte { return [3]byte{0x02, 0x71, 0x00} }

// ResponseHead is what everybody can read in a response packet, unverified.
type ResponseHead struct {
	TAR    TAR
	MACLen int // octets of RC or CC
}

// ParseResponseHead reads the clear part of a response packet and checks RPL
// and RHL against its length (ErrLength).
func ParseResponseHead(packet []byte) (ResponseHead, error) {
	var h ResponseHead
	if len(packet) < responseMin {
		return h, fmt.Errorf("%w: response packet needs %d octets, have %d", ErrLength, responseMin, len(packet))
	}
	if rpl := int(binary.BigEndian.Uint16(packet)); rpl != len(packet)-2 {
		return h, fmt.Errorf("%w: RPL %d, have %d octets", ErrLength, rpl, len(packet)-2)
	}
	rhl := int(packet[2])
	if rhl < responseHeader || rhl > len(packet)-3 {
		return h, fmt.Errorf("%w: RHL %d, must be %d to %d", ErrLength, rhl, responseHeader, len(packet)-3)
	}
	return ResponseHead{TAR: TAR(packet[3:6]), MACLen: rhl - responseHeader}, nil
}

// SealResponse appends the response packet, RPL to padding, to dst: the
// answer to a command with this SPI. A card that must answer in clear uses
// spi.PlainPoR().
func (ks *KeySet) SealResponse(dst []byte, spi SPI, r *Response) ([]byte, error) {
	rc := 4
	if r.KID&0x0F == nibbleCRC16 {
		rc = 2
	}
	p, err := ks.forResponse(spi, rc)
	if err != nil {
		return dst, err
	}
	if r.CNTR > MaxCNTR {
		return dst, fmt.Errorf("%w: %X has more than 40 bits", ErrCounter, uint64(r.CNTR))
	}
	pad := p.pad(7 + p.tagLen + len(r.Data))
	n := responseMin + p.tagLen + len(r.Data) + pad
	if n-2 > 0xFFFF {
		return dst, fmt.Errorf("%w: %d octets, RPL counts at most 65535", ErrLength, n-2)
	}
	// The header of the message stands before the packet while the check
	// value is made, and is cut off again.
	udh := responseUDH()
	start := len(dst)
	dst = slices.Grow(dst, n+len(udh))[:start+n+len(udh)]
	b := dst[start:]
	copy(b, udh[:])
	binary.BigEndian.PutUint16(b[3:], uint16(n-2))
	b[5] = byte(responseHeader + p.tagLen)
	copy(b[6:], r.TAR[:])
	r.CNTR.put(b[9:])
	b[14], b[15] = byte(pad), byte(r.Status)
	body := b[headLen+p.tagLen:]
	clear(body[copy(body, r.Data):])
	ks.protect(p, b[:headLen], b[headLen:headLen+p.tagLen], body, b[9:])
	copy(b, b[len(udh):])
	return dst[:start+n], nil
}

// OpenResponse verifies and deciphers the answer to a command that was sent
// with this SPI. The clear text is appended to dst, and Data, MAC and Padding
// are slices of it; packet is not changed.
//
// Cards that cannot or will not use their keys answer errors in clear,
// often with counter 0, although the SPI asked for more. Such a packet is
// opened too, with Protected false. The errors are those of Open.
func (ks *KeySet) OpenResponse(dst, packet []byte, spi SPI) (Response, error) {
	h, err := ParseResponseHead(packet)
	if err != nil {
		return Response{}, err
	}
	rc := 4
	if h.MACLen == 2 {
		rc = 2
	}
	p, err := ks.forResponse(spi, rc)
	if err != nil {
		return Response{}, err
	}
	if inClear(p, h, packet) {
		p = protection{}
	} else if p, err = p.received(ks, h.MACLen); err != nil {
		return Response{}, err
	}
	if n := len(packet) - responseClear; p.block > 0 && n%p.block != 0 {
		return Response{}, fmt.Errorf("%w: %d ciphered octets are not whole blocks of %d", ErrLength, n, p.block)
	}
	udh := responseUDH()
	start := len(dst)
	dst = append(append(dst, udh[:]...), packet...)
	b := dst[start:]
	tag, body := b[headLen:headLen+p.tagLen], b[headLen+p.tagLen:]
	if !ks.unprotect(p, b[:headLen], tag, body, b[9:]) {
		return Response{}, fmt.Errorf("%w: %s of an answer from TAR %s", ErrIntegrity, p.kind, h.TAR)
	}
	data, padding, err := splitPadding(body, b[14])
	if err != nil {
		return Response{}, err
	}
	return Response{
		TAR: h.TAR, CNTR: getCNTR(b[9:]), Status: ResponseStatus(b[15]), Data: data,
		Protected: p.kind == IntegrityCC, Block: p.block, PCNTR: b[14], MAC: tag, Padding: padding,
	}, nil
}

// inClear finds an answer that has less protection than was asked for. No
// check value where one was asked for is such an answer. So is, where only
// ciphering was asked for, an error status in octets that cannot be whole
// blocks.
func inClear(p protection, h ResponseHead, packet []byte) bool {
	if h.MACLen > 0 {
		return false
	}
	if p.tagLen > 0 {
		return true
	}
	n := len(packet) - responseClear
	return p.block > 0 && n%p.block != 0 && packet[11] == 0 && packet[12] != 0
}
