package rp

import "fmt"

// Cause is why an RP-ERROR refuses (TS 24.011 8.2.5.4, tables 8.3 and 8.4).
type Cause byte

// The causes that this network and its phones use.
const (
	UnassignedNumber    Cause = 1
	CallBarred          Cause = 10
	TransferRejected    Cause = 21
	MemoryExceeded      Cause = 22
	DestinationOutOrder Cause = 27
	UnknownSubscriber   Cause = 30
	NetworkOutOfOrder   Cause = 38
	TemporaryFailure    Cause = 41
	Congestion          Cause = 42
	ResourcesUnavail    Cause = 47
	NotSubscribed       Cause = 50
	InvalidReference    Cause = 81
	InvalidMandatory    Cause = 96
	ProtocolError       Cause = 111
	Interworking        Cause = 127
)

// String is the text of the standard, shortened.
func (c Cause) String() string {
	switch c {
	case UnassignedNumber:
		return "unassigned number"
	case CallBarred:
		return "call barred"
	case TransferRejected:
		return "short message transfer rejected"
	case MemoryExceeded:
		return "memory capacity exceeded"
	case DestinationOutOrder:
		return "destination out of order"
	case UnknownSubscriber:
		return "unknown subscriber"
	case NetworkOutOfOrder:
		return "network out of order"
	case TemporaryFailure:
		return "temporary failure"
	case Congestion:
		return "congestion"
	case ResourcesUnavail:
		return "resources unavailable"
	case NotSubscribed:
		return "facility not subscribed"
	case InvalidReference:
		return "invalid message reference"
	case InvalidMandatory:
		return "invalid mandatory information"
	case ProtocolError:
		return "protocol error"
	case Interworking:
		return "interworking"
	}
	return fmt.Sprintf("cause %d", byte(c))
}

// Temporary tells whether trying the same octets again later makes sense.
func (c Cause) Temporary() bool {
	switch c {
	case MemoryExceeded, NetworkOutOfOrder, TemporaryFailure, Congestion, ResourcesUnavail:
		return true
	}
	return false
}
