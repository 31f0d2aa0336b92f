// Package admin is what an operator does to a service: application providers,
// cards, users, registration, personal codes, the CA.
//
// Backend is the list of these operations. Service does them on a store, a
// vault and an engine; Client asks the Service of another process over a unix
// socket that only the owner of the service may open (mode 0600). The
// commands of simsign take whichever is there: a running service owns its
// database, so they ask it; where none runs, those that need no card open the
// database themselves.
//
// Requests and answers are small JSON documents, one POST an operation. Card
// keys and passwords pass the socket, and neither of them ever gets into a log
// line: an operation is logged by its name and what it did, with masked numbers.
package admin

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/smpp/esme"
)

// ErrNotRunning means that the operation needs the running service: only it
// can reach a card.
var ErrNotRunning = errors.New("this needs the running service (simsign serve)")

// Backend is every operation.
type Backend interface {
	AddAP(ctx context.Context, r APRequest) (APAdded, error)
	APs(ctx context.Context, r Page) ([]APInfo, error)
	DisableAP(ctx context.Context, r APDisable) (APInfo, error)

	ImportCards(ctx context.Context, r CardImport) (CardImported, error)
	Cards(ctx context.Context, r Page) ([]CardInfo, error)
	ReleaseCard(ctx context.Context, r CardName) (CardInfo, error)
	AdvanceCounters(ctx context.Context, r CardName) (CountersAdvanced, error)

	AddUser(ctx context.Context, r UserRequest) (UserInfo, error)
	Users(ctx context.Context, r Page) ([]UserInfo, error)
	User(ctx context.Context, r UserName) (UserInfo, error)
	Register(ctx context.Context, r Registration) (Registered, error)
	ManageCode(ctx context.Context, r CodeRequest) (Outcome, error)
	AppletState(ctx context.Context, r UserName) (AppletInfo, error)

	InitCA(ctx context.Context, r CARequest) (CAInfo, error)

	ListSMSCs(ctx context.Context, r Page) ([]esme.Status, error)
	OrderSMSC(ctx context.Context, r SMSCOrder) (esme.Status, error)
	TraceSMSC(ctx context.Context, r SMSCName) (SMSCTrace, error)
}

// APRequest registers an application provider.
type APRequest struct {
	Name     string   `json:"name"`               // shown on handsets: who asks
	ID       string   `json:"id,omitempty"`       // AP_ID, a URI; empty makes one from the name
	Password string   `json:"password,omitempty"` // empty makes one
	NoPass   bool     `json:"noPassword,omitempty"`
	Certs    []string `json:"certs,omitempty"`    // SHA-256 of client certificates (DER), hexadecimal
	Profiles []string `json:"profiles,omitempty"` // signature profiles it may use; empty: all
	Prefixes []string `json:"prefixes,omitempty"` // numbers it may reach; empty: all
}

// APAdded holds the password that was made: it is shown once and stored only
// as a hash.
type APAdded struct {
	APInfo
	Password string `json:"password,omitempty"`
}

// APInfo is an application provider without its secrets.
type APInfo struct {
	ID       mssp.APID `json:"id"`
	Name     string    `json:"name"`
	Password bool      `json:"password"` // it may use one
	Certs    int       `json:"certs"`
	Disabled bool      `json:"disabled"`
}

// APDisable takes a provider out of service, or puts it back.
type APDisable struct {
	ID     string `json:"id"`
	Enable bool   `json:"enable,omitempty"`
}

// CardImport is a card file (see ParseCards).
type CardImport struct {
	CSV string `json:"csv"`
}

// CardImported says what became of the cards of a file.
type CardImported struct {
	Imported int `json:"imported"`
	// Present were there already and are as they were: their keys and counters
	// are not touched.
	Present int `json:"present"`
}

// CardInfo is a card without its keys.
type CardInfo struct {
	ICCID   string `json:"iccid"`
	IMSI    string `json:"imsi,omitempty"`
	Profile string `json:"profile"`
	State   string `json:"state"`
}

