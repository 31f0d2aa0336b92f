package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// Procedure is what one transaction is about: a value that was made with the
// request and is made again, by its Decode, from what the row keeps of it. The
// engine brings its message to the card and an authentic answer back; what the
// answer means is the procedure's.
type Procedure interface {
	// Payload is what the row keeps: inputs, and nothing that can be computed
	// from them.
	Payload() ([]byte, error)
	// Evaluate turns a good answer (every result in it is OK) into the end of
	// the transaction. An error is an accident of ours (the database, the
	// validation authority); it leaves everything as it is, and the answer is
	// evaluated again later.
	Evaluate(ctx context.Context, tx *mssp.Transaction, a *applet.Answer) (Outcome, error)
	// Fault is what the requester hears when the applet has said no.
	Fault(w applet.StatusWord) *mssp.Fault
	// Abort adds to f what it means for the rows of keys and card that the
	// transaction fails: by an answer, by time, or when its turn comes.
	Abort(ctx context.Context, tx *mssp.Transaction, f *store.Finish) error
}

// Precise is a Procedure that sends several commands and says which one was refused.
type Precise interface {
	// FaultOf is Fault of the result that says no; nil: what Fault says.
	FaultOf(r *applet.Result) *mssp.Fault
}

// Content is a Procedure to which some refusals are as good as an answer: what was to be
// done is so already. Evaluate gets them.
type Content interface {
	Content(w applet.StatusWord) bool
}

func content(p Procedure, w applet.StatusWord) bool {
	c, ok := p.(Content)
	return ok && c.Content(w)
}

// Outcome is what a good answer means: the end of the transaction with its
// result, the rows of keys that change, and what has been learnt of the code.
type Outcome struct {
	store.Finish
	// CodeSet: the answer proves that the personal code of Order.Code is set
	// and not blocked.
	CodeSet bool
}

// Decode makes a procedure of its payload. It runs inside of a commit (the
// turn of the next transaction at a card): it must not call the store.
type Decode func(payload []byte) (Procedure, error)

// errOperation: the row is of an operation that nobody has registered.
var errOperation = errors.New("operation is not registered")

// procedures by operation. Nothing is added after Start.
type procedures map[string]Decode

// Register names who makes the procedures of an operation. The name stands in
// the rows, so it never changes. Call it before Start.
func (e *Engine) Register(operation string, d Decode) error {
	if operation == "" || e.procedures[operation] != nil {
		return fmt.Errorf("engine: the operation %q has no name or is registered already", operation)
	}
	e.procedures[operation] = d
	return nil
}

// Operations are the names of all that can be asked of a card here, in their order.
func (e *Engine) Operations() []string { return slices.Sorted(maps.Keys(e.procedures)) }

func (ps procedures) decode(operation string, payload []byte) (Procedure, error) {
	d := ps[operation]
	if d == nil {
		return nil, fmt.Errorf("%w: %q", errOperation, operation)
	}
	p, err := d(payload)
	if err != nil {
		return nil, fmt.Errorf("payload of operation %s: %w", operation, err)
	}
	return p, nil
}
