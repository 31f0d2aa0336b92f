package service

import (
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
)

// The model of the TS 102 204 messages. Fields hold the lexical form that
// came over the wire; "" means absent. Names are those of the schema with
// the Go habit of ID. Bindings fill them without judging; their Dialect says
// how they are read.

// Header is MessageAbstractType: what every message carries.
type Header struct {
	MajorVersion, MinorVersion string
	AP                         APInfo
	MSSP                       MSSPInfo
}

// APInfo is AP_Info. Password is never given back.
type APInfo struct {
	ID       mssp.APID
	TransID  string // AP_TransID
	Password string // AP_PWD
	Instant  string // xs:dateTime
	URL      string
}

// MSSPInfo is MSSP_Info.
type MSSPInfo struct {
	Instant string
	ID      MeshMember
}

// MeshMember is MeshMemberType: one MSSP named in one of four ways.
type MeshMember struct {
	DNSName, IPAddress, URI, Identifier string
}

// MobileUser names the user. Only MSISDN is served here.
type MobileUser struct {
	IdentityIssuer MeshMember
	UserIdentifier string
	HomeMSSP       MeshMember
	MSISDN         string
}

// Data is DataType: DataToBeSigned, DataToBeDisplayed, Message.
type Data struct {
	MimeType, Encoding string
	Data               string
}

// AdditionalService is one Service of AdditionalServices.
type AdditionalService struct {
	Description string // URI
	Entity      MeshMember
	UserLang    string
	EventID     string
	NoSpam      *NoSpamCode
	Members     []string // the names of all others: what they ask for is not understood
}

// NoSpamCode is FiCom's: a word that the user has agreed with his operator, which
// is to be verified unless Verify says no.
type NoSpamCode struct{ Verify, Code string }

// SignatureReq is MSS_SignatureReq.
type SignatureReq struct {
	Header
	ValidityDate string // xs:dateTime
	TimeOut      string // seconds
	Mode         string // MessagingMode
	User         MobileUser
	Data         Data  // DataToBeSigned
	Display      *Data // DataToBeDisplayed
	Profile      string
	Services     []AdditionalService
	Format       string // MSS_Format
	KeyReference bool   // there is one
	Comparison   string // SignatureProfileComparison: exact, minimum, better
}

// Signature is MSS_Signature.
type Signature struct {
	Format      signature.Format
	Value       []byte // DER SignedData, or the bare signature value
	Certificate []byte // of the signer, DER
}

// Status is StatusType. Reference, when set, is the code that the user
// compares: it belongs into StatusDetail.
type Status struct {
	Code      mssp.Code
	Message   string
	Reference string
	Progress  string // what an open transaction waits for: into StatusDetail too
}

// ServiceResponse answers an AdditionalService that has an answer.
type ServiceResponse struct {
	Description             string
	ErrorCode, ErrorMessage string
}

// SignatureResp is MSS_SignatureResp.
type SignatureResp struct {
	Header
	TransID   mssp.TransID // MSSP_TransID
	User      MobileUser
	Signature *Signature
	Profile   string
	Responses []ServiceResponse
	Status    Status
}

// StatusReq is MSS_StatusReq.
type StatusReq struct {
	Header
	TransID string // MSSP_TransID
}

// StatusResp is MSS_StatusResp.
type StatusResp struct {
	Header
	User      MobileUser
	Signature *Signature
	Status    Status
}

// ReceiptReq is MSS_ReceiptReq.
type ReceiptReq struct {
	Header
	TransID string
	User    MobileUser
	Message Data
}

// ReceiptResp is MSS_ReceiptResp.
type ReceiptResp struct {
	Header
	Status Status
}

// ProfileReq is MSS_ProfileReq.
type ProfileReq struct {
	Header
	User   MobileUser
	Params string // "sscds state certs pinstatus ...": what the extension shall tell
}

// ProfileResp is MSS_ProfileResp.
type ProfileResp struct {
	Header
	Profiles []string // SignatureProfile URIs that the user can serve now
	User     UserProfile
	Status   Status
}

// UserProfile is the ProfileQueryExtension: the user's card as we know it.
type UserProfile struct {
	State        string // ACTIVE or INACTIVE
	Bare         bool   // nothing but the state is told
	PINBlocked   bool
	Certificates []UserCertificate
}

// UserCertificate is one certificate of the user.
type UserCertificate struct {
	State     string // ACTIVE or INACTIVE
	Algorithm string // RSA or EC
	Subject   string // distinguished name (RFC 4514)
	DER       []byte
}
