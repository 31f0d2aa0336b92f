package applet

import (
	"errors"
	"fmt"
)

// Errors of the codec. Every error of this package matches one of them.
var (
	ErrLength      = errors.New("INT6 length is wrong")
	ErrVersion     = errors.New("INT6 version is not supported")
	ErrNotMinimal  = errors.New("INT6 length is not in its shortest form")
	ErrTag         = errors.New("INT6 tag is unknown")
	ErrDuplicate   = errors.New("INT6 element occurs twice")
	ErrMissing     = errors.New("INT6 element is missing")
	ErrConflict    = errors.New("INT6 elements exclude each other")
	ErrValue       = errors.New("INT6 value is not allowed")
	ErrUnsupported = errors.New("INT6 algorithm or hash is not supported")
	ErrKey         = errors.New("public key is malformed")
	ErrSignature   = errors.New("signature is malformed")
)

// StatusWord is the outcome of a command, in the style of the card's own
// status words (TS 102 221 10.2.1).
type StatusWord uint16

// The status words (INT6, Status words).
const (
	StatusOK           StatusWord = 0x9000
	StatusWrongCode    StatusWord = 0x63C0 // 63Cx: x tries left (x at most 15)
	StatusCancelled    StatusWord = 0x6401 // the user cancelled before the code entry
	StatusNoAnswer     StatusWord = 0x6402 // no answer from the user
	StatusBusy         StatusWord = 0x6403 // screen or terminal busy
	StatusInterrupted  StatusWord = 0x6404 // the terminal was switched off while the user was asked
	StatusWrongLength  StatusWord = 0x6700
	StatusSecurity     StatusWord = 0x6982 // security level too low
	StatusBlocked      StatusWord = 0x6983 // the code is blocked
	StatusConditions   StatusWord = 0x6985 // no code yet, key not registered, applet not active
	StatusMalformed    StatusWord = 0x6A80
	StatusNotSupported StatusWord = 0x6A81
	StatusNoMemory     StatusWord = 0x6A84
	StatusSlotEmpty    StatusWord = 0x6A88
	StatusSlotInUse    StatusWord = 0x6A89
	StatusOther        StatusWord = 0x6F00
)

// StatusWrongCodeTries is 63Cx for x tries left; more than 15 are told as 15.
func StatusWrongCodeTries(x int) StatusWord { return StatusWrongCode | StatusWord(min(x, 15)) }

// OK says whether the command was done.
func (s StatusWord) OK() bool { return s == StatusOK }

// WrongCode says whether the status is 63Cx, and x.
func (s StatusWord) WrongCode() (tries int, ok bool) {
	return int(s & 0xF), s&0xFFF0 == StatusWrongCode
}

// String is the status word in hexadecimal and in words.
func (s StatusWord) String() string {
	text := "unknown"
	switch s {
	case StatusOK:
		text = "done"
	case StatusCancelled:
		text = "user cancelled"
	case StatusNoAnswer:
		text = "no answer from the user"
	case StatusBusy:
		text = "screen or terminal busy"
	case StatusInterrupted:
		text = "switched off while the user was asked"
	case StatusWrongLength:
		text = "wrong length"
	case StatusSecurity:
		text = "security level too low"
	case StatusBlocked:
		text = "code blocked"
	case StatusConditions:
		text = "conditions of use not met"
	case StatusMalformed:
		text = "malformed"
	case StatusNotSupported:
		text = "not supported"
	case StatusNoMemory:
		text = "no memory"
	case StatusSlotEmpty:
		text = "slot empty"
	case StatusSlotInUse:
		text = "slot in use"
	case StatusOther:
		text = "other failure"
	default:
		if x, ok := s.WrongCode(); ok {
			text = fmt.Sprintf("wrong code, %d tries left", x)
		}
	}
	return fmt.Sprintf("%04X %s", uint16(s), text)
}

// StatusOf is the status word with which a card answers an error of Parse.
func StatusOf(err error) StatusWord {
	switch {
	case err == nil:
		return StatusOK
	case errors.Is(err, ErrVersion), errors.Is(err, ErrUnsupported):
		return StatusNotSupported
	case errors.Is(err, ErrLength):
		return StatusWrongLength
	}
	return StatusMalformed
}
