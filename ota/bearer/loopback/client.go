package loopback

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// ClientOptions say where the network is and who answers. Dial, Number and
// Inbox are required.
type ClientOptions struct {
	Name   string     // of the bearer, in logs and MO; "" is "loopback"
	Dial   DialFunc   // for example TCP("127.0.0.1:2775")
	Number sms.MSISDN // the short number of the service
	Inbox  bearer.Inbox
	Logger *slog.Logger
	Clock  func() time.Time

	Concurrency   int           // deliveries handed to Inbox at once; 0 is 256
	AnswerTimeout time.Duration // the link is given up when a segment stays unanswered; 0 is 30 s
	RetryMost     time.Duration // longest pause between two attempts to attach; 0 is 10 s
	Changed       func()        // hears of every attachment that came or went; must not block
}

// Client is the service's end of the network, a bearer.Bearer.
type Client struct {
	o       ClientOptions
	log     *slog.Logger
	mr      atomic.Uint32
	calls   sync.Pool // *call
	session atomic.Pointer[session]
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

var _ bearer.Attacher = (*Client)(nil)

// NewClient returns a client that is not yet attached.
func NewClient(o ClientOptions) (*Client, error) {
	if o.Dial == nil || o.Number == "" || o.Inbox == nil {
		return nil, errors.New("loopback client needs Dial, Number and Inbox")
	}
	def(&o.Name, "loopback")
	def(&o.Concurrency, 256)
	def(&o.AnswerTimeout, 30*time.Second)
	def(&o.RetryMost, 10*time.Second)
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Client{o: o, log: o.Logger.With("bearer", o.Name)}, nil
}

// Dial makes a client, attaches it to the network at addr and keeps it
// attached until Stop. The network need not be there yet.
func Dial(ctx context.Context, addr string, number sms.MSISDN, inbox bearer.Inbox, log *slog.Logger) (*Client, error) {
	c, err := NewClient(ClientOptions{Dial: TCP(addr), Number: number, Inbox: inbox, Logger: log})
	if err != nil {
		return nil, err
	}
	return c, c.Start(ctx)
}

// Name is the name of the bearer.
func (c *Client) Name() string { return c.o.Name }

// Attached reports whether the client is attached to the network now.
func (c *Client) Attached() bool { return c.session.Load() != nil }

// Start makes one attempt to attach and then keeps the client attached in the
// background until Stop. It fails only when the network refuses for good; ctx
// bounds the first attempt alone.
func (c *Client) Start(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	link, err := Attach(ctx, c.o.Dial, c.o.Number)
	if err != nil && (errors.Is(err, ErrAttach) || errors.Is(err, ErrFrame)) {
		cancel()
		return err
	}
	c.cancel = cancel
	if link != nil {
		c.session.Store(newSession(c, link))
		c.o.Changed()
	} else {
		c.log.Warn("network is not there yet", "error", err)
	}
	c.wg.Go(func() { c.run(run) })
	return nil
}

// Stop detaches and waits until no delivery is with the Inbox.
func (c *Client) Stop() {
	if c.cancel != nil {
		c.cancel()
	}
	c.wg.Wait()
}

// run keeps a session alive.
func (c *Client) run(ctx context.Context) {
	const first = 50 * time.Millisecond
	pause := first
	for ctx.Err() == nil {
		if s := c.session.Load(); s != nil {
			began := time.Now()
			err := s.run(ctx)
			c.session.Store(nil)
			c.o.Changed()
			if ctx.Err() != nil {
				return
			}
			c.log.Warn("link to the network is lost", "error", err)
			if time.Since(began) > c.o.RetryMost {
				pause = first
			}
		}
		if !rest(ctx, pause) {
			return
		}
		pause = min(2*pause, c.o.RetryMost)
		link, err := Attach(ctx, c.o.Dial, c.o.Number)
		if err != nil {
			c.log.Warn("cannot attach to the network", "error", err)
			continue
		}
		c.log.Info("attached to the network")
		c.session.Store(newSession(c, link))
		c.o.Changed()
	}
}

// rest waits d, more or less a quarter so that not all come back at once;
// false when ctx has ended.
func rest(ctx context.Context, d time.Duration) bool {
	d += time.Duration((rand.Float64() - 0.5) / 2 * float64(d))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
