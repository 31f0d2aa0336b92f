package operator

import (
	"time"

	"github.com/simsign/simsign/mssp"
)

// APRequest registers an application provider.
type APRequest struct {
	Name     string   `json:"name"`               // shown on handsets: who asks
	ID       string   `json:"id,omitempty"`       // AP_ID, a URI; empty makes one from the name
	Password string   `json:"password,omitempty"` // empty makes one
	NoPass   bool     `json:"noPassword,omitempty"`
	Certs    []string `json:"certs,omitempty"`    // SHA-256 of client certificates (DER), hexadecimal
	Profiles []string `json:"profiles,omitempty"` // signature profiles it may use; empty: all
	Prefixes []string `json:"prefixes,omitempty"` // numbers it may reach; empty: all
	APSwitches
}

// APSwitches are mssp.Switches on their way to and from the operator.
type APSwitches struct {
	Octets       []string `json:"octets,omitempty"` // signature profiles under which it may have hashes and octets signed
	OtherDisplay bool     `json:"otherDisplay,omitempty"`
	Certificates bool     `json:"certificates,omitempty"`
	UniqueIDs    bool     `json:"uniqueIDs,omitempty"`
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
	Certs    []string  `json:"certs,omitempty"`
	Profiles []string  `json:"profiles,omitempty"` // empty: all
	Prefixes []string  `json:"prefixes,omitempty"` // empty: all
	APSwitches
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created,omitzero"`
	Removed  time.Time `json:"removed,omitzero"`
	Version  int64     `json:"version"`
}

// APName names an application provider.
type APName struct {
	ID string `json:"id"`
}

// APEdit changes what is not nil of an application provider; a list is
// replaced as a whole. With Version, nothing is changed unless the provider is
// still the one that was read.
type APEdit struct {
	ID           string    `json:"id"`
	Version      int64     `json:"version,omitempty"`
	Name         *string   `json:"name,omitempty"`
	Certs        *[]string `json:"certs,omitempty"`
	Profiles     *[]string `json:"profiles,omitempty"`
	Prefixes     *[]string `json:"prefixes,omitempty"`
	Octets       *[]string `json:"octets,omitempty"`
	OtherDisplay *bool     `json:"otherDisplay,omitempty"`
	Certificates *bool     `json:"certificates,omitempty"`
	UniqueIDs    *bool     `json:"uniqueIDs,omitempty"`
}

// APPassword gives an application provider another password; the former one
// opens nothing any more.
type APPassword struct {
	ID       string `json:"id"`
	Password string `json:"password,omitempty"` // empty makes one
	NoPass   bool   `json:"noPassword,omitempty"`
}

// APRemoved is what is left of a provider.
type APRemoved struct {
	APInfo
	// Cancelled are its transactions that were open. Open are those that no running
	// service could cancel: they end by themselves, and their signatures are given
	// to nobody.
	Cancelled int `json:"cancelled"`
	Open      int `json:"open"`
}

// APDisable takes a provider out of service, or puts it back.
type APDisable struct {
	ID     string `json:"id"`
	Enable bool   `json:"enable,omitempty"`
}

// CardImport is a card file (see ParseCards).
type CardImport struct {
	CSV    string `json:"csv"`
	Issuer string `json:"issuer,omitempty"` // of the cards that are new; empty: none
	Master string `json:"master,omitempty"` // key from which keys of applets come: 32 hexadecimal digits
}

// CardImported says what became of the cards of a file.
type CardImported struct {
	Imported int `json:"imported"`
	// Present were there already and are as they were: their keys and counters
	// are not touched.
	Present int `json:"present"`
	// Note says what of present cards differs from the file, a line each.
	Note string `json:"note,omitempty"`
}

// CardInfo is a card without its keys.
type CardInfo struct {
	ICCID   string `json:"iccid"`
	IMSI    string `json:"imsi,omitempty"`
	Profile string `json:"profile"`
	State   string `json:"state"`
	// Carriage is how messages travel to the applet.
	Carriage string `json:"carriage"`
	Issuer   string `json:"issuer,omitempty"` // that owns it; empty: nobody has named one
	// Applet is its state as it last told or proved it: installed, active or
	// deactivated; empty when it has not.
	Applet string `json:"applet,omitempty"`
}

// CardDetail is a card with what is known of its keys, which it does not show.
type CardDetail struct {
	OneCode bool `json:"oneCode,omitempty"` // one personal code for both usages
	CardInfo
	MSISDN string `json:"msisdn,omitempty"` // of the user who has it
	// Emptying are slots of registrations that have ended: the card deletes their pairs with
	// the next contact.
	Emptying []int        `json:"emptying,omitempty"`
	Keys     []KeySetInfo `json:"keys,omitempty"`
	Offers   *OffersInfo  `json:"offers,omitempty"` // nil: it has not said
}

// CardQuestion asks for a card. Ask has the card say first what it offers.
type CardQuestion struct {
	ICCID string `json:"iccid"`
	Ask   bool   `json:"ask,omitempty"`
}

// OffersInfo is what an applet offers (INT6 B8).
type OffersInfo struct {
	Carriages      []string `json:"carriages"`
	Level          int      `json:"level"`
	LongestRequest int      `json:"longestRequest"` // octets
	LongestAnswer  int      `json:"longestAnswer"`
	Hashes         []string `json:"hashes"`
	Slots          int      `json:"slots"`
	Codes          int      `json:"codes"`
	Waiting        int      `json:"waiting"`
	KeySet         int      `json:"keySet"` // of the applet, in use
	API            string   `json:"api"`
	Applet         string   `json:"applet"`
	// Algorithms are names and what the card does with them.
	Algorithms []string `json:"algorithms"`
}

