package engine

import (
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// FaultOf is the fault in which a failed transaction ended.
func FaultOf(tx *mssp.Transaction) *mssp.Fault {
	return &mssp.Fault{Code: tx.Status, Detail: tx.Detail}
}

// Failure is the end of a transaction with a fault.
func Failure(f *mssp.Fault) Outcome { return Outcome{Finish: failure(f)} }

// failure is the end by an answer that says no, or that is not good enough.
func failure(f *mssp.Fault) store.Finish {
	return store.Finish{Event: mssp.EventRefused, Status: f.Code, Detail: f.Detail}
}

// refused counts a request that never became a transaction.
func (c *core) refused(kind mssp.Kind, err error) error {
	var f *mssp.Fault
	if !errors.As(err, &f) {
		f = c.Internal("serving a request", err)
	}
	c.m.refused(kind, f.Code)
	return f
}

// Internal is the fault for what nobody classified: the whole text in the log,
// and outside 900, or 780 when it is the store that does not serve.
func (c *core) Internal(doing string, err error) *mssp.Fault {
	c.log.Error("internal error", "doing", doing, "error", err)
	f := &mssp.Fault{Code: mssp.InternalError, Detail: "internal error: repeat the request with the same AP_TransID; if it stays, give the operator the time and the AP_TransID", Err: err}
	switch {
	case errors.Is(err, store.ErrOutcomeUnknown), errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrFenced), errors.Is(err, store.ErrLocked):
		f.Code, f.Detail = mssp.UnableToProvide, "the service is restarting: ask again with the same AP_TransID"
	case store.Unavailable(err): // the disk is full, another program holds the database, PostgreSQL is gone
		f.Code, f.Detail = mssp.UnableToProvide, "the service can store nothing at present: ask again in a minute, with the same AP_TransID"
	}
	return f
}
