package handset

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// Options make a handset. Card and Number are required.
type Options struct {
	Card   Transmitter // with Reset() []byte or ATR() []byte, and Off(), when it has them
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
	// Strict phones take TS 102 223 by its letter where others are lenient: an object that must be
	// understood and is not gives 32, a missing one 36, an icon that is not shown 04.
	Strict bool
	// SecondGeneration phones speak class A0 to every card (TS 51.011). Others do when a card
	// knows no other.
	SecondGeneration bool
}

// Timeouts of the phone. Zero values are those of real ones.
type Timeouts struct {
	Text    time.Duration // DISPLAY TEXT that waits for the user: 60 s
	Input   time.Duration // GET INPUT, GET INKEY, SELECT ITEM: 30 s
	Notice  time.Duration // DISPLAY TEXT that clears by itself: 15 s
	Network time.Duration // an answer to a sent message (TS 24.011 TR1M): 45 s
}

// Handset is the phone. Its parts belong to the goroutine that owns the card,
// but for the view and the faults, which lock themselves.
type Handset struct {
	o      Options
	log    *slog.Logger
	view   view
	faults faults

	calls  chan func()
	cancel context.CancelFunc
	done   chan struct{}

	trace    tracer
	clock    deadlines
	card     simSession
	toolkit  toolkit
	dialogue dialogue
	radio    radio
	sender   sender
	receiver receiver
	inbox    inbox
}

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
	h := &Handset{o: o, log: o.Logger.With("handset", o.Number), calls: make(chan func()), trace: tracer{o.Trace, o.Clock}}
	h.view.state = State{Number: o.Number, Coverage: true}
	h.assemble()
	return h, nil
}

// assemble tells the parts of the phone of each other.
func (h *Handset) assemble() {
	h.card = simSession{card: h.o.Card, log: h.log, trace: &h.trace, second: h.o.SecondGeneration}
	h.toolkit = toolkit{
		o: &h.o, log: h.log, trace: &h.trace, card: &h.card, view: &h.view, clock: &h.clock, faults: &h.faults,
		radio: &h.radio, dialogue: &h.dialogue, sender: &h.sender, receiver: &h.receiver, poll: h.o.Poll,
	}
	h.dialogue.toolkit = &h.toolkit
	h.sender.toolkit = &h.toolkit
	h.inbox = inbox{view: &h.view, clock: h.o.Clock}
	h.receiver = receiver{
		log: h.log, trace: &h.trace, card: &h.card, radio: &h.radio, toolkit: &h.toolkit, sender: &h.sender, inbox: &h.inbox,
	}
	h.radio.dial, h.radio.number, h.radio.log = h.o.Dial, h.o.Number, h.log
	h.radio.calls, h.radio.frames = h.calls, make(chan *frame, 512)
	h.radio.pool.New = func() any { return new(frame) }
	h.radio.changed = h.attached
}

// attached is told when the phone is attached to the network, or is no more: an
// answer that is still awaited will then not come.
func (h *Handset) attached(yes bool) {
	h.view.change(func(s *State) { s.Attached = yes })
	switch {
	case !yes:
		h.sender.networkLost()
	case h.toolkit.poll > 0: // what could not be sent may be sent now
		h.toolkit.pollCard()
	}
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
		case f := <-h.radio.frames:
			h.receiver.received(f)
			continue
		default:
		}
		h.radio.flush()
		h.clock.arm()
		select {
		case <-ctx.Done():
			return
		case f := <-h.calls:
			f()
		case f := <-h.radio.frames:
			h.receiver.received(f)
		case <-h.clock.timer.C:
			h.clock.fired(h.expired)
		}
	}
}

// expired is what a clock does when it has run out.
func (h *Handset) expired(which int) {
	switch which {
	case timerPrompt:
		h.dialogue.promptExpired()
	case timerDriver:
		h.dialogue.driverDue()
	case timerNotice:
		h.dialogue.clearScreen()
	case timerNetwork:
		h.sender.networkTimeout()
	case timerLater:
		h.sender.releaseDue()
	case timerPoll:
		h.toolkit.pollCard()
	default:
		h.toolkit.cardTimerExpired(byte(which - timerCard + 1))
	}
}
