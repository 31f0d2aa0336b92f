package smpp

import "errors"

// Errors of the codec. Each is a fault of the octets or of the values given,
// never of the link.
var (
	// ErrFrame: command_length is below 16 or above the limit; the stream
	// cannot be trusted any more.
	ErrFrame = errors.New("bad command_length")
	// ErrShort: a body ends before a mandatory field.
	ErrShort = errors.New("body ends too early")
	// ErrString: a C-octet string has no end, is longer than its field, or holds a NUL.
	ErrString = errors.New("bad C-octet string")
	// ErrTLV: an optional parameter runs past the end of the body.
	ErrTLV = errors.New("bad optional parameter")
	// ErrTooLong: a value does not fit its field.
	ErrTooLong = errors.New("value does not fit")
	// ErrTrailing: a body goes on after its last field.
	ErrTrailing = errors.New("body goes on after its last field")
	// ErrCommand: the command has no body of the asked kind.
	ErrCommand = errors.New("wrong command for this body")
)

// StatusFor is the command_status (SMPP 3.4 5.1.3) with which to answer a PDU
// whose body could not be read.
func StatusFor(err error) Status {
	switch {
	case err == nil:
		return ROK
	case errors.Is(err, ErrTLV):
		return RInvOptParStream
	case errors.Is(err, ErrCommand):
		return RInvCmdID
	case errors.Is(err, ErrShort), errors.Is(err, ErrString), errors.Is(err, ErrTrailing):
		return RInvCmdLen
	}
	return RSysErr
}
