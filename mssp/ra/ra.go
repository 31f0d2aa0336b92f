// Package ra is the built-in registration authority's part in 5.5 and 5.7 to 5.10: it does the
// duties that the pre-condition calls of package standing have left. For each certificate
// it asks the CA (INT11) and notifies the MSSP of the answer; then it sees to the card as
// the policy says; then it tells the user.
//
// Every step is committed before the next one begins, so that a crash repeats one step at
// the most, and each can be repeated: a CA that says "it is so already" has confirmed, and
// a text to the user is stored in the commit that ends the duty. What fails is tried again,
// later each time, until the CA has confirmed; a duty that has been open for long is told to
// an operator. A card that cannot be reached is no failure of the procedure: it is tried
// some times and then left. Cards and users are seen to side by side, some at a time: a
// phone that is off holds up no revocation of another user. A duty is leased while it is
// done, by a lease that is renewed for as long as a step lasts.
package ra

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Store keeps the duties; *store.Store is one.
type Store interface {
	Situation(ctx context.Context, n sms.MSISDN) (store.Situation, error)
	ChangeSituation(ctx context.Context, n sms.MSISDN, f func(*store.Situation) error) (store.Situation, []store.Outbound, error)
	OpenDuties(ctx context.Context, due time.Time, limit int) ([]mssp.Duty, error)
	Duty(ctx context.Context, id string) (mssp.Duty, error)
	ChangeDuty(ctx context.Context, id string, f func(*mssp.Duty) error) (mssp.Duty, error)
	// Certificate is one that the built-in CA has issued; mssp.ErrNotFound: it has not.
	Certificate(ctx context.Context, serial string) (mssp.Certificate, error)
}

// CA is INT11, as far as it changes certificates; *pki.CA is one.
type CA interface {
	Revoke(ctx context.Context, serial string, reason int) error
	Suspend(ctx context.Context, serial string) error
	Reactivate(ctx context.Context, serial string) error
}

// Phone is the way to a user and his card.
type Phone interface {
	// Deactivate and Activate change the applet of a card, Delete empties a slot. It is
	// an error when the user has another card by now: that one is left alone.
	Deactivate(ctx context.Context, n sms.MSISDN, card ota.ICCID) error
	Activate(ctx context.Context, n sms.MSISDN, card ota.ICCID) error
	Delete(ctx context.Context, n sms.MSISDN, card ota.ICCID, slot byte) error
	Notice(to sms.MSISDN, language string, k notice.Kind, about string, day time.Time) store.Notice
	Texts(out []store.Outbound)
}

// Policy is what is done to a card whose user is suspended, revoked or has left.
type Policy string

// Policies.
const (
	Leave      Policy = "nothing"
	Deactivate Policy = "deactivate" // the applet
	Delete     Policy = "delete"     // revoked pairs, and all of a user who has left; a suspension deactivates
	Retire     Policy = "retire"     // Delete, and then Deactivate, in this order
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
	o      Options
	kick   chan struct{}
	places chan struct{} // of duties whose card or user is seen to
	busy   sync.WaitGroup
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
	return &Worker{o: o, kick: make(chan struct{}, 1), places: make(chan struct{}, phones)}
}

const (
	lease     = 30 * time.Second // nobody else does a duty meanwhile; who does it renews it
	firstWait = 10 * time.Second
	longest   = 15 * time.Minute
	cardTries = 5
	phones    = 32              // cards and users that are seen to at once
	caTime    = time.Minute     // a CA that has not answered by then is silent
	look      = 5 * time.Second // how often a running service looks for duties
)

var (
	errTaken = errors.New("somebody else does this duty")
	errWaits = errors.New("another RA asks its CA")
	// errForeign is a failure of a duty of ours: nobody here can end it, so it is told.
	errForeign = errors.New("another CA has issued the certificate: its RA must ask it, and notify (simsign ra confirm)")
)

