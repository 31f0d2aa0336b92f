package mssp

import (
	"fmt"
	"strconv"
)

// Code is an ETSI TS 102 204 status or fault code. Codes below 500 (other
// than 100, 400 and 408) and from 700 on travel in a fault as subcode _NNN.
type Code int

// Status codes: inside a reply.
const (
	RequestOK              Code = 100
	UserSign               Code = 400
	RegistrationOK         Code = 408
	Signature              Code = 500
	RevokedCertificate     Code = 501
	ValidSignature         Code = 502
	InvalidSignature       Code = 503
	OutstandingTransaction Code = 504
	ConstraintMismatch     Code = 505
)

// Fault codes.
const (
	WrongParam            Code = 101
	MissingParam          Code = 102
	WrongDataLength       Code = 103
	UnauthorizedAccess    Code = 104
	UnknownClient         Code = 105
	HandshakeRequired     Code = 106
	InappropriateData     Code = 107
	IncompatibleInterface Code = 108
	UnsupportedProfile    Code = 109
	ExpiredTransaction    Code = 208
	OTAError              Code = 209
	UserCancel            Code = 401
	PINBlocked            Code = 402
	CardBlocked           Code = 403
	NoKeyFound            Code = 404
	NoURLFound            Code = 405
	SignatureProcess      Code = 406
	RegistrationNOK       Code = 407
	NoCertFound           Code = 422
	CRLProblem            Code = 423
	CRLExpired            Code = 424
	ErrorCertificate      Code = 425
	ValidityExpired       Code = 720
	UnableToProvide       Code = 780
	InternalError         Code = 900
)

var codeNames = map[Code]string{
	RequestOK: "REQUEST_OK", UserSign: "USER_SIGN", RegistrationOK: "REGISTRATION_OK",
	Signature: "SIGNATURE", RevokedCertificate: "REVOKED_CERTIFICATE",
	ValidSignature: "VALID_SIGNATURE", InvalidSignature: "INVALID_SIGNATURE",
	OutstandingTransaction: "OUTSTANDING_TRANSACTION", ConstraintMismatch: "CONSTRAINT_MISMATCH",
	WrongParam: "WRONG_PARAM", MissingParam: "MISSING_PARAM", WrongDataLength: "WRONG_DATA_LENGTH",
	UnauthorizedAccess: "UNAUTHORIZED_ACCESS", UnknownClient: "UNKNOWN_CLIENT",
	HandshakeRequired: "HANDSHAKE_REQUIRED", InappropriateData: "INAPPROPRIATE_DATA",
	IncompatibleInterface: "INCOMPATIBLE_INTERFACE", UnsupportedProfile: "UNSUPPORTED_PROFILE",
	ExpiredTransaction: "EXPIRED_TRANSACTION", OTAError: "OTA_ERROR", UserCancel: "USER_CANCEL",
	PINBlocked: "PIN_NR_BLOCKED", CardBlocked: "CARD_BLOCKED", NoKeyFound: "NO_KEY_FOUND",
	NoURLFound: "NO_URL_FOUND", SignatureProcess: "PB_SIGNATURE_PROCESS",
	RegistrationNOK: "REGISTRATION_NOK", NoCertFound: "NO_CERT_FOUND", CRLProblem: "CRL_PB",
	CRLExpired: "CRL_EXPIRED", ErrorCertificate: "ERROR_CERTIFICATE",
	ValidityExpired: "VALIDITY_EXPIRED", UnableToProvide: "UNABLE_TO_PROVIDE_SERVICES",
	InternalError: "INTERNAL_ERROR",
}

// String is the standard's name, or the number when the standard has none.
func (c Code) String() string {
	if n, ok := codeNames[c]; ok {
		return n
	}
	return strconv.Itoa(int(c))
}

// Sender reports whether the fault is the asker's to mend (SOAP Sender) and
// not ours or the user's (Receiver), as TS 102 204 sorts them.
func (c Code) Sender() bool {
	return c >= 101 && c <= 108 || c >= 701 && c <= 720
}

// IsStatus reports whether the code is given inside a reply; every other
// code is given as a fault.
func (c Code) IsStatus() bool {
	return c == RequestOK || c == UserSign || c == RegistrationOK || c >= 500 && c <= 505 || c >= 600 && c <= 603
}

// Fault is a refusal or failure in the words of the web service. Detail says
// what, where and what to do; it must not hold a key, a code or a text to be
// signed. Err, when set, is for the log only.
type Fault struct {
	Code   Code
	Sub    Code // second level (FiCom); 0: none
	Detail string
	Err    error
}

// Second levels of faults, as FiCom numbers them.
const (
	DTBDNotSupported Code = 1015 // of 101: the DataToBeDisplayed
	InvalidNoSpam    Code = 1011 // of 101: NoSpamCode
	UnknownService   Code = 1014 // of 101: an additional service
	MimeNotSupported Code = 1016 // of 101: MimeType or Encoding of the DataToBeSigned
)

// Second gives the fault a second level.
func (f *Fault) Second(c Code) *Fault {
	f.Sub = c
	return f
}

// Faultf makes a Fault with a formatted detail.
func Faultf(c Code, format string, args ...any) *Fault {
	return &Fault{Code: c, Detail: fmt.Sprintf(format, args...)}
}

func (f *Fault) Error() string {
	if f.Sub != 0 {
		return fmt.Sprintf("%d %s (%d): %s", int(f.Code), f.Code, int(f.Sub), f.Detail)
	}
	return fmt.Sprintf("%d %s: %s", int(f.Code), f.Code, f.Detail)
}

func (f *Fault) Unwrap() error { return f.Err }
