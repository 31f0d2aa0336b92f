package mssp

import (
	"time"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// CardProfile is what we know about one kind of card. The security level of
// everything that goes to or comes from such a card is decided here and
// nowhere else: never by a request, never by a packet.
type CardProfile struct {
	Name string
	TAR  ota.TAR // of the applet
	SPI  ota.SPI // of command packets; default 16 39
	// Carriage is how a message travels to the applet and its answer back; nil is
	// that of INT6 version 01, response.
	Carriage carriage.Carriage
	// ByKey: the profile says no carriage. A card that is imported with a key of its applet
	// has packet, and one without response.
	ByKey bool
	Lab   bool // permits DES, RC and packets below CC + ciphering + counter; test cards only

	// Transport.
	PID, DCS      byte   // MT: default 7F, F6
	ConcatRef16   bool   // 16-bit concatenation references
	CPIFirst      bool   // element 70 before the concatenation element
	ServerAddress string // digits of the number that the applet answers to

	// What the applet can do (requirement 3.2-4).
	Algorithms  []byte // INT6 algorithm numbers
	Slots       byte   // number of key slots
	CodeMin     [2]byte
	CodeMax     [2]byte // length of the codes, index 0 authentication, 1 non-repudiation
	OneCode     bool    // the first code guards keys of both usages (3.4-8)
	UTF8        bool    // the applet takes text coding F8 (UTF-8), see applet/INT6.md
	StoresCert  bool    // wants the user certificate (3.3-6)
	MaxSegments int     // largest MT packet in segments; 0 means 4
	Longest     int     // octets of a message that the applet reads; 0: what the segments hold
}

// Code is the usage by which the personal code is known that guards keys of a usage; 0 stays
// 0.
func (p *CardProfile) Code(u KeyUsage) KeyUsage {
	if p.OneCode && u != 0 {
		return Authentication
	}
	return u
}

// Way is the carriage of the profile.
func (p *CardProfile) Way() carriage.Carriage {
	if p.Carriage == nil {
		return carriage.Response{}
	}
	return p.Carriage
}

// Security is what packets to a card of the profile are held to.
func (p *CardProfile) Security() ota.Security { return p.Way().Security(p.SPI, p.Lab) }

// Journey is the user journey of requirement 3.5.3-1.
type Journey byte

// Journeys; the values are those of INT6 tag 9B.
const (
	OneStep Journey = 1
	TwoStep Journey = 2
)

// SignatureProfile is what a SignatureProfile URI means here.
type SignatureProfile struct {
	URI     string
	Aliases []string
	Usage   KeyUsage
	Journey Journey
	// SignedAttributes: CMS with contentType, messageDigest and signingTime;
	// otherwise the card signs the hash of the content itself.
	SignedAttributes bool
	// OtherDisplay: a provider that may, may show another text beside the one that
	// is signed.
	OtherDisplay bool
	TimeOut      time.Duration // default life of a transaction
	MaxTimeOut   time.Duration // the most that an AP may ask for
	LoA          int           // 4; 3 is refused where 4 is asked for
}
