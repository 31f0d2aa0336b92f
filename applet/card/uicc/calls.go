package uicc

import (
	"errors"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Applet is what the card triggers.
type Applet interface {
	// Process handles an event. h is nil while another session is on, before TERMINAL
	// PROFILE, or when the applet itself is in Send. An error is the applet's exception
	// (6F00).
	Process(e *Event, h Handler) error
	// Room says whether a message would be kept; a card that asks before it
	// triggers answers 9300 instead. No toolkit asks that.
	Room() bool
	// Reset forgets what the applet has in transient memory.
	Reset()
}

// EventKind says what has happened.
type EventKind byte

// Events.
const (
	Message     EventKind = iota + 1 // a formatted short message
	Menu                             // a choice in the card's menu
	Status                           // the terminal polls
	PowerOn                          // TERMINAL PROFILE; the handler comes later
	HandlerIdle                      // the handler that was asked for
)

// Event is one of them.
type Event struct {
	Kind     EventKind
	Envelope *Envelope // of a message
	Item     byte      // of the menu
	Help     bool      // is wanted about it
}

// Envelope is a message that the OTA layer has let through: what stood in the header of
// its packet, and its data in clear.
type Envelope struct {
	Origin
	TAR      ota.TAR
	KIc, KID byte
	Data     []byte
	// Post gives data to the PoR in the SMS-DELIVER-REPORT. It is false when there is
	// none, when they do not fit, and after the first Send.
	Post func(data []byte) bool
}

// Origin is what a response packet of the domain is made from, and where it goes.
type Origin struct {
	SPI  ota.SPI
	KVN  byte
	CNTR ota.CNTR
	From sms.Address // where answers go when no server address is set
}

// Handler issues proactive commands, one after another, and is of use only inside
// Process.
type Handler interface {
	// Init begins a command; Append adds an object to it.
	Init(kind, qualifier, to byte)
	Append(tag byte, value ...byte)
	// Send gives it to the terminal and waits for what becomes of it. After a loss of
	// power it does nothing, and Off is true: the applet returns and changes nothing.
	Send() Response
	Off() bool
}

// Response is a TERMINAL RESPONSE (TS 102 223 6.8). It is good until the next Send.
type Response struct {
	Result byte
	Info   []byte // additional information of the result, e.g. a cause
	Entry  bool   // there is a text, perhaps an empty one
	Text   applet.Text
	Item   byte // that was selected
}

// Memory is what survives a loss of power. What was put belongs together and becomes
// durable with one commit, or not at all.
type Memory interface {
	Get(name string) []byte
	Put(name string, value []byte) // nil deletes
	Commit() error
	Names(prefix string) []string
}

// ErrMemory means that memory holds what no card has written.
var ErrMemory = errors.New("not the memory of an emulated card, or damaged")

// System is the card as the applet has it.
type System interface {
	Memory
	// Has says whether the terminal can do something; only a long enough profile says no.
	Has(facility int) bool
	// Available asks for an event with the handler when no session is on.
	Available()
	// Poll asks for events at each STATUS, or for no more of them.
	Poll(on bool)
	// SetMenu changes the applet's entries in the card's menu.
	SetMenu(m List)
	// PIN is a code of the applet, nil when it has none with that number.
	PIN(n int) PIN
	// Respond makes a response packet of the domain's keys, after the applet has sent
	// commands. No toolkit gives that: carriage response needs it.
	Respond(o Origin, data []byte) []byte
	// Trace shows an observer what the applet has opened and made.
	Trace(kind TraceKind, name, detail string, octets []byte)
}

// TraceKind says what Trace shows.
type TraceKind byte

// Kinds.
const (
	TraceMessage TraceKind = iota + 1 // an INT6 message or answer
	TracePacket                       // a packet of the applet's own
)

// PIN is a code that the user chose. The card compares it and counts the tries; nothing
// gives its value.
type PIN interface {
	// Configure sets the format and the tries of a code; they are kept with it.
	Configure(lo, hi, tries byte)
	Format() (lo, hi byte)
	Tries() byte // wrong entries in a row that block
	Left() byte
	Set() bool // there is a code
	// Check spends a try, makes that durable, and compares; a right entry gets all
	// tries back, with the next commit.
	Check(entry string) (bool, error)
	// Update sets a code, Unblock gives its tries back, Remove forgets it.
	Update(digits string)
	Unblock()
	Remove()
	// Is compares without a try. No toolkit gives that.
	Is(digits string) bool
}
