package mssp

import (
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// PoPState is what can be done with a Proof of Possession code.
type PoPState string

// States of a code.
const (
	PoPGiven PoPState = "given" // good for one registration
	PoPUsed  PoPState = "used"  // by a registration
	PoPSpent PoPState = "spent" // too many wrong ones were entered
)

// PoPChannel is how a code came to its user.
type PoPChannel string

// Channels (3.5.1-12).
const (
	PoPBySMS    PoPChannel = "sms"
	PoPByEmail  PoPChannel = "email"
	PoPByPrint  PoPChannel = "print"
	PoPByScreen PoPChannel = "screen"
)

// PoPChannels are all of them.
func PoPChannels() []PoPChannel {
	return []PoPChannel{PoPBySMS, PoPByEmail, PoPByPrint, PoPByScreen}
}

// PoPStates are all states of a code.
func PoPStates() []PoPState { return []PoPState{PoPGiven, PoPUsed, PoPSpent} }

// PoP is a Proof of Possession code that was made here for one registration of one user,
// without its value: Sum is a sum over it under a key of this installation.
type PoP struct {
	MSISDN    sms.MSISDN
	ID        string // tells the codes of a user apart
	Sum       []byte
	Channel   PoPChannel
	State     PoPState
	Tries     int // wrong ones that may still be entered
	MadeAt    time.Time
	ExpiresAt time.Time
	Version   int64
}
