package walk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/standing"
)

// procedure is one of chapter 5, as who starts it does it.
type procedure struct {
	name    string
	policy  ra.Policy
	prepare func(u *user) // what was before
	run     func(ctx context.Context, u *user) error
	good    func(u *user) error // whether it has reached its end
	begins  bool                // it is a registration
	card    bool                // is told at once, and keeps the certificate
	duty    bool                // what is not done stays to be done: it is not begun again
	bare    bool                // lengths of codes come from the card profile
	waits   mssp.Procedure      // it is of an RA of another house, which may never notify
	keepers bool                // cards keep the code of a registration that has ended
}

var procedures = []procedure{
	{name: "5.1 A", begins: true, run: register(registration.EnrolRequest{Usage: mssp.Authentication, PoPMade: true}), good: signs},
	{name: "5.1 B", begins: true, run: register(registration.EnrolRequest{Usage: mssp.Authentication, Flow: registration.FlowB}), good: signs},
	{name: "5.1 A, all on the card", begins: true, card: true, bare: true, run: register(registration.EnrolRequest{Usage: mssp.Authentication}), good: signs},
	{name: "5.1 A, a pair made beforehand", begins: true, prepare: generated, run: register(registration.EnrolRequest{Usage: mssp.Authentication, Slot: 1}), good: signs},
	{name: "5.1 C1", prepare: lost, run: contact, good: clean},
	{name: "5.1 C5", begins: true, prepare: registered, run: register(registration.EnrolRequest{Usage: mssp.NonRepudiation}), good: registeredFor(mssp.NonRepudiation)},
	{name: "5.2", prepare: registered, run: func(ctx context.Context, u *user) error { return u.signs(ctx) }, good: signs},
	{name: "5.3", prepare: blocked, run: manage(applet.CodeUnblock), good: signs},
	{name: "5.4", prepare: registered, run: manage(applet.CodeReset), good: signs},
	{name: "5.7 with consent", policy: ra.Delete, prepare: registered, run: leave("Leave?"), good: gone, duty: true},
	{name: "5.7 without consent", policy: ra.Deactivate, prepare: registered, run: leave(""), good: gone, duty: true},
	{name: "5.8", policy: ra.Delete, prepare: registered, run: change(mssp.Revoking), good: becomes(mssp.KeyRevoked), duty: true},
	{name: "5.9", policy: ra.Deactivate, prepare: registered, run: change(mssp.Suspending), good: becomes(mssp.KeySuspended), duty: true},
	{name: "5.10", policy: ra.Deactivate, prepare: suspended, run: change(mssp.Reactivating), good: signs, duty: true},
	{name: "5.7, another house", policy: ra.Delete, prepare: registeredAbroad, run: abroad(mssp.Leaving), good: confirmed(gone, mssp.Leaving), duty: true, waits: mssp.Leaving},
	{name: "5.8, another house", policy: ra.Deactivate, prepare: registeredAbroad, run: abroad(mssp.Revoking), good: confirmed(becomes(mssp.KeyRevoked), mssp.Revoking), duty: true, waits: mssp.Revoking},
	{name: "5.9, another house", policy: ra.Deactivate, prepare: registeredAbroad, run: abroad(mssp.Suspending), good: confirmed(becomes(mssp.KeySuspended), mssp.Suspending), duty: true, waits: mssp.Suspending},
	{name: "5.10, another house", policy: ra.Deactivate, prepare: suspendedAbroad, run: abroad(mssp.Reactivating), good: confirmed(active, mssp.Reactivating), duty: true, waits: mssp.Reactivating},
	{name: "5.8 and 5.1 again", begins: true, prepare: revoked, run: register(registration.EnrolRequest{Usage: mssp.Authentication, Slot: 1}), good: signs},
	{name: "5.1 B, an applet without data", begins: true, bare: true, run: register(registration.EnrolRequest{Usage: mssp.Authentication, Flow: registration.FlowB}), good: signs},
	{name: "5.1 C2, a card that keeps the code", keepers: true, prepare: requested, run: refuse, good: clean},
	{name: "5.5", prepare: withNewCard, run: changeCard, good: changed, duty: true},
	{name: "5.5 and 5.1 again", begins: true, prepare: onNewCard, run: register(registration.EnrolRequest{Usage: mssp.Authentication}), good: signs},
	{name: "5.11", begins: true, prepare: outlived, run: register(registration.EnrolRequest{Usage: mssp.Authentication}), good: signs},
	{name: "5.11 in the same slot", begins: true, prepare: outlived, run: register(registration.EnrolRequest{Usage: mssp.Authentication, Slot: 1}), good: signs},
	{name: "5.12, the old pair", prepare: extended, run: supersede, good: superseded, duty: true},
	{name: "5.12", begins: true, prepare: registered, run: register(registration.EnrolRequest{Usage: mssp.Authentication, Slot: 2}), good: registeredIn(2)},
}

func register(r registration.EnrolRequest) func(context.Context, *user) error {
	return func(ctx context.Context, u *user) error { return u.enrol(ctx, r) }
}

func registered(u *user) {
	u.w.ok(u.w.drive(func(ctx context.Context) error {
		return u.enrol(ctx, registration.EnrolRequest{Usage: mssp.Authentication})
	}))
	u.w.ok(signs(u))
	u.was = true
}

