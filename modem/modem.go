package modem

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/turns"
)

// Modem is one modem with its SIM, a bearer.Bearer. It is safe for concurrent use.
type Modem struct {
	o        Options
	log      *slog.Logger
	state    *state
	resolver bearer.Resolver // nil: nobody wants to know
	ready    chan struct{}   // 1: jobs has something

	lifecycle sync.Mutex // Start and Stop
	cancel    context.CancelFunc
	wg        sync.WaitGroup

	mu      sync.Mutex
	open    bool // jobs are taken
	jobs    turns.Queue[*job]
	info    Info
	problem string // why it does not work; "" when it does
	phase   Phase

	// Of the goroutine that runs sessions.
	handled map[string]bool // stored messages that the Inbox has and the modem still keeps
	stuck   map[string]bool // and those that nobody takes; logged once
	damaged map[string]bool // and those that were read once and are no PDU
	held    []heldPDU       // came directly and could not be stored yet
	unclear map[int64]int   // segments with unclear errors
	next    time.Time       // when the next message may go
	since   time.Time       // without network since; zero: registered
	told    told            // what Options.Changed was told last
}

// told is of a Status what Options.Changed is about.
type told struct {
	phase      Phase
	problem    string
	registered bool
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
	Info    Info
	Queued  int
	Left    int // messages left of the quota; -1: no limit
}

var _ bearer.Attacher = (*Modem)(nil)

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
		o: o, log: o.Logger.With("bearer", o.Name), state: st, ready: make(chan struct{}, 1), phase: Stopped,
		handled: map[string]bool{}, stuck: map[string]bool{}, damaged: map[string]bool{}, unclear: map[int64]int{},
	}
	m.resolver, _ = o.Inbox.(bearer.Resolver)
	return m, nil
}

// Name is the name of the bearer.
func (m *Modem) Name() string { return m.o.Name }

// Start keeps the modem working from now on. It does not wait for it: one that
// is not there is tried again. Start of a started modem does nothing.
func (m *Modem) Start(context.Context) error {
	m.lifecycle.Lock()
	defer m.lifecycle.Unlock()
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
	m.lifecycle.Lock()
	defer m.lifecycle.Unlock()
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
	return m.phase == Working && m.info.Registered
}

// Status tells how the modem is.
func (m *Modem) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.quota()
	st := Status{Phase: m.phase, Problem: m.problem, Info: m.info, Queued: m.jobs.Len(), Left: q.left()}
	if m.phase == Working && st.Problem == "" {
		switch _, words := registration(m.info.Registration); {
		case !m.info.Registered:
			st.Problem = "modem is in no network: " + words
		case st.Left == 0:
			st.Problem = q.over().Error()
		}
	}
	return st
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
	m.changed()
}

// enter notes the phase; "" as problem leaves the old one.
func (m *Modem) enter(p Phase, problem string) {
	m.mu.Lock()
	m.phase = p
	if p == Working || p == Stopped {
		m.problem = problem
	}
	m.mu.Unlock()
	m.changed()
}

// changed tells Options.Changed when there is news for it.
func (m *Modem) changed() {
	if m.o.Changed == nil {
		return
	}
	st := m.Status()
	if now := (told{st.Phase, st.Problem, st.Info.Registered}); now != m.told {
		m.told = now
		m.o.Changed(st)
	}
}
