package esme

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// SMSC is one short message centre. It is safe for concurrent use.
type SMSC struct {
	o        Options
	log      *slog.Logger
	m        *metrics
	q        *queue
	pace     *pace
	links    []*link
	seen     *seen
	resolver bearer.Resolver // nil: nobody wants to know
	alerter  bearer.Alerter

	mu         sync.Mutex
	cancel     context.CancelFunc // nil: stopped
	life       context.Context
	wg         sync.WaitGroup // links and background work of this life
	sending    int            // binds that are up and take submit_sm
	receiving  int
	delivering int
	quiet      chan struct{} // closed when delivering is 0 while stopping
	stopping   bool
}

var _ bearer.Bearer = (*SMSC)(nil)

// New checks the options. Nothing is dialled before Start.
func New(o Options) (*SMSC, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	s := &SMSC{
		o: o, log: o.Logger.With("bearer", o.Name), q: newQueue(o.Queue), pace: newPace(o.Rate),
		seen: newSeen(o.Seen),
	}
	s.resolver, _ = o.Inbox.(bearer.Resolver)
	s.alerter, _ = o.Inbox.(bearer.Alerter)
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("esme: %w", err)
	}
	for i := range o.Binds {
		for _, cmd := range o.Mode.commands() {
			s.links = append(s.links, newLink(s, i+1, cmd))
		}
	}
	var err error
	if s.m, err = newMetrics(s); err != nil {
		return nil, err
	}
	return s, nil
}

// Name is the name of the bearer.
func (s *SMSC) Name() string { return s.o.Name }

// Start keeps the binds up from now on. It does not wait for them: a centre
// that is not there is tried again. Start of a started SMSC does nothing.
func (s *SMSC) Start(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		return nil
	}
	s.stopping = false
	s.life, s.cancel = context.WithCancel(context.Background())
	for _, l := range s.links {
		ctx := s.life
		s.wg.Go(func() { l.run(ctx) })
	}
	return nil
}

// Stop takes nothing more, waits until the window is empty and what was
// delivered is stored (ctx and Options.DrainTimeout bound that), unbinds and
// closes. What had no response is ErrUnknown. Start begins again.
func (s *SMSC) Stop(ctx context.Context) error {
	s.mu.Lock()
	cancel := s.cancel
	if cancel == nil || s.stopping {
		s.mu.Unlock()
		return nil
	}
	s.stopping = true
	s.quiet = make(chan struct{})
	quiet := s.quiet
	if s.delivering == 0 {
		close(quiet)
	}
	s.q.set(func(q *queue) { q.closed = true })
	s.mu.Unlock()
	s.giveBack()
	ctx, done := context.WithTimeout(ctx, s.o.DrainTimeout)
	defer done()
	select {
	case <-quiet:
	case <-ctx.Done():
	}
	cancel() // links unbind when their window is empty
	ended := make(chan struct{})
	go func() { s.wg.Wait(); close(ended) }()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("%s: not everything was answered in time: %w", s.o.Name, ctx.Err())
		for _, l := range s.links {
			l.abandon()
		}
		<-ended
	}
	s.mu.Lock()
	s.cancel, s.stopping = nil, false
	s.mu.Unlock()
	return err
}

// giveBack gives back what waits.
func (s *SMSC) giveBack() {
	for _, it := range s.q.flush() {
		it.done(bearer.Receipt{Bearer: s.o.Name}, errNotBound)
	}
}

// Pause submits nothing more until Resume; the binds stay, so that messages
// from phones and receipts still come. What waits goes back as ErrBusy: to
// another centre, where there is one.
func (s *SMSC) Pause() {
	s.q.set(func(q *queue) { q.held = true })
	for _, it := range s.q.flush() {
		it.done(bearer.Receipt{Bearer: s.o.Name}, errHeld)
	}
}

// Resume ends Pause and Drain.
func (s *SMSC) Resume() { s.q.set(func(q *queue) { q.held = false }) }

// Drain is Pause that waits until every segment that is with the centre has
// its response, or ctx ends.
func (s *SMSC) Drain(ctx context.Context) error {
	s.Pause()
	if err := s.q.idle(ctx); err != nil {
		return fmt.Errorf("%s: not every response has come: %w", s.o.Name, err)
	}
	return nil
}

// Attached reports whether messages can pass both ways, as far as the mode goes.
func (s *SMSC) Attached() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (s.sending > 0 || s.o.Mode == Receiver) && (s.receiving > 0 || s.o.Mode == Transmitter)
}

// Status is what an operator sees of an SMSC.
type Status struct {
	Name     string        `json:"name"`
	State    string        `json:"state"` // running, paused, stopping, stopped
	Binds    int           `json:"binds"` // connections that shall be up
	Bound    int           `json:"bound"` // and are
	InFlight int           `json:"inFlight"`
	Window   int           `json:"window"` // places on the binds that are up
	Queued   int           `json:"queued"`
	Oldest   time.Duration `json:"oldest"` // age of what waits longest
	Rate     float64       `json:"rate"`   // segments a second; 0: no limit
	Fault    string        `json:"fault,omitempty"`
}

// Status looks at the SMSC.
func (s *SMSC) Status() Status {
	out := Status{Name: s.o.Name, State: "running", Binds: len(s.links), Rate: s.pace.limit()}
	n, since := s.q.oldest()
	if out.Queued = n; !since.IsZero() {
		out.Oldest = time.Since(since)
	}
	for _, l := range s.links {
		if sess := l.session.Load(); sess != nil {
			out.Bound++
			if l.sends() {
				out.Window += s.o.Window
				out.InFlight += sess.InFlight()
			}
		} else if f := l.fault.Load(); f != nil {
			out.Fault = *f
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.cancel == nil:
		out.State, out.Fault = "stopped", ""
	case s.stopping:
		out.State = "stopping"
	case s.q.isHeld():
		out.State = "paused"
	}
	return out
}

func (q *queue) isHeld() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// up counts a bind that came (1) or went (-1). The queue is opened and closed
// under the same lock, so that it tells the same as the count.
func (s *SMSC) up(l *link, by int) {
	s.mu.Lock()
	if l.receives() {
		s.receiving += by
	}
	if l.sends() {
		s.sending += by
		open := s.sending > 0 && !s.stopping
		s.q.set(func(q *queue) { q.closed = !open })
	}
	none := s.sending == 0
	s.mu.Unlock()
	if none && l.sends() {
		s.giveBack()
	}
}

// begin counts a message that the Inbox gets; false while stopping.
func (s *SMSC) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.delivering++
	return true
}

func (s *SMSC) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.delivering--; s.delivering == 0 && s.stopping {
		close(s.quiet)
	}
}

// background runs f in a goroutine that Stop waits for; f has a time limit of
// its own.
func (s *SMSC) background(f func(ctx context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx := context.Background()
	if s.cancel == nil || s.stopping {
		go f(ctx) // too late to be waited for
		return
	}
	s.wg.Go(func() { f(ctx) })
}
