package ota

import "errors"

// The declared errors of this package. Every error that a function returns
// matches (errors.Is) exactly one of these or one of the Parse errors of the
// identities (ErrTAR, ErrCNTR, ErrSPI, ErrICCID).
var (
	// ErrLength: a length octet disagrees with the octets that are there.
	ErrLength = errors.New("wrong length")
	// ErrIntegrity: the RC or CC does not belong to the packet.
	ErrIntegrity = errors.New("integrity check failed")
	// ErrPadding: PCNTR counts more octets than the packet has.
	ErrPadding = errors.New("wrong padding counter")
	// ErrPolicy: well formed, but weaker than a gateway may send or accept.
	ErrPolicy = errors.New("refused by the security policy")
	// ErrAlgorithm: SPI, KIc or KID name an algorithm that the key set does
	// not have (digital signatures and proprietary algorithms are nowhere).
	ErrAlgorithm = errors.New("algorithm not available")
	// ErrKey: a key is too short, too long or missing.
	ErrKey = errors.New("unusable key")
	// ErrKeySet: the packet names another key set than the one in hand.
	ErrKeySet = errors.New("other key set")
	// ErrCounter: the counter does not fit into 40 bits, or is so near to
	// the end that the card would block for good.
	ErrCounter = errors.New("counter out of range")
	// ErrUnauthenticated: an error answer came without the protection that
	// was asked for. Anybody may have made it: use it as a hint for the
	// operator, never as a result, and never move the counter for it.
	ErrUnauthenticated = errors.New("unauthenticated answer")
)
