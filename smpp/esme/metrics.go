package esme

import (
	"time"

	"github.com/simsign/simsign/smpp"
)

// Metrics counts what passes between a Client and its centre. Gauges are not
// here: Client.Status has their values at any time. The methods are called
// from many goroutines and must not block.
type Metrics interface {
	// Response is a response to a submit_sm, whatever its command_status.
	Response(status smpp.Status, after time.Duration)
	// Unanswered is a submission that ended without a response.
	Unanswered()
	// Late is a response that came after its submission counted as unanswered.
	Late()
	// Inbound is a request of the centre, by what became of it.
	Inbound(Inbound)
	// BindFailed is an attempt to bind that failed, or a bind that ended
	// against our will.
	BindFailed()
}

// Inbound is what became of a message, a receipt or an alert_notification.
type Inbound string

// What becomes of them.
const (
	Stored           Inbound = "stored"    // the Inbox has the message
	Again            Inbound = "again"     // it had it already
	Failed           Inbound = "failed"    // the Inbox could not take it: it comes again
	Malformed        Inbound = "malformed" // it cannot be read, and is acknowledged
	Nobody           Inbound = "nobody"    // it is from no phone, and is acknowledged
	ReceiptStored    Inbound = "receipt"
	ReceiptNotFinal  Inbound = "receipt not final"
	ReceiptMalformed Inbound = "receipt malformed"
	Alerted          Inbound = "alert"
)

// Inbounds are all of them.
func Inbounds() []Inbound {
	return []Inbound{Stored, Again, Failed, Malformed, Nobody, ReceiptStored, ReceiptNotFinal, ReceiptMalformed, Alerted}
}

// unmeasured is Metrics that nobody wants.
type unmeasured struct{}

func (unmeasured) Response(smpp.Status, time.Duration) {}
func (unmeasured) Unanswered()                         {}
func (unmeasured) Late()                               {}
func (unmeasured) Inbound(Inbound)                     {}
func (unmeasured) BindFailed()                         {}
