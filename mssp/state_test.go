package mssp

import (
	"errors"
	"testing"
)

// Every state is reachable, every state that is not final has a
// way out on time-out, every edge leads to a known state, and final states
// never change again.
//
// Supports: 3.5.3-3, 3.5.3-4
func TestStepTable(t *testing.T) {
	life := NewLifecycle()
	known := map[State]bool{}
	for _, s := range States() {
		known[s] = true
	}
	if len(life) != len(known) {
		t.Fatalf("table has %d states, want %d", len(life), len(known))
	}
	reached := map[State]bool{New: true}
	for todo := []State{New}; len(todo) > 0; todo = todo[1:] {
		for _, e := range Events() {
			next, effect, err := life.Step(todo[0], e)
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
		next, _, err := life.Step(s, EventExpired)
		switch {
		case s == New: // nobody has promised anything yet
		case s.Final() && !errors.Is(err, ErrFinal):
			t.Errorf("final state %s changes on time-out", s)
		case !s.Final() && (err != nil || next != Failed):
			t.Errorf("state %s has no way out on time-out: %v", s, err)
		}
	}
}

// An event has one effect, wherever it fits: who brings it knows what follows.
func TestOneEffectAnEvent(t *testing.T) {
	life := NewLifecycle()
	effects := map[Event]Effect{}
	for _, s := range States() {
		for e, to := range life[s] {
			if was, ok := effects[e]; ok && was != to.Effect {
				t.Errorf("%s has effect %q, and in %s %q", e, was, s, to.Effect)
			}
			effects[e] = to.Effect
			if life.Ends(e) != (to.Effect == EffectReply) {
				t.Errorf("%s: Ends is %v", e, life.Ends(e))
			}
		}
	}
	if len(effects) != len(Events()) {
		t.Errorf("%d of %d events fit somewhere", len(effects), len(Events()))
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
		{New, EventTurn, ErrEvent},
		{Queued, EventAccepted, ErrEvent},
		{Sending, EventTurnedAway, ErrEvent}, // it is at the card: nobody is before it
	} {
		if got, _, err := NewLifecycle().Step(c.s, c.e); !errors.Is(err, c.want) || got != c.s {
			t.Errorf("Step(%q, %s) = %s, %v; want %v", c.s, c.e, got, err, c.want)
		}
	}
}

// Only an end without a word of the card leaves its answer to come: it is told
// to the user as one that came too late.
func TestUnanswered(t *testing.T) {
	for _, e := range Events() {
		want := e == EventExpired || e == EventCancelled || e == EventUndeliver
		if e.Unanswered() != want {
			t.Errorf("%s: %v", e, e.Unanswered())
		}
	}
}
