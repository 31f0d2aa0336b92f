package carriage

import (
	"errors"
	"fmt"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Carriage is one of the ways, without state: Response, Packet or Own. Security,
// keys and counters are arguments.
type Carriage interface {
	// Name is how card profiles name it.
	Name() string
	// Version is the first octet of messages and answers.
	Version() byte
	// Needs says whose keys and counter Seal takes when the profile has this SPI.
	Needs(spi ota.SPI) Needs
	// Security is what a packet with the SPI of the profile is held to.
	Security(spi ota.SPI, lab bool) ota.Security
	// Room is how many octets of message fit into a packet of so many.
	Room(octets int, spi ota.SPI) int
	// Seal appends the packet that goes to the card to dst. Its errors are those of
	// ota.Security.CheckCommand and ota.KeySet.Seal.
	Seal(dst []byte, c *Command) ([]byte, error)
	// Begin looks at the first part of what seems to come from the card, before a
	// place is given to it: an error says that it cannot be the beginning of an
	// answer. Anybody can write what it accepts.
	Begin(e *Expected, cpi sms.CPI, ud []byte) (ota.Start, error)
	// Open appends the clear text of what has come from the card to dst and says
	// what it is. An error says that it is not authentic, or nothing that
	// this carriage knows: it changes nothing.
	Open(dst []byte, e *Expected, cpi sms.CPI, ud []byte) (Heard, error)
}

// Needs are the keys without which a carriage cannot work: those of the security domain, the
// request keys of the applet, its answer keys.
type Needs struct{ Domain, Request, Answer bool }

// Command is a message on its way to the card.
type Command struct {
	TAR     ota.TAR
	SPI     ota.SPI // of the profile
	Lab     bool
	Message []byte

	Domain     *ota.KeySet // of the security domain
	DomainCNTR ota.CNTR
	Applet     *ota.KeySet // request keys of the applet (Keys.Request)
	AppletCNTR ota.CNTR
}

// Expected is what an answer is opened with.
type Expected struct {
	TAR    ota.TAR
	SPI    ota.SPI // of the profile
	Lab    bool
	Domain *ota.KeySet // nil: none is known
	// Answers are the answer keys that are accepted: the confirmed set, and while
	// it is replaced the new one (Keys.Answer).
	Answers []*ota.KeySet
}

// answers finds the accepted set of that number.
func (e *Expected) answers(set byte) *ota.KeySet {
	for _, ks := range e.Answers {
		if ks.KVN() == set {
			return ks
		}
	}
	return nil
}

// authenticPoR reports whether a response packet of the domain can be authentic.
func (e *Expected) authenticPoR() bool {
	return e.SPI.PoR() != ota.PoRNever && e.SPI.PoRIntegrity() == ota.IntegrityCC && e.Domain != nil
}

// Kind is what has come from a card.
type Kind byte

// Kinds.
const (
	// Answer: INT6 is an answer of the applet.
	Answer Kind = iota + 1
	// Arrived: the card has the message and says nothing about it.
	Arrived
	// Shown: the card has the message and asks the user.
	Shown
	// Refused: the card has not opened the packet; Status says why.
	Refused
)

// Heard is what has come from a card, authentic.
type Heard struct {
	Kind   Kind
	Status ota.ResponseStatus // of a response packet
	INT6   []byte             // of an Answer

	// Request is the command that is answered, the first half of the hash over its
	// message (tag B7). A response packet names it by its counter; an Answer with
	// neither says it by its transaction number alone.
	Request  []byte
	Response *ota.Response

	// An answer packet: its key set and counter. It is to be used once.
	Set     byte
	Counter ota.CNTR
}

// Why something from a card is none that its carriage knows.
var (
	// ErrMark: the message has no mark of a secured packet in its header.
	ErrMark = errors.New("no mark of a secured packet in its first part")
	// ErrTAR: for or from another application.
	ErrTAR = errors.New("for an application that was not asked")
	// ErrForm: an answer is not secured in exactly the way that the carriage fixes.
	ErrForm = errors.New("not secured as an answer of this card is")
	// ErrKeySet: sealed with a key set that this card is not known to have.
	ErrKeySet = errors.New("under a key set that this card is not known to have")
	// ErrNoAnswer: a response packet that carries data where the answer is a
	// packet of its own, or that nobody can authenticate.
	ErrNoAnswer = errors.New("a response packet is no answer of this card")
	// ErrIdle: a response packet that was asked for and says nothing here.
	ErrIdle = errors.New("a response packet says nothing of this card")
)

// All are the carriages, the default of new profiles first.
func All() []Carriage { return []Carriage{Packet{}, Response{}, Own{}} }

// Of is the carriage with a name.
func Of(name string) (Carriage, error) {
	for _, c := range All() {
		if c.Name() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no carriage %q: it must be packet, response or own", name)
}

// Octets around the data of a packet (TS 102 225 5.1): CPL to TAR in clear, then
// CNTR, PCNTR and CC.
const (
	clearOctets   = 10
	counterOctets = 6
	ccOctets      = 8
	cipherBlock   = 16
)

// sealedRoom is the room for data in a packet with CC that is ciphered in blocks.
func sealedRoom(octets int) int {
	n := octets - clearOctets
	return n - n%cipherBlock - counterOctets - ccOctets
}
