package engine

import (
	"sync"
	"time"
)

// alarm is when the sweeper runs next. Who leaves work for it sets the alarm.
type alarm struct {
	clock func() time.Time
	wake  chan struct{}

	mu sync.Mutex
	at time.Time
}

func newAlarm(clock func() time.Time) *alarm {
	return &alarm{clock: clock, wake: make(chan struct{}, 1), at: clock().Add(time.Hour)}
}

// poke tells the sweeper that something is due at a time; the zero time
// means now.
func (a *alarm) poke(at time.Time) {
	a.mu.Lock()
	sooner := at.Before(a.at)
	if sooner {
		a.at = at
	}
	a.mu.Unlock()
	if sooner {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

func (a *alarm) set(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = at
}

func (a *alarm) due() bool { return a.left() <= 0 }

func (a *alarm) left() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at.Sub(a.clock())
}