// Kick has Run look at once.
func (w *Worker) Kick() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// Run does duties until ctx ends, and returns when nothing is done any more.
func (w *Worker) Run(ctx context.Context) {
	defer w.busy.Wait()
	t := time.NewTicker(look)
	defer t.Stop()
	for {
		if err := w.turn(ctx); err != nil && ctx.Err() == nil {
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

// Turn does what is due, and waits until it is done.
func (w *Worker) Turn(ctx context.Context) error {
	defer w.busy.Wait()
	return w.turn(ctx)
}

// turn asks the CA for all that is due, one after the other, and then begins to see to the
// cards and users of the duties that it has confirmed, as far as there are places.
func (w *Worker) turn(ctx context.Context) error {
	for _, ca := range []bool{true, false} {
		ds, err := w.o.Store.OpenDuties(ctx, w.o.Clock(), 100)
		if err != nil {
			return err
		}
		for i := range ds {
			switch d := &ds[i]; {
			case ca != (d.Step == mssp.DutyCA):
			case ca:
				w.tellOld(d)
				w.try(ctx, d)
			default:
				select {
				case w.places <- struct{}{}:
					w.busy.Go(func() { w.try(ctx, d); <-w.places })
				default: // at a later turn
				}
			}
		}
	}
	return nil
}

// tellOld tells an operator of a duty for which the CA has been silent for long.
func (w *Worker) tellOld(d *mssp.Duty) {
	if w.o.Alerts != nil && w.o.Clock().Sub(d.CreatedAt) > w.o.OldAfter {
		w.o.Alerts.Raise("duty", d.ID, "the CA has not confirmed: "+string(d.Procedure)+", asked for "+d.CreatedAt.UTC().Format(time.RFC3339)+": "+d.Failure+" (simsign ra work)")
	}
}

// try does a part of a duty: what the CA has to do, or what comes after it.
func (w *Worker) try(ctx context.Context, d *mssp.Duty) {
	at := d.Step
	if err := w.do(ctx, d.ID, func(d *mssp.Duty) bool { return (d.Step == mssp.DutyCA) == (at == mssp.DutyCA) }); err != nil && ctx.Err() == nil {
		w.o.Logger.Warn("duty is not done", "duty", d.ID, "procedure", string(d.Procedure), "step", string(at), "error", err)
	}
}

// Do takes a duty and goes on with it as far as that is possible now.
func (w *Worker) Do(ctx context.Context, id string) error {
	return w.do(ctx, id, func(*mssp.Duty) bool { return true })
}

// hold renews the lease of a duty until the function that it returns is called: a step
// waits for a CA, or for a phone that is off, as long as that takes.
func (w *Worker) hold(ctx context.Context, id string) (free func()) {
	ctx, end := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		t := time.NewTicker(lease / 3)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			_, err := w.o.Store.ChangeDuty(ctx, id, func(d *mssp.Duty) error { d.DueAt = w.o.Clock().Add(lease); return nil })
			if err != nil && !errors.Is(err, store.ErrNotFound) && ctx.Err() == nil {
				w.o.Logger.Warn("renewing the lease of a duty", "duty", id, "error", err)
			}
		}
	})
	return func() { end(); renewing.Wait() }
}

// do goes on while it is wanted, and then gives the duty back.
func (w *Worker) do(ctx context.Context, id string, wanted func(*mssp.Duty) bool) error {
	now := w.o.Clock()
	d, err := w.o.Store.ChangeDuty(ctx, id, func(d *mssp.Duty) error {
		if d.DueAt.After(now) {
			return errTaken
		}
		if d.DueAt = now.Add(lease); !d.Own && d.Step == mssp.DutyCA { // another RA asks its CA, and is waited for
			d.DueAt = now.Add(firstWait)
		}
		return nil
	})
	if err == nil {
		free := w.hold(ctx, id)
		for err == nil && d.EndedAt.IsZero() && wanted(&d) {
			if err = w.step(ctx, &d); err == nil {
				d, err = w.o.Store.Duty(ctx, id)
			}
		}
		free()
	}
	if err == nil && d.EndedAt.IsZero() {
		_, err = w.o.Store.ChangeDuty(ctx, id, func(d *mssp.Duty) error { d.DueAt = now; return nil })
	}
	switch {
	case errors.Is(err, errTaken), errors.Is(err, errWaits), errors.Is(err, store.ErrNotFound): // another does it, or has
		return nil
	case err != nil:
		return errors.Join(err, w.later(ctx, id, err))
	}
	if w.o.Alerts != nil && d.Step != mssp.DutyCA {
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
