package mssp

import (
	"errors"
	"fmt"
)

// State is the state of a transaction.
type State string

// States. A final state never changes again.
const (
	New      State = ""         // not stored yet
	Queued   State = "queued"   // accepted, waits for its turn at the card
	Sending  State = "sending"  // packet sealed and stored, segments on their way
	Waiting  State = "waiting"  // the network has every segment
	Prompted State = "prompted" // the card said 0B: delivered, the user is being asked
	Done     State = "done"     // final: the card did it and the answer was verified
	Failed   State = "failed"   // final: Status says why
)

// States lists every state in the order in which a transaction passes them.
func States() []State { return []State{New, Queued, Sending, Waiting, Prompted, Done, Failed} }

// Final reports whether the state never changes again.
func (s State) Final() bool { return s == Done || s == Failed }

// Event is something that happened to a transaction.
type Event string

// Events.
const (
	EventAccepted   Event = "accepted"   // the request is complete, permitted and new
	EventTurn       Event = "turn"       // first in the queue of its card, packet sealed
	EventTurnedAway Event = "turnedaway" // too many wait for this card already
	EventSent       Event = "sent"       // the network has taken every segment
	EventPrompted   Event = "prompted"   // authenticated PoR 0B: on the card, the answer follows
	EventReattempt  Event = "reattempt"  // a rule asks for the same message under a new counter
	EventAnswered   Event = "answered"   // authenticated answer, done and verified
	EventRefused    Event = "refused"    // authenticated answer that says no, or one that does not verify
	EventUndeliver  Event = "undeliver"  // the network or the packet encoder will never take it
	EventExpired    Event = "expired"    // the deadline has passed
	EventCancelled  Event = "cancelled"  // an operator ends it; what the card shows stays there
	EventSetAside   Event = "setaside"   // its row cannot be understood, or it makes the program fail
)

// Unanswered reports whether the event ends a transaction without a word of the
// card: its answer may still come.
func (e Event) Unanswered() bool {
	return e == EventExpired || e == EventCancelled || e == EventUndeliver
}

// Events lists every event.
func Events() []Event {
	return []Event{
		EventAccepted, EventTurn, EventTurnedAway, EventSent, EventPrompted,
		EventReattempt, EventAnswered, EventRefused, EventUndeliver, EventExpired, EventCancelled, EventSetAside,
	}
}

// Effect is what belongs to a change of state: the store does its half in the
// same commit, the rest follows after it, never before.
type Effect string

// Effects.
const (
	NoEffect     Effect = ""
	EffectSubmit Effect = "submit" // count an attempt and store its segments; then hand them to the bearer
	EffectReply  Effect = "reply"  // note the end and give the card to the next in its queue; then wake whoever waits
)

// Errors of Step.
var (
	// ErrFinal: the transaction is over; the event changes nothing (invariant I7).
	ErrFinal = errors.New("transaction is final")
	// ErrEvent: the event cannot happen in that state.
	ErrEvent = errors.New("event does not fit the state")
	// ErrSetAside, in the Err of a Fault: the transaction has to be set aside.
	ErrSetAside = errors.New("transaction cannot be understood: it is set aside")
)

// Edge is where an event leads.
type Edge struct {
	Next   State
	Effect Effect
}

// Lifecycle is the life of a transaction: the events that each state permits,
// and where they lead. Package store changes the state of a row by this table
// and by nothing else.
type Lifecycle map[State]map[Event]Edge

// NewLifecycle is the whole table. An answer may overtake the news that the
// network has taken the last segment, so Sending takes every event that
// Waiting takes. A second 0B changes nothing. Expiry and an operator's end are possible
// from every state that is not final, and so is a network that gives up late (a delivery
// report after it had taken the message) unless the card has spoken: then it
// was a copy that got lost, and only the answer or the deadline ends it. What
// cannot be understood is set aside from wherever it stands; a row that does not
// even say where is taken for a queued one.
func NewLifecycle() Lifecycle {
	return Lifecycle{
		New: {
			EventAccepted: {Queued, NoEffect},
		},
		Queued: {
			EventTurn:       {Sending, EffectSubmit},
			EventTurnedAway: {Failed, EffectReply},
			EventUndeliver:  {Failed, EffectReply},
			EventExpired:    {Failed, EffectReply},
			EventCancelled:  {Failed, EffectReply},
			EventSetAside:   {Failed, EffectReply},
		},
		Sending: {
			EventSent:      {Waiting, NoEffect},
			EventPrompted:  {Prompted, NoEffect},
			EventReattempt: {Sending, EffectSubmit},
			EventAnswered:  {Done, EffectReply},
			EventRefused:   {Failed, EffectReply},
			EventUndeliver: {Failed, EffectReply},
			EventExpired:   {Failed, EffectReply},
			EventCancelled: {Failed, EffectReply},
			EventSetAside:  {Failed, EffectReply},
		},
		Waiting: {
			EventSent:      {Waiting, NoEffect},
			EventPrompted:  {Prompted, NoEffect},
			EventReattempt: {Sending, EffectSubmit},
			EventAnswered:  {Done, EffectReply},
			EventRefused:   {Failed, EffectReply},
			EventUndeliver: {Failed, EffectReply},
			EventExpired:   {Failed, EffectReply},
			EventCancelled: {Failed, EffectReply},
			EventSetAside:  {Failed, EffectReply},
		},
		Prompted: {
			EventSent:      {Prompted, NoEffect},
			EventPrompted:  {Prompted, NoEffect},
			EventReattempt: {Sending, EffectSubmit},
			EventAnswered:  {Done, EffectReply},
			EventRefused:   {Failed, EffectReply},
			EventExpired:   {Failed, EffectReply},
			EventCancelled: {Failed, EffectReply},
			EventSetAside:  {Failed, EffectReply},
		},
		Done:   {},
		Failed: {},
	}
}

// Step says what an event does to a transaction in a state: the next state,
// and the effect that belongs to it. It has no clock, no store and no memory.
// The error is ErrFinal or ErrEvent, and then nothing changes.
func (l Lifecycle) Step(s State, e Event) (State, Effect, error) {
	if s.Final() {
		return s, NoEffect, fmt.Errorf("%w: %s while %s", ErrFinal, e, s)
	}
	to, ok := l[s][e]
	if !ok {
		return s, NoEffect, fmt.Errorf("%w: %s while %s", ErrEvent, e, s)
	}
	return to.Next, to.Effect, nil
}

// Ends reports whether an event leads to the end of a transaction, wherever
// it fits.
func (l Lifecycle) Ends(e Event) bool {
	for _, edges := range l {
		if edges[e].Effect == EffectReply {
			return true
		}
	}
	return false
}
