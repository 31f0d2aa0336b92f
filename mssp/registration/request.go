package registration

import (
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// Flow is the way in which a key pair comes to its certificate (requirements 5.1-5 to 5.1-7).
type Flow byte

// Flows of registration.
const (
	FlowA Flow = 'A' // generate, read the public key, then sign a PKCS#10 hash
	FlowB Flow = 'B' // generate inside SignTransaction(register) with a template
)

// EnrolRequest asks for a key pair with a certificate. MSISDN and either Usage
// or Profile are needed (5.1-1); the rest has defaults.
type EnrolRequest struct {
	MSISDN    sms.MSISDN
	Usage     mssp.KeyUsage
	Profile   string           // SignatureProfile URI or alias, whose usage is taken when Usage is 0
	Algorithm applet.Algorithm // 0: the first of the card profile
	Slot      byte             // 0: the first free one
	Flow      Flow             // 0: FlowA
	PoP       applet.PoPMode   // whether the card asks for a Proof of Possession code (3.5.1-3)
	// PoPCode is the code that the RA gave the user; when set, a different
	// answer refuses the registration.
	PoPCode string
	// PoPMade: the card asks for the code that was made here for this user (MakePoP).
	PoPMade bool
	popID   string // of that code
	// Display is the text of the registration prompt; empty: the applet's own.
	Display string
	TimeOut time.Duration // of each transaction; 0: that of the engine's options

	// SamePair asks for another certificate for the pair whose certificate has expired, in
	// place of another pair (5.11), of Enrol only.
	SamePair bool

	code  applet.CodeRef // that guards the key
	named bool           // Slot was named by who asks
}

// Enrolment is the outcome of a registration step.
type Enrolment struct {
	Slot        byte
	Usage       mssp.KeyUsage
	Algorithm   applet.Algorithm
	State       mssp.KeyState
	PublicKey   []byte // SubjectPublicKeyInfo, DER
	CSR         []byte // PKCS#10, DER
	PoP         string
	Certificate []byte // DER
	Serial      string // hexadecimal
	TransID     mssp.TransID
}
