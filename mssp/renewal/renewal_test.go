package renewal_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/renewal"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// world is a user, whose rows may be shown otherwise, and who may refuse.
type world struct {
	*enginetest.Lab
	edit  func(*store.Situation)
	did   []string
	fails map[string]error
	asked func()
}

func (w *world) Situation(ctx context.Context, n sms.MSISDN) (store.Situation, error) {
	sit, err := w.Store.Situation(ctx, n)
	if err == nil && w.edit != nil {
		w.edit(&sit)
	}
	return sit, err
}

func (w *world) step(what string) error {
	w.did = append(w.did, what)
	return w.fails[what]
}

func (w *world) AskWith(context.Context, sms.MSISDN, mssp.KeyUsage, string) ([]byte, error) {
	if w.asked != nil {
		w.asked()
	}
	return []byte("cms"), w.step("ask")
}

func (w *world) Room(context.Context, registration.EnrolRequest) error { return w.step("room") }

func (w *world) EnrolWith(_ context.Context, _ registration.EnrolRequest, with func(*store.Situation) error) (registration.Enrolment, error) {
	err := w.step("enrol")
	if err == nil && with != nil {
		err = with(nil)
	}
	return registration.Enrolment{Slot: 2}, err
}

func (w *world) Within(c standing.Call, d *mssp.Duty) func(*store.Situation) error {
	return func(*store.Situation) error {
		*d = mssp.Duty{ID: "d", Procedure: c.Procedure, Serials: []string{c.Serial}, Reason: c.Reason}
		return w.step("revoke")
	}
}

func newWorld(t *testing.T, revoke bool) (*world, *renewal.Renewal) {
	w := &world{Lab: enginetest.New(t), fails: map[string]error{}}
	w.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	return w, renewal.New(renewal.Options{
		Store: w, Asker: w, Registrar: w, Standing: w, Within: 60 * 24 * time.Hour, Revoke: revoke,
		Clock: func() time.Time { return w.Clock.Now() }, Logger: slog.New(slog.DiscardHandler),
	})
}

// Each step comes after the one before has succeeded: nobody is asked in vain, and what
// the user refuses makes no pair.
//
// Supports: 3.5.13-1, 5.12-1
func TestOrder(t *testing.T) {
	for fails, want := range map[string][]string{
		"room": {"room"}, "ask": {"room", "ask"}, "enrol": {"room", "ask", "enrol"}, "": {"room", "ask", "enrol", "revoke"},
	} {
		w, r := newWorld(t, true)
		w.fails[fails] = errors.New("no")
		out, err := r.Renew(t.Context(), renewal.Call{MSISDN: enginetest.Number, Usage: mssp.Authentication, Early: true})
		if (err != nil) != (fails != "") || !slices.Equal(w.did, want) {
			t.Errorf("%s fails: %v, did %q, want %q", fails, err, w.did, want)
		}
		if no, ok := errors.AsType[*standing.Refusal](err); ok != (fails == "ask") || ok && no.Reason != standing.Declined {
			t.Errorf("%s fails: %v", fails, err)
		}
		if fails == "" && (out.Duty.Procedure != mssp.Superseding || out.Duty.Reason != 4 || out.Duty.Serials[0] != out.Before || string(out.Signed) != "cms") {
			t.Errorf("%+v", out)
		}
	}
}

