package engine

import (
	"crypto"

	"github.com/simsign/simsign/applet"
)

// HashFor is the hash that goes with a key of that strength.
func HashFor(a applet.Algorithm) crypto.Hash {
	switch a {
	case applet.ECDSAP384:
		return crypto.SHA384
	case applet.ECDSAP521:
		return crypto.SHA512
	}
	return crypto.SHA256
}
