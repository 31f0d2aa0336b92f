package app

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/renewal"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// standingWith is the MSSP's side of suspension and revocation, and the RA that does what
// they leave.
func (c *Core) standingWith(cfg *config.Config, asker standing.Asker, o ra.Options) (*standing.Standing, *ra.Worker) {
	st := standing.New(standing.Options{Store: c.Store, Asker: asker, Clock: o.Clock, Logger: o.Logger})
	o.Store, o.Standing, o.Policy, o.OldAfter = c.Store, st, ra.Policy(cfg.Procedures.Card), cfg.Procedures.Old.Duration()
	return st, ra.New(o)
}

// lazyCA opens the CA when it is asked: where no service runs.
type lazyCA struct {
	core  *Core
	clock func() time.Time
	log   *slog.Logger
	open  func() (*pki.CA, error)
}

func newLazyCA(c *Core, clock func() time.Time, log *slog.Logger) *lazyCA {
	l := &lazyCA{core: c, clock: clock, log: log}
	l.open = sync.OnceValues(func() (*pki.CA, error) {
		ca, err := pki.Load(context.Background(), pki.Options{Store: c.Store, Sealer: c.Vault, Clock: clock, Logger: log})
		if errors.Is(err, mssp.ErrNotFound) {
			err = ra.ErrNoCA
		}
		return ca, err
	})
	return l
}

func (l *lazyCA) Revoke(ctx context.Context, serial string, reason int) error {
	ca, err := l.open()
	if err != nil {
		return err
	}
	return ca.Revoke(ctx, serial, reason)
}

func (l *lazyCA) Suspend(ctx context.Context, serial string) error {
	ca, err := l.open()
	if err != nil {
		return err
	}
	return ca.Suspend(ctx, serial)
}

func (l *lazyCA) Reactivate(ctx context.Context, serial string) error {
	ca, err := l.open()
	if err != nil {
		return err
	}
	return ca.Reactivate(ctx, serial)
}

// newStanding makes both for the running service.
func (a *App) newStanding() {
	o := ra.Options{Phone: phone{a}, Alerts: a.alerts, Clock: a.steady.now, Logger: a.log}
	if a.ca != nil {
		o.CA = a.ca
	}
	a.standing, a.ra = a.core.standingWith(a.cfg, asker{a}, o)
	p := &a.cfg.Procedures
	a.renewal = renewal.New(renewal.Options{
		Store: a.core.Store, Asker: asker{a}, Registrar: a.cards.Registrar, Standing: a.standing, Within: p.RenewWithin.Duration(),
		Revoke: p.Renewed == "revoke", Question: p.RenewQuestion, Clock: a.steady.now, Logger: a.log,
	})
}

// phone is the RA's way to users and their cards.
type phone struct{ a *App }

func (p phone) Deactivate(ctx context.Context, n sms.MSISDN, card ota.ICCID) error {
	return p.status(ctx, n, card, applet.StatusDeactivate)
}

func (p phone) Activate(ctx context.Context, n sms.MSISDN, card ota.ICCID) error {
	return p.status(ctx, n, card, applet.StatusActivate)
}

func (p phone) status(ctx context.Context, n sms.MSISDN, card ota.ICCID, to applet.AppletStatus) error {
	t, err := p.a.engine.TargetAt(ctx, n, card)
	if err == nil {
		_, err = p.a.cards.ChangeStatusOf(ctx, t, to)
	}
	return err
}

func (p phone) Delete(ctx context.Context, n sms.MSISDN, card ota.ICCID, slot byte) error {
	_, err := p.a.cards.DeleteKey(ctx, n, card, slot)
	return err
}

func (p phone) Notice(to sms.MSISDN, language string, k notice.Kind, about string, day time.Time) store.Notice {
	return p.a.engine.Notice(to, language, k, about, day)
}

func (p phone) Texts(out []store.Outbound) { p.a.engine.SendTexts(out) }

// asker has a user sign whether he leaves.
type asker struct{ a *App }

// Ask uses the first profile that the user has a pair for.
func (k asker) Ask(ctx context.Context, n sms.MSISDN, question string) ([]byte, error) {
	return k.AskWith(ctx, n, 0, question)
}

// AskWith uses the first one of a usage.
func (k asker) AskWith(ctx context.Context, n sms.MSISDN, u mssp.KeyUsage, question string) ([]byte, error) {
	t, err := k.a.engine.Target(ctx, n)
	if err != nil {
		return nil, err
	}
	profiles := k.a.cfg.SignatureProfiles()
	for i := range profiles {
		p := &profiles[i]
		if u != 0 && p.Usage != u || !t.Registered(p.Usage) || p.LoA != 0 && p.LoA < 4 {
			continue
		}
		tx, err := k.a.signer.Sign(ctx, signature.Request{
			AP: mssp.AP{Name: k.a.cfg.Procedures.Name}, APTransID: rand.Text(), RequestHash: []byte(rand.Text()), MSISDN: n, Mode: mssp.Synch,
			Profile: *p, MimeType: "text/plain", Content: []byte(question),
		})
		if err != nil {
			return nil, err
		}
		if tx, err = k.a.signer.Wait(ctx, tx.ID); err != nil {
			return nil, err
		}
		if tx.State != mssp.Done {
			return nil, engine.FaultOf(&tx)
		}
		r, err := signature.ParseResult(&tx)
		return r.Signature, err
	}
	return nil, mssp.Faultf(mssp.NoKeyFound, "the user has no registered pair for any signature profile")
}
