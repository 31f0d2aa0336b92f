package ra

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
)

// Step is what of a duty comes next.
type Step struct {
	Name mssp.DutyStep
	do   func(w *Worker, ctx context.Context, d *mssp.Duty) error
}

// Steps are those of a duty, in their order.
var Steps = []Step{{mssp.DutyCA, (*Worker).ask}, {mssp.DutyCard, (*Worker).card}, {mssp.DutyTell, (*Worker).tell}}

// step does the next step of a duty.
func (w *Worker) step(ctx context.Context, d *mssp.Duty) error {
	for _, s := range Steps {
		if s.Name == d.Step {
			return s.do(w, ctx, d)
		}
	}
	return fmt.Errorf("a duty has no step %q", d.Step)
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
	serial, err := w.next(ctx, d)
	if err != nil {
		return err
	}
	is, err := w.order(ctx, d, serial)
	if err != nil {
		return err
	}
	if d.MSISDN == "" { // of a pair that is gone: nobody is notified
		_, err := w.o.Store.ChangeDuty(ctx, d.ID, func(d *mssp.Duty) error {
			d.Serials = slices.DeleteFunc(slices.Clone(d.Serials), func(s string) bool { return s == serial })
			if len(d.Serials) == 0 {
				d.Step = mssp.DutyDone
			}
			return nil
		})
		return err
	}
	_, err = w.o.Standing.Notify(ctx, standing.Notice{MSISDN: d.MSISDN, Serial: serial, Status: is, Reason: d.Reason, By: d.By})
	return err
}

// next is the first certificate of a duty that the built-in CA has issued: nobody else can
// ask it. Those of another CA stay, wherever they stand, until its RA has notified.
func (w *Worker) next(ctx context.Context, d *mssp.Duty) (string, error) {
	switch {
	case d.Own && w.o.CA == nil:
		return "", ErrNoCA
	case w.o.CA == nil:
		return "", errWaits
	}
	for _, serial := range d.Serials {
		switch _, err := w.o.Store.Certificate(ctx, serial); {
		case err == nil:
			return serial, nil
		case !errors.Is(err, mssp.ErrNotFound):
			return "", err
		}
	}
	if d.Own {
		return "", errForeign
	}
	return "", errWaits
}

// order is INT11 for one certificate, and answers what it is then. One that was revoked
// meanwhile is never anything else: that ends what was asked for.
func (w *Worker) order(ctx context.Context, d *mssp.Duty, serial string) (is mssp.CertStatus, err error) {
	ctx, done := context.WithTimeout(ctx, caTime)
	defer done()
	switch d.Procedure {
	case mssp.Suspending:
		err = w.o.CA.Suspend(ctx, serial)
	case mssp.Reactivating:
		err = w.o.CA.Reactivate(ctx, serial)
	default:
		err = w.o.CA.Revoke(ctx, serial, d.Reason)
	}
	if errors.Is(err, mssp.ErrNotFound) { // else it would pass for a duty that another has done
		return "", fmt.Errorf("the CA does not know its certificate %s", serial)
	}
	so, ok := errors.AsType[*pki.StatusError](err)
	if is = d.Procedure.Leads(); ok && (so.Have.Status == is || so.Have.Status == mssp.CertRevoked) {
		return so.Have.Status, nil
	}
	return is, err
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

// tend does what the policy says. What is left to do it reads in the rows, which each
// answer of the card has changed in its commit: who begins again after an accident goes on
// where the first attempt ended.
func (w *Worker) tend(ctx context.Context, d *mssp.Duty, sit *store.Situation) error {
	if d.Procedure == mssp.Changing || d.ICCID != sit.Card.ICCID {
		// Nothing is sent to a card that the user had, nor to his new one what was meant for
		// it, nor to whoever has the number of one who has gone to another operator.
		return nil
	}
	p := w.o.Policy
	switch {
	case d.Procedure == mssp.Superseding: // whatever the policy: its slot is for the next renewal
		return w.empty(ctx, d, sit)
	case p == Leave || p == "":
		return nil
	case d.Procedure == mssp.Reactivating && sit.Card.Applet == mssp.AppletActive:
		return nil
	case d.Procedure == mssp.Reactivating:
		return w.o.Phone.Activate(ctx, d.MSISDN, d.ICCID)
	case d.Procedure == mssp.Suspending:
		return w.deactivate(ctx, d, sit)
	}
	if p == Delete || p == Retire { // before it is deactivated: then the applet deletes nothing (INT6, Life cycle)
		if err := w.empty(ctx, d, sit); err != nil {
			return err
		}
	}
	if p == Delete {
		return nil
	}
	now, err := w.o.Store.Situation(ctx, d.MSISDN)
	if err != nil {
		return err
	}
	return w.deactivate(ctx, d, &now)
}

// empty deletes the pairs that go.
func (w *Worker) empty(ctx context.Context, d *mssp.Duty, sit *store.Situation) error {
	for i := range sit.Keys {
		if !over(&sit.Keys[i], d) {
			continue
		}
		if err := w.o.Phone.Delete(ctx, d.MSISDN, d.ICCID, sit.Keys[i].Slot); err != nil {
			return err
		}
	}
	return nil
}

// over reports whether a pair goes: a revoked one, and with a user who has left every one.
func over(k *mssp.KeyPair, d *mssp.Duty) bool {
	return k.State == mssp.KeyRevoked || d.Procedure == mssp.Leaving && k.State != mssp.KeyDeleted
}

// deactivate switches the applet off, unless it is off, was never on, or still serves a
// pair or a registration that is under way.
func (w *Worker) deactivate(ctx context.Context, d *mssp.Duty, sit *store.Situation) error {
	if sit.Card.Applet == mssp.AppletDeactivated || sit.Card.Applet == mssp.AppletInstalled {
		return nil
	}
	for i := range sit.Keys {
		switch sit.Keys[i].State {
		case mssp.KeyRegistered:
			return nil
		case mssp.KeyGenerated, mssp.KeyRegistering, mssp.KeyRequested:
			if d.Procedure == mssp.Revoking {
				return nil
			}
		}
	}
	return w.o.Phone.Deactivate(ctx, d.MSISDN, d.ICCID)
}

// tell ends a duty with a text to the user, in one commit: it is said once.
func (w *Worker) tell(ctx context.Context, d *mssp.Duty) error {
	if w.o.Phone == nil {
		return errors.New("no service runs: the user is told when it does")
	}
	kind := map[mssp.Procedure]notice.Kind{
		mssp.Revoking: notice.Revoked, mssp.Suspending: notice.Suspended, mssp.Reactivating: notice.Reactivated, mssp.Leaving: notice.Left,
		mssp.Changing: notice.CardChanged,
	}[d.Procedure]
	if d.Procedure == mssp.Leaving && d.ICCID == "" { // to another operator: the number may be somebody else's by now
		kind = ""
	}
	_, out, err := w.o.Store.ChangeSituation(ctx, d.MSISDN, func(s *store.Situation) error {
		for i := range s.Duties {
			if o := &s.Duties[i]; o.ID == d.ID && o.Step == mssp.DutyTell {
				o.Step = mssp.DutyDone
				if kind != "" { // who renewed was told of the new certificate
					s.Notices = append(s.Notices, w.o.Phone.Notice(d.MSISDN, s.User.Language, kind, d.ID, time.Time{}))
				}
			}
		}
		return nil
	})
	if err == nil {
		w.o.Phone.Texts(out)
	}
	return err
}
