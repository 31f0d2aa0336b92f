package route

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// A bearer is judged by its work, not by its link. Failures in a row, with no
// message accepted in between, open its breaker: two without an answer, three
// that the network was asked to take and did not, or refusals to so many
// different phones that it must be the network. Where it has taken messages of several
// providers the phones of one are not enough: he may have a list of dead
// numbers. An open bearer gets nothing;
// after a pause, which doubles, one message probes it; when the network turns out
// to have taken one after all, too late for whoever waited, after a short one.
const (
	scoreUnknown = 3
	scoreBusy    = 2
	scoreOpen    = 6
	refusedOpen  = 5 // phones
	refusedOfOne = 3 // of them, where the bearer serves others too

	firstPause = 5 * time.Second
	longPause  = time.Minute
	probeTime  = 10 * time.Second // of a probe, where another bearer waits to take the message
	doubtAfter = 30 * time.Second // a failure that is older says little about now
)

// errOpened ends what a bearer still has when its breaker opens.
var errOpened = errors.New("others got no answer either")

// breaker is a bearer with the judgement on it.
type breaker struct {
	bearer.Bearer
	patience time.Duration // 0: as the caller has it
	changed  func(name string, fault error)

	mu       sync.Mutex
	open     bool
	probing  bool // one message is on its way to find out
	refuses  bool // it opened because of refusals: the answer is at least known at once
	why      error
	score    int
	refused  map[string]map[sms.MSISDN]bool // by the name of the sender
	users    map[string]bool                // in whose names it has ever taken a message
	accepted time.Time                      // last message
	pause    time.Duration
	failed   time.Time // the last message that opened it, or kept it open
	probe    time.Time // when the next may go out
	late     bool      // it took a message after that, too late
	attempts map[*context.CancelCauseFunc]bool

	telling sync.Mutex // held while changed hears of a state
}

// ready reports whether a message may be given to the bearer now; a probe is
// one that is not closed.
func (b *breaker) ready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mayEnter()
}

func (b *breaker) mayEnter() bool {
	return !b.open || !b.probing && !time.Now().Before(b.probe)
}

// enter takes a place for a message; probe: it is the one that finds out.
func (b *breaker) enter() (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.mayEnter() {
		return false, fmt.Errorf("%w: %w", bearer.ErrAway, b.why)
	}
	b.probing = b.open
	return b.open, nil
}

// fault is why the breaker is open; nil when it is not.
func (b *breaker) fault() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return nil
	}
	return b.why
}

// awaits reports whether only a message can tell what the bearer does by now.
func (b *breaker) awaits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open && b.mayEnter() && (b.late || time.Since(b.failed) >= doubtAfter)
}

// stalled reports that a message would wait for nothing.
func (b *breaker) stalled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open && !b.refuses && !b.mayEnter()
}

// leave judges what became of a message that entered. given up: whoever
// submitted it has ended, which says nothing about the bearer.
func (b *breaker) leave(s *bearer.Segment, began time.Time, probe, givenUp bool, err error) {
	b.mu.Lock()
	was := b.open
	b.probing = b.probing && !probe
	switch {
	case err == nil:
		b.accepted = time.Now()
		b.score, b.refused = 0, nil
		b.users[s.For] = true
		b.open, b.pause = false, 0
	case errors.Is(err, bearer.ErrRefused):
		b.refusal(s, probe, err)
	case givenUp, errors.Is(err, bearer.ErrAway): // not asked
	case b.accepted.After(began): // it took others meanwhile
	case probe:
		b.opens(err)
	case !b.open:
		if b.score += scoreBusy; errors.Is(err, bearer.ErrUnknown) {
			b.score += scoreUnknown - scoreBusy
		}
		if b.score >= scoreOpen {
			b.refuses = false
			b.opens(err)
		}
	}
	changed := was != b.open
	b.mu.Unlock()
	if changed {
		b.tell()
	}
}

// refusal is an answer, so the bearer works, unless it refuses everybody; mu is held.
func (b *breaker) refusal(s *bearer.Segment, probe bool, err error) {
	b.score = 0
	if b.open {
		switch {
		case probe && b.refuses:
			b.opens(err)
		case !b.refuses:
			b.open, b.pause = false, 0
		}
		return
	}
	if b.refused == nil {
		b.refused = map[string]map[sms.MSISDN]bool{}
	}
	phones := b.refused[s.For]
	if phones == nil {
		phones = map[sms.MSISDN]bool{}
		b.refused[s.For] = phones
	}
	if len(phones) < refusedOpen { // more say nothing more
		phones[s.Dest] = true
	}
	if b.refusedPhones() >= refusedOpen {
		b.refused, b.refuses = nil, true
		b.opens(err)
	}
}

// refusedPhones is how many phones count; mu is held.
func (b *breaker) refusedPhones() (n int) {
	for name, phones := range b.refused {
		count := len(phones)
		if len(b.users) > 1 || len(b.users) == 1 && !b.users[name] {
			count = min(count, refusedOfOne)
		}
		n += count
	}
	return n
}

// opens opens the breaker, or keeps it open for longer; mu is held.
func (b *breaker) opens(err error) {
	b.pause = min(max(2*b.pause, firstPause), longPause)
	b.failed = time.Now()
	b.open, b.score, b.probe, b.late = true, 0, b.failed.Add(b.pause), false
	b.why = fmt.Errorf("attached, but it takes no messages: %w", err)
	for cancel := range b.attempts {
		(*cancel)(errOpened)
	}
}

// tookLate shortens the pause: the bearer does take messages, whether in time
// only a probe can tell.
func (b *breaker) tookLate() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return
	}
	b.late = true
	if soon := b.failed.Add(firstPause); soon.Before(b.probe) {
		b.probe = soon
	}
}

// tell says what the state is now. Calls come one after the other, and the
// last one has the last state.
func (b *breaker) tell() {
	b.telling.Lock()
	defer b.telling.Unlock()
	if b.changed != nil {
		b.changed(b.Name(), b.fault())
	}
}

// attempt gives a message to the bearer for at most d (0: as long as ctx
// lasts). more: another bearer can take it, so it does not wait for room, and
// it does not wait any longer when the breaker opens.
func (b *breaker) attempt(ctx context.Context, s bearer.Segment, d time.Duration, more, probe bool) (bearer.Receipt, error) {
	began, parent := time.Now(), ctx
	if end, ok := ctx.Deadline(); d > 0 && (!ok || end.After(began.Add(d))) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, began.Add(d))
		defer cancel()
	}
	if more {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		b.mu.Lock()
		b.attempts[&cancel] = true
		b.mu.Unlock()
		defer func() {
			b.mu.Lock()
			delete(b.attempts, &cancel)
			b.mu.Unlock()
		}()
	}
	s.Elsewhere = more
	r, err := b.Submit(ctx, s)
	if r.Bearer == "" {
		r.Bearer = b.Name()
	}
	b.leave(&s, began, probe, errors.Is(parent.Err(), context.Canceled), err)
	return r, err
}
