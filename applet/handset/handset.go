package handset

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// Options make a handset. Card and Number are required.
type Options struct {
	Card   Transmitter // with Reset() []byte or ATR() []byte, when it has them
	Number sms.MSISDN
	Dial   loopback.DialFunc // the way to the network; nil is a phone without antenna
	Driver Driver            // nil leaves every screen to Answer
	Logger *slog.Logger
	Clock  func() time.Time // for the phone's clock and time stamps; nil is time.Now
	// Trace sees every APDU, proactive command and short message. It is called on
	// the handset's goroutine and must not block. Nil costs nothing.
	Trace func(Event)

	Timeouts Timeouts
	IMEI     string        // 15 digits; "" is 490154203237518, a test value
	Language string        // ISO 639-1; "" is "en"
	Poll     time.Duration // STATUS while idle; 0 is 30 s, negative never
}

// Timeouts of the phone. Zero values are those of real ones.
type Timeouts struct {
	Text    time.Duration // DISPLAY TEXT that waits for the user: 60 s
	Input   time.Duration // GET INPUT, GET INKEY, SELECT ITEM: 30 s
	Notice  time.Duration // DISPLAY TEXT that clears by itself: 15 s
	Network time.Duration // an answer to a sent message (TS 24.011 TR1M): 45 s
}

// Handset is the phone.
type Handset struct {
	o      Options
	log    *slog.Logger
	view   view
	faults faults

	calls  chan func()
	frames chan *frame
	pool   sync.Pool // *frame
	cancel context.CancelFunc
	done   chan struct{}
	radio  radio

	// What follows belongs to the goroutine that owns the card.
	fetch    int // octets of the proactive command that waits; 0 is none
	services ust
	centre   []byte // service centre of EF.SMSP
	running  command
	waiting  wait // what the running command waits for
	link     *loopback.Link
	sending  sending
	refused  bool // a message was refused because the card was busy
	screens  uint64
	answer   Answer // of a driver, due later
	clock    deadlines
	joins    []*joining
	events   []byte // SET UP EVENT LIST
	poll     time.Duration

	get     [5]byte
	again   []byte
	apduBuf []byte
	fetched []byte
	out     []byte
}

// wait is what the running proactive command waits for.
type wait int

const (
	waitNothing wait = iota // no command runs
	waitUser
	waitNetwork
)

// New makes a phone that is switched off.
func New(o Options) (*Handset, error) {
	if o.Card == nil || o.Number == "" {
		return nil, errors.New("handset needs Card and Number")
	}
	def(&o.Timeouts.Text, 60*time.Second)
	def(&o.Timeouts.Input, 30*time.Second)
	def(&o.Timeouts.Notice, 15*time.Second)
	def(&o.Timeouts.Network, 45*time.Second)
	def(&o.IMEI, "490154203237518")
	def(&o.Language, "en")
	def(&o.Poll, 30*time.Second)
	if len(o.IMEI) != 15 || len(o.Language) != 2 {
		return nil, errors.New("handset needs an IMEI of 15 digits and a language of 2 letters")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handset{o: o, log: o.Logger.With("handset", o.Number), calls: make(chan func()), frames: make(chan *frame, 512), poll: o.Poll}
	h.view.state = State{Number: o.Number, Coverage: true}
	h.pool.New = func() any { return new(frame) }
	return h, nil
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Start switches the phone on: it boots the card, runs what the card wants at
// once, and attaches to the network in the background. It fails when the card
// does.
func (h *Handset) Start(ctx context.Context) error {
	if h.cancel != nil {
		return errors.New("handset is started already")
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h.cancel, h.done = cancel, make(chan struct{})
	go h.run(run)
	if err := h.SetPower(true); err != nil {
		h.Stop()
		return err
	}
	return nil
}

// Stop switches the phone off for good and waits until it is.
func (h *Handset) Stop() {
	if h.cancel == nil {
		return
	}
	h.cancel()
	<-h.done
}

// errStopped is what controls return after Stop.
var errStopped = errors.New("handset is stopped")

// do runs f on the goroutine that owns the card and waits for it.
func (h *Handset) do(f func()) error {
	if h.done == nil {
		return errStopped
	}
	ran := make(chan struct{})
	select {
	case h.calls <- func() { defer close(ran); f() }:
	case <-h.done:
		return errStopped
	}
	<-ran
	return nil
}

// run owns the card until ctx ends. What was queued for the network leaves
// with one write when there is nothing else to do.
func (h *Handset) run(ctx context.Context) {
	defer close(h.done)
	defer h.powerOff()
	h.clock.init()
	defer h.clock.stop()
	for {
		select {
		case f := <-h.calls:
			f()
			continue
		case f := <-h.frames:
			h.received(f)
			continue
		default:
		}
		h.flush()
		h.clock.arm()
		select {
		case <-ctx.Done():
			return
		case f := <-h.calls:
			f()
		case f := <-h.frames:
			h.received(f)
		case <-h.clock.timer.C:
			h.clock.fired(h.expired)
		}
	}
}
