package smsc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// SMSC is the service centre. Its methods may be called from any goroutine.
type SMSC struct {
	o       Options
	log     *slog.Logger
	net     *loopback.Network
	ownNet  bool
	numbers map[sms.MSISDN]*account // does not change

	mu       sync.Mutex
	accounts map[string]*account // the map does not change, the accounts do
	timeline timeline
	faults   *faults
	byID     map[string][]*message
	finals   []*message // oldest first
	subs     map[sms.MSISDN]*subscriber
	ready    []*subscriber
	messages uint64 // message ids given
	items    uint64
	pending  int // messages not at their end
	octets   int
	ref      byte // of concatenations that the SMSC makes
	links    map[*bind]struct{}
	linkSeq  uint64
	lns      map[net.Listener]struct{}
	closed   bool

	wake chan struct{}
	done chan struct{}
	wg   sync.WaitGroup
}

// ErrClosed: Close was called.
var ErrClosed = errors.New("SMSC is closed")

// New makes an SMSC and connects it to its network. Close ends it.
func New(o Options) (*SMSC, error) {
	o.defaults()
	s := &SMSC{
		o: o, log: o.Logger, net: o.Network, numbers: map[sms.MSISDN]*account{}, accounts: map[string]*account{},
		byID: map[string][]*message{}, subs: map[sms.MSISDN]*subscriber{}, links: map[*bind]struct{}{}, lns: map[net.Listener]struct{}{},
		wake: make(chan struct{}, 1), done: make(chan struct{}), faults: newFaults(o.Faults),
	}
	for _, a := range o.Accounts {
		numbers, err := a.check()
		if err != nil {
			return nil, err
		}
		if s.accounts[a.SystemID] != nil {
			return nil, fmt.Errorf("%w %q: there are two of that name", ErrAccount, a.SystemID)
		}
		acct := &account{Account: a, s: s, numbers: numbers}
		if a.Rate > 0 {
			acct.limiter = rate.NewLimiter(rate.Limit(a.Rate), max(int(a.Rate), 1))
		}
		s.accounts[a.SystemID] = acct
		for _, n := range numbers {
			if s.numbers[n] != nil {
				return nil, fmt.Errorf("%w %q: number %s belongs to another account", ErrAccount, a.SystemID, string(n))
			}
			s.numbers[n] = acct
		}
	}
	if s.net == nil {
		s.net, s.ownNet = loopback.NewNetwork(loopback.NetworkOptions{Logger: o.Logger, Clock: o.Clock}), true
	}
	s.net.SetCentre(&loopback.Centre{
		Takes:  func(n sms.MSISDN) bool { return s.numbers[n] != nil },
		Submit: s.submitted, Available: s.available,
	})
	s.wg.Go(s.run)
	return s, nil
}

// Network is the mobile network behind the SMSC; handsets attach to it.
func (s *SMSC) Network() *loopback.Network { return s.net }

// Listen opens addr ("127.0.0.1:0" takes a free port), serves it until Close,
// and returns the address that it got.
func (s *SMSC) Listen(addr string) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("SMSC: %w", err)
	}
	if !s.keep(l) {
		return nil, ErrClosed
	}
	go func() {
		if err := s.accept(l); !errors.Is(err, ErrClosed) {
			s.log.Error("SMSC does not listen any more", "error", err)
		}
	}()
	return l.Addr(), nil
}

// Serve takes connections from l, which it closes, until Close; the error is
// then ErrClosed.
func (s *SMSC) Serve(l net.Listener) error {
	if !s.keep(l) {
		return ErrClosed
	}
	return s.accept(l)
}

func (s *SMSC) keep(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		l.Close() // nobody uses it
		return false
	}
	s.lns[l] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *SMSC) accept(l net.Listener) error {
	defer s.wg.Done()
	defer l.Close() // it is over
	for {
		conn, err := l.Accept()
		if err == nil {
			s.ServeConn(conn)
			continue
		}
		select {
		case <-s.done:
			return ErrClosed
		default:
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		s.log.Warn("SMSC cannot accept a connection", "error", err)
		t := time.NewTimer(100 * time.Millisecond) // out of descriptors: give others time to close some
		select {
		case <-t.C:
		case <-s.done:
			t.Stop()
		}
	}
}

// closeTime is how long Close waits for unbind_resp.
const closeTime = time.Second

// Close stops listening, unbinds everybody and waits for all goroutines. The
// store is in memory and is lost.
func (s *SMSC) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return nil
	}
	s.closed = true
	for l := range s.lns {
		l.Close() // it is over
	}
	var links []*bind
	for b := range s.links {
		b.leaving = true
		links = append(links, b)
	}
	s.mu.Unlock()
	close(s.done)
	s.net.SetCentre(nil)
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	for _, b := range links {
		s.wg.Go(func() { b.leave(ctx) })
	}
	s.wg.Wait()
	if s.ownNet {
		return s.net.Close()
	}
	return nil
}

func (s *SMSC) now() time.Time { return s.o.Clock() }

// at arranges an event; mu is held, and is held when it fires.
func (s *SMSC) at(t time.Time, fire func(time.Time)) *timed {
	e := s.timeline.add(t, fire)
	if e.index == 0 {
		s.kick()
	}
	return e
}

func (s *SMSC) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run is the loop that forwards to handsets and watches the clock.
func (s *SMSC) run() {
	const idle, floor = time.Hour, time.Millisecond
	timer := time.NewTimer(idle)
	defer timer.Stop()
	var jobs []flight
	for {
		s.mu.Lock()
		now := s.now()
		for e := s.timeline.due(now); e != nil; e = s.timeline.due(now) {
			e.fire(now)
		}
		jobs = s.flights(jobs[:0])
		wait := idle
		if len(s.timeline) > 0 {
			wait = min(max(s.timeline[0].at.Sub(now), floor), idle)
		}
		s.mu.Unlock()
		for i, f := range jobs {
			s.forward(f)
			jobs[i] = flight{}
		}
		timer.Reset(wait)
		select {
		case <-s.wake:
		case <-timer.C:
		case <-s.done:
			return
		}
	}
}