// What cannot be renewed is refused with its reason, and nothing is done. A certificate
// that has ended is registered again.
//
// Supports: 5.12-1, 5.11-1, 3.5.12-1
func TestRefused(t *testing.T) {
	for _, x := range []struct {
		why  standing.Reason
		edit func(*store.Situation)
		call func(*renewal.Call)
	}{
		{standing.NotYet, func(*store.Situation) {}, func(c *renewal.Call) { c.Early = false }},
		{standing.NotRegistered, func(*store.Situation) {}, func(c *renewal.Call) { c.Usage = mssp.NonRepudiation }},
		{standing.NotRegistered, func(*store.Situation) {}, func(c *renewal.Call) { c.MSISDN = "41790000999" }},
		{standing.NotRegistered, func(s *store.Situation) { s.Keys = nil }, nil},
		{standing.NotActive, func(s *store.Situation) { s.User.State = mssp.SubscriberSuspended }, nil},
		{standing.AppletInactive, func(s *store.Situation) { s.Card.Applet = mssp.AppletDeactivated }, nil},
		{standing.NoCertificate, func(s *store.Situation) { s.Keys[0].State = mssp.KeyRevoked }, nil},
		{standing.NoCertificate, func(s *store.Situation) { s.Keys[0].State = mssp.KeyRevoking }, nil},
		{standing.NoCertificate, func(s *store.Situation) { s.Keys[0].State = mssp.KeySuspended }, nil},
	} {
		w, r := newWorld(t, true)
		w.edit = x.edit
		c := renewal.Call{MSISDN: enginetest.Number, Usage: mssp.Authentication, Early: true}
		if x.call != nil {
			x.call(&c)
		}
		_, err := r.Renew(t.Context(), c)
		if no, ok := errors.AsType[*standing.Refusal](err); !ok || no.Reason != x.why || len(w.did) > 0 {
			t.Errorf("%v, want %s; did %q", err, x.why, w.did)
		}
	}
	w, r := newWorld(t, false)
	c := renewal.Call{MSISDN: enginetest.Number, Usage: mssp.Authentication}
	w.Clock.Add(3*365*24*time.Hour - 30*24*time.Hour) // it ends soon
	if _, err := r.Renew(t.Context(), c); err != nil || !slices.Equal(w.did, []string{"room", "ask", "enrol"}) {
		t.Errorf("ends soon: %v, did %q", err, w.did)
	}
	w.Clock.Add(60 * 24 * time.Hour)
	_, err := r.Renew(t.Context(), c)
	if no, ok := errors.AsType[*standing.Refusal](err); !ok || no.Reason != standing.NoCertificate || no.Detail != "the certificate has ended: the user must register again" {
		t.Errorf("ended: %v", err)
	}
}

// Who is being asked is not asked a second time.
func TestOneAtATime(t *testing.T) {
	w, r := newWorld(t, false)
	c := renewal.Call{MSISDN: enginetest.Number, Usage: mssp.Authentication, Early: true}
	w.asked = func() {
		_, err := r.Renew(t.Context(), c)
		if no, ok := errors.AsType[*standing.Refusal](err); !ok || no.Reason != standing.UnderWay {
			t.Errorf("%v", err)
		}
	}
	if _, err := r.Renew(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.asked = nil
	if _, err := r.Renew(t.Context(), c); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// dies is a Registrar whose process dies with the commit that registers the pair.
type dies struct{ *enginetest.Lab }

var errDied = errors.New("killed")

func (d dies) Room(ctx context.Context, r registration.EnrolRequest) error {
	return d.Registrar.Room(ctx, r)
}

func (d dies) EnrolWith(ctx context.Context, r registration.EnrolRequest, with func(*store.Situation) error) (registration.Enrolment, error) {
	_, err := enginetest.Pumped(d.Lab, func() (registration.Enrolment, error) { return d.Registrar.EnrolWith(ctx, r, with) })
	d.OK(err)
	return registration.Enrolment{}, errDied
}

// Whoever is killed right after the new pair is registered leaves the order to revoke the old
// certificate behind. An old certificate that was revoked meanwhile stops no renewal.
//
// Supports: 5.12-1, 3.5.13-1
func TestKilledAfterTheNewPair(t *testing.T) {
	for _, meanwhile := range []bool{false, true} {
		w, _ := newWorld(t, true)
		old := w.Key(1).Serial
		st := standing.New(standing.Options{Store: w.Store, Clock: w.Clock.Now})
		if meanwhile {
			w.asked = func() {
				_, err := st.Notify(t.Context(), standing.Notice{MSISDN: enginetest.Number, Serial: old, Status: mssp.CertRevoked, Reason: 1})
				w.OK(err)
			}
		}
		r := renewal.New(renewal.Options{Store: w, Asker: w, Registrar: dies{w.Lab}, Standing: st, Revoke: true, Clock: w.Clock.Now, Logger: slog.New(slog.DiscardHandler)})
		if _, err := r.Renew(t.Context(), renewal.Call{MSISDN: enginetest.Number, Usage: mssp.Authentication, Early: true, By: "test"}); !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		ds, err := w.Store.OpenDuties(t.Context(), w.Clock.Now(), 100)
		w.OK(err)
		ds = slices.DeleteFunc(ds, func(d mssp.Duty) bool { return d.Procedure != mssp.Superseding })
		want := 1
		if meanwhile {
			want = 0
		}
		if len(ds) != want || want == 1 && (!slices.Equal(ds[0].Serials, []string{old}) || ds[0].Reason != 4 || ds[0].By != "test") {
			t.Errorf("revoked meanwhile %v: %+v", meanwhile, ds)
		}
		if k := w.Key(2); k.State != mssp.KeyRegistered {
			t.Errorf("the new pair is %s", k.State)
		}
	}
}