// Page asks for a part of a list: what comes after After (empty: from the
// start), at most Limit (0: 1,000).
type Page struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// UserRequest registers a subscriber: the RA has verified who holds the
// number (requirement 3.5.1-1).
type UserRequest struct {
	MSISDN   string `json:"msisdn"`
	ICCID    string `json:"iccid"`
	Name     string `json:"name"`
	Serial   string `json:"serial,omitempty"` // stable identity in certificates; empty makes one
	Language string `json:"language,omitempty"`
}

// UserName names a user.
type UserName struct {
	MSISDN string `json:"msisdn"`
}

// UserInfo is a subscriber with the card and the keys.
type UserInfo struct {
	MSISDN   string    `json:"msisdn"`
	ICCID    string    `json:"iccid"`
	Name     string    `json:"name"`
	Serial   string    `json:"serial"`
	Language string    `json:"language,omitempty"`
	State    string    `json:"state"`
	Blocked  [2]bool   `json:"blocked"` // codes: authentication, non-repudiation
	Keys     []KeyInfo `json:"keys,omitempty"`
}

// KeyInfo is a key slot.
type KeyInfo struct {
	Slot      byte      `json:"slot"`
	Usage     string    `json:"usage"`
	Algorithm string    `json:"algorithm"`
	State     string    `json:"state"`
	Serial    string    `json:"serial,omitempty"` // of the certificate
	NotAfter  time.Time `json:"notAfter,omitzero"`
}

// Registration makes a key pair on the card and a certificate for it.
type Registration struct {
	MSISDN    string `json:"msisdn"`
	Usage     string `json:"usage"`               // authentication or non-repudiation
	Algorithm string `json:"algorithm,omitempty"` // empty: the first of the card profile
	Flow      string `json:"flow,omitempty"`      // A or B
	PoP       string `json:"pop,omitempty"`       // code given to the user by another channel
}

// Registered is the new key.
type Registered struct {
	Key         KeyInfo `json:"key"`
	Certificate []byte  `json:"certificate"` // DER
}

// CodeRequest manages a personal code; the user enters it on the device.
type CodeRequest struct {
	MSISDN    string `json:"msisdn"`
	Usage     string `json:"usage"`
	Operation string `json:"operation"` // create, reset, unblock, change
}

// Outcome is how a transaction ended.
type Outcome struct {
	Status mssp.Code `json:"status"`
	Detail string    `json:"detail,omitempty"`
}

// AppletInfo is what an applet says of itself.
type AppletInfo struct {
	LifeCycle string     `json:"lifeCycle"`
	Language  string     `json:"language,omitempty"`
	Codes     []CodeInfo `json:"codes,omitempty"`
	Slots     []KeyInfo  `json:"slots,omitempty"`
}

// CodeInfo is a personal code; never its value.
type CodeInfo struct {
	Usage     string `json:"usage"`
	State     string `json:"state"` // not set, set, blocked
	TriesLeft int    `json:"triesLeft"`
}

// CARequest makes the built-in CA.
type CARequest struct {
	Name         string `json:"name"`
	Organization string `json:"organization,omitempty"`
	Country      string `json:"country,omitempty"`
	Key          string `json:"key,omitempty"` // P-256, P-384, RSA-3072, RSA-4096
	Test         bool   `json:"test,omitempty"`
	UnderRoot    bool   `json:"underRoot,omitempty"`
}

// CAInfo is the CA that was made.
type CAInfo struct {
	Subject     string    `json:"subject"`
	NotAfter    time.Time `json:"notAfter"`
	Certificate []byte    `json:"certificate"`    // DER
	Root        []byte    `json:"root,omitempty"` // the one above it, when there is one; DER
	// Restart says that a running service serves the CA only after a restart.
	Restart bool `json:"restart,omitempty"`
}