// KeySetInfo is a key set without its keys.
type KeySetInfo struct {
	KVN     byte   `json:"kvn"`
	Applet  bool   `json:"applet,omitempty"`  // of the applet, not of the security domain
	Counter string `json:"counter"`           // last one that a request has used
	Answers string `json:"answers,omitempty"` // of an applet: highest one of an answer that had an effect
	What    string `json:"what"`              // algorithms; of an applet generation and state
}

// KeyRotation orders a new key for the applet of a card.
type KeyRotation struct {
	ICCID  string `json:"iccid"`
	NoWait bool   `json:"noWait,omitempty"` // for its answer
}

// Page asks for a part of a list: what comes after After (empty: from the
// start), at most Limit (0: 1,000).
type Page struct {
	After  string `json:"after,omitempty"`
	Limit  int    `json:"limit,omitempty"`
	Issuer string `json:"issuer,omitempty"` // of whose cards; "": of all
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
	// Identity is who has identified him; nil: nobody has recorded it.
	Identity *IdentityInfo `json:"identity,omitempty"`
	// Device is whose he is, where he is a device; nil: he is a person.
	Device *DeviceInfo `json:"device,omitempty"`
	Open   []DutyInfo  `json:"open,omitempty"` // what is left to do of suspensions and revocations
	// Limits are what protects him now, of all providers (without an id) and of each.
	Limits []LimitInfo `json:"limits,omitempty"`
}

// LimitInfo is what counts at a number: see package abuse.
type LimitInfo struct {
	AP       mssp.APID `json:"ap,omitempty"`
	Peace    time.Time `json:"peace,omitzero"`     // until then he is not reached
	Prompts  int       `json:"prompts,omitempty"`  // within the last minute
	Unsigned int       `json:"unsigned,omitempty"` // cancelled or not answered within ten
	Damaged  bool      `json:"damaged,omitempty"`  // the row cannot be read: all requests are refused
}

// Lift takes away what counts at a number: of one provider, or of all ("").
type Lift struct {
	MSISDN string    `json:"msisdn"`
	AP     mssp.APID `json:"ap,omitempty"`
}

// UserErase erases what is kept of a person. By is who does it: it is logged.
type UserErase struct {
	MSISDN string `json:"msisdn"`
	By     string `json:"by"`
}

// UserErased says what was erased.
type UserErased struct {
	MSISDN       string `json:"msisdn"`
	Transactions int64  `json:"transactions"`
	// Pending says why the octets may still stand in the files of the database, where
	// nothing refers to them; "" when they do not.
	Pending string `json:"pending,omitempty"`
}

// RetentionQuestion asks what is kept how long.
type RetentionQuestion struct{}

// RetentionErase erases what is due. Today is the date by a clock that whoever
// erases trusts (YYYY-MM-DD), By who that is.
type RetentionErase struct {
	Today string `json:"today"`
	By    string `json:"by"`
}

// RetentionInfo is what is kept how long, what is due, and what erasing goes by.
type RetentionInfo struct {
	Kinds []KindInfo `json:"kinds"`
	Time  time.Time  `json:"time"`            // by which ages are counted
	Clock time.Time  `json:"clock"`           // of the machine
	Waits string     `json:"waits,omitempty"` // why nothing is erased by age now
}

// AuditLog is the kind of the entries of the audit log, which no transaction keeps.
const AuditLog mssp.Erasable = "audit"

// KindInfo is a kind of what a transaction leaves, or the audit log.
type KindInfo struct {
	Kind   mssp.Erasable `json:"kind"`
	Kept   string        `json:"kept"`
	Due    int64         `json:"due"`              // transactions of which it will go; entries of the audit log
	Erased int64         `json:"erased,omitempty"` // of which it went just now
	Oldest time.Time     `json:"oldest,omitzero"`  // of the audit log: from when its first entry is
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

// CardSlots are the key slots of a card.
type CardSlots struct {
	ICCID string     `json:"iccid"`
	Slots []SlotInfo `json:"slots"`
}

// SlotInfo is a slot as our rows have it and as the card says.
type SlotInfo struct {
	Slot byte     `json:"slot"`
	Row  *KeyInfo `json:"row,omitempty"`  // nil: no row says that it holds a pair
	Card *KeyInfo `json:"card,omitempty"` // nil: the card was not asked
	Kept string   `json:"kept,omitempty"` // why it is not emptied; empty: it may be
}

// SlotName names a key slot of a card.
type SlotName struct {
	ICCID string `json:"iccid"`
	Slot  int    `json:"slot"`
}

// Registration makes a key pair on the card and a certificate for it.
type Registration struct {
	MSISDN    string `json:"msisdn"`
	Usage     string `json:"usage"`               // authentication or non-repudiation
	Algorithm string `json:"algorithm,omitempty"` // empty: the first of the card profile
	Flow      string `json:"flow,omitempty"`      // A or B
	PoP       string `json:"pop,omitempty"`       // code given to the user by another channel
	PoPMade   bool   `json:"popMade,omitempty"`   // the code that was made here (MakePoP) is asked for
	SamePair  bool   `json:"samePair,omitempty"`  // another certificate for the pair whose own has expired (5.11)
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

// CardName names a card.
type CardName struct {
	ICCID string `json:"iccid"`
}

// CountersAdvanced says how far the replay counters of a card are now.
type CountersAdvanced struct {
	Sets []CounterInfo `json:"sets"`
}

// CounterInfo is the counter of one key set, before and after.
type CounterInfo struct {
	KVN    byte   `json:"kvn"`
	From   string `json:"from"` // 10 hexadecimal digits
	To     string `json:"to"`
	Applet bool   `json:"applet,omitempty"` // of the applet, not of the security domain
}
