// Package neighbour is a second applet on an emulated card, in a room of its own: what an
// operator, or whoever else has the keys of the security domain, could load beside the
// signing applet. It has the same calls of package uicc and nothing else, and does with them
// what the message that triggers it says, so that somebody outside can see how far an applet
// gets on this card: to its own memory and its own code, and to nothing of its neighbour's
// (requirement 3.4-9).
//
// A message is one octet, the call, and what the call needs; the answer is in the PoR (data
// posted before the first command to the terminal): 01 and what the call gave, or 00 where it gave
// nothing. What a command to the terminal gave is kept under the name "entry", since nothing
// can be posted any more then.
package neighbour

import (
	"slices"
	"strings"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// Call is what the applet is told to try.
type Call byte

// Calls, with what follows.
const (
	Names   Call = 1 // the beginning of names in memory
	Get     Call = 2 // a name
	Put     Call = 3 // length of a name, name, value
	Code    Call = 4 // number of a code, CodeCall, digits
	Respond Call = 5 // data for a response packet of the domain
	Show    Call = 6 // a text for the screen
	Ask     Call = 7 // a prompt; what the user enters is kept
)

// CodeCall is what it does with a code.
type CodeCall byte

// Calls of uicc.PIN.
const (
	CodeState CodeCall = iota // set, tries left, tries, minimum, maximum
	CodeCheck
	CodeIs
	CodeUpdate
	CodeUnblock
	CodeRemove
	CodeConfigure
)

// entry is the name of what the user entered.
const entry = "entry"

// Applet is it.
type Applet struct{ sys uicc.System }

// New installs it.
func New(sys uicc.System) *Applet { return &Applet{sys} }

var _ uicc.Applet = (*Applet)(nil)

// Process is uicc.Applet.
func (a *Applet) Process(e *uicc.Event, h uicc.Handler) error {
	if e.Kind != uicc.Message || len(e.Envelope.Data) == 0 {
		return nil
	}
	call, rest := Call(e.Envelope.Data[0]), e.Envelope.Data[1:]
	if call == Show || call == Ask {
		e.Envelope.Post(answer(nil, h != nil))
		a.speak(h, call, string(rest))
		return nil
	}
	e.Envelope.Post(answer(a.try(e, call, rest)))
	return nil
}

func answer(octets []byte, ok bool) []byte {
	if !ok {
		return []byte{0}
	}
	return append([]byte{1}, octets...)
}

// speak needs the handler: while another session is on it has none.
func (a *Applet) speak(h uicc.Handler, call Call, text string) {
	if h == nil {
		return
	}
	t, ok := applet.ScreenText(text)
	if !ok {
		return
	}
	if call == Show {
		uicc.DisplayText(h, t, uicc.DisplayHigh, 0)
		h.Send()
		return
	}
	uicc.GetInput(h, t, 1, 16, uicc.InputHidden, 0)
	r := h.Send()
	a.sys.Put(entry, slices.Clone(r.Text.Octets))
	_ = a.sys.Commit() // a failure shows in the next command
}

// try makes a call that asks nobody.
func (a *Applet) try(e *uicc.Event, call Call, b []byte) ([]byte, bool) {
	switch call {
	case Names:
		names := a.sys.Names(string(b))
		return []byte(strings.Join(names, "\x00")), len(names) > 0
	case Get:
		v := a.sys.Get(string(b))
		return v, v != nil
	case Put:
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return nil, false
		}
		a.sys.Put(string(b[1:1+b[0]]), slices.Clone(b[1+b[0]:]))
		return nil, a.sys.Commit() == nil
	case Code:
		if len(b) < 2 {
			return nil, false
		}
		return code(a.sys.PIN(int(b[0])), CodeCall(b[1]), string(b[2:]))
	case Respond:
		p := a.sys.Respond(e.Envelope.Origin, b)
		return p, p != nil
	}
	return nil, false
}

// code makes a call of a code, when there is one.
func code(k uicc.PIN, call CodeCall, digits string) ([]byte, bool) {
	if k == nil {
		return nil, false
	}
	switch call {
	case CodeState:
		lo, hi := k.Format()
		set := byte(0)
		if k.Set() {
			set = 1
		}
		return []byte{set, k.Left(), k.Tries(), lo, hi}, true
	case CodeCheck:
		ok, err := k.Check(digits)
		return nil, ok && err == nil
	case CodeIs:
		return nil, k.Is(digits)
	case CodeUpdate:
		k.Update(digits)
	case CodeUnblock:
		k.Unblock()
	case CodeRemove:
		k.Remove()
	case CodeConfigure:
		k.Configure(4, 16, 15)
	default:
		return nil, false
	}
	return nil, true
}

// Room is uicc.Applet: nothing waits here.
func (*Applet) Room() bool { return true }

// Reset is uicc.Applet.
func (*Applet) Reset() {}
