package mssp

import (
	"errors"
	"fmt"
)

// State is the state of a transaction.
type State string

// States. A final state never changes again.
const (
	Queued   State = "queued"   // accepted, waits for its turn at the card
	Sending  State = "sending"  // packet sealed and stored, segments on their way
	Waiting  State = "waiting"  // the network has every segment
	Prompted State = "prompted" // the card said 0B: delivered, the user is being asked
	Done     State = "done"     // final: the card did it and the answer was verified
	Failed   State = "failed"   // final: Status says why
)

// States lists every state in the order in which a transaction passes them.
func States() []State { return []State{Queued, Sending, Waiting, Prompted, Done, Failed} }

// Final reports whether the state never changes again.
func (s State) Final() bool { return s == Done || s == Failed }

// Event is something that happened to a transaction.
type Event string

// Events.
const (
	EventTurn      Event = "turn"      // first in the queue of its card, packet sealed
	EventSent      Event = "sent"      // the network has taken every segment
	EventPrompted  Event = "prompted"  // authenticated PoR 0B: on the card, the answer follows
	EventReattempt Event = "reattempt" // a rule asks for the same message under a new counter
	EventAnswered  Event = "answered"  // authenticated answer, done and verified
	EventRefused   Event = "refused"   // authenticated answer that says no, or one that does not verify
	EventUndeliver Event = "undeliver" // the network or the packet encoder will never take it
	EventExpired   Event = "expired"   // the deadline has passed
)

// Events lists every event.
func Events() []Event {
	return []Event{EventTurn, EventSent, EventPrompted, EventReattempt, EventAnswered, EventRefused, EventUndeliver, EventExpired}
}

// Effect is what has to be done once the new state is committed, never before.
type Effect string

// Effects.
const (
	NoEffect     Effect = ""
	EffectSubmit Effect = "submit" // hand the stored segments to the bearer
	EffectReply  Effect = "reply"  // wake whoever waits for the result, give the card to the next in its queue
)

// Errors of Step.
var (
	// ErrFinal: the transaction is over; the event is recorded and changes nothing (invariant I7).
	ErrFinal = errors.New("transaction is final")
	// ErrEvent: the event cannot happen in that state.
	ErrEvent = errors.New("event does not fit the state")
)

type edge struct {
	next   State
	effect Effect
}

// step is the whole life of a transaction. An answer may overtake the news
// that the network has taken the last segment, so Sending takes every event
// that Waiting takes. A second 0B changes nothing. Expiry is possible from
// every state that is not final, and so is a network that gives up late
// (a delivery report after it had taken the message).
var step = map[State]map[Event]edge{
	Queued: {
		EventTurn:      {Sending, EffectSubmit},
		EventUndeliver: {Failed, EffectReply},
		EventExpired:   {Failed, EffectReply},
	},
	Sending: {
		EventSent:      {Waiting, NoEffect},
		EventPrompted:  {Prompted, NoEffect},
		EventReattempt: {Sending, EffectSubmit},
		EventAnswered:  {Done, EffectReply},
		EventRefused:   {Failed, EffectReply},
		EventUndeliver: {Failed, EffectReply},
		EventExpired:   {Failed, EffectReply},
	},
	Waiting: {
		EventSent:      {Waiting, NoEffect},
		EventPrompted:  {Prompted, NoEffect},
		EventReattempt: {Sending, EffectSubmit},
		EventAnswered:  {Done, EffectReply},
		EventRefused:   {Failed, EffectReply},
		EventUndeliver: {Failed, EffectReply},
		EventExpired:   {Failed, EffectReply},
	},
	Prompted: {
		EventSent:      {Prompted, NoEffect},
		EventPrompted:  {Prompted, NoEffect},
		EventReattempt: {Sending, EffectSubmit},
		EventAnswered:  {Done, EffectReply},
		EventRefused:   {Failed, EffectReply},
		EventExpired:   {Failed, EffectReply},
	},
	Done:   {},
	Failed: {},
}

// Step says what an event does to a transaction in a state: the next state,
// and the effect that follows its commit. It has no clock, no store and no
// memory. The error is ErrFinal or ErrEvent, and then nothing changes.
func Step(s State, e Event) (State, Effect, error) {
	if s.Final() {
		return s, NoEffect, fmt.Errorf("%w: %s while %s", ErrFinal, e, s)
	}
	to, ok := step[s][e]
	if !ok {
		return s, NoEffect, fmt.Errorf("%w: %s while %s", ErrEvent, e, s)
	}
	return to.next, to.effect, nil
}
