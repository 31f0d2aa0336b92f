package engine

import (
	"context"
	"errors"

	"github.com/simsign/simsign/ota/bearer"
)

// Name and Submit make the lab a bearer.Bearer.
func (l *lab) Name() string { return "fake" }

// Submit lets a segment leave.
func (l *lab) Submit(_ context.Context, s bearer.Segment) (bearer.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.PID == 0 {
		l.texts = append(l.texts, s)
		return bearer.Receipt{}, nil
	}
	l.sent = append(l.sent, s)
	var err error
	if l.submit != nil {
		err = l.submit(s)
	}
	if c := l.cards[s.Dest]; c != nil && !l.lose && !errors.Is(err, bearer.ErrBusy) && !errors.Is(err, bearer.ErrRefused) {
		l.mos = append(l.mos, c.receive(s)...)
	}
	return bearer.Receipt{MessageID: "m1"}, err
}

// pump delivers what phones have sent until they say nothing more.
func (l *lab) pump() {
	for l.deliver() {
		l.settle()
	}
}

// deliver delivers what phones have sent so far.
func (l *lab) deliver() bool {
	mos := l.drop()
	for _, mo := range mos {
		if err := l.e.Deliver(context.Background(), mo); err != nil {
			l.t.Errorf("Deliver: %v", err)
		}
	}
	return len(mos) > 0
}

// settle waits for what the engine does in the background.
func (l *lab) settle() { l.e.wg.Wait() }
