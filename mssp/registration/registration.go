// Package registration binds a key pair in a card to a person (5.1). The RA asks in
// three steps: register_init makes sure that there is a key pair,
// register_complete lets the card sign a certificate request with it while
// the user enters his code, certificate_status brings the certificate. Each
// step leaves its result in the key's row, so that a step asked for again
// after an accident goes on where the first attempt ended.
//
//	flow A: generate -> public key -> PKCS#10 -> hash to the card -> signature
//	flow B: PKCS#10 with holes to the card -> public key and signature
//
// Pairs are made on the card, or put there by whoever personalises it, and never on this
// server (W-5): it knows no private key of a user. A pair that came with the card is taken by
// the first registration of its usage, whose abort deletes it.
//
// Identity and number of the person are verified before, by the RA, whose record of it
// may be demanded (3.5.1-1).
//
// The other commands for key pairs are here too: to read a public key in parts,
// to delete a pair, to store a certificate in the card.
package registration

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Store is what a Registrar reads and writes: whole rows of key pairs.
type Store interface {
	KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error)
	TellOfKeyPair(ctx context.Context, k mssp.KeyPair, notices ...store.Notice) ([]store.Outbound, error)
	ChangeWithPair(ctx context.Context, n sms.MSISDN, k mssp.KeyPair, f func(*store.Situation) error) (store.Situation, []store.Outbound, error)
	Transactions(ctx context.Context, f store.TransactionFilter) ([]mssp.Transaction, error)
	Identity(ctx context.Context, n sms.MSISDN) (mssp.Identity, error)
	PoP(ctx context.Context, n sms.MSISDN) (mssp.PoP, error)
	Subscribers(ctx context.Context, after sms.MSISDN, limit int) ([]mssp.Subscriber, error)
	EndPoP(ctx context.Context, n sms.MSISDN, end store.PoPEnd) error
}

// CA issues certificates (2-1, INT11); *pki.CA is one.
type CA interface {
	Issue(ctx context.Context, csr []byte, sub mssp.Subscriber, usage mssp.KeyUsage) (*x509.Certificate, error)
}

// Options is what a Registrar needs. Engine and Store are required; CA for Enrol.
type Options struct {
	Engine            *engine.Engine
	Store             Store
	CA                CA
	SignatureProfiles []mssp.SignatureProfile
	// ConfirmAtOnce sends "registration confirmed" in a packet of its own;
	// otherwise it travels before the first signature (5-2).
	ConfirmAtOnce bool
	Quiet         bool // no text message when a user is registered
	// Identified: nobody gets his first key of whom no identification was recorded.
	Identified bool
	SamePair   bool   // a pair may get another certificate when its own has expired (5.11)
	Sums       Summer // for codes that are made here

	Clock  func() time.Time
	Logger *slog.Logger
}

// Registrar registers key pairs. It is safe for concurrent use.
type Registrar struct {
	o      Options
	engine *engine.Engine
	log    *slog.Logger
	under  sync.Map // the slots, with their cards, of which a registration is under way here
}

// New registers the procedures with the engine.
func New(o Options) (*Registrar, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Registrar{o: o, engine: o.Engine, log: o.Logger}
	for _, d := range []struct {
		operation string
		decode    engine.Decode
	}{
		{opAsk, decode(g, func(s step) engine.Procedure { return &look{s} })},
		{opBegin, decode(g, func(s step) engine.Procedure { return &begin{look{s}} })},
		{opLook, decode(g, func(s step) engine.Procedure { return &look{s} })},
		{opGenerate, decode(g, func(s step) engine.Procedure { return &generate{s} })},
		{opRead, decode(g, func(s step) engine.Procedure { return &read{s} })},
		{opRegister, g.decodeRegister},
		{opConfirm, decode(g, func(s step) engine.Procedure { return &confirm{s} })},
		{opImport, decode(g, func(s step) engine.Procedure { return &plain{s} })},
		{opUndo, decode(g, func(s step) engine.Procedure { return &undo{s} })},
		{opReset, decode(g, func(s step) engine.Procedure { return &reset{s} })},
		{opDelete, decode(g, func(s step) engine.Procedure { return &remove{s} })},
	} {
		if err := o.Engine.Register(d.operation, d.decode); err != nil {
			return nil, err
		}
	}
	o.Engine.After(g.after)
	o.Engine.Unsettled(g.unsettled)
	return g, nil
}
