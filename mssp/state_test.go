package mssp

import (
	"errors"
	"testing"
)

// Every state is reachable from Queued, every state that is not final has a
// way out on time-out, every edge leads to a known state, and final states
// never change again.
//
// Supports: 3.5.3-3, 3.5.3-4
func TestStepTable(t *testing.T) {
	known := map[State]bool{}
	for _, s := range States() {
		known[s] = true
	}
	if len(step) != len(known) {
		t.Fatalf("table has %d states, want %d", len(step), len(known))
	}
	reached := map[State]bool{Queued: true}
	for todo := []State{Queued}; len(todo) > 0; todo = todo[1:] {
		for _, e := range Events() {
			next, effect, err := Step(todo[0], e)
			if err != nil {
				if next != todo[0] || effect != NoEffect {
					t.Errorf("%s in %s: refused, yet it changes something", e, todo[0])
				}
				continue
			}
			if !known[next] {
				t.Errorf("%s in %s leads to the unknown state %q", e, todo[0], next)
			}
			if next.Final() && effect != EffectReply {
				t.Errorf("%s in %s ends the transaction and wakes nobody", e, todo[0])
			}
			if !reached[next] {
				reached[next] = true
				todo = append(todo, next)
			}
		}
	}
	for _, s := range States() {
		if !reached[s] {
			t.Errorf("state %s cannot be reached", s)
		}
		next, _, err := Step(s, EventExpired)
		switch {
		case s.Final() && !errors.Is(err, ErrFinal):
			t.Errorf("final state %s changes on time-out", s)
		case !s.Final() && (err != nil || next != Failed):
			t.Errorf("state %s has no way out on time-out: %v", s, err)
		}
	}
}

// What must not happen: an answer before a packet went out, a prompt that
// becomes unprompted, anything after the end.
func TestStepRefuses(t *testing.T) {
	for _, c := range []struct {
		s    State
		e    Event
		want error
	}{
		{Queued, EventAnswered, ErrEvent},
		{Queued, EventPrompted, ErrEvent},
		{Queued, EventSent, ErrEvent},
		{Queued, EventReattempt, ErrEvent},
		{Sending, EventTurn, ErrEvent},
		{Prompted, EventTurn, ErrEvent},
		{Prompted, EventUndeliver, ErrEvent}, // it is on the card: only the answer or the deadline ends it
		{Done, EventAnswered, ErrFinal},
		{Failed, EventAnswered, ErrFinal}, // timed out never turns into success (I7)
		{Done, EventExpired, ErrFinal},
		{"", EventTurn, ErrEvent},
	} {
		if got, _, err := Step(c.s, c.e); !errors.Is(err, c.want) || got != c.s {
			t.Errorf("Step(%s, %s) = %s, %v; want %v", c.s, c.e, got, err, c.want)
		}
	}
}
