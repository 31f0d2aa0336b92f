package smpp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/simsign/simsign/smpp/internal/seldom"
)

// Errors of a Session.
var (
	// ErrNotSent: the octets of the request never left; send it again anywhere.
	ErrNotSent = errors.New("request was not sent")
	// ErrUnknown: the octets may have left and no response came. Whoever
	// repeats it must repeat it octet for octet.
	ErrUnknown = errors.New("no response, outcome unknown")
	// ErrClosed: the session has ended.
	ErrClosed = errors.New("session is closed")
)

// Options of a Session. Zero values take the defaults in brackets.
type Options struct {
	Window          int           // requests on their way at once [10]
	Inbound         int           // requests of the peer handled at once [64]
	MaxFrame        int           // octets [MaxFrame]
	ResponseTimeout time.Duration // response_timer of SMPP 3.4 7.2 [30 s]
	WriteTimeout    time.Duration // [10 s]
	EnquireInterval time.Duration // silence after which the link is asked: enquire_link_timer of SMPP 3.4 7.2 [30 s]
	EnquireTimeout  time.Duration // then, how long until it counts as broken [10 s]
	ReadPDUTimeout  time.Duration // a PDU that has begun must end within this [30 s]
	Handler         Handler       // requests of the peer; nil refuses them all
	// Inline runs the Handler on the reader: requests are handled in the order in
	// which they came, and the Handler must not block.
	Inline bool
	// Trace sees every PDU before it is written and after it is read. It must
	// not keep the octets, must not block, and gets whole PDUs.
	Trace  func(out bool, pdu []byte)
	Logger *slog.Logger
	// Gate, when set, is asked before a handler gets a request: a status other
	// than ESME_ROK refuses it (wrong bind state, for one).
	Gate func(c CommandID) Status
}

func (o *Options) defaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.ResponseTimeout, 30*time.Second)
	def(&o.WriteTimeout, 10*time.Second)
	def(&o.EnquireInterval, 30*time.Second)
	def(&o.EnquireTimeout, 10*time.Second)
	def(&o.ReadPDUTimeout, 30*time.Second)
	if o.Window <= 0 {
		o.Window = 10
	}
	if o.Inbound <= 0 {
		o.Inbound = 64
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// maxUnwritten bounds the octets that wait to be written: a peer that reads
// nothing is cut off, it does not eat memory.
const maxUnwritten = 1 << 20

var errBacklog = errors.New("peer does not read: more than 1 MiB waits to be written")

// Session is one SMPP connection, either side of it. It is safe for
// concurrent use. Requests of ours: Go and Do. Requests of the peer: Handler.
//
// Three goroutines serve it: a reader that pairs responses and queues
// requests, a writer that sends everything waiting in one write, and a
// timekeeper. Handlers run on workers of their own, at most Options.Inbound.
type Session struct {
	conn net.Conn
	opts Options

	slots chan struct{} // one element for each request on its way
	drain chan struct{} // closed when no new request is taken
	done  chan struct{} // closed when the session has ended

	wmu       sync.Mutex
	wbuf      []byte // waits for the writer
	queued    uint64 // octets ever put into wbuf
	attempted uint64 // octets ever handed to Write: these may have left
	ending    bool   // wbuf ends with the last words: nothing comes behind them
	wake      chan struct{}
	said      chan struct{} // closed when the writer is through with the last words

	mu       sync.Mutex
	calls    map[uint32]*call
	first    *call // oldest unanswered: the next to run out of time
	last     *call
	late     map[uint32]*call // timed out, may still be answered
	lateSeqs []uint32
	seq      uint32
	draining bool
	err      error // why the session ended

	unbinding atomic.Bool // Unbind is at work

	began      time.Time    // ages count from here: a clock that is set does not move them
	heard      atomic.Int64 // age when the peer last sent anything
	inFrame    atomic.Int64 // age when the PDU being read began; 0 between PDUs
	inbound    chan *Request
	workers    atomic.Int32
	limitedLog seldom.Logger // of what the peer can provoke
	ctx        context.Context
	cancel     context.CancelFunc
}

// NewSession serves conn until Close, Unbind or a fault of the link. The
// caller hands over the connection.
func NewSession(conn net.Conn, opts Options) *Session {
	opts.defaults()
	s := &Session{
		conn: conn, opts: opts,
		slots: make(chan struct{}, opts.Window), drain: make(chan struct{}), done: make(chan struct{}), wake: make(chan struct{}, 1), said: make(chan struct{}),
		calls: make(map[uint32]*call, opts.Window), late: make(map[uint32]*call),
		inbound: make(chan *Request, opts.Inbound), began: time.Now(),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.readLoop()
	go s.writeLoop()
	go s.timeLoop()
	return s
}

// age is how old the session is, in nanoseconds from 1.
func (s *Session) age() int64 { return int64(time.Since(s.began)) + 1 }

// Done is closed when the session has ended; Err then says why.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err is nil while the session lives, then the reason why it ended.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// RemoteAddr is the address of the peer.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// InFlight is the number of requests that wait for a response.
func (s *Session) InFlight() int { return len(s.slots) }

// Close ends the session at once: every request without a response becomes
// ErrUnknown, or ErrNotSent when its octets had not left.
func (s *Session) Close() error {
	s.fail(ErrClosed)
	return nil
}

// fail ends the session once. It takes no lock that a blocked writer holds.
func (s *Session) fail(why error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = why
	calls, late := s.first, s.late
	s.first, s.last, s.calls, s.late = nil, nil, nil, nil
	close(s.done)
	s.mu.Unlock()
	s.cancel()
	s.conn.Close() // it is over either way
	s.wmu.Lock()
	attempted := s.attempted
	s.wmu.Unlock()
	for c := calls; c != nil; {
		next := c.next
		o := Outcome{Err: ErrUnknown, Cause: why}
		if c.start >= attempted {
			o.Err = ErrNotSent
		}
		c.finish(s, o)
		c = next
	}
	clear(late)
}

// Unbind ends the session in order (SMPP 3.4 4.2): no new requests, wait until the window is
// empty or ctx ends, unbind, wait for unbind_resp, close. When somebody unbinds
// already, it waits for that.
func (s *Session) Unbind(ctx context.Context) error {
	s.stopTaking()
	if !s.unbinding.CompareAndSwap(false, true) {
		select {
		case <-s.done:
			return nil
		case <-ctx.Done():
			s.fail(ErrClosed)
			return ctx.Err()
		}
	}
	for range cap(s.slots) { // holding every slot means that nothing is on its way
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			s.fail(ErrClosed)
			return ctx.Err()
		case <-s.done:
			return s.Err()
		}
	}
	answered := make(chan Outcome, 1)
	err := s.start(Unbind, nil, false, func(o Outcome) { answered <- o })
	if err != nil {
		return err
	}
	select {
	case o := <-answered:
		s.fail(ErrClosed)
		return o.Err
	case <-ctx.Done():
		s.fail(ErrClosed)
		return ctx.Err()
	}
}

// stopTaking refuses new requests from now on.
func (s *Session) stopTaking() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining {
		s.draining = true
		close(s.drain)
	}
}

