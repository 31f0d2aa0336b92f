// Package bearer is the port between the secured packets of package ota and
// whatever carries short messages: an SMSC over SMPP, a GSM modem, or the
// loopback network of the emulated handsets.
//
// A Bearer takes one segment at a time and says what became of it: accepted
// by the network, refused (now or for good), or unknown, because the link
// broke between the octets and the answer. Unknown is not failure: the
// segment is sent again with identical octets, and the replay check of the
// card makes that safe (rule G). In the other direction a bearer hands each short message from a phone to an Inbox and
// acknowledges it to its network only after the Inbox has returned nil, that
// is, after it is stored.
package bearer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Segment is one mobile-terminated short message (TS 23.040 SMS-SUBMIT as
// the network will deliver it). The same segment always has the same octets.
type Segment struct {
	ID   int64      // outbox row, for logs and correlation
	Dest sms.MSISDN // TP-DA
	PID  byte       // TP-PID: 7F for (U)SIM data download
	DCS  byte       // TP-DCS: F6 for class 2 8-bit data
	UDH  []byte     // user data header with its length octet; nil when none
	UD   []byte     // user data after the header, in the coding of DCS
	// Septets is TP-UDL when DCS says the 7-bit alphabet (UD is packed); 0 otherwise.
	Septets  int
	Validity time.Duration // how long the network may try; 0 lets it choose
	Report   bool          // ask for a status report
	// Ref names the transaction in logs; it never leaves the process.
	Ref string
	// For is in whose name it goes out; "" is the service itself. Where segments
	// wait for a network, these names take turns; it never leaves the process.
	For string
	// Elsewhere: another bearer can take it, so it is busy rather than waiting
	// for room in a queue.
	Elsewhere bool
}

// Receipt is what a network said when it took a segment.
type Receipt struct {
	MessageID string // SMSC message id or TP-MR in decimal; may be empty
	// Bearer is the one that took the segment, or that left its fate unknown,
	// where a route chose among several; "" is the one that was asked.
	Bearer string
}

// Destination is what is known of a phone and its card when a bearer is
// chosen. Fields that are not known are empty.
type Destination struct {
	MSISDN  sms.MSISDN
	ICCID   ota.ICCID
	IMSI    string
	Profile string // card profile
	For     string // in whose name, see Segment
}

// MO is one mobile-originated short message as it reached us.
type MO struct {
	Bearer   string     // name of the bearer, for logs
	Source   sms.MSISDN // TP-OA (TS 23.040 9.2.3.7): routing hint, never proof of identity
	Dest     string     // the address it was sent to, when known
	PID, DCS byte
	UDH      []byte // with its length octet; nil when none
	UD       []byte
	// Septets is TP-UDL when DCS says the 7-bit alphabet: UD is packed, and 7
	// septets fill as many octets as 8 of which the last is '@' (TS 23.038
	// 6.1.2.1). sms.DecodeText wants it. 0 otherwise.
	Septets    int
	ReceivedAt time.Time
}

// Report tells the fate of an earlier segment (status report, delivery receipt).
type Report struct {
	Bearer    string
	MessageID string
	Dest      sms.MSISDN
	Delivered bool // true: on the handset; false: given up
	Cause     string
	At        time.Time
	// Text: only its text says that it is a report, so anybody can have sent it.
	// It fits a segment to exactly that Dest, and without one nothing.
	Text bool
}

// Inbox receives what phones and networks send. Deliver and Report return nil
// only after the message is durably stored (or known and already stored, or
// durably counted as refused); any error means "do not acknowledge".
type Inbox interface {
	Deliver(ctx context.Context, mo MO) error
	Report(ctx context.Context, r Report) error
}

// Resolver is what an Inbox may be in addition: it hears the end of
// submissions that were ErrUnknown. err is nil (the network has it), or
// matches ErrRefused or ErrBusy (it does not). Receipt.Bearer is set.
type Resolver interface {
	Resolve(ctx context.Context, segmentID int64, r Receipt, err error) error
}

// Alerter is what an Inbox may be in addition: it hears that a phone that
// could not be reached is back.
type Alerter interface {
	Alert(ctx context.Context, number sms.MSISDN) error
}

// Bearer submits segments. Submit may be called by many goroutines at once
// and blocks until the network answered, the link broke or ctx ended. Its
// error, when not nil, matches exactly one of ErrRefused, ErrBusy and
// ErrUnknown.
type Bearer interface {
	Name() string
	Submit(ctx context.Context, s Segment) (Receipt, error)
}

// Attacher is a Bearer that can tell whether messages can pass now, both ways.
// A route prefers those that say yes.
type Attacher interface {
	Bearer
	Attached() bool
}

// Judge is a Bearer that can tell beforehand that it will take nothing now,
// and not for want of a link, which comes back by itself: Down is why, or nil.
type Judge interface {
	Bearer
	Down() error
}

// Rationer is a Bearer of which each name (Segment.For) has a share: Spent is why
// it takes no more in that name now, or nil.
type Rationer interface {
	Bearer
	Spent(name string) error
}

var (
	// ErrRefused: the network will never take this segment.
	ErrRefused = errors.New("network refused the message")
	// ErrBusy: nothing left, or the network asked to come back later. Safe to send again.
	ErrBusy = errors.New("network cannot take the message now")
	// ErrAway is an ErrBusy that says nothing about what the network would take:
	// it was not asked, for want of a link or by order of the operator.
	ErrAway = fmt.Errorf("%w", ErrBusy)
	// ErrSpent is an ErrAway for one name alone, which has had its share.
	ErrSpent = fmt.Errorf("%w: one name has had its share", ErrAway)
	// ErrUnknown: octets may have left and no answer came. Send identical octets again.
	ErrUnknown = errors.New("no answer from the network")
)
