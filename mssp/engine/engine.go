// Package engine runs transactions: it takes a request, makes the INT6
// message, takes its turn at the card, seals and submits the packet, waits
// for the answer, verifies it and ends the transaction.
//
// Every step is one commit of package store, and what follows from it (octets
// on the air, a reply, an acknowledgement) happens after it. The database is
// the only truth; what is kept in memory are caches and the people who wait:
// the transaction now at each card (a "flight") and a channel for each
// caller of Wait. A new Engine on the same store goes on where the old one
// was killed: it sends ambiguous segments again with identical octets, takes
// complete answers that were stored but not used, and lets the deadlines,
// which are columns, expire what nobody answered.
//
// On the usual path a signature costs two commits: Accept (request, counter,
// sealed packet, segments) in the caller's goroutine, and Finish (answer,
// verified result, next packet of that card) in the bearer's.
package engine

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Engine runs all transactions of one process. It is safe for concurrent use.
type Engine struct {
	o Options
}

// New checks the options. Nothing happens before Start.
func New(o Options) (*Engine, error) { return &Engine{o: o}, nil }

var errTodo = errors.New("not there yet")

// Start recovers what an earlier process left and starts the sweeper.
func (e *Engine) Start(ctx context.Context) error { return errTodo }

// Stop ends the sweeper and waits for submissions under way.
func (e *Engine) Stop(ctx context.Context) error { return errTodo }

// Sign accepts a request for a signature and returns once it is durable; the
// error is a *mssp.Fault. A repeat of an earlier request (same AP and
// AP_TransID, same RequestHash) returns the same transaction (I12).
func (e *Engine) Sign(ctx context.Context, r SignRequest) (mssp.Transaction, error) {
	return mssp.Transaction{}, errTodo
}

// Wait blocks until the transaction is final or ctx ends.
func (e *Engine) Wait(ctx context.Context, id mssp.TransID) (mssp.Transaction, error) {
	return mssp.Transaction{}, errTodo
}

// Status is the present state of a transaction, for the AP that asked for it
// and no other (I2).
func (e *Engine) Status(ctx context.Context, ap mssp.APID, id mssp.TransID) (mssp.Transaction, error) {
	return mssp.Transaction{}, errTodo
}

// ReferenceOf is the reference code shown on both screens; known from Sign on.
func ReferenceOf(tx mssp.Transaction) string { return "" }

// Deliver takes a short message from a phone (bearer.Inbox).
func (e *Engine) Deliver(ctx context.Context, mo bearer.MO) error { return errTodo }

// Report takes a delivery report (bearer.Inbox).
func (e *Engine) Report(ctx context.Context, r bearer.Report) error { return errTodo }

// Enrol runs a whole registration: key pair, PKCS#10, certificate,
// confirmation to the card, text message to the user.
func (e *Engine) Enrol(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	return Enrolment{}, errTodo
}

// RegisterInit is INT3c MobileRegistration in mode register_init (5.1-1 to 5.1-5).
func (e *Engine) RegisterInit(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	return Enrolment{}, errTodo
}

// RegisterComplete is INT3c MobileRegistration in mode register_complete (5.1-6, 5.1-7).
func (e *Engine) RegisterComplete(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	return Enrolment{}, errTodo
}

// CertificateStatus is INT3c MobileRegistration in mode certificate_status
// (5.1-8): the CA has issued cert for the key in that slot; nil: it refused.
func (e *Engine) CertificateStatus(ctx context.Context, number sms.MSISDN, slot byte, cert []byte) (Enrolment, error) {
	return Enrolment{}, errTodo
}

// ManageCode creates, resets, unblocks or changes a personal code; the user
// enters it on the device (5.3-1, 5.4-1).
func (e *Engine) ManageCode(ctx context.Context, number sms.MSISDN, u mssp.KeyUsage, op CodeOperation) (mssp.Transaction, error) {
	return mssp.Transaction{}, errTodo
}

// QueryState asks the applet for its state.
func (e *Engine) QueryState(ctx context.Context, number sms.MSISDN) (AppletState, error) {
	return AppletState{}, errTodo
}

// SetAppletData changes strings, language, tries, time-outs (4-1, 4-2, 3.6-1).
func (e *Engine) SetAppletData(ctx context.Context, number sms.MSISDN, d AppletData) (mssp.Transaction, error) {
	return mssp.Transaction{}, errTodo
}

// ChangeStatus activates, deactivates or resets the applet (4-3).
func (e *Engine) ChangeStatus(ctx context.Context, number sms.MSISDN, to AppletStatus) (mssp.Transaction, error) {
	return mssp.Transaction{}, errTodo
}

// ReadPublicKey asks the card for the public key in a slot (4-8): SPKI, DER.
func (e *Engine) ReadPublicKey(ctx context.Context, number sms.MSISDN, slot byte) ([]byte, error) {
	return nil, errTodo
}

// DeleteKey deletes the key pair in a slot (4-10).
func (e *Engine) DeleteKey(ctx context.Context, number sms.MSISDN, slot byte) (mssp.Transaction, error) {
	return mssp.Transaction{}, errTodo
}
