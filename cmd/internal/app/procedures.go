package app

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardcare"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/testnumbers"
	"github.com/simsign/simsign/ota/sms"
)

// cards is what the operator does to cards.
type cards struct {
	*registration.Registrar
	*cardcare.Care
	engine *engine.Engine
}

// Cancel ends a transaction.
func (c cards) Cancel(ctx context.Context, id mssp.TransID, operator string) (mssp.Transaction, error) {
	return c.engine.Cancel(ctx, id, operator)
}

// Ended tells who waits for transactions that the store has ended.
func (c cards) Ended(txs []mssp.Transaction) { c.engine.Ended(txs) }

// Say sends a text that is nobody else's business.
func (c cards) Say(ctx context.Context, to sms.MSISDN, text string, life time.Duration) error {
	return c.engine.Say(ctx, to, text, life)
}

// newProcedures registers every procedure with the engine, before it starts:
// the rows that an earlier process left name them.
func (a *App) newProcedures() (err error) {
	a.cards.engine = a.engine
	if a.cards.Care, err = cardcare.New(a.engine); err != nil {
		return err
	}
	r := registration.Options{
		Engine: a.engine, Store: a.core.Store, SignatureProfiles: a.cfg.SignatureProfiles(),
		ConfirmAtOnce: a.o.ConfirmAtOnce, Quiet: a.o.QuietRegistration,
		Identified: a.cfg.DemandsIdentity(), SamePair: a.cfg.Registration.SamePair, Sums: a.core.Vault, Clock: a.steady.now, Logger: a.log,
	}
	s := signature.Options{
		Engine: a.engine, Store: a.core.Store, VA: pki.NewVA(pki.VAOptions{CA: a.ca, Issuers: a.core.issuerCAs, Clock: a.o.Clock}),
		Care: a.cards.Care, Clock: a.steady.now, Logger: a.log,
	}
	if a.ca != nil {
		r.CA, s.Chain = a.ca, a.ca.Chain
	}
	if a.cards.Registrar, err = registration.New(r); err != nil {
		return err
	}
	a.signer, err = signature.New(s)
	a.newStanding()
	a.log.Debug("procedures", "operations", a.engine.Operations())
	return err
}

// issuerCAs are the CAs that card issuers have of their own.
func (c *Core) issuerCAs(ctx context.Context) (cas []*x509.Certificate, err error) {
	all, err := c.Store.Issuers(ctx)
	for i := range all {
		if v := &all[i]; len(v.CA) > 0 && v.RemovedAt.IsZero() {
			ca, err := x509.ParseCertificate(v.CA)
			if err != nil {
				return nil, err
			}
			cas = append(cas, ca)
		}
	}
	return cas, err
}

// signers is what providers ask for signatures, with the test numbers before
// it where the laboratory wants them.
func (a *App) signers() service.Engine {
	if a.cfg.Lab.DemoFaults {
		return testnumbers.New(a.signer, a.o.Clock)
	}
	return a.signer
}
