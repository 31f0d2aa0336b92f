package smsc

import (
	"math/rand/v2"
	"time"

	"github.com/simsign/simsign/smpp"
)

// Do is what a fault does to one PDU.
type Do string

// Faults of requests that come from an application, at whichever stage.
const (
	DropBefore   Do = "drop-before"   // cut the link; the request was never seen
	DropAfter    Do = "drop-after"    // accept it, then cut the link instead of answering
	Mute         Do = "mute"          // accept it and never answer
	Cut          Do = "cut"           // accept it, send half of the response, cut the link
	Stall        Do = "stall"         // read nothing more for a while
	Late         Do = "late"          // answer after a while
	Duplicate    Do = "dup"           // answer twice
	Reorder      Do = "reorder"       // answer after the next answer
	WrongSeq     Do = "wrong-seq"     // answer with another sequence number only
	Nack         Do = "nack"          // refuse with generic_nack
	Refuse       Do = "status"        // refuse with a status
	Unbind       Do = "unbind"        // accept it, answer nothing any more, and unbind
	ReceiptFirst Do = "receipt-first" // the receipt leaves before the response
	SendAlert    Do = "alert"         // send alert_notification first
	SendUnknown  Do = "unknown"       // send a command that nobody knows first
	SendData     Do = "data"          // send a data_sm first
	SendPayload  Do = "payload"       // send a deliver_sm with 64 kB of message_payload first
	SendEmpty    Do = "empty"         // send a deliver_sm without addresses and text first
)

// Faults of requests of ours (deliver_sm, data_sm); DropBefore, DropAfter,
// Cut, Late, Duplicate, Unbind, SendAlert and SendUnknown go with them too.
const (
	LostAck   Do = "lost-ack"   // an ESME_ROK counts as lost: the message is sent again
	AsData    Do = "as-data"    // a deliver_sm becomes a data_sm
	AsPayload Do = "as-payload" // the user data go into message_payload
	Collide   Do = "collide"    // it takes the sequence number of the application's last request
)

// Rule is a fault and the PDUs that it hits. The first rule that fits a PDU
// is the one that counts.
type Rule struct {
	On       smpp.CommandID // the request, whoever sends it
	From, To int            // the first and last one hit, counted from 1; 0, 0 is every one
	Every    int            // every so many; 0 does not matter
	Chance   float64        // of being hit, 0 to 1; 0 does not matter
	Do       Do
	For      time.Duration // of Stall and Late
	Status   smpp.Status   // of Refuse and Nack
}

// Numbering is how the SMSC numbers its requests.
type Numbering int

// Numberings. SMPP 3.4 5.1.4 wants 1 to 7FFFFFFF; real centres do all of these.
const (
	FromOne   Numbering = iota
	FromZero            // 0, 1, 2 ...
	FromHigh            // 80000001, 80000002 ...
	Colliding           // the number of the application's last request
)

// Script is a list of faults. It is not changed by being played.
type Script struct {
	Rules     []Rule
	Numbering Numbering
	Seed      uint64 // of the rules with a chance
}

// faults plays a script. mu is held by whoever calls.
type faults struct {
	script Script
	count  map[smpp.CommandID]int
	rand   *rand.Rand
}

func newFaults(s *Script) *faults {
	f := &faults{count: map[smpp.CommandID]int{}}
	if s != nil {
		f.script = *s
	}
	f.rand = rand.New(rand.NewPCG(f.script.Seed, 0)) // it must be repeatable
	return f
}

// judge counts a PDU and finds its fault; a zero rule is none.
func (f *faults) judge(c smpp.CommandID) Rule {
	if len(f.script.Rules) == 0 {
		return Rule{}
	}
	f.count[c]++
	n := f.count[c]
	for _, r := range f.script.Rules {
		switch {
		case r.On != c,
			r.From > 0 && (n < r.From || n > r.To),
			r.Every > 0 && n%r.Every != 0,
			r.Chance > 0 && f.rand.Float64() >= r.Chance:
			continue
		}
		return r
	}
	return Rule{}
}