// generated: the card has a pair that no row knows.
func generated(u *user) {
	u.w.ok(u.w.drive(func(ctx context.Context) error {
		_, err := u.w.Registrar.RegisterInit(ctx, registration.EnrolRequest{MSISDN: u.number, Usage: mssp.Authentication, Slot: 1})
		return err
	}))
	u.w.Meddle(`DELETE FROM key_pair WHERE iccid = ?`, string(u.iccid))
}

// lost: nobody knows what became of a registration.
func lost(u *user) {
	u.lose = "register"
	err := u.w.drive(func(ctx context.Context) error {
		return u.enrol(ctx, registration.EnrolRequest{Usage: mssp.Authentication})
	})
	if u.lose = ""; err == nil {
		u.w.Fatal("the registration was not lost")
	}
	clear(u.deaf)
}

func contact(ctx context.Context, u *user) error {
	_, err := u.w.Care.QueryState(ctx, u.number)
	return err
}

func clean(u *user) error {
	if len(u.rows()) > 0 {
		return errors.New("a pair is left")
	}
	return u.agree()
}

func revoked(u *user) {
	registered(u)
	u.w.ok(u.w.drive(func(ctx context.Context) error { return change(mssp.Revoking)(ctx, u) }))
	u.w.ok(becomes(mssp.KeyRevoked)(u))
}

// unblocked has customer care unblock what the user has blocked (5.3).
func (u *user) unblocked() error {
	for _, c := range u.state().Codes {
		if c.Status != applet.CodeBlocked {
			continue
		}
		err := u.w.drive(func(ctx context.Context) error {
			_, err := u.w.Care.ManageCode(ctx, u.number, mssp.KeyUsage(c.Code), applet.CodeUnblock)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func blocked(u *user) {
	registered(u)
	u.keeps["code"] = "enters what is wrong"
	if f, ok := errors.AsType[*mssp.Fault](u.w.drive(u.signs)); !ok || f.Code != mssp.PINBlocked {
		u.w.Fatalf("the code is not blocked: %v", f)
	}
	clear(u.keeps)
}

func suspended(u *user) {
	registered(u)
	u.w.ok(u.w.drive(func(ctx context.Context) error { return change(mssp.Suspending)(ctx, u) }))
	u.w.ok(becomes(mssp.KeySuspended)(u))
}

func manage(op applet.CodeOperation) func(context.Context, *user) error {
	return func(ctx context.Context, u *user) error {
		_, err := u.w.Care.ManageCode(ctx, u.number, mssp.Authentication, op)
		return err
	}
}

func (u *user) call(p mssp.Procedure) standing.Call {
	c := standing.Call{MSISDN: u.number, Procedure: p, Own: true, By: "test"}
	if p == mssp.Revoking {
		c.Reason = 1
	}
	return c
}

func change(p mssp.Procedure) func(context.Context, *user) error {
	return func(ctx context.Context, u *user) error {
		if _, err := u.w.standing.Precondition(ctx, u.call(p)); err != nil {
			return err
		}
		return u.w.worker.Turn(ctx)
	}
}

func leave(question string) func(context.Context, *user) error {
	return func(ctx context.Context, u *user) error {
		if _, err := u.w.standing.Unregister(ctx, u.call(mssp.Leaving), question); err != nil {
			return err
		}
		return u.w.worker.Turn(ctx)
	}
}

// turns has the RA go on with what is left to do, as time goes by.
func (u *user) turns() {
	for range 8 {
		u.w.Clock.Add(20 * time.Minute)
		u.w.Engine.Sweep(ctx)
		_ = u.w.drive(u.w.worker.Turn)
	}
}

func signs(u *user) error { return u.w.drive(u.signs) }

func registeredFor(usage mssp.KeyUsage) func(*user) error {
	return func(u *user) error {
		for _, k := range u.rows() {
			if k.Usage == usage && k.State == mssp.KeyRegistered {
				return nil
			}
		}
		return fmt.Errorf("no pair of the user is registered for %s", usage)
	}
}

func registeredIn(slot byte) func(*user) error {
	return func(u *user) error {
		for _, k := range u.rows() {
			if k.Slot == slot && k.State == mssp.KeyRegistered {
				return signs(u)
			}
		}
		return fmt.Errorf("no registered pair in slot %d", slot)
	}
}

// becomes: every pair of the user is in that state, he cannot sign, and was told.
func becomes(state mssp.KeyState) func(*user) error {
	return func(u *user) error {
		for _, k := range u.rows() {
			if k.State != state {
				return fmt.Errorf("slot %d is %s", k.Slot, k.State)
			}
		}
		return u.cannotSign()
	}
}

func gone(u *user) error {
	sit, err := u.w.Store.Situation(ctx, u.number)
	u.w.ok(err)
	if sit.User.State != mssp.SubscriberRemoved {
		return fmt.Errorf("the user is %s", sit.User.State)
	}
	return u.cannotSign()
}

func (u *user) cannotSign() error {
	before := len(u.screens)
	err := u.w.drive(u.signs)
	if err == nil {
		return errors.New("the user can sign")
	}
	if len(u.screens) != before {
		return errors.New("the user is asked though he cannot sign")
	}
	return nil
}
