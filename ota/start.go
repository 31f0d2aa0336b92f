package ota

import (
	"encoding/binary"
	"fmt"
)

// Start is what the first segment of a packet shows of the whole: enough to
// refuse what cannot be an answer before the rest has come. Nothing in it is
// verified.
type Start struct {
	Len      int // octets of the whole packet, as it says itself
	TAR      TAR
	SPI      SPI // of a command packet, like KIc and KID
	KIc, KID byte
}

// ParseResponseStart reads RPL, RHL and TAR (TS 102 225 5.2) in the first
// octets of a response packet (ErrLength).
func ParseResponseStart(first []byte) (Start, error) {
	if len(first) < responseClear {
		return Start{}, fmt.Errorf("%w: a response packet begins with %d octets in clear, have %d", ErrLength, responseClear, len(first))
	}
	s := Start{Len: int(binary.BigEndian.Uint16(first)) + 2, TAR: TAR(first[3:6])}
	return s, s.header("RHL", int(first[2]), responseHeader, len(first))
}

// ParseCommandStart reads CPL, CHL, SPI, KIc, KID and TAR (TS 102 225 5.1) in
// the first octets of a command packet (ErrLength).
func ParseCommandStart(first []byte) (Start, error) {
	if len(first) < clearHeader {
		return Start{}, fmt.Errorf("%w: a command packet begins with %d octets in clear, have %d", ErrLength, clearHeader, len(first))
	}
	s := Start{Len: int(binary.BigEndian.Uint16(first)) + 2, SPI: SPI(first[3:5]), KIc: first[5], KID: first[6], TAR: TAR(first[7:10])}
	return s, s.header("CHL", int(first[2]), commandHeader, len(first))
}

// longestCheck is the longest check value: a CC of 8 octets.
const longestCheck = 8

func (s Start) header(name string, n, least, have int) error {
	switch {
	case n < least || n > least+longestCheck || n > s.Len-3:
		return fmt.Errorf("%w: %s %d of a packet of %d octets", ErrLength, name, n, s.Len)
	case s.Len < have:
		return fmt.Errorf("%w: the packet has %d octets, its first segment %d", ErrLength, s.Len, have)
	}
	return nil
}
