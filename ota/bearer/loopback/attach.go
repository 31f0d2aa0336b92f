package loopback

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/simsign/simsign/ota/sms"
)

// The attach request is the first frame of a connection: "SMN", the version,
// then the number in ASCII digits. The network answers "SMN", its version, a
// status octet and, when it refuses, a text for people.
const (
	attachMagic   = "SMN"
	attachVersion = 1
	attachHeader  = len(attachMagic) + 1
)

type attachStatus byte

const (
	attachOK      attachStatus = 0
	attachVers    attachStatus = 1 // this network speaks another version
	attachNumber  attachStatus = 2 // not a number, or not one of this network
	attachTooMany attachStatus = 3 // no room for another endpoint
)

// ErrAttach means that the network refused the attach; the text says why.
var ErrAttach = errors.New("network refused the attach")

func appendAttach(b []byte, n sms.MSISDN) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(attachHeader+len(n)))
	b = append(b, attachMagic...)
	b = append(b, attachVersion)
	return append(b, n...)
}

// parseAttach returns the number, or the status and reason of a refusal.
func parseAttach(b []byte) (sms.MSISDN, attachStatus, error) {
	if len(b) < attachHeader || string(b[:len(attachMagic)]) != attachMagic {
		return "", attachNumber, fmt.Errorf("%w: the first frame is no attach request", ErrFrame)
	}
	if v := b[len(attachMagic)]; v != attachVersion {
		return "", attachVers, fmt.Errorf("%w: version %d, this network speaks %d", ErrAttach, v, attachVersion)
	}
	n, err := sms.ParseMSISDN(string(b[attachHeader:]))
	if err != nil || len(n) != len(b)-attachHeader {
		return "", attachNumber, fmt.Errorf("%w: the number needs 3 to 15 digits and no sign", ErrAttach)
	}
	return n, attachOK, nil
}

func appendAttachAnswer(b []byte, s attachStatus, reason string) []byte {
	reason = reason[:min(len(reason), maxFrame-attachHeader-1)]
	b = binary.BigEndian.AppendUint16(b, uint16(attachHeader+1+len(reason)))
	b = append(b, attachMagic...)
	b = append(b, attachVersion, byte(s))
	return append(b, reason...)
}

func parseAttachAnswer(b []byte) error {
	if len(b) < attachHeader+1 || string(b[:len(attachMagic)]) != attachMagic {
		return fmt.Errorf("%w: the first frame is no answer to an attach request", ErrFrame)
	}
	if attachStatus(b[attachHeader]) != attachOK {
		return fmt.Errorf("%w: %s", ErrAttach, b[attachHeader+1:])
	}
	return nil
}
