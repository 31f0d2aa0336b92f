package card

import (
	"slices"
	"strings"

	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/ota"
)

// system is the card as its applet has it, and all of it. What the card itself keeps in the
// memory (profile, keys of the domain, counters, codes) is behind a firewall.
type system struct{ c *Card }

// Get is uicc.System.
func (s *system) Get(name string) []byte {
	if ofCard(name) {
		return nil
	}
	return s.c.nv.Get(name)
}

// Put is uicc.System.
func (s *system) Put(name string, value []byte) {
	if !ofCard(name) {
		s.c.nv.Put(name, value)
	}
}

// Names is uicc.System.
func (s *system) Names(prefix string) []string {
	var out []string
	for name := range s.c.nv.values {
		if strings.HasPrefix(name, prefix) && !ofCard(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Commit is uicc.System.
func (s *system) Commit() error { return s.c.nv.Commit() }

// Has is uicc.System.
func (s *system) Has(facility int) bool { return s.c.toolkit.has(facility) }

// Available is uicc.System.
func (s *system) Available() { s.c.toolkit.wanted = true }

// Poll is uicc.System: the terminal is asked to poll, once.
func (s *system) Poll(on bool) {
	t := s.c.toolkit
	if on && !t.polling && s.c.opt.Strict {
		t.begin(pollInterval)
	}
	t.polling = on
}

// SetMenu is uicc.System: the terminal gets it now, or with the next TERMINAL PROFILE.
func (s *system) SetMenu(m uicc.List) {
	t := s.c.toolkit
	if t.menu = m; t.profile != nil && t.has(uicc.FacilitySetUpMenu) {
		t.begin(t.showMenu)
	}
}

// PIN is uicc.System.
func (s *system) PIN(n int) uicc.PIN { return s.c.pins[n] }

// Respond is uicc.System.
func (s *system) Respond(o uicc.Origin, data []byte) []byte {
	if s.c.opt.Strict {
		return nil
	}
	return s.c.security.seal(o, ota.StatusOK, data, false)
}

// Trace is uicc.System.
func (s *system) Trace(kind uicc.TraceKind, name, detail string, octets []byte) {
	k := EventMessage
	if kind == uicc.TracePacket {
		k = EventPacket
	}
	s.c.observe.see(k, name, detail, octets)
}
