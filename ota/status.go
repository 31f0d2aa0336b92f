package ota

import "fmt"

// ResponseStatus is the status octet of a response packet. TS 102 225 5.2.
type ResponseStatus byte

// The response status codes; C0 to FE are proprietary.
const (
	StatusOK                ResponseStatus = 0x00 // PoR OK
	StatusIntegrity         ResponseStatus = 0x01 // RC/CC/DS failed
	StatusCounterLow        ResponseStatus = 0x02 // CNTR low
	StatusCounterHigh       ResponseStatus = 0x03 // CNTR high
	StatusCounterBlocked    ResponseStatus = 0x04 // CNTR blocked
	StatusCiphering         ResponseStatus = 0x05 // ciphering error
	StatusUnidentified      ResponseStatus = 0x06 // unidentified security error; sent in clear
	StatusMemory            ResponseStatus = 0x07 // insufficient memory to process the message
	StatusMoreTime          ResponseStatus = 0x08 // this "more time" is followed by another PoR
	StatusTARUnknown        ResponseStatus = 0x09 // TAR unknown
	StatusSecurityLevel     ResponseStatus = 0x0A // insufficient security level
	StatusFollowsInSubmit   ResponseStatus = 0x0B // actual response comes in an SMS-SUBMIT
	StatusFollowsByUSSD     ResponseStatus = 0x0C // actual response comes by USSD
	StatusProprietaryLowest ResponseStatus = 0xC0
)

// Final reports whether no other response packet follows this one: 08, 0B
// and 0C announce another.
func (s ResponseStatus) Final() bool {
	return s != StatusMoreTime && s != StatusFollowsInSubmit && s != StatusFollowsByUSSD
}

// String is the meaning in words.
func (s ResponseStatus) String() string {
	names := [...]string{
		"OK", "RC/CC/DS failed", "CNTR low", "CNTR high", "CNTR blocked", "ciphering error",
		"unidentified security error", "insufficient memory", "more time", "TAR unknown",
		"insufficient security level", "response follows in an SMS-SUBMIT", "response follows by USSD",
	}
	switch {
	case int(s) < len(names):
		return names[s]
	case s >= StatusProprietaryLowest && s != 0xFF:
		return fmt.Sprintf("proprietary status %02X", byte(s))
	}
	return fmt.Sprintf("reserved status %02X", byte(s))
}
