// Package ra is the built-in registration authority's part in 5.7 to 5.10: it does the
// duties that the pre-condition calls of package standing have left. For each certificate
// it asks the CA (INT11) and notifies the MSSP of the answer; then it sees to the card as
// the policy says; then it tells the user.
//
// Every step is committed before the next one begins, so that a crash repeats one step at
// the most, and each can be repeated: a CA that says "it is so already" has confirmed, and
// a text to the user is stored in the commit that ends the duty. What fails is tried again,
// later each time, until the CA has confirmed; a duty that has been open for long is told to
// an operator. A card that cannot be reached is no failure of the procedure: it is tried
// some times and then left.
package ra

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Store keeps the duties; *store.Store is one.
type Store interface {
	standing.Store
	OpenDuties(ctx context.Context, due time.Time, limit int) ([]mssp.Duty, error)
	Duty(ctx context.Context, id string) (mssp.Duty, error)
	ChangeDuty(ctx context.Context, id string, f func(*mssp.Duty) error) (mssp.Duty, error)
}

// CA is INT11, as far as it changes certificates; *pki.CA is one.
type CA interface {
	Revoke(ctx context.Context, serial string, reason int) error
	Suspend(ctx context.Context, serial string) error
	Reactivate(ctx context.Context, serial string) error
}

// Phone is the way to a user and his card.
type Phone interface {
	// Deactivate and Activate change the applet, Delete empties a slot.
	Deactivate(ctx context.Context, n sms.MSISDN) error
	Activate(ctx context.Context, n sms.MSISDN) error
	Delete(ctx context.Context, n sms.MSISDN, slot byte) error
	Text(to sms.MSISDN, language string, k notice.Kind, day time.Time) []bearer.Segment
	Texts(out []store.Outbound)
}

// Policy is what is done to a card whose user is suspended, revoked or has left.
type Policy string

// Policies.
const (
	Leave      Policy = "nothing"
	Deactivate Policy = "deactivate" // the applet
	Delete     Policy = "delete"     // revoked pairs; a suspension deactivates
)

// Alerts takes what an operator must know (package alert).
type Alerts interface {
	Raise(kind, name, text string)
	Clear(kind, name string)
}

// Options is what a Worker needs. Store, Standing are required.
type Options struct {
	Store    Store
	Standing *standing.Standing
	CA       CA
	Phone    Phone // nil where no service runs
	Policy   Policy
	Alerts   Alerts
	OldAfter time.Duration // an open duty is told to the operator; default 1 h
	Clock    func() time.Time
	Logger   *slog.Logger
}

// Worker does duties. It is safe for concurrent use.
type Worker struct {
	o    Options
	kick chan struct{}
}

// New makes a Worker.
func New(o Options) *Worker {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OldAfter == 0 {
		o.OldAfter = time.Hour
	}
	return &Worker{o: o, kick: make(chan struct{}, 1)}
}

const (
	lease     = 5 * time.Minute // nobody else does a duty meanwhile
	firstWait = 10 * time.Second
	longest   = 15 * time.Minute
	cardTries = 5
	look      = 5 * time.Second // how often a running service looks for duties
)

var errTaken = errors.New("somebody else does this duty")

