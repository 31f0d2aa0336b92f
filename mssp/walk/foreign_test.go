package walk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/standing"
)

// abroad is a procedure of an RA of another house, whose CA nobody here can ask. When it
// begins again, it goes on with the duty that its first call has left.
func abroad(p mssp.Procedure) func(context.Context, *user) error {
	return func(ctx context.Context, u *user) error {
		d, err := u.called(ctx, p)
		if err != nil {
			return err
		}
		if u.w.step(site{kind: calling, what: "first call of " + string(p)}, "") == "gives up" {
			return errDied
		}
		for _, serial := range d.Serials {
			if u.w.step(site{kind: asking, what: "another house for " + string(p)}, "") != "" {
				return nil // it knows by itself: nobody here has anything to tell it
			}
			if err := u.notify(ctx, &d, serial); err != nil {
				return err
			}
			if u.w.step(site{kind: calling, what: "notification of " + string(p)}, "") == "gives up" {
				return errDied
			}
		}
		return u.w.worker.Turn(ctx)
	}
}

// called is the duty of a first call.
func (u *user) called(ctx context.Context, p mssp.Procedure) (mssp.Duty, error) {
	sit, err := u.w.Store.Situation(ctx, u.number)
	if err != nil {
		return mssp.Duty{}, err
	}
	for _, d := range sit.Duties {
		if d.Procedure == p && d.Step == mssp.DutyCA {
			return d, nil
		}
	}
	c := u.call(p)
	c.Own = false
	if p == mssp.Leaving {
		l, err := u.w.standing.Unregister(ctx, c, "")
		return l.Duty, err
	}
	return u.w.standing.Precondition(ctx, c)
}

func (u *user) notify(ctx context.Context, d *mssp.Duty, serial string) error {
	_, err := u.w.standing.Notify(ctx, standing.Notice{MSISDN: u.number, Serial: serial, Status: d.Procedure.Leads(), Reason: d.Reason, By: "another house"})
	return err
}

// registeredAbroad: two pairs, for which another CA has issued the certificates.
func registeredAbroad(u *user) {
	registered(u)
	u.w.ok(u.w.drive(func(ctx context.Context) error {
		return u.enrol(ctx, registration.EnrolRequest{Usage: mssp.NonRepudiation})
	}))
	for _, k := range u.rows() {
		u.w.Meddle(`DELETE FROM certificate WHERE serial = ?`, k.Serial)
	}
}

func suspendedAbroad(u *user) {
	registeredAbroad(u)
	u.w.ok(u.w.drive(func(ctx context.Context) error { return abroad(mssp.Suspending)(ctx, u) }))
	u.w.ok(becomes(mssp.KeySuspended)(u))
}

// active: every pair may sign again.
func active(u *user) error {
	sit, err := u.w.Store.Situation(ctx, u.number)
	u.w.ok(err)
	for _, k := range u.rows() {
		if k.State != mssp.KeyRegistered || sit.User.State != mssp.SubscriberActive {
			return fmt.Errorf("slot %d is %s, its user %s", k.Slot, k.State, sit.User.State)
		}
	}
	return nil
}

// confirmed: it is so, and nothing of it waits for a CA.
func confirmed(good func(*user) error, p mssp.Procedure) func(*user) error {
	return func(u *user) error {
		sit, err := u.w.Store.Situation(ctx, u.number)
		u.w.ok(err)
		if slices.ContainsFunc(sit.Duties, func(d mssp.Duty) bool { return d.Procedure == p && d.Step == mssp.DutyCA }) {
			return fmt.Errorf("%s waits for its CA", p)
		}
		return good(u)
	}
}

// stays is what an RA of another house leaves that has called and never notifies: nothing
// is signed, no certificate is said to be what no CA has confirmed, and a duty says for
// how long what is waited for.
func stays(u *user, p mssp.Procedure) error {
	u.turns()
	sit, err := u.w.Store.Situation(ctx, u.number)
	u.w.ok(err)
	i := slices.IndexFunc(sit.Duties, func(d mssp.Duty) bool { return d.Procedure == p && d.Step == mssp.DutyCA })
	if i < 0 {
		return fmt.Errorf("no duty says that %s is waited for", p)
	}
	d := sit.Duties[i]
	open, err := u.w.Store.OpenDuties(ctx, u.w.Clock.Now().Add(time.Hour), 1000)
	u.w.ok(err)
	if !slices.ContainsFunc(open, func(o mssp.Duty) bool { return o.ID == d.ID }) {
		return errors.New("the duty is not among those that people see")
	}
	if d.Own || len(d.Serials) == 0 || d.CreatedAt.IsZero() {
		return fmt.Errorf("the duty says %+v", d)
	}
	for _, k := range u.rows() {
		waits := slices.Contains(d.Serials, k.Serial)
		want := map[mssp.Procedure]mssp.KeyState{
			mssp.Revoking: mssp.KeyRevoking, mssp.Leaving: mssp.KeyRevoking, mssp.Suspending: mssp.KeySuspended, mssp.Reactivating: mssp.KeySuspended,
		}[p]
		if waits && k.State != want {
			return fmt.Errorf("slot %d is %s while the CA is waited for, want %s", k.Slot, k.State, want)
		}
	}
	if sit.User.State == mssp.SubscriberRemoved {
		return errors.New("the user has left before a CA has confirmed it")
	}
	return u.cannotSign()
}
