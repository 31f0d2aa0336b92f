package loopback

import (
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// Event is one step in the life of a short message, for a trace. It holds
// whole numbers and texts: it is for a laboratory's screen, not for logs.
type Event struct {
	At       time.Time
	Kind     string // attach, detach, submit, store, deliver, ack, error, fault, expire, report, smma
	From, To sms.MSISDN
	TPDU     []byte   // a copy
	Cause    rp.Cause // of a refusal
}

// observe reports an event; mu is held.
func (n *Network) observe(e Event) {
	if n.o.Observer == nil {
		return
	}
	e.At = n.now()
	e.TPDU = append([]byte(nil), e.TPDU...)
	n.o.Observer(e)
}
