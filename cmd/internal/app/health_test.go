package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/cmd/internal/alert"
)

func selfCheck(t *testing.T, clock func() time.Time, again func(), checks []check) (*health, *alert.Board) {
	t.Helper()
	reg, log := newRegistry("test"), slog.New(slog.DiscardHandler)
	alerts, err := alert.New(reg, log, clock)
	if err != nil {
		t.Fatal(err)
	}
	return newHealth(reg, log, clock, alerts, again, checks), alerts
}

// A self-check that hangs or has stopped coming is a reason by itself.
func TestHealthAge(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	fault := errors.New("store: does not answer")
	h, alerts := selfCheck(t, func() time.Time { return now }, func() {}, []check{{"store", func(context.Context) error { return fault }, [2]string{alert.Store, "database"}, nil}})
	if have := fmt.Sprint(h.now()); have != "[starting]" {
		t.Errorf("before the first check: %s", have)
	}
	h.run(t.Context())
	if have := fmt.Sprint(h.now()); have != "[store: does not answer]" { // the name stands once
		t.Errorf("store down: %s", have)
	}
	if open := alerts.Open(); len(open) != 0 {
		t.Errorf("one no is an alert: %v", open)
	}
	h.run(t.Context()) // a bearer came or went
	if open := alerts.Open(); len(open) != 0 {
		t.Errorf("two of them within a moment are an alert: %v", open)
	}
	now = now.Add(checkEvery)
	h.run(t.Context())
	if open := alerts.Open(); len(open) != 1 || open[0].Kind != alert.Store || open[0].Text != "store: does not answer" {
		t.Errorf("two of them: %v", open)
	}
	fault = nil
	h.run(t.Context())
	if open := alerts.Open(); len(open) != 0 {
		t.Errorf("the store is back: %v", open)
	}
	if have := h.now(); len(have) != 0 {
		t.Errorf("ready: %s", have)
	}
	now = now.Add(5 * checkEvery)
	if have := h.now(); len(have) != 1 {
		t.Errorf("after a pause: %s", have)
	}
}

// A question that hangs is a no within its time, is not asked twice, and as
// long as it hangs nobody needs to wait for what it asks.
//
// Supports: I14
func TestHealthHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checkTime = 3 * time.Second
		defer func() { checkTime = ample }()
		asked, again, release := 0, 0, make(chan error)
		h, _ := selfCheck(t, time.Now, func() { again++ }, []check{
			{"store", func(context.Context) error { asked++; return <-release }, [2]string{}, nil},
			{"ca", func(context.Context) error { return nil }, [2]string{}, nil},
		})
		if err := h.hangs("store"); err != nil {
			t.Errorf("before it was asked: %v", err)
		}
		for n := range 3 {
			h.run(t.Context())
			if have := fmt.Sprint(h.now()); have != "[store: has not answered within 3s]" {
				t.Errorf("%s", have)
			}
			time.Sleep(time.Millisecond)
			if (h.hangs("store") != nil) != (n > 0) || h.hangs("ca") != nil || again != 1 {
				t.Errorf("after self-check %d hangs: store %v, ca %v, again %d", n+1, h.hangs("store"), h.hangs("ca"), again)
			}
		}
		release <- errors.New("locked")
		synctest.Wait()
		if h.hangs("store") == nil { // whoever asks now waits as long for the same no
			t.Error("a no that came late is no sign that it answers again")
		}
		h.run(t.Context()) // takes it
		asked, again = 0, 0
		h.run(t.Context())
		release <- nil
		synctest.Wait()
		if err := h.hangs("store"); err != nil || asked != 1 || again != 1 {
			t.Errorf("it has answered: %v, asked %d times, again %d", err, asked, again)
		}
		go func() { time.Sleep(time.Second); release <- nil }()
		h.run(t.Context()) // takes the late answer
		h.run(t.Context())
		if have := h.now(); len(have) != 0 || asked != 2 {
			t.Errorf("%v, asked %d times", have, asked)
		}
	})
}

// A store that stands still for one self-check, and answers then, turns nobody
// away, however often; one whose questions end unanswered twice in a row does,
// and one that says no by itself, but late, at once.
//
// Supports: I14
func TestHealthStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checkTime = 3 * time.Second
		defer func() { checkTime = ample }()
		var takes time.Duration
		var no error
		var asked atomic.Int32
		h, _ := selfCheck(t, time.Now, func() {}, []check{
			{"store", func(context.Context) error {
				asked.Add(1)
				takes, no := takes, no
				time.Sleep(takes)
				if no == nil && takes >= checkTime {
					return context.DeadlineExceeded
				}
				return no
			}, [2]string{}, nil},
		})
		step := func(name string, times int32, length time.Duration, answer error, refused bool) {
			t.Helper()
			takes, no = length, answer
			for end := asked.Load() + times; asked.Load() < end; {
				h.run(t.Context()) // it may only take what came late
			}
			time.Sleep(length) // until it has come
			synctest.Wait()
			if err := h.hangs("store"); (err != nil) != refused {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, length := range []time.Duration{4 * time.Second, checkTime} { // after its time, and with it
			step("it stands still once", 1, length, nil, false)
			takes = 0
			if h.run(t.Context()); h.hangs("store") != nil {
				t.Error("one missing answer counts twice")
			}
			step("it answers", 1, 0, nil, false)
		}
		step("twice", 2, 4*time.Second, nil, true)
		step("a quick no", 1, 0, errors.New("the disk is full"), false)
		step("a late no of its own", 1, 4*time.Second, errors.New("locked"), true)
		step("it answers again", 1, 0, nil, false)
	})
}
