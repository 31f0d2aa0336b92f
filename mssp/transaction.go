package mssp

import (
	"time"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// TransID is an MSSP_TransID: "h" and lower-case base32, an NCName of at most 32 octets.
type TransID string

// APID is an AP_ID: the URI that names an application provider.
type APID string

// MessagingMode is the MessagingMode attribute of TS 102 204.
type MessagingMode string

// Messaging modes.
const (
	Synch              MessagingMode = "synch"
	AsynchClientServer MessagingMode = "asynchClientServer"
	AsynchServerServer MessagingMode = "asynchServerServer"
)

// Kind says what a transaction asks of the card. All kinds share one queue
// per card, one life cycle and one path over the air.
type Kind string

// Kinds of transaction.
const (
	KindSign     Kind = "sign"     // SignTransaction for an AP
	KindRegister Kind = "register" // SignTransaction(register key)
	KindHandler  Kind = "handler"  // generate, read, confirm, delete keys
	KindCode     Kind = "code"     // ManagePersonalCode
	KindApplet   Kind = "applet"   // SetAppletData, ChangeAppletStatus
)

// Transaction is one request on its way to a card and back. The row that
// holds it is the only truth: goroutines, waiters and timers come and go.
type Transaction struct {
	ID        TransID
	Seq       int64 // order of acceptance; the queue of a card follows it
	Kind      Kind
	AP        APID   // who asked, and the only one who may see the answer; "" for the operator's own
	APTransID string // AP_TransID
	// Instant is AP_Info.Instant in nanoseconds since 1970: with AP and APTransID it
	// tells one request from the next (I12). 0: it came without; OldInstant: not known.
	Instant int64
	// Once is set when the provider's record asked that APTransID is never used again.
	Once        bool
	RequestHash []byte // SHA-256 of the meaning of the request; tells a repeat from a reuse
	MSISDN      sms.MSISDN
	ICCID       ota.ICCID
	Mode        MessagingMode
	Profile     string // SignatureProfile URI as asked for
	// Request and Result are JSON documents owned by the engine (what to sign
	// and show, how to assemble the answer; what came of it).
	Request []byte
	Result  []byte
	// INT6 is the message for the applet, made once: a new attempt carries the
	// same one under a new counter. AppletTxn is its transaction number,
	// unique per card.
	INT6      []byte
	AppletTxn uint32

	State   State
	Status  Code   // set when State is final; 0 before
	Detail  string // why, for the AP, when Status is a fault
	Attempt int    // packets sealed so far

	CreatedAt  time.Time
	SentAt     time.Time // first packet sealed; zero while queued
	Deadline   time.Time // after it the transaction expires; a column, not a timer
	FinishedAt time.Time
	Ended      Event  // that ended it; "" in rows of an earlier release
	EndedBy    string // the operator who has cancelled it
	Version    int64  // optimistic lock

	// Late is what the card's answer said that came after the end, LateAt when the
	// first one came.
	Late   string
	LateAt time.Time

	Observer Observer // who is told of its end
	Erased   Erased   // what of it was erased after the end

	// Damage says what of the row cannot be understood. Nothing is done with such
	// a transaction but to set it aside (EventSetAside); an ended one has failed,
	// whatever it was, because nobody knows what it was. It is no column.
	Damage string
}

// RepeatFor is how long a request that comes again with the same Instant is taken
// for a transport that tries once more.
const RepeatFor = 24 * time.Hour

// OldInstant is the Instant of a transaction that an earlier release accepted.
const OldInstant = -1

// Observer is who is told that a transaction has ended, besides those who wait
// for it or ask: it is told at least once, from the commit that ends the
// transaction on, and across restarts.
type Observer struct {
	Name string // under which the engine knows it; "" for nobody
	Data []byte // what it needs to know: a URL, a token; not logged
}

// SubscriberState is the service state of a subscriber.
type SubscriberState string

// Subscriber states.
const (
	SubscriberActive    SubscriberState = "active"
	SubscriberSuspended SubscriberState = "suspended"
	SubscriberRemoved   SubscriberState = "removed"
)

// Subscriber binds a telephone number to the card that answers under it.
type Subscriber struct {
	MSISDN    sms.MSISDN
	ICCID     ota.ICCID
	Name      string // common name for certificates
	Serial    string // serialNumber attribute of the subject: the stable identity
	Language  string // ISO 639-1
	State     SubscriberState
	CreatedAt time.Time
	Version   int64 // optimistic lock
}

// States of a card. Nothing is sealed for a suspended one until the operator
// releases it.
const (
	CardActive    = "active"
	CardSuspended = "suspended" // too many security errors
)

// AppletState is the life cycle of an applet as the server knows it.
type AppletState string

// States of an applet. A deactivated one does nothing but to tell its state and to
// be activated.
const (
	AppletUnknown     AppletState = ""
	AppletInstalled   AppletState = "installed" // never activated, or set back to the beginning
	AppletActive      AppletState = "active"
	AppletDeactivated AppletState = "deactivated"
)

// Card is a card whose keys we hold.
type Card struct {
	ICCID   ota.ICCID
	IMSI    string
	Profile string // name of the card profile in the configuration: security level, TAR, algorithms
	// Carriage is how messages travel to the applet (package carriage): "packet", "own",
	// and "" for "response", that of INT6 version 01. It was chosen by the card's
	// profile when the card was imported, and changes only so.
	Carriage string
	State    string // CardActive or CardSuspended
	// CodeSet and Blocked mirror what the applet last told us about its codes
	// (index 0: authentication, 1: non-repudiation).
	CodeSet [2]bool
	Blocked [2]bool
	// Offers are the octets in which the applet has said what it can do (INT6 B8), "" when
	// it has not.
	Offers string
	Issuer string // id of the card issuer that owns it (package party); "" where nobody has named one
	// Applet mirrors the life cycle of the applet as its answers tell or prove it
	// (5.10-3); AppletUnknown when none has.
	Applet    AppletState
	BadPoR    int // security errors in a row
	CreatedAt time.Time
	Version   int64 // optimistic lock of the facts above; the queue has its own
}

// KeySet is one row of card keys: both blobs are sealed and open only inside
// the packet encoder (packages ota/keys and mssp/cardkeys).
type KeySet struct {
	ICCID ota.ICCID
	// Applet: keys of the applet itself (INT6 version 02), not of the security domain.
	Applet  bool
	KVN     byte   // key version: the high nibble of KIc and KID, 1 to 15
	Keys    []byte // sealed: keys.Material, or cardkeys.Installed of the applet
	Counter []byte // sealed: the last counter used
}

// CardKeys are the rows of a card that packets to a card are sealed with: the current key
// set of the security domain, KVN 0 where the card has none, and those of the
// applet, the newest first.
type CardKeys struct {
	KeySet
	Applet   []KeySet
	Carriage string // of the card
	Offers   string // of the card
}

// KeyState is the state of a key slot as the server knows it.
type KeyState string

// Key states, in the order in which a key passes through them.
const (
	KeyGenerated   KeyState = "generated"   // public key known
	KeyRegistering KeyState = "registering" // SignTransaction(register) under way
	KeyRequested   KeyState = "requested"   // PKCS#10 complete, certificate not confirmed
	KeyRegistered  KeyState = "registered"  // certificate issued; usable once the card has confirmed
	KeySuspended   KeyState = "suspended"   // with its certificate; may become registered again
	KeyRevoking    KeyState = "revoking"    // a revocation was asked for, which the CA has not confirmed: it signs no more
	KeyRevoked     KeyState = "revoked"     // for good (W-6); the pair is still on the card
	KeyAborted     KeyState = "aborted"     // its registration has ended without a certificate; the card has not said yet that it is gone
	KeyDeleted     KeyState = "deleted"     // the slot is empty
)

// KeyUsage is the one usage of a key (requirement 3.3-1).
type KeyUsage byte

// Key usages; the values are those of INT6 tag 90.
const (
	Authentication KeyUsage = 1
	NonRepudiation KeyUsage = 2
)

func (u KeyUsage) String() string {
	switch u {
	case Authentication:
		return "authentication"
	case NonRepudiation:
		return "non-repudiation"
	}
	return "unknown"
}

// KeyPair is a key slot of a card with the certificate that binds it.
type KeyPair struct {
	ICCID     ota.ICCID
	Slot      byte
	Usage     KeyUsage
	Algorithm byte // INT6 algorithm number
	State     KeyState
	Confirmed bool   // the card knows that the key is registered (A3/04 was answered)
	PublicKey []byte // SubjectPublicKeyInfo, DER
	CSR       []byte // PKCS#10, DER, once signed by the card
	Serial    string // certificate serial number, hexadecimal; "" before issue
	CertDER   []byte
	UpdatedAt time.Time
	Version   int64 // optimistic lock; see store.PutKeyPairs
}

// CertStatus is the state of an issued certificate.
type CertStatus string

// Certificate states.
const (
	CertPending   CertStatus = "pending" // recorded before signing; never valid
	CertValid     CertStatus = "valid"
	CertSuspended CertStatus = "suspended" // certificateHold
	CertRevoked   CertStatus = "revoked"   // for good (W-6)
)

// Certificate is one certificate that the built-in CA has issued.
type Certificate struct {
	Serial    string // hexadecimal, lower case
	ICCID     ota.ICCID
	MSISDN    sms.MSISDN
	Subject   string
	DER       []byte
	Status    CertStatus
	Reason    int // RFC 5280 CRLReason
	NotBefore time.Time
	NotAfter  time.Time
	RevokedAt time.Time
	KeyHash   string // SHA-256 of the SubjectPublicKeyInfo, hexadecimal: a key has one certificate
}

// AP is an application provider.
type AP struct {
	ID           APID
	Name         string   // shown first on the handset: who asks
	PasswordHash string   // of service.HashPassword or NewPassword; "" when only mutual TLS is allowed
	CertSHA256   []string // pinned client certificates, SHA-256 of the DER in hexadecimal
	Profiles     []string // SignatureProfile URIs it may use; empty: all
	Prefixes     []string // MSISDN prefixes that it may reach (digits); empty: all
	NotifyURL    string
	Disabled     bool
	CreatedAt    time.Time
	Switches
	RemovedAt time.Time // not zero: it is gone for good; its history stays, and nobody gets its AP_ID
	Version   int64     // optimistic lock
}

// Switches are what a provider may, or must, beyond the rule: each is given by
// the operator, and off for whoever was not given it.
type Switches struct {
	// Octets are the SignatureProfile URIs under which it may have hashes and
	// octets signed, of which no user can read what they mean.
	Octets []string
	// OtherDisplay: its DataToBeDisplayed may differ from the text that is signed,
	// where the profile permits it too.
	OtherDisplay bool
	Certificates bool // MSS_ProfileResp gives it the certificates of users
	UniqueIDs    bool // it never uses an AP_TransID again: a repeat with a new Instant is refused
}
