package signature

import (
	"crypto"
	"time"

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

// Request is a request for a signature that is complete, authenticated
// and permitted; what is left to check is what only the subscriber's rows
// and the size of a packet can tell.
type Request struct {
	AP          mssp.AP
	APTransID   string
	Instant     int64  // AP_Info.Instant, see mssp.Transaction
	RequestHash []byte // SHA-256 of the meaning of the request
	MSISDN      sms.MSISDN
	Mode        mssp.MessagingMode
	Profile     mssp.SignatureProfile
	ProfileURI  string // as asked for; empty means Profile.URI
	Format      Format // empty means CMS
	MimeType    string // of Content

	// What to sign: Content, or Digest made with Hash by the AP.
	Content []byte
	Hash    crypto.Hash // of Digest; 0 for Content lets the signer choose
	Digest  []byte

	// Display is the DataToBeDisplayed. Content is shown too when that is text:
	// see Screen.
	Display  string
	EventID  string // of the AP, shown under its own label beside our reference code
	Language string // ISO 639-1; empty: the subscriber's
	TimeOut  time.Duration
	Observer mssp.Observer // who is told of the end, besides whoever waits for it
	Validate bool          // the reply says VALID_SIGNATURE (502) instead of SIGNATURE (500)
}
