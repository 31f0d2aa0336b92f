package modem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// Modem is one modem with its SIM, a bearer.Bearer. It is safe for concurrent use.
type Modem struct {
	o        Options
	log      *slog.Logger
	state    *state
	resolver bearer.Resolver // nil: nobody wants to know
	jobs     chan *job

	life   sync.Mutex // Start and Stop
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	open    bool // jobs are taken
	chart   Chart
	problem string // why it does not work; "" when it does
	phase   Phase

	// Of the goroutine that runs sessions.
	handled map[string]bool // stored messages that the Inbox has and the modem still keeps
	stuck   map[string]bool // and those that nobody takes; logged once
	damaged map[string]bool // and those that were read once and are no PDU
	held    []heldPDU       // came directly and could not be stored yet
	strikes map[int64]int   // segments with unclear errors
	next    time.Time       // when the next message may go
	since   time.Time       // without network since; zero: registered
}

// heldPDU is a message that came without being stored by the modem, and that
// the Inbox did not take.
type heldPDU struct {
	pdu    string
	length int
}

// Phase is what a modem does.
type Phase string

// The phases.
const (
	Stopped  Phase = "stopped"
	Waiting  Phase = "waiting"  // for the next attempt
	Starting Phase = "starting" // finding out, setting up, emptying memories
	Working  Phase = "working"
)

// Status is a picture of a modem.
type Status struct {
	Phase   Phase
	Problem string // in words; "" when there is none
	Chart   Chart
	Queued  int
	Left    int // messages left of the quota; -1: no limit
}

var _ bearer.Bearer = (*Modem)(nil)

// New checks the options and reads the state file. Nothing is opened before
// Start.
func New(o Options) (*Modem, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	st, err := loadState(o.State)
	if err != nil {
		return nil, err
	}
	if o.PINs == nil {
		path := ""
		if o.State != "" {
			path = o.State + ".pins"
		}
		if o.PINs, err = OpenPINs(path); err != nil {
			return nil, err
		}
	}
	m := &Modem{
		o: o, log: o.Logger.With("bearer", o.Name), state: st, jobs: make(chan *job, o.Queue), phase: Stopped,
		handled: map[string]bool{}, stuck: map[string]bool{}, damaged: map[string]bool{}, strikes: map[int64]int{},
	}
	m.resolver, _ = o.Inbox.(bearer.Resolver)
	return m, nil
}

// Name is the name of the bearer.
func (m *Modem) Name() string { return m.o.Name }

// Start keeps the modem working from now on. It does not wait for it: one that
// is not there is tried again. Start of a started modem does nothing.
func (m *Modem) Start(context.Context) error {
	m.life.Lock()
	defer m.life.Unlock()
	if m.cancel != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.wg.Go(func() { m.run(ctx) })
	return nil
}

// Stop ends the session and waits until port and goroutines are gone. A
// message whose answer has not come is ErrUnknown then. Start begins again.
func (m *Modem) Stop(context.Context) error {
	m.life.Lock()
	defer m.life.Unlock()
	if m.cancel == nil {
		return nil
	}
	m.cancel()
	m.wg.Wait()
	m.cancel = nil
	return m.state.save()
}

// Attached reports whether messages can pass both ways.
func (m *Modem) Attached() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.phase == Working && m.chart.Registered
}

// Status tells how the modem is.
func (m *Modem) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	st := Status{Phase: m.phase, Problem: m.problem, Chart: m.chart, Queued: len(m.jobs), Left: m.left()}
	if m.phase == Working && st.Problem == "" {
		switch _, words := registration(m.chart.Registration); {
		case !m.chart.Registered:
			st.Problem = "modem is in no network: " + words
		case st.Left == 0:
			st.Problem = m.withinQuota().Error()
		}
	}
	return st
}

// left is what the quota has left.
func (m *Modem) left() int {
	if m.o.Quota == 0 {
		return -1
	}
	return max(0, m.o.Quota-m.state.sentBy(m.chart.SIM(), m.o.Clock()))
}

