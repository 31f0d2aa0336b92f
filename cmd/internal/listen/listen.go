// Package listen lets connections in within limits, so that whoever only opens
// them keeps nobody else out.
//
// A Listener counts its connections, and those of each address (of IPv6 each
// /64 network). One that nothing has succeeded on yet (Conn.Succeeded) and that
// serves no request that counts (Conn.Busy) is idle: it ends after IdleTime, and where a limit is
// reached the one that has been idle for longest makes room for the new one. Only
// where nobody is idle the new one is turned away. A connection on which
// something has succeeded is nobody's to take.
//
// Accept errors do not end a Listener: they are logged, counted, and tried again
// a little later. When descriptors have run out, the longest idle connection goes.
// Share divides the descriptors that the process may have, so that it does not
// come to that, and what the operator asks is always answered.
package listen

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// IdleTime is how long a connection may be idle before anything has succeeded on it.
const IdleTime = 15 * time.Second

// Options of a Listener. Zero limits are none.
type Options struct {
	Name       string // of the listener, in logs and metrics
	Max        int    // connections
	PerAddress int    // connections of one address
	// Exempt are addresses that stand for many, as a proxy's does: only Max counts.
	Exempt   []netip.Prefix
	IdleTime time.Duration // 0 means IdleTime
	Group    *Group        // of listeners that share the descriptors of the process
	Logger   *slog.Logger
	Metrics  *Metrics
}

// Group is the listeners of a process: when descriptors have run out at one, the
// longest idle connection of any makes room.
type Group struct {
	mu sync.Mutex
	ls []*Listener
}

func (g *Group) add(l *Listener) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ls = append(g.ls, l)
}

// giveUpIdle closes a connection of the listener that has the most idle ones.
func (g *Group) giveUpIdle(l *Listener) {
	most, n := l, 0
	if g != nil {
		g.mu.Lock()
		for _, other := range g.ls {
			if k := other.idles(); k > n {
				most, n = other, k
			}
		}
		g.mu.Unlock()
	}
	most.giveUpIdle()
}

// Listener is a net.Listener with limits.
type Listener struct {
	net.Listener
	o    Options
	done chan struct{}
	once sync.Once

	mu   sync.Mutex
	open int
	of   map[netip.Prefix]int // connections by address
	idle list.List            // of *Conn, the longest idle first

	refused, failed lines
}

// New puts limits around a listener.
func New(l net.Listener, o Options) *Listener {
	if o.IdleTime <= 0 {
		o.IdleTime = IdleTime
	}
	o.Metrics.begin(o.Name)
	out := &Listener{Listener: l, o: o, done: make(chan struct{}), of: map[netip.Prefix]int{}}
	o.Group.add(out)
	return out
}

// Close ends the listener; its connections stay.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// Accept waits for a connection that has a place.
func (l *Listener) Accept() (net.Conn, error) {
	pause := 5 * time.Millisecond
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			if c := l.admit(conn); c != nil {
				return c, nil
			}
			continue
		}
		if !passes(err) {
			return nil, err
		}
		l.o.Metrics.failed(l.o.Name)
		l.failed.warn(l.o.Logger, "cannot accept a connection: trying again", "listener", l.o.Name, "error", err)
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			l.o.Group.giveUpIdle(l)
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-l.done:
			t.Stop()
		}
		pause = min(2*pause, time.Second)
	}
}

// passes reports whether an error of accept is one of the moment.
func passes(err error) bool {
	for _, e := range [...]syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, // the machine's
		syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPROTO, syscall.EPERM, syscall.EINTR, syscall.ETIMEDOUT, // the connection's
		syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, // accept(2): like EAGAIN
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// admit gives a connection a place, or closes it.
func (l *Listener) admit(conn net.Conn) *Conn {
	c := &Conn{Conn: conn, l: l, addr: l.address(conn)}
	l.mu.Lock()
	var out []*Conn
	reason := ""
	if l.o.PerAddress > 0 && c.addr.IsValid() && l.of[c.addr] >= l.o.PerAddress {
		if out, reason = l.evict(out, &c.addr), "address"; len(out) == 0 {
			l.mu.Unlock()
			l.refuse(conn, reason)
			return nil
		}
	}
	if l.o.Max > 0 && l.open >= l.o.Max {
		if out, reason = l.evict(out, nil), "listener"; len(out) == 0 {
			l.mu.Unlock()
			l.refuse(conn, reason)
			return nil
		}
	}
	l.open++
	if c.addr.IsValid() {
		l.of[c.addr]++
	}
	c.place = l.idle.PushBack(c)
	l.o.Metrics.open(l.o.Name, 1)
	l.mu.Unlock()
	for _, v := range out {
		v.Conn.Close() // who never asked for anything
		l.tell(reason, "the longest idle one made room")
	}
	_ = conn.SetReadDeadline(time.Now().Add(l.o.IdleTime))
	return c
}

// longest is how many of the longest idle are looked at for one to close.
const longest = 256

// evict takes the place of the connection that has been idle for longest, of an
// address or of all: then, among the longest idle, of the address that has the most.
// The lock is held; the caller closes what is returned.
func (l *Listener) evict(out []*Conn, of *netip.Prefix) []*Conn {
	var victim *Conn
	seen := 0
	for e := l.idle.Front(); e != nil && (of != nil || seen < longest); e = e.Next() {
		c := e.Value.(*Conn)
		if seen++; of != nil && c.addr == *of {
			victim = c
			break
		}
		if of == nil && (victim == nil || l.of[c.addr] > l.of[victim.addr]) {
			victim = c
		}
	}
	if victim == nil {
		return out
	}
	victim.leave()
	return append(out, victim)
}

func (l *Listener) idles() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.idle.Len()
}

func (l *Listener) giveUpIdle() {
	l.mu.Lock()
	out := l.evict(nil, nil)
	l.mu.Unlock()
	for _, c := range out {
		c.Conn.Close() // who never asked for anything
		l.tell("descriptors", "the longest idle one was closed")
	}
}

func (l *Listener) refuse(conn net.Conn, reason string) {
	conn.Close() // it has no place
	l.tell(reason, "the new one was turned away")
}

func (l *Listener) tell(reason, what string) {
	l.o.Metrics.refused(l.o.Name, reason)
	l.refused.warn(l.o.Logger, "too many connections", "listener", l.o.Name, "limit", reason, "done", what)
}

// address is what a connection counts for; not valid where there is none, or it
// stands for many.
func (l *Listener) address(conn net.Conn) netip.Prefix {
	ta, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	a := ta.AddrPort().Addr().Unmap().WithZone("")
	if slices.ContainsFunc(l.o.Exempt, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return netip.Prefix{}
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
