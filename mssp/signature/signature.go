// Package signature is the procedure behind MSS_Signature (5.2): a provider
// asks, the card of a user signs, the signature is verified before anybody
// hears of it and goes back in the form that the provider asked for.
//
// Sign checks what only the rows can tell (a key of that usage, a certificate
// that is valid now), composes the message and gives it to the engine. The
// card is shown the text itself when it can show it whole and hash exactly the
// provider's octets; otherwise it gets a hash with a text beside it. A CMS is
// prepared before the card is asked, because the hash covers its attributes,
// and only assembled with the answer.
//
// The payload in the row holds inputs only. What has been computed of them
// lives with the transaction in memory and is computed again after a restart;
// the same payload and certificate always give the same octets.
package signature

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"io"
	"log/slog"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/ota/sms"
)

// Operation is the name of the procedure in the rows.
const Operation = "sign"

// Store is what a Signer reads.
type Store interface {
	Certificate(ctx context.Context, serial string) (mssp.Certificate, error)
	Recheck(ctx context.Context, n sms.MSISDN, now time.Time) (bool, error)
	Lookup(ctx context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error)
}

// VA says whether a signature and its certificate are valid (2-1, 5.2-2);
// *pki.VA is one.
type VA interface {
	Check(ctx context.Context, cert *x509.Certificate, digest, signature []byte) pki.Verdict
	CheckCertificate(ctx context.Context, cert *x509.Certificate) pki.Verdict
}

// Care asks an applet for its state, which the rows mirror when it has
// answered; *cardcare.Care does.
type Care interface {
	AskState(ctx context.Context, t *engine.Target) error
}

// Options is what a Signer needs. Engine, Store and VA are required.
type Options struct {
	Engine *engine.Engine
	Store  Store
	VA     VA
	// Chain is what a CMS carries after the signer's certificate, nearest
	// first, DER; nil: nothing.
	Chain func() [][]byte
	Care  Care // nil: a blocked code stays blocked in our eyes until the applet says otherwise

	Clock  func() time.Time
	Rand   io.Reader
	Logger *slog.Logger
}

// Signer takes requests for signatures. It is safe for concurrent use.
type Signer struct {
	o      Options
	engine *engine.Engine
	log    *slog.Logger
	certs  certs
}

// New registers the procedure with the engine.
func New(o Options) (*Signer, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Signer{o: o, engine: o.Engine, log: o.Logger, certs: certs{m: map[string]*x509.Certificate{}}}
	return s, o.Engine.Register(Operation, s.decode)
}

// Wait blocks until a transaction is final or ctx ends.
func (s *Signer) Wait(ctx context.Context, id mssp.TransID) (mssp.Transaction, error) {
	return s.engine.Wait(ctx, id)
}

// Progress is what an open transaction waits for.
func (s *Signer) Progress(ctx context.Context, tx mssp.Transaction) string {
	return s.engine.Progress(ctx, &tx)
}

// Status is the present state of a transaction, for the AP that asked for it.
// To any other it does not exist (I2).
func (s *Signer) Status(ctx context.Context, ap mssp.APID, id mssp.TransID) (mssp.Transaction, error) {
	return s.engine.Status(ctx, ap, id)
}
