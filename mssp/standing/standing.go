// Package standing is the MSSP's side of MobileSignatureRegistration (INT3c, INT3b): a user
// leaves (5.7), his certificates are revoked (5.8), suspended (5.9), re-activated (5.10), he
// gets another card (5.5).
//
// Each of these is two calls with the CA between them. Precondition checks, stops what must
// stop from that moment on, and leaves a duty in a row; the RA asks the CA; Notify stores
// what the CA has confirmed. A pair of which a revocation was accepted signs no more,
// though "revoked" is said only after the CA's word; a user is suspended before the CA is
// asked, and stays so if it refuses or is silent. Out of revoked nothing leads (W-6). A
// notification without a call before it is taken: the CA may act by itself.
//
// The rules are functions over a store.Situation, and run inside of the commit that stores
// what they change. What is refused is a *Refusal, an answer with a reason (G1).
package standing

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Store is what the rules run in; *store.Store is one.
type Store interface {
	Situation(ctx context.Context, n sms.MSISDN) (store.Situation, error)
	ChangeSituation(ctx context.Context, n sms.MSISDN, f func(*store.Situation) error) (store.Situation, []store.Outbound, error)
	MoveToCard(ctx context.Context, n sms.MSISDN, to ota.ICCID, f func(*store.CardChange) error) (store.CardChange, []mssp.Transaction, error)
}

// Options is what a Standing needs.
type Options struct {
	Store  Store
	Asker  Asker // nil: nobody can be asked for his consent
	Clock  func() time.Time
	Logger *slog.Logger
}

// Standing changes the standing of users. It is safe for concurrent use.
type Standing struct{ o Options }

// New makes a Standing.
func New(o Options) *Standing {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Standing{o}
}

// Call is a pre-condition call.
type Call struct {
	MSISDN    sms.MSISDN
	Procedure mssp.Procedure
	Serial    string // one certificate; "": every one of the user
	Reason    int    // RFC 5280 CRLReason of a revocation
	Note      string // why, for people
	By        string
	Own       bool // the built-in RA goes on with it
	// Gone: who leaves has gone to another operator, with number or card (5.6). Nothing of
	// his service, codes or applet stops it, and nothing is sent to number or card any more.
	Gone bool
}

// Precondition is the first call. The duty that it answers stands in a row from then on;
// a procedure that is under way already answers with its own.
func (s *Standing) Precondition(ctx context.Context, c Call) (mssp.Duty, error) {
	d, _, err := s.precondition(ctx, &c)
	return d, err
}

func (s *Standing) precondition(ctx context.Context, c *Call) (d mssp.Duty, ended []mssp.Transaction, err error) {
	now := s.o.Clock()
	sit, _, err := s.o.Store.ChangeSituation(ctx, c.MSISDN, func(sit *store.Situation) (err error) {
		d, err = begin(sit, c, now)
		return err
	})
	if err != nil {
		return d, nil, Unknown(err)
	}
	for i := range sit.Duties {
		if d.ID == "" && i == len(sit.Duties)-1 || sit.Duties[i].ID == d.ID {
			d = sit.Duties[i]
		}
	}
	s.o.Logger.Info("procedure accepted", "msisdn", c.MSISDN, "procedure", string(c.Procedure), "certificates", len(d.Serials), "ended", len(sit.Ended))
	return d, sit.Ended, nil
}

// Within is a pre-condition call that runs in the commit of what it follows from, which it
// never stops: what it would refuse is over already, and d stays empty. The
// function may run more than once.
func (s *Standing) Within(c Call, d *mssp.Duty) func(*store.Situation) error {
	return func(sit *store.Situation) error {
		var err error
		if *d, err = begin(sit, &c, s.o.Clock()); err == nil && d.ID == "" {
			d.ID = rand.Text()
			sit.Duties[len(sit.Duties)-1].ID = d.ID
		}
		if no, ok := errors.AsType[*Refusal](err); ok {
			s.o.Logger.Info("nothing is left to be done", "msisdn", c.MSISDN, "procedure", string(c.Procedure), "reason", string(no.Reason))
			*d, err = mssp.Duty{}, nil
		}
		return err
	}
}

// Notice is a notification: what the CA says of a certificate.
type Notice struct {
	MSISDN sms.MSISDN
	Serial string
	Status mssp.CertStatus
	Reason int
	By     string
}

// Notify is the second call. It may come again.
func (s *Standing) Notify(ctx context.Context, n Notice) (store.Situation, error) {
	now := s.o.Clock()
	sit, _, err := s.o.Store.ChangeSituation(ctx, n.MSISDN, func(sit *store.Situation) error { return notify(sit, &n, now) })
	if err != nil {
		return sit, Unknown(err)
	}
	s.o.Logger.Info("certificate status notified", "msisdn", n.MSISDN, "serial", n.Serial, "status", string(n.Status))
	return sit, nil
}

// Unknown is the Refusal of a number that nobody is registered under; another error stays.
func Unknown(err error) error {
	if errors.Is(err, mssp.ErrNotFound) {
		return refusef(NotRegistered, "no user with this number is registered here")
	}
	return err
}
