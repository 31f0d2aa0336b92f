package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/cmd/internal/alert"
)

// steady is the clock by which the service counts: deadlines, limits, pauses,
// ages. It was set by the clock of the machine at the start and goes on evenly
// from there, whatever becomes of that one: a step of three hours ends no prompt
// that somebody is answering, and makes none live for three hours more. What
// others compare with their own clocks (AP_Info.Instant, ValidityDate, the times
// of certificates and revocation lists) keeps the machine's.
//
// How far the two are apart is stored as soon as it is seen, so that a restart
// keeps the time in which the deadlines of its rows are told. When no work is
// left that a jump could hurt, the service takes the machine's time; until then it
// comes nearer to it by a twentieth.
type steady struct {
	wall    func() time.Time
	elapsed func() time.Duration

	mu     sync.Mutex
	origin time.Time // our time when elapsed was 0

	comparing sync.Mutex
	noted     time.Duration // what is stored
	gauge     prometheus.Gauge
}

const (
	// apart is a step: less is what clocks do.
	apart = 2 * time.Second
	// clockEvery is how often the clocks are compared: a crash within that time
	// after a step finds the deadlines told in a time that it does not know.
	clockEvery = time.Second
	// slew is by how much we come nearer to the machine's clock in that time.
	slew = clockEvery / 20
)

func newSteady(o *Options) *steady {
	return &steady{
		wall: o.Clock, elapsed: o.Elapsed, origin: o.Clock().Round(0).Add(-o.Elapsed()),
		gauge: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "simsign_clock_step_seconds", Help: "How far the machine's clock has stepped ahead of (below 0: behind) the time by which the service counts.",
		}),
	}
}

// now is the time by which the service counts.
func (s *steady) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.origin.Add(s.elapsed())
}

// ahead is how far the machine's clock is ahead of ours.
func (s *steady) ahead() time.Duration { return s.wall().Round(0).Sub(s.now()) }

func (s *steady) move(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.origin = s.origin.Add(d)
}

// resumeClock goes on in the time of the process before, whose rows are there.
func (a *App) resumeClock(ctx context.Context) error {
	ahead, err := a.core.Store.ClockAhead(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	a.steady.noted = ahead
	a.steady.move(-ahead)
	a.compareClocks(ctx)
	return nil
}

// compareClocks looks for a step of the machine's clock.
func (a *App) compareClocks(ctx context.Context) {
	s := a.steady
	s.comparing.Lock()
	defer s.comparing.Unlock()
	ahead := s.ahead()
	s.gauge.Set(ahead.Seconds())
	if ahead.Abs() < apart && s.noted == 0 {
		a.alerts.Clear(alert.Clock, "machine")
		return
	}
	if ahead.Abs() < apart {
		ahead = 0 // it has come back
	} else {
		way := "ahead"
		if ahead < 0 {
			way = "back"
		}
		a.alerts.Raise(alert.Clock, "machine", fmt.Sprintf("the machine's clock has stepped %s by %s: what is under way goes on in the time of before; look at NTP", way, ahead.Abs().Round(time.Second)))
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	idle, err := a.core.Store.NoteClock(ctx, ahead, s.noted)
	if err != nil {
		a.log.Error("noting the step of the clock", "error", err)
		return
	}
	s.noted = ahead
	switch {
	case !idle:
		// It may never be without work: it goes a little faster or slower meanwhile.
		s.move(max(-slew, min(slew, ahead)))
	default:
		s.noted = 0
		s.move(s.ahead())
		if ahead != 0 {
			a.log.Warn("the service has taken the machine's time", "step", ahead.Round(time.Millisecond))
		}
	}
}
