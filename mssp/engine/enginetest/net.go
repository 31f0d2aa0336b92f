package enginetest

import (
	"context"
	"errors"
	"runtime"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/bearer"
)

// Name and Submit make the laboratory a bearer.Bearer.
func (l *Lab) Name() string { return "fake" }

// Down implements bearer.Judge.
func (l *Lab) Down() error { return l.NoNetwork }

// Submit lets a segment leave.
func (l *Lab) Submit(_ context.Context, s bearer.Segment) (bearer.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.PID == 0 {
		l.Texts = append(l.Texts, s)
		return bearer.Receipt{}, nil
	}
	l.Sent = append(l.Sent, s)
	var err error
	if l.OnSubmit != nil {
		err = l.OnSubmit(s)
	}
	if c := l.Cards[s.Dest]; c != nil && !l.Lose && !errors.Is(err, bearer.ErrBusy) && !errors.Is(err, bearer.ErrRefused) {
		l.mos = append(l.mos, c.Receive(s)...)
	}
	if p := l.Phones[s.Dest]; p != nil && err == nil {
		var mos []bearer.MO
		mos, err = p.Receive(s)
		l.mos = append(l.mos, mos...)
	}
	return bearer.Receipt{MessageID: "m1"}, err
}

// Drop takes what is under way from the phones.
func (l *Lab) Drop() []bearer.MO {
	l.mu.Lock()
	defer l.mu.Unlock()
	mos := l.mos
	l.mos = nil
	return mos
}

// Prompts is how often a card has asked its user, while others may be under way.
func (l *Lab) Prompts(c *Card) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.Prompts
}

// Pump delivers what phones have sent until they say nothing more.
func (l *Lab) Pump() {
	for l.Deliver() {
		l.Settle()
	}
}

// Deliver delivers what phones have sent so far.
func (l *Lab) Deliver() bool {
	mos := l.Drop()
	for _, mo := range mos {
		if err := l.Engine.Deliver(context.Background(), mo); err != nil {
			l.t.Errorf("Deliver: %v", err)
		}
	}
	return len(mos) > 0
}

// Bring delivers messages.
func (l *Lab) Bring(mos ...bearer.MO) {
	l.t.Helper()
	for _, mo := range mos {
		l.OK(l.Engine.Deliver(context.Background(), mo))
	}
	l.Settle()
}

// Redeliver delivers as a network does: what was not acknowledged comes again
// later.
func (l *Lab) Redeliver() {
	for {
		var later []bearer.MO
		mos := l.Drop()
		for _, mo := range mos {
			if err := l.Engine.Deliver(context.Background(), mo); err != nil {
				later = append(later, mo)
			}
		}
		l.Settle()
		l.mu.Lock()
		l.mos = append(later, l.mos...)
		l.mu.Unlock()
		if len(mos) == len(later) {
			return
		}
	}
}

// Settle waits for what the engine does in the background.
func (l *Lab) Settle() { l.OK(l.Engine.Settle(context.Background())) }

// Pumped runs f while the network delivers everything.
func Pumped[T any](l *Lab, f func() (T, error)) (T, error) {
	type out struct {
		v   T
		err error
	}
	done := make(chan out, 1)
	go func() {
		v, err := f()
		done <- out{v, err}
	}()
	for {
		select {
		case o := <-done:
			return o.v, o.err
		default:
			l.Deliver()
			runtime.Gosched()
		}
	}
}

// Ask accepts a request and hands out what the phone sends, undelivered.
func (l *Lab) Ask(id string) (mssp.Transaction, []bearer.MO) {
	l.t.Helper()
	tx, err := l.Signer.Sign(context.Background(), Request(id, "hello"))
	l.OK(err)
	return tx, l.Drop()
}
