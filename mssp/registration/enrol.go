package registration

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
)

// Stage is a part of a registration: what the RA does before it may wait, or give up.
type Stage struct {
	Name string
	Do   func(ctx context.Context, g *Registrar, w *Work) error
}

// Work is a registration that goes through its stages.
type Work struct {
	Request EnrolRequest
	Done    Enrolment
	cert    []byte
	with    func(*store.Situation) error
}

// Stages are a whole registration with the built-in CA, in their order (5.1).
var Stages = []Stage{
	{"register_init", func(ctx context.Context, g *Registrar, w *Work) (err error) {
		if w.Done, err = g.RegisterInit(ctx, w.Request); err == nil {
			w.Request.Slot, w.Request.Algorithm = w.Done.Slot, w.Done.Algorithm
		}
		return err
	}},
	{"register_complete", func(ctx context.Context, g *Registrar, w *Work) (err error) {
		w.Done, err = g.RegisterComplete(ctx, w.Request)
		return err
	}},
	{"issue", func(ctx context.Context, g *Registrar, w *Work) error { return g.issue(ctx, w) }},
	{"certificate_status", func(ctx context.Context, g *Registrar, w *Work) error {
		done, err := g.certificateStatus(ctx, w.Request.MSISDN, w.Done.Slot, w.cert, w.with)
		done.PoP, done.TransID = w.Done.PoP, w.Done.TransID
		w.Done = done
		return err
	}},
}

// Enrol runs a whole registration with the built-in CA. What an earlier call has achieved
// is kept, so it may be called again after any accident.
func (g *Registrar) Enrol(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	return g.EnrolWith(ctx, r, nil)
}

// EnrolWith is Enrol with what else changes in the commit that registers the pair, which
// with sees; nil: nothing. It may run more than once, and an error of it stops the commit.
func (g *Registrar) EnrolWith(ctx context.Context, r EnrolRequest, with func(*store.Situation) error) (Enrolment, error) {
	if g.o.CA == nil {
		return Enrolment{}, mssp.Faultf(mssp.RegistrationNOK, "there is no CA here: use the three steps of MobileRegistration")
	}
	if r.SamePair {
		return g.samePair(ctx, r)
	}
	w := Work{Request: r, with: with}
	for _, s := range Stages {
		if err := s.Do(ctx, g, &w); err != nil {
			return w.Done, err
		}
	}
	return w.Done, nil
}

// issue is INT11: what the CA refuses is taken back.
func (g *Registrar) issue(ctx context.Context, w *Work) error {
	t, err := g.engine.Target(ctx, w.Request.MSISDN)
	if err != nil {
		return err
	}
	cert, err := g.o.CA.Issue(ctx, w.Done.CSR, t.Subscriber, w.Done.Usage)
	if err == nil {
		w.cert = cert.Raw
		return nil
	}
	if !errors.Is(err, pki.ErrOvertaken) { // else the pair is in use: another one registers it
		_, _ = g.CertificateStatus(ctx, w.Request.MSISDN, w.Done.Slot, nil)
	}
	return &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the CA refused the request: " + err.Error(), Err: err}
}
