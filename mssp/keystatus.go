package mssp

import (
	"crypto/x509"
	"slices"
	"time"
)

// keySteps is the life of a key pair: what may follow what. "" is a slot without a row.
// Out of revoked nothing leads but the end of the pair itself, and a pair of which a
// revocation was asked for signs no more, whatever the CA says (W-6, 3.5.10-2). A pair
// is deleted from any state: the card says what it has, and an applet that was
// installed anew has nothing.
var keySteps = map[KeyState][]KeyState{
	"":             {KeyGenerated, KeyRegistering},
	KeyGenerated:   {KeyRegistering, KeyDeleted},
	KeyAborted:     {KeyDeleted},
	KeyRegistering: {KeyRequested, KeyAborted, KeyDeleted},
	KeyRequested:   {KeyRegistering, KeyRegistered, KeyAborted, KeyDeleted},
	KeyRegistered:  {KeySuspended, KeyRevoking, KeyRevoked, KeyDeleted},
	KeySuspended:   {KeyRegistered, KeyRevoking, KeyRevoked, KeyDeleted},
	KeyRevoking:    {KeyRevoked, KeyDeleted},
	KeyRevoked:     {KeyDeleted},
	KeyDeleted:     {KeyGenerated, KeyRegistering},
}

// Permits says whether a pair in that state may come into another one. In one slot
// another pair may follow any state: that is another life.
func (s KeyState) Permits(to KeyState) bool { return slices.Contains(keySteps[s], to) }

// Certified says that the pair has or had a certificate: the user was registered with it
// (G5), whatever has become of that since.
func (s KeyState) Certified() bool {
	return s == KeyRegistered || s == KeySuspended || s == KeyRevoking || s == KeyRevoked
}

// Of is the state of a pair whose certificate has that status. A pending one says
// nothing of its pair.
func (c CertStatus) Of() KeyState {
	switch c {
	case CertValid:
		return KeyRegistered
	case CertSuspended:
		return KeySuspended
	case CertRevoked:
		return KeyRevoked
	}
	return ""
}

// Ended says that nothing will be signed with the pair again: its certificate is revoked
// or has expired. Only then may another pair take its slot.
func (k *KeyPair) Ended(now time.Time) bool {
	if k.State == KeyRevoked {
		return true
	}
	if !k.State.Certified() || len(k.CertDER) == 0 {
		return false
	}
	cert, err := x509.ParseCertificate(k.CertDER)
	return err == nil && cert.NotAfter.Before(now)
}
