// Package admin is how the operator's commands reach a running service.
//
// What they ask for are the operations of package operator. A service serves
// them on a unix socket that only its owner may open (mode 0600): Handler is
// that side, Client the other. A running service owns its database, so the
// commands of simsign ask it; where none answers at the socket, those that need
// no card open the database themselves and call the same operations without this
// package. On PostgreSQL they may do so beside a service that runs elsewhere.
//
// Requests and answers are small JSON documents, one POST an operation. Card
// keys and passwords pass the socket, and neither of them ever gets into a log
// line: an operation is logged by its name and what it did, with masked numbers.
// A Refusal crosses the socket whole, so that a command says the same on both
// ways.
//
// Short message centres are here too and not in package operator: they are
// lines of this process, not a rule of the domain.
package admin

import (
	"context"

	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/smpp/esme"
)

// Backend is every operation.
type Backend interface {
	operator.Operations

	ListSMSCs(ctx context.Context, r operator.Page) ([]esme.Status, error)
	OrderSMSC(ctx context.Context, r SMSCOrder) (esme.Status, error)
	TraceSMSC(ctx context.Context, r SMSCName) (SMSCTrace, error)
}

// Service is the Backend of this process.
type Service struct {
	*operator.Service
	SMSCs SMSCs // nil where no service runs: such operations are ErrNotRunning
}

var _ Backend = (*Service)(nil)
