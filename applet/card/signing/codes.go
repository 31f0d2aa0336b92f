package signing

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// code is a personal code (requirements 3.4-1 to 3.4-4): an object of the card, which
// compares it and shows it to nobody.
type code struct{ uicc.PIN }

// Lengths of a code when nobody configured one before it was chosen.
const (
	defaultMinCode = 4
	defaultMaxCode = 8
)

func (k code) status() applet.CodeStatus {
	switch {
	case !k.Set():
		return applet.CodeNotSet
	case k.Left() == 0:
		return applet.CodeBlocked
	}
	return applet.CodeSet
}

// format is the permitted length in digits.
func (k code) format() (lo, hi byte) {
	if lo, hi = k.Format(); lo == 0 {
		return defaultMinCode, defaultMaxCode
	}
	return lo, hi
}

func (k code) formatted() bool {
	lo, _ := k.Format()
	return lo != 0
}

// choose sets a code that the user chose; it fixes the length (3.4-4).
func (k code) choose(digits string) {
	lo, hi := k.format()
	k.Configure(lo, hi, k.Tries())
	k.Update(digits)
}

// codeStore is the personal codes and the unblocking code.
type codeStore struct {
	sys   uicc.System
	count int // how many there are
}

// unblocking is the place of the unblocking code behind the others.
const unblocking = 2

// get gives a code by its reference.
func (s *codeStore) get(ref applet.CodeRef) code { return code{s.sys.PIN(int(ref) - 1)} }

// forget sets the codes to what installation left: none, with the tries that it gave. A
// length that was set stays: it is never altered afterwards (3.4-4).
func (s *codeStore) forget(p *Parameters) {
	for i, f := range p.Codes {
		k := s.get(applet.CodeRef(i + 1))
		if k.formatted() {
			f.Min, f.Max = k.Format()
		}
		k.Remove()
		k.Configure(f.Min, f.Max, f.Tries)
	}
	s.sys.PIN(unblocking).Unblock()
}

// report is the codes as INT6 tells them. Nothing of it is secret.
func (s *codeStore) report() []applet.CodeState {
	out := make([]applet.CodeState, 0, s.count)
	for i := range s.count {
		k := s.get(applet.CodeRef(i + 1))
		lo, hi := k.Format()
		out = append(out, applet.CodeState{
			Code: applet.CodeRef(i + 1), Status: k.status(), TriesLeft: k.Left(), MaxTries: k.Tries(), Min: lo, Max: hi,
		})
	}
	return out
}

// chosen says whether the digits are the present value of a code, or of the other one:
// the two codes differ, and a new code differs from the old one. The code of a card cannot
// be compared without spending a try, which only the code that is replaced gets back, and
// a blocked one not at all.
func (s *codeStore) chosen(ref applet.CodeRef, digits string, other bool) bool {
	found := false
	for i := range s.count {
		k := s.get(applet.CodeRef(i + 1))
		if k.Set() && (other || applet.CodeRef(i+1) == ref && k.Left() > 0) && k.Is(digits) {
			found = true
		}
	}
	return found
}
