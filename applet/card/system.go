package card

import (
	"slices"
	"strings"

	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/ota"
)

// system is the card as one of its applets has it, and all of it. What the card itself
// keeps in the memory (profile, keys of the domain, counters, codes), and what the other
// applet keeps, is behind a firewall.
type system struct {
	c     *Card
	space string // in front of its names in the memory; "" for the signing applet
	pins  []*pin // its codes
}

// key is where a name of the applet is in the memory of the card; ok is false for one that is
// not its own.
func (s *system) key(name string) (key string, ok bool) {
	if ofCard(name) || s.space == "" && strings.HasPrefix(name, neighbourSpace) {
		return "", false
	}
	return s.space + name, true
}

// Get is uicc.System.
func (s *system) Get(name string) []byte {
	key, ok := s.key(name)
	if !ok {
		return nil
	}
	return s.c.nv.Get(key)
}

// Put is uicc.System.
func (s *system) Put(name string, value []byte) {
	if key, ok := s.key(name); ok {
		s.c.nv.Put(key, value)
	}
}

// Names is uicc.System.
func (s *system) Names(prefix string) []string {
	var out []string
	for key := range s.c.nv.values {
		name, own := strings.CutPrefix(key, s.space)
		if _, ok := s.key(name); ok && own && strings.HasPrefix(name, prefix) {
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

// SetMenu is uicc.System: the terminal gets it now, or with the next TERMINAL PROFILE. How
// many entries an applet has is fixed when it is installed: the neighbour has none.
func (s *system) SetMenu(m uicc.List) {
	if s.space != "" {
		return
	}
	t := s.c.toolkit
	if t.menu = m; t.profile != nil && t.has(uicc.FacilitySetUpMenu) {
		t.begin(t.showMenu)
	}
}

// PIN is uicc.System.
func (s *system) PIN(n int) uicc.PIN {
	if n < 0 || n >= len(s.pins) {
		return nil
	}
	return s.pins[n]
}

// Respond is uicc.System.
func (s *system) Respond(o uicc.Origin, data []byte) []byte {
	if s.c.opt.Strict || s.space != "" {
		return nil
	}
	return s.c.security.seal(s.c.opt.TAR, o, ota.StatusOK, data, false)
}

// Trace is uicc.System.
func (s *system) Trace(kind uicc.TraceKind, name, detail string, octets []byte) {
	k := EventMessage
	if kind == uicc.TracePacket {
		k = EventPacket
	}
	s.c.observe.see(k, name, detail, octets)
}
