// Package renewal extends the life of an identity (5.12): the user is invited, and signs
// with the certificate that is still valid that he wants another one; then a registration
// (5.1) makes another pair.
//
// It is never the same pair. The old one serves until the new one is registered, so that
// the service does not stop, and from then on the new one signs, because its certificate
// began last. What can be refused is refused before the user is asked: a certificate that
// has ended (he registers again, 5.11) or does not end soon, a service that is off, a card
// without a free slot. What he does not want changes nothing. Afterwards the old pair is
// left to expire, or its certificate is revoked as superseded by a duty (package ra), which
// empties its slot too, so that the next renewal finds one. That duty begins in the commit that registers
// the new pair: whatever happens in between, there is no state with two pairs that
// nobody puts in order.
package renewal

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// Asker has a user sign a text with the pair of a usage that signs for him, and answers
// what he has signed, verified as any signature is (5.2).
type Asker interface {
	AskWith(ctx context.Context, number sms.MSISDN, u mssp.KeyUsage, question string) (signed []byte, err error)
}

// Registrar registers pairs; *registration.Registrar is one.
type Registrar interface {
	// Room refuses what would be refused before the user does anything.
	Room(ctx context.Context, r registration.EnrolRequest) error
	// EnrolWith registers another pair; with runs in the commit of its certificate.
	EnrolWith(ctx context.Context, r registration.EnrolRequest, with func(*store.Situation) error) (registration.Enrolment, error)
}

// Standing begins the revocation of the old certificate, in the commit that registers the
// new pair; *standing.Standing is one.
type Standing interface {
	Within(c standing.Call, d *mssp.Duty) func(*store.Situation) error
}

// Options is what New needs.
type Options struct {
	Store interface {
		Situation(ctx context.Context, n sms.MSISDN) (store.Situation, error)
	}
	Asker     Asker
	Registrar Registrar
	Standing  Standing
	Within    time.Duration // before its end a certificate is renewed
	Revoke    bool          // the old certificate afterwards
	Question  string        // where a call has none
	Clock     func() time.Time
	Logger    *slog.Logger
}

// Renewal renews. It is safe for concurrent use.
type Renewal struct {
	o    Options
	mu   sync.Mutex
	busy map[sms.MSISDN]bool // whose renewal is under way: nobody is asked twice
}

// New makes a Renewal.
func New(o Options) *Renewal { return &Renewal{o: o, busy: map[sms.MSISDN]bool{}} }

// Call asks for a renewal.
type Call struct {
	MSISDN    sms.MSISDN
	Usage     mssp.KeyUsage
	Algorithm applet.Algorithm // 0: the first of the card profile
	Question  string
	Early     bool // the certificate need not end soon
	By, Note  string
}

// Renewed is what became of it.
type Renewed struct {
	registration.Enrolment
	Before string    // serial number of the certificate before
	Signed []byte    // what the user has signed (CMS)
	Duty   mssp.Duty // the revocation of the old certificate; no ID: it is left to expire
}

// Renew runs a renewal. What is refused is a *standing.Refusal or a *mssp.Fault.
func (r *Renewal) Renew(ctx context.Context, c Call) (Renewed, error) {
	if !r.enter(c.MSISDN) {
		return Renewed{}, &standing.Refusal{Reason: standing.UnderWay, Detail: "a renewal of this user is under way"}
	}
	defer r.leave(c.MSISDN)
	sit, err := r.o.Store.Situation(ctx, c.MSISDN)
	if err != nil {
		return Renewed{}, standing.Unknown(err)
	}
	old, err := r.due(&sit, &c)
	if err != nil {
		return Renewed{}, err
	}
	en := registration.EnrolRequest{MSISDN: c.MSISDN, Usage: c.Usage, Algorithm: c.Algorithm, Flow: registration.FlowA}
	if err := r.o.Registrar.Room(ctx, en); err != nil {
		return Renewed{}, err
	}
	if c.Question == "" {
		c.Question = r.o.Question
	}
	out := Renewed{Before: old.Serial}
	if out.Signed, err = r.o.Asker.AskWith(ctx, c.MSISDN, c.Usage, c.Question); err != nil {
		return out, &standing.Refusal{Reason: standing.Declined, Detail: "the user has not consented: " + err.Error()}
	}
	r.o.Logger.Info("user wants his certificate renewed", "msisdn", c.MSISDN, "serial", old.Serial)
	var revoke func(*store.Situation) error
	if r.o.Revoke {
		revoke = r.o.Standing.Within(standing.Call{
			MSISDN: c.MSISDN, Procedure: mssp.Superseding, Serial: old.Serial, Reason: pki.Superseded, Note: c.Note, By: c.By, Own: true,
		}, &out.Duty)
	}
	out.Enrolment, err = r.o.Registrar.EnrolWith(ctx, en, revoke)
	return out, err
}

func (r *Renewal) enter(n sms.MSISDN) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[n] {
		return false
	}
	r.busy[n] = true
	return true
}

func (r *Renewal) leave(n sms.MSISDN) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.busy, n)
}

// due is the pair whose certificate is renewed: of those of the usage that sign, the one
// that lasts longest.
func (r *Renewal) due(sit *store.Situation, c *Call) (*mssp.KeyPair, error) {
	now := r.o.Clock()
	refuse := func(why standing.Reason, detail string) (*mssp.KeyPair, error) {
		return nil, &standing.Refusal{Reason: why, Detail: detail}
	}
	var old, ended, stopped *mssp.KeyPair
	var last time.Time
	for i := range sit.Keys {
		k := &sit.Keys[i]
		switch cert, err := x509.ParseCertificate(k.CertDER); {
		case k.Usage != c.Usage || !k.State.Certified():
		case k.Ended(now):
			ended = k
		case k.State != mssp.KeyRegistered:
			stopped = k
		case err == nil && cert.NotAfter.After(last):
			old, last = k, cert.NotAfter
		}
	}
	switch {
	case sit.User.State != mssp.SubscriberActive:
		return refuse(standing.NotActive, "the service of the user is "+string(sit.User.State))
	case old == nil && stopped != nil:
		return refuse(standing.NoCertificate, "the certificate cannot be renewed: it is "+string(stopped.State))
	case old == nil && ended != nil:
		return refuse(standing.NoCertificate, "the certificate has ended: the user must register again")
	case old == nil:
		return refuse(standing.NotRegistered, "the user has no certificate for "+c.Usage.String()+": he must register")
	case sit.Card.Applet == mssp.AppletDeactivated:
		return refuse(standing.AppletInactive, "the applet of the user is deactivated")
	case !c.Early && last.Sub(now) > r.o.Within:
		return refuse(standing.NotYet, "the certificate lasts until "+last.UTC().Format(time.DateOnly)+": it is too early to renew it")
	}
	return old, nil
}
