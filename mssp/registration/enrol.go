package registration

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
)

// Enrol runs a whole registration with the built-in CA: register_init,
// register_complete, issue (INT11), certificate_status. What an earlier call
// has achieved is kept, so it may be called again after any accident.
func (g *Registrar) Enrol(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	if g.o.CA == nil {
		return Enrolment{}, mssp.Faultf(mssp.RegistrationNOK, "there is no CA here: use the three steps of MobileRegistration")
	}
	en, err := g.RegisterInit(ctx, r)
	if err != nil {
		return en, err
	}
	r.Slot, r.Algorithm = en.Slot, en.Algorithm
	if en, err = g.RegisterComplete(ctx, r); err != nil {
		return en, err
	}
	t, err := g.engine.Target(ctx, r.MSISDN)
	if err != nil {
		return en, err
	}
	cert, err := g.o.CA.Issue(ctx, en.CSR, t.Subscriber, r.Usage)
	if err != nil {
		if !errors.Is(err, pki.ErrOvertaken) { // else the pair is in use: another one registers it
			_, _ = g.CertificateStatus(ctx, r.MSISDN, en.Slot, nil)
		}
		return en, &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the CA refused the request: " + err.Error(), Err: err}
	}
	done, err := g.CertificateStatus(ctx, r.MSISDN, en.Slot, cert.Raw)
	done.PoP, done.TransID = en.PoP, en.TransID
	return done, err
}