// run runs sessions until ctx ends.
func (m *Modem) run(ctx context.Context) {
	failures, deaf, ill := 0, 0, 0
	for {
		s := &session{m: m, rung: rungOf(deaf)}
		began := time.Now()
		err := s.run(ctx)
		m.close()
		m.save()
		if ctx.Err() != nil {
			m.enter(Stopped, "")
			return
		}
		// A modem that worked and was unplugged, or has restarted, is not ill.
		if s.worked && (time.Since(began) > time.Minute || errors.Is(err, errPort) || errors.Is(err, ErrReboot)) {
			failures, deaf = 0, 0
		}
		failures++
		switch {
		case s.worked && errors.Is(err, ErrRefuses): // no network, or nothing goes out
			deaf = firstReset + 2*(ill%2)
			ill++
		case s.opened && !errors.Is(err, ErrPIN) && !errors.Is(err, errPort):
			deaf++
		}
		m.o.Metrics.SessionEnd(endReason(err))
		m.fault(err)
		pause := min(m.o.RetryFirst<<min(failures-1, 10), m.o.RetryMost)
		if errors.Is(err, errReset) {
			pause = m.o.ResetPause
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}

// save stores the state when it has changed.
func (m *Modem) save() {
	if err := m.state.save(); err != nil {
		m.log.Error("state of the modem is not kept", "error", err)
	}
}

// rung of the ladder.
type rung byte

const (
	reopen rung = iota
	softReset
	hardReset
)

// errReset ends the session that has reset the modem.
var errReset = errors.New("modem was reset")

// firstReset is how many sessions in a row may fail before the modem is reset.
const firstReset = 3

// rungOf is what to do after so many sessions in a row that had a port and no
// luck: open it again, then in turn switch the radio off and on and restart
// the modem, each followed by a session without.
func rungOf(deaf int) rung {
	if deaf < firstReset {
		return reopen
	}
	return [4]rung{softReset, reopen, hardReset, reopen}[(deaf-firstReset)%4]
}

// fault notes why the modem does not work, and logs it when it is news.
func (m *Modem) fault(err error) {
	text := err.Error()
	m.mu.Lock()
	news := m.problem != text
	m.phase, m.problem = Waiting, text
	m.mu.Unlock()
	if news {
		m.log.Warn("modem does not work", "error", err)
	}
}

// enter notes the phase; "" as problem leaves the old one.
func (m *Modem) enter(p Phase, problem string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phase = p
	if p == Working || p == Stopped {
		m.problem = problem
	}
}

// job is a segment on its way.
type job struct {
	seg    bearer.Segment
	pdu    string
	length int
	done   chan outcome // takes one

	mu   sync.Mutex
	step step
}

type step byte

const (
	queued step = iota
	taken
	ended     // done has the outcome
	abandoned // nobody waits any more
)

type outcome struct {
	receipt bearer.Receipt
	err     error
}

// move goes from one step to another, unless somebody else was faster.
func (j *job) move(from, to step) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.step != from {
		return false
	}
	j.step = to
	return true
}

// Submit implements bearer.Bearer: it returns when the network has the
// segment, or has not. A segment that the modem has when ctx ends is
// ErrUnknown; what becomes of it is told to the bearer.Resolver.
func (m *Modem) Submit(ctx context.Context, seg bearer.Segment) (bearer.Receipt, error) {
	r := bearer.Receipt{Bearer: m.o.Name}
	seg.Report = seg.Report || m.o.Receipts
	j := &job{seg: seg, done: make(chan outcome, 1)}
	var err error
	if j.pdu, j.length, err = encode(&seg); err != nil {
		m.o.Metrics.Submission("refused")
		return r, fmt.Errorf("%w: %w", bearer.ErrRefused, err)
	}
	if err := m.queue(j); err != nil {
		m.o.Metrics.Submission("busy")
		return r, fmt.Errorf("%w: %w", bearer.ErrBusy, err)
	}
	select {
	case o := <-j.done:
		return o.receipt, o.err
	case <-ctx.Done():
	}
	switch {
	case j.move(queued, abandoned):
		return r, fmt.Errorf("%w: it was not its turn in time", bearer.ErrBusy)
	case j.move(taken, abandoned):
		return r, fmt.Errorf("%w: %w", bearer.ErrUnknown, ctx.Err())
	}
	o := <-j.done
	return o.receipt, o.err
}

// allowed is why no message may go out now, or nil.
func (m *Modem) allowed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.withinQuota()
}

func (m *Modem) withinQuota() error {
	if m.left() == 0 {
		return fmt.Errorf("quota of %d messages in 24 hours is used up", m.o.Quota)
	}
	return nil
}

// queue takes a job when it may soon be sent.
func (m *Modem) queue(j *job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.open:
		if m.problem != "" {
			return errors.New(m.problem)
		}
		return errors.New("modem is not working yet")
	case !m.chart.Registered:
		_, words := registration(m.chart.Registration)
		return errors.New("modem is in no network: " + words)
	}
	if err := m.withinQuota(); err != nil {
		return err
	}
	select {
	case m.jobs <- j:
		return nil
	default:
		return fmt.Errorf("%d segments wait already", m.o.Queue)
	}
}

// close takes no more jobs and gives back what waits.
func (m *Modem) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = false
	m.chart.Registered = false
	for {
		select {
		case j := <-m.jobs:
			if j.move(queued, ended) {
				j.done <- outcome{bearer.Receipt{Bearer: m.o.Name}, fmt.Errorf("%w: modem is not working", bearer.ErrBusy)}
			}
		default:
			return
		}
	}
}
