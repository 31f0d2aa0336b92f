package loopback

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// NetworkOptions bound and observe a Network. The zero value works.
type NetworkOptions struct {
	Logger *slog.Logger     // nil discards
	Clock  func() time.Time // for time stamps and validity; nil is time.Now
	// Observer sees every step of every short message; it is called with a lock
	// held and must neither block nor call the network. Nil when nobody looks.
	Observer func(Event)
	// Known tells which numbers are subscribers; a message to another one is
	// refused with cause 1. Nil: every number is, and messages to it are stored.
	Known func(sms.MSISDN) bool

	MaxEndpoints   int           // numbers remembered; 0 is 10,000
	MaxStored      int           // messages in the store, of less than 400 octets each; 0 is 20,000
	MaxPerEndpoint int           // messages for one number; 0 is 1,000
	Validity       time.Duration // when the sender gives none; 0 is 24 h
	RetryFirst     time.Duration // after a handset was busy or full; doubles; 0 is 2 s
	RetryMost      time.Duration // 0 is 5 min
	AnswerTimeout  time.Duration // a handset that answers no RP-DATA for so long is cut off; 0 is 2 min
}

// Network is the emulated mobile network. All methods may be called at any
// time from any goroutine.
type Network struct {
	o   NetworkOptions
	log *slog.Logger

	mu      sync.Mutex
	subs    map[sms.MSISDN]*subscriber
	stored  int
	seq     uint64
	touched []*port
	after   []func() // to run without the lock
	centre  *Centre
	timer   *time.Timer
	timerAt time.Time
	conns   map[net.Conn]struct{}
	ln      net.Listener
	closed  bool

	wg sync.WaitGroup
}

const (
	attachTimeout = 10 * time.Second
	// spareConns are connections beyond MaxEndpoints: attaching or being replaced.
	spareConns = 64
)

// NewNetwork returns a network without a listener.
func NewNetwork(o NetworkOptions) *Network {
	def(&o.MaxEndpoints, 10_000)
	def(&o.MaxStored, 20_000)
	def(&o.MaxPerEndpoint, 1_000)
	def(&o.Validity, 24*time.Hour)
	def(&o.RetryFirst, 2*time.Second)
	def(&o.RetryMost, 5*time.Minute)
	def(&o.AnswerTimeout, 2*time.Minute)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Network{o: o, log: o.Logger, subs: map[sms.MSISDN]*subscriber{}, conns: map[net.Conn]struct{}{}}
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// ErrNotLoopback means that somebody wants the emulated network on a real one.
var ErrNotLoopback = errors.New("the emulated network listens on loopback addresses only")

// Listen opens addr ("127.0.0.1:0" takes a free port) and serves it until
// Close. It returns the address that it got.
func (n *Network) Listen(addr string) (net.Addr, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("network address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("network address %q: %w: give 127.0.0.1:PORT", addr, ErrNotLoopback)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.ln != nil {
		ln.Close()
		return nil, errors.New("network is closed or listens already")
	}
	n.ln = ln
	n.wg.Go(func() { n.accept(ln) })
	return ln.Addr(), nil
}

func (n *Network) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors: give others time to close some
			n.log.Warn("network cannot accept a connection", "error", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		n.Serve(conn)
	}
}

// Serve takes a connection that was made elsewhere, for example one end of a
// net.Pipe, and serves it on a goroutine of its own.
func (n *Network) Serve(conn net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || len(n.conns) >= n.o.MaxEndpoints+spareConns {
		conn.Close()
		return
	}
	n.conns[conn] = struct{}{}
	n.wg.Go(func() {
		n.serve(conn)
		conn.Close()
		n.mu.Lock()
		delete(n.conns, conn)
		n.mu.Unlock()
	})
}

// Close ends the listener and every attachment and waits for them. The store
// is in memory and is lost.
func (n *Network) Close() error {
	n.mu.Lock()
	n.closed = true
	if n.ln != nil {
		n.ln.Close()
	}
	if n.timer != nil {
		n.timer.Stop()
	}
	for c := range n.conns {
		c.Close()
	}
	n.mu.Unlock()
	n.wg.Wait()
	return nil
}

// unlock ends a locked section, then flushes what it queued and tells the centre. buf is
// scratch space that the caller keeps for the next time.
func (n *Network) unlock(buf []*port) []*port {
	buf = append(buf[:0], n.touched...)
	for _, p := range n.touched {
		p.touched = false
	}
	n.touched = n.touched[:0]
	after := n.after
	n.after = nil
	n.mu.Unlock()
	for i, p := range buf {
		if err := p.out.flush(); err != nil {
			p.conn.Close() // its reader detaches it
		}
		buf[i] = nil
	}
	for _, f := range after {
		f()
	}
	return buf
}

// now is the time for stamps; timers use the runtime's own clock.
func (n *Network) now() time.Time { return n.o.Clock() }
