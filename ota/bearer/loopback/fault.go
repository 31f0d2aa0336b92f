package loopback

import (
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// Direction of a short message as seen from the endpoint.
type Direction int

// FromEndpoint are the SMS-SUBMIT of an endpoint, ToEndpoint its SMS-DELIVER.
const (
	FromEndpoint Direction = iota
	ToEndpoint
)

// Action is what a Fault does to a short message.
type Action int

// The network tells the sender of a dropped, doubled, delayed or reordered
// message that all is well: it only finds out later.
const (
	Pass       Action = iota
	Drop              // acknowledge and lose
	Duplicate         // deliver twice
	Delay             // deliver after Fault.Delay
	Reorder           // deliver after the next message of this direction (or after 2 s)
	Refuse            // answer the sender with RP-ERROR and Fault.Cause
	Unanswered        // deliver, but never answer the sender
)

// Fault hits one short message of an endpoint in one direction.
type Fault struct {
	Nth    int // 1 is the first message after SetFaults; 0 is every message
	Action Action
	Delay  time.Duration
	Cause  rp.Cause // 0 is temporary failure
}

// reorderWait is how long a reordered message waits for a next one.
const reorderWait = 2 * time.Second

// lane applies the faults of one endpoint and direction.
type lane struct {
	faults []Fault
	count  int
	held   *message
}

// idle tells that nothing can happen to a message on this lane.
func (l *lane) idle() bool { return len(l.faults) == 0 && l.held == nil }

// judge counts a message and says what is to become of it.
func (l *lane) judge() Fault {
	if len(l.faults) == 0 {
		return Fault{}
	}
	l.count++
	for _, f := range l.faults {
		if f.Nth == 0 || f.Nth == l.count {
			if f.Cause == 0 {
				f.Cause = rp.TemporaryFailure
			}
			return f
		}
	}
	return Fault{}
}
