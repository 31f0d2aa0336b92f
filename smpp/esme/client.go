package esme

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// Client is an ESME of one short message centre: it keeps the binds up and sends
// through them. It is safe for concurrent use.
type Client struct {
	o        Options
	log      *slog.Logger
	q        *queue
	pace     *pace
	links    []*link
	seen     *seen
	resolver bearer.Resolver // nil: nobody wants to know
	alerter  bearer.Alerter

	mu         sync.Mutex
	cancel     context.CancelFunc // nil: stopped
	wg         sync.WaitGroup     // links and background work of this life
	sending    int                // binds that are up and take submit_sm
	receiving  int
	delivering int
	quiet      chan struct{} // closed when delivering is 0 while stopping
	stopping   bool

	telling sync.Mutex // held while Options.Changed hears of a state
}

var _ bearer.Attacher = (*Client)(nil)

// New checks the options. Nothing is dialled before Start.
func New(o Options) (*Client, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("esme: %w", err)
	}
	c := &Client{
		o: o, log: o.Logger.With("bearer", o.Name), q: newQueue(o.Queue), pace: newPace(o.Rate),
		seen: newSeen(o.Seen),
	}
	c.resolver, _ = o.Inbox.(bearer.Resolver)
	c.alerter, _ = o.Inbox.(bearer.Alerter)
	for i := range o.Binds {
		for _, cmd := range o.Mode.commands() {
			c.links = append(c.links, newLink(c, i+1, cmd))
		}
	}
	return c, nil
}

// Name is the name of the bearer.
func (c *Client) Name() string { return c.o.Name }

// Start keeps the binds up from now on. It does not wait for them: a centre
// that is not there is tried again. Start of a started client does nothing.
func (c *Client) Start(context.Context) error {
	if told := c.startLinks(); told != nil {
		c.changed()
		close(told)
	}
	return nil
}

// startLinks returns nil when they run already. They dial when the channel
// is closed: Options.Changed hears of the start before it hears of a bind.
func (c *Client) startLinks() (told chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stopping, c.cancel = false, cancel
	told = make(chan struct{})
	for _, l := range c.links {
		c.wg.Go(func() {
			<-told
			l.run(ctx)
		})
	}
	return told
}

// Stop takes nothing more, waits until the window is empty and what was
// delivered is stored (ctx and Options.DrainTimeout bound that), unbinds and
// closes. What had no response is ErrUnknown. Start begins again.
func (c *Client) Stop(ctx context.Context) error {
	c.mu.Lock()
	cancel := c.cancel
	if cancel == nil || c.stopping {
		c.mu.Unlock()
		return nil
	}
	c.stopping = true
	c.quiet = make(chan struct{})
	quiet := c.quiet
	if c.delivering == 0 {
		close(quiet)
	}
	c.q.set(func(q *queue) { q.closed = true })
	c.mu.Unlock()
	c.changed()
	c.giveBack()
	ctx, done := context.WithTimeout(ctx, c.o.DrainTimeout)
	defer done()
	select {
	case <-quiet:
	case <-ctx.Done():
	}
	cancel() // links unbind when their window is empty
	ended := make(chan struct{})
	go func() { c.wg.Wait(); close(ended) }()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("%s: not everything was answered in time: %w", c.o.Name, ctx.Err())
		for _, l := range c.links {
			l.abandon()
		}
		<-ended
	}
	c.mu.Lock()
	c.cancel, c.stopping = nil, false
	c.mu.Unlock()
	c.changed()
	return err
}

// giveBack gives back what waits.
func (c *Client) giveBack() {
	for _, it := range c.q.flush() {
		it.done(bearer.Receipt{Bearer: c.o.Name}, errNotBound)
	}
}

// Pause submits nothing more until Resume; the binds stay, so that messages
// from phones and receipts still come. What waits goes back as ErrBusy: to
// another centre, where there is one.
func (c *Client) Pause() {
	c.q.set(func(q *queue) { q.held = true })
	c.changed()
	for _, it := range c.q.flush() {
		it.done(bearer.Receipt{Bearer: c.o.Name}, errHeld)
	}
}

// Resume ends Pause and Drain.
func (c *Client) Resume() {
	c.q.set(func(q *queue) { q.held = false })
	c.changed()
}

// Drain is Pause that waits until every segment that is with the centre has
// its response, or ctx ends.
func (c *Client) Drain(ctx context.Context) error {
	c.Pause()
	if err := c.q.idle(ctx); err != nil {
		return fmt.Errorf("%s: not every response has come: %w", c.o.Name, err)
	}
	return nil
}

// Attached reports whether messages can pass both ways, as far as the mode goes.
func (c *Client) Attached() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return (c.sending > 0 || c.o.Mode == Receiver) && (c.receiving > 0 || c.o.Mode == Transmitter)
}

// Status is what an operator sees of a client.
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

// Status looks at the client.
func (c *Client) Status() Status {
	out := Status{Name: c.o.Name, State: "running", Binds: len(c.links), Rate: c.pace.limit()}
	n, since := c.q.oldest()
	if out.Queued = n; !since.IsZero() {
		out.Oldest = time.Since(since)
	}
	for _, l := range c.links {
		if sess := l.session.Load(); sess != nil {
			out.Bound++
			if l.sends() {
				out.Window += c.o.Window
				out.InFlight += sess.InFlight()
			}
		} else if f := l.fault.Load(); f != nil {
			out.Fault = *f
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.cancel == nil:
		out.State, out.Fault = "stopped", ""
	case c.stopping:
		out.State = "stopping"
	case c.q.isHeld():
		out.State = "paused"
	}
	return out
}

// changed tells Options.Changed what the state is now. Whoever changes it
// calls changed after that: so the last call has seen the last change.
func (c *Client) changed() {
	if c.o.Changed == nil {
		return
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	c.o.Changed(c.Status())
}

// up counts a bind that came (1) or went (-1). The queue is opened and closed
// under the same lock, so that it tells the same as the count.
func (c *Client) up(l *link, by int) {
	c.mu.Lock()
	if l.receives() {
		c.receiving += by
	}
	if l.sends() {
		c.sending += by
		open := c.sending > 0 && !c.stopping
		c.q.set(func(q *queue) { q.closed = !open })
	}
	none := c.sending == 0
	c.mu.Unlock()
	if none && l.sends() {
		c.giveBack()
	}
}

// begin counts a message that the Inbox gets; false while stopping.
func (c *Client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return false
	}
	c.delivering++
	return true
}

func (c *Client) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.delivering--; c.delivering == 0 && c.stopping {
		close(c.quiet)
	}
}

// background runs f in a goroutine that Stop waits for; f has a time limit of
// its own.
func (c *Client) background(f func(ctx context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx := context.Background()
	if c.cancel == nil || c.stopping {
		go f(ctx) // too late to be waited for
		return
	}
	c.wg.Go(func() { f(ctx) })
}
