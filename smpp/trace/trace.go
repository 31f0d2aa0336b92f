// Package trace keeps the last PDUs of each bind and writes them as a capture
// file that Wireshark reads, SMPP dissector and all.
//
// A Recorder gives a tap to each connection of a bind; a tap copies every PDU
// into the ring of that bind, which holds a fixed number of them. Passwords
// are blanked before the copy is kept, and so are texts, packets and the middle
// of numbers unless they are asked for: lengths, headers, types of number and
// receipts stay. Only the file has frames: WritePcap invents the Ethernet, IP and TCP headers around
// the PDUs, with the true addresses and with sequence numbers that fit, so that
// a stream can be followed. What the ring has forgotten is simply not there:
// the streams in the file begin with the oldest PDU that is left.
package trace

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Options of a Recorder.
type Options struct {
	PDUs     int  // kept for each bind [1000]
	Messages bool // keep texts, packets and whole numbers
	Clock    func() time.Time
}

// keepOctets of a PDU are kept; the rest is zeros in the file.
const keepOctets = 4096

// Recorder keeps PDUs. It is safe for concurrent use.
type Recorder struct {
	o     Options
	mu    sync.Mutex
	rings map[string]*ring
	last  uint64 // number of the last PDU
}

// New makes an empty recorder.
func New(o Options) *Recorder {
	if o.PDUs <= 0 {
		o.PDUs = 1000
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Recorder{o: o, rings: map[string]*ring{}}
}

// ring is the memory of one bind. Its buffers are used again and again.
type ring struct {
	entries []entry
	next    int
}

// entry is one PDU.
type entry struct {
	n      uint64 // order over all binds
	at     time.Time
	conn   *conn
	out    bool
	length int // on the wire
	octets []byte
}

// conn is one TCP connection.
type conn struct{ local, remote netip.AddrPort }

// Tap begins the trace of a connection of a bind. The function that it gives
// is smpp.Options.Trace.
func (r *Recorder) Tap(bind string, local, remote net.Addr) func(out bool, pdu []byte) {
	c := &conn{addrPort(local, "127.0.0.1:40000"), addrPort(remote, "127.0.0.2:2775")}
	r.mu.Lock()
	g := r.rings[bind]
	if g == nil {
		g = &ring{}
		r.rings[bind] = g
	}
	r.mu.Unlock()
	return func(out bool, pdu []byte) { r.add(g, c, out, pdu) }
}

// addrPort reads an address; those that are not TCP get a stand-in.
func addrPort(a net.Addr, otherwise string) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	return netip.MustParseAddrPort(otherwise)
}

func (r *Recorder) add(g *ring, c *conn, out bool, pdu []byte) {
	now := r.o.Clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(g.entries) < r.o.PDUs {
		g.entries = append(g.entries, entry{})
		g.next = len(g.entries) - 1
	}
	e := &g.entries[g.next]
	g.next = (g.next + 1) % r.o.PDUs
	r.last++
	e.n, e.at, e.conn, e.out, e.length = r.last, now, c, out, len(pdu)
	// All of it is needed to find what must be blanked, but not to be kept.
	if len(pdu) > keepOctets {
		whole := slices.Clone(pdu)
		redact(whole, r.o.Messages)
		e.octets = append(e.octets[:0], whole[:keepOctets]...)
		return
	}
	e.octets = append(e.octets[:0], pdu...)
	redact(e.octets, r.o.Messages)
}

// snapshot is a copy of all that is kept, in order.
func (r *Recorder) snapshot() []entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []entry
	for _, g := range r.rings {
		for _, e := range g.entries {
			e.octets = slices.Clone(e.octets)
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		if a.n < b.n {
			return -1
		}
		return 1
	})
	return all
}

// Len is the number of PDUs that are kept.
func (r *Recorder) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, g := range r.rings {
		n += len(g.entries)
	}
	return n
}
