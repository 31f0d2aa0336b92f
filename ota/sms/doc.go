// Package sms turns octets into short messages and back: the transport units
// of 3GPP TS 23.040 (TPDU), their user data header (UDH), the alphabets of
// TS 23.038, and the cutting of a secured packet into segments.
//
// A short message carries at most 140 octets of user data. What does not fit
// is cut into segments; a header of a few octets in front of each says which
// message it belongs to (reference), how many there are and which one it is
// (elements 00 and 08). A secured packet is marked by one more element in its
// first segment: 70 for a command packet, 71 for a response packet (TS 31.115
// 4). Split and Join do that for packets, EncodeText and DecodeText for plain
// messages to people, where the unit is not the octet but the septet (7-bit
// alphabet) or the UTF-16 code unit.
//
// The network wraps a segment into a TPDU: SMS-SUBMIT from a phone, which
// becomes SMS-DELIVER towards the other one; DELIVER-REPORT, SUBMIT-REPORT
// and STATUS-REPORT say what became of them. Everything here is a pure codec:
// it keeps no state, so collecting the segments of a message, which needs
// memory, time and bounds, is left to the store.
package sms

import "errors"

// The declared errors of this package, beside ErrMSISDN.
var (
	// ErrUDH: a user data header overruns or contradicts itself.
	ErrUDH = errors.New("bad user data header")
	// ErrSegments: segments are too many, missing, doubled or not of one message.
	ErrSegments = errors.New("bad segments")
	// ErrTPDU: a transport unit is too short, too long or of another type.
	ErrTPDU = errors.New("bad TPDU")
	// ErrAddress: a number or name cannot be put into an address, or read from one.
	ErrAddress = errors.New("bad address")
	// ErrText: a text cannot be expressed in the alphabet, or octets are no text.
	ErrText = errors.New("bad text")
	// ErrTime: seven octets are no time stamp.
	ErrTime = errors.New("bad time stamp")
)

// MaxUserData is what one short message carries, header included, in octets
// (TS 23.040 9.2.3.24); in the 7-bit alphabet that is 160 septets.
const MaxUserData = 140
