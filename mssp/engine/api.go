package engine

import (
	"crypto"
	"encoding/json"
	"fmt"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// Format is the form of the signature that an AP gets.
type Format string

// Formats.
const (
	CMS   Format = "CMS"   // DER SignedData (RFC 5652) with attached content
	PKCS1 Format = "PKCS1" // the bare signature value: RSA PKCS#1 v1.5, or ECDSA as DER
)

// SignRequest is a request for a signature that is complete, authenticated
// and permitted; what is left to check is what only the subscriber's rows
// and the size of a packet can tell.
type SignRequest struct {
	AP          mssp.AP
	APTransID   string
	RequestHash []byte // SHA-256 of the meaning of the request
	MSISDN      sms.MSISDN
	Mode        mssp.MessagingMode
	Profile     mssp.SignatureProfile
	ProfileURI  string // as asked for; empty means Profile.URI
	Format      Format // empty means CMS
	MimeType    string // of Content

	// What to sign: Content, or Digest made with Hash by the AP.
	Content []byte
	Hash    crypto.Hash // of Digest; 0 for Content lets the engine choose
	Digest  []byte

	// Display is the text for the user, framed or not; empty shows Content
	// when that is text.
	Display   string
	Reference string // event id of the AP, shown on both screens; empty lets us make one
	Language  string // ISO 639-1; empty: the subscriber's
	TimeOut   time.Duration
	// Late is set when the time for this request is over: only the repeat of an
	// earlier one is answered, a new one gets this fault.
	Late     *mssp.Fault
	Validate bool // the reply says VALID_SIGNATURE (502) instead of SIGNATURE (500)
}

// Result is what came of a transaction; Transaction.Result holds it as JSON.
type Result struct {
	Format           Format    `json:"format,omitempty"`
	Signature        []byte    `json:"signature,omitempty"`
	Certificate      []byte    `json:"certificate,omitempty"` // DER
	Reference        string    `json:"reference,omitempty"`
	SignedAt         time.Time `json:"signedAt,omitzero"`
	ValidationStatus mssp.Code `json:"validationStatus,omitempty"`

	// Registration and management.
	Slot      byte              `json:"slot,omitempty"`
	PublicKey []byte            `json:"publicKey,omitempty"` // SubjectPublicKeyInfo, DER
	Part      *applet.Part      `json:"part,omitempty"`      // of a public key
	CSR       []byte            `json:"csr,omitempty"`       // PKCS#10, DER
	PoP       string            `json:"pop,omitempty"`       // as entered by the user
	TriesLeft int               `json:"triesLeft,omitempty"`
	State     *AppletState      `json:"state,omitempty"`
	Word      applet.StatusWord `json:"word,omitempty"` // INT6 status word that ended it, when not 9000
}

// ParseResult reads Transaction.Result.
func ParseResult(b []byte) (Result, error) {
	var r Result
	if len(b) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return Result{}, fmt.Errorf("transaction result: %w", err)
	}
	return r, nil
}

// What travels to and from the applet has the types of package applet.
type (
	// AppletState is what an applet reports about itself (INT6 tag B5).
	AppletState = applet.State
	// AppletData is what SetAppletData may change.
	AppletData = applet.SetAppletData
	// CodeOperation is what ManageCode does to a personal code. It never
	// carries the code: the user chooses and enters it on the device (3.4-1).
	CodeOperation = applet.CodeOperation
	// AppletStatus is the target of ChangeStatus.
	AppletStatus = applet.AppletStatus
	// PoPMode says whether the card asks for a Proof of Possession code (3.5.1-3).
	PoPMode = applet.PoPMode
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
	PoP       PoPMode
	// PoPCode is the code that the RA gave the user; when set, a different
	// answer refuses the registration.
	PoPCode string
	// Display is the text of the registration prompt; empty: the applet's own.
	Display string
	TimeOut time.Duration // of each transaction; 0: Options.ManageTimeOut
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