// Kick has Run look at once.
func (w *Worker) Kick() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// Run does duties until ctx ends.
func (w *Worker) Run(ctx context.Context) {
	t := time.NewTicker(look)
	defer t.Stop()
	for {
		if err := w.Turn(ctx); err != nil && ctx.Err() == nil {
			w.o.Logger.Error("looking for duties", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-w.kick:
		}
	}
}

// Turn does what is due.
func (w *Worker) Turn(ctx context.Context) error {
	now := w.o.Clock()
	ds, err := w.o.Store.OpenDuties(ctx, now, 100)
	if err != nil {
		return err
	}
	for i := range ds {
		d := &ds[i]
		if w.o.Alerts != nil && now.Sub(d.CreatedAt) > w.o.OldAfter && d.Step == mssp.DutyCA {
			w.o.Alerts.Raise("duty", d.ID, "the CA has not confirmed: "+string(d.Procedure)+", asked for "+d.CreatedAt.UTC().Format(time.RFC3339)+": "+d.Failure+" (simsign ra work)")
		}
		if !d.Own && d.Step == mssp.DutyCA {
			continue // another RA asks
		}
		if err := w.Do(ctx, d.ID); err != nil && ctx.Err() == nil {
			w.o.Logger.Warn("duty is not done", "duty", d.ID, "procedure", string(d.Procedure), "step", string(d.Step), "error", err)
		}
	}
	return nil
}

// Do takes a duty and goes on with it as far as that is possible now.
func (w *Worker) Do(ctx context.Context, id string) error {
	now := w.o.Clock()
	d, err := w.o.Store.ChangeDuty(ctx, id, func(d *mssp.Duty) error {
		if d.DueAt.After(now) {
			return errTaken
		}
		d.DueAt = now.Add(lease)
		return nil
	})
	for err == nil && d.EndedAt.IsZero() {
		if err = w.step(ctx, &d); err == nil {
			d, err = w.o.Store.Duty(ctx, id)
		}
	}
	switch {
	case errors.Is(err, errTaken), errors.Is(err, store.ErrNotFound): // another does it, or has
		return nil
	case err != nil:
		return errors.Join(err, w.later(ctx, id, err))
	}
	if w.o.Alerts != nil {
		w.o.Alerts.Clear("duty", id)
	}
	return nil
}

// later notes that a step has failed.
func (w *Worker) later(ctx context.Context, id string, why error) error {
	now := w.o.Clock()
	_, err := w.o.Store.ChangeDuty(ctx, id, func(d *mssp.Duty) error {
		wait := min(firstWait<<min(d.Tries, 10), longest)
		d.Tries, d.Failure, d.DueAt = d.Tries+1, why.Error(), now.Add(wait)
		return nil
	})
	return err
}

func (w *Worker) step(ctx context.Context, d *mssp.Duty) error {
	switch d.Step {
	case mssp.DutyCA:
		return w.ask(ctx, d)
	case mssp.DutyCard:
		return w.card(ctx, d)
	}
	return w.tell(ctx, d)
}

// ErrNoCA: there is no CA here that could be asked.
var ErrNoCA = errors.New("there is no CA here: the RA of the CA that has issued the certificate must ask it, and notify")

// ask has the CA change the first certificate of a duty, and notifies. A certificate that
// is as it should be has been confirmed.
func (w *Worker) ask(ctx context.Context, d *mssp.Duty) error {
	if len(d.Serials) == 0 {
		_, err := w.o.Store.ChangeDuty(ctx, d.ID, func(d *mssp.Duty) error { d.Step = mssp.DutyDone; return nil })
		return err
	}
	if w.o.CA == nil {
		return ErrNoCA
	}
	serial := d.Serials[0]
	var err error
	switch d.Procedure {
	case mssp.Suspending:
		err = w.o.CA.Suspend(ctx, serial)
	case mssp.Reactivating:
		err = w.o.CA.Reactivate(ctx, serial)
	default:
		err = w.o.CA.Revoke(ctx, serial, d.Reason)
	}
	if so, ok := errors.AsType[*pki.StatusError](err); ok && so.Have.Status == d.Procedure.Leads() {
		err = nil
	}
	if err != nil {
		return err
	}
	if d.MSISDN == "" { // of a pair that is gone: nobody is notified
		_, err := w.o.Store.ChangeDuty(ctx, d.ID, func(d *mssp.Duty) error {
			if d.Serials = d.Serials[1:]; len(d.Serials) == 0 {
				d.Step = mssp.DutyDone
			}
			return nil
		})
		return err
	}
	_, err = w.o.Standing.Notify(ctx, standing.Notice{MSISDN: d.MSISDN, Serial: serial, Status: d.Procedure.Leads(), Reason: d.Reason, By: d.By})
	return err
}

// card does what the policy says. After some failures the card is left as it is.
func (w *Worker) card(ctx context.Context, d *mssp.Duty) error {
	if w.o.Phone == nil {
		return errors.New("no service runs: card and user are seen to when it does")
	}
	sit, err := w.o.Store.Situation(ctx, d.MSISDN)
	if err != nil {
		return err
	}
	if err := w.tend(ctx, d, &sit); err != nil && d.Tries < cardTries {
		return err
	}
	_, err = w.o.Store.ChangeDuty(ctx, d.ID, func(d *mssp.Duty) error { d.Step, d.Tries, d.Failure = mssp.DutyTell, 0, ""; return nil })
	return err
}

func (w *Worker) tend(ctx context.Context, d *mssp.Duty, sit *store.Situation) error {
	left := false
	for i := range sit.Keys {
		left = left || sit.Keys[i].State == mssp.KeyRegistered
	}
	switch {
	case w.o.Policy == Leave || w.o.Policy == "":
		return nil
	case d.Procedure == mssp.Reactivating && sit.Card.Applet == mssp.AppletActive:
		return nil
	case d.Procedure == mssp.Reactivating:
		return w.o.Phone.Activate(ctx, d.MSISDN)
	case w.o.Policy == Delete && d.Procedure != mssp.Suspending:
		for i := range sit.Keys {
			if k := &sit.Keys[i]; k.State == mssp.KeyRevoked {
				if err := w.o.Phone.Delete(ctx, d.MSISDN, k.Slot); err != nil {
					return err
				}
			}
		}
		return nil
	case left:
		return nil // the applet still serves another pair
	}
	return w.o.Phone.Deactivate(ctx, d.MSISDN)
}

// tell ends a duty with a text to the user, in one commit: it is said once.
func (w *Worker) tell(ctx context.Context, d *mssp.Duty) error {
	if w.o.Phone == nil {
		return errors.New("no service runs: the user is told when it does")
	}
	kind := map[mssp.Procedure]notice.Kind{
		mssp.Revoking: notice.Revoked, mssp.Suspending: notice.Suspended, mssp.Reactivating: notice.Reactivated, mssp.Leaving: notice.Left,
	}[d.Procedure]
	_, out, err := w.o.Store.ChangeSituation(ctx, d.MSISDN, func(s *store.Situation) error {
		for i := range s.Duties {
			if o := &s.Duties[i]; o.ID == d.ID && o.Step == mssp.DutyTell {
				o.Step = mssp.DutyDone
				s.Texts = w.o.Phone.Text(d.MSISDN, s.User.Language, kind, time.Time{})
			}
		}
		return nil
	})
	if err == nil {
		w.o.Phone.Texts(out)
	}
	return err
}
