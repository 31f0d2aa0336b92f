package smsc

import (
	"time"

	"github.com/simsign/simsign/smpp"
)

// Event is a kind of ledger entry.
type Event string

// Events. Accepted is written before the response leaves, so what an
// application believes to be accepted is always in the ledger; MOAcknowledged
// is written when ESME_ROK has come.
const (
	Accepted       Event = "accepted"        // a message was submitted and has an id
	Ended          Event = "ended"           // it reached a final state
	MOStored       Event = "mo-stored"       // a handset's message is ours
	MOSent         Event = "mo-sent"         // one try of it is about to leave
	MOAcknowledged Event = "mo-acknowledged" // ESME_ROK came
	MODropped      Event = "mo-dropped"      // refused for good, or too old
)

// Entry is one line of the ledger. It holds whole numbers and octets: it is
// for tests, not for logs.
type Entry struct {
	Event    Event
	At       time.Time
	SystemID string
	ID       string            // message id as in the response; of an MO its number here
	State    smpp.MessageState // with Ended
	Status   smpp.Status       // with MODropped
	Tries    int               // with MOSent: 1 is the first
	// Message is as it was submitted or is delivered: user data, addresses,
	// esm_class and the rest. It must not be changed.
	Message *smpp.Message
}

func (s *SMSC) write(e Entry) {
	if s.o.Ledger == nil {
		return
	}
	e.At = s.now()
	s.o.Ledger(e)
}