// write queues a PDU that no call waits for. It never blocks on the network.
func (s *Session) write(h Header, body Body) error {
	_, err := s.enqueue(h, body)
	if errors.Is(err, errBacklog) {
		s.fail(err)
	}
	return err
}

// enqueue puts a PDU into the writer's buffer and returns where its octets
// begin in the stream. errBacklog means that the session must end; whoever
// holds mu ends it after letting go.
func (s *Session) enqueue(h Header, body Body) (start uint64, err error) {
	s.wmu.Lock()
	switch {
	case s.ending:
		err = ErrClosed
	case len(s.wbuf) > maxUnwritten:
		err = errBacklog
	default:
		start, err = s.put(h, body)
	}
	s.wmu.Unlock()
	if err == nil {
		s.rouse()
	}
	return start, err
}

// put puts a PDU behind those that wait. wmu is held.
func (s *Session) put(h Header, body Body) (start uint64, err error) {
	before := len(s.wbuf)
	if s.wbuf, err = Append(s.wbuf, h, body); err != nil {
		return 0, err
	}
	start = s.queued
	s.queued += uint64(len(s.wbuf) - before)
	if s.opts.Trace != nil {
		s.opts.Trace(true, s.wbuf[before:])
	}
	return start, nil
}

// rouse tells the writer that something waits.
func (s *Session) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// writeLoop sends all that waits in one write: at a full window that is one
// system call for many PDUs.
func (s *Session) writeLoop() {
	var spare []byte
	for {
		select {
		case <-s.wake:
		case <-s.done:
			return
		}
		s.wmu.Lock()
		out, last := s.wbuf, s.ending
		s.wbuf = spare[:0]
		if len(out) > 0 && !last { // what last words have left out was not attempted
			s.attempted = s.queued
		}
		s.wmu.Unlock()
		if len(out) == 0 {
			spare = out
			continue
		}
		s.conn.SetWriteDeadline(time.Now().Add(s.opts.WriteTimeout)) // Write tells
		_, err := s.conn.Write(out)
		switch {
		case last:
			if err != nil {
				s.opts.Logger.Debug("last words did not leave", "error", err)
			}
			close(s.said)
			return
		case err != nil:
			s.fail(err)
			return
		}
		if spare = out; cap(spare) > 64<<10 {
			spare = nil
		}
	}
}

// Draining reports whether the session takes no new request any more.
func (s *Session) Draining() bool {
	select {
	case <-s.drain:
		return true
	default:
		return false
	}
}
