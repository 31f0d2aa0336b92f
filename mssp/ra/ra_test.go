package ra_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

var (
	ctx      = context.Background()
	errCA    = errors.New("the CA refuses")
	errPhone = errors.New("the phone is off")
)

// world is a user with a pair of each usage, a CA and a phone that may fail.
type world struct {
	*testing.T
	*enginetest.Lab
	standing *standing.Standing
	worker   *ra.Worker
	ca, card error // why they refuse
	did      []string
	mu       sync.Mutex
	most     int           // 0: all; of what the phone does before it is off
	off, on  chan struct{} // a phone that is off: whoever asks it says so, and waits until it is on
	raised   map[string]string
}

func (w *world) Revoke(ctx context.Context, serial string, reason int) error {
	if w.ca != nil {
		return w.ca
	}
	return w.CA.Revoke(ctx, serial, reason)
}

func (w *world) Suspend(ctx context.Context, serial string) error {
	if w.ca != nil {
		return w.ca
	}
	return w.CA.Suspend(ctx, serial)
}

func (w *world) Reactivate(ctx context.Context, serial string) error {
	if w.ca != nil {
		return w.ca
	}
	return w.CA.Reactivate(ctx, serial)
}

func (w *world) do(what string) error {
	if w.off != nil {
		w.off <- struct{}{}
		<-w.on
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.card != nil:
		return w.card
	case w.most > 0 && len(w.did) >= w.most:
		return errPhone
	}
	w.did = append(w.did, what)
	return nil
}

func (w *world) Deactivate(context.Context, sms.MSISDN, ota.ICCID) error {
	err := w.do("deactivate")
	if err == nil {
		w.EditCard(func(c *mssp.Card) { c.Applet = mssp.AppletDeactivated })
	}
	return err
}

func (w *world) Activate(context.Context, sms.MSISDN, ota.ICCID) error {
	w.EditCard(func(c *mssp.Card) { c.Applet = mssp.AppletActive })
	return w.do("activate")
}

func (w *world) Delete(_ context.Context, _ sms.MSISDN, _ ota.ICCID, slot byte) error {
	err := w.do(fmt.Sprint("delete ", slot))
	if err == nil {
		k := w.Key(slot)
		k.State = mssp.KeyDeleted
		w.Lab.OK(w.Store.PutKeyPairs(ctx, []mssp.KeyPair{k}))
	}
	return err
}

func (w *world) Notice(to sms.MSISDN, _ string, k notice.Kind, about string, _ time.Time) store.Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did = append(w.did, "tell "+string(k))
	return store.Notice{To: to, Kind: k, About: about, Text: []bearer.Segment{{Dest: to, UD: []byte(k)}}}
}
func (w *world) Texts([]store.Outbound) {}
func (w *world) Raise(_, name, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.raised[name] = text
}

func (w *world) Clear(_, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.raised, name)
}

func (w *world) turn()  { w.Helper(); w.Lab.OK(w.worker.Turn(ctx)) }
func (w *world) later() { w.Clock.Add(time.Hour); w.turn() }
func (w *world) begin(c standing.Call) (mssp.Duty, error) {
	c.MSISDN, c.Own = enginetest.Number, true
	return w.standing.Precondition(ctx, c)
}

// is the state of the user, of his pairs, and how much is left to do.
func (w *world) is() string {
	w.Helper()
	sit, err := w.Store.Situation(ctx, enginetest.Number)
	w.Lab.OK(err)
	s := string(sit.User.State)
	for i := range sit.Keys {
		s += " " + string(sit.Keys[i].State)
		c, err := w.Store.Certificate(ctx, sit.Keys[i].Serial)
		w.Lab.OK(err)
		s += "/" + string(c.Status)
	}
	return fmt.Sprint(s, " ", len(sit.Duties))
}

func (w *world) want(what, is string) {
	w.Helper()
	if got := w.is(); got != is {
		w.Errorf("%s: %s, want %s", what, got, is)
	}
}

func (w *world) refused(what string, err error, r standing.Reason) {
	w.Helper()
	if f, ok := errors.AsType[*standing.Refusal](err); !ok || f.Reason != r {
		w.Errorf("%s: %v, want %s", what, err, r)
	}
}

func newWorld(t *testing.T, p ra.Policy) *world {
	w := &world{T: t, Lab: enginetest.New(t), raised: map[string]string{}}
	w.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	w.Enrol(enrolment(mssp.NonRepudiation))
	w.restart(p)
	return w
}

func enrolment(u mssp.KeyUsage) registration.EnrolRequest {
	return registration.EnrolRequest{MSISDN: enginetest.Number, Usage: u, Algorithm: applet.ECDSAP256}
}

// restart is another process on the same rows.
func (w *world) restart(p ra.Policy) {
	w.standing = standing.New(standing.Options{Store: w.Store, Clock: w.Clock.Now})
	w.worker = ra.New(ra.Options{Store: w.Store, Standing: w.standing, CA: w, Phone: w, Policy: p, Alerts: w, Clock: w.Clock.Now})
}

// The way there and back, and for good: every certificate of the user, each step said once.
//
// Supports: 3.5.10-1, 3.5.11-1, 5.8-1, 5.9-1, 5.10-1, 5.10-2, W-6
func TestSuspendReactivateRevoke(t *testing.T) {
	w := newWorld(t, ra.Deactivate)
	for _, c := range []struct {
		p         mssp.Procedure
		at, after string
	}{
		{mssp.Suspending, "suspended suspended/valid suspended/valid 1", "suspended suspended/suspended suspended/suspended 0"},
		{mssp.Reactivating, "suspended suspended/suspended suspended/suspended 1", "active registered/valid registered/valid 0"},
		{mssp.Suspending, "suspended suspended/valid suspended/valid 1", "suspended suspended/suspended suspended/suspended 0"},
		{mssp.Revoking, "suspended revoking/suspended revoking/suspended 1", "active revoked/revoked revoked/revoked 0"},
	} {
		_, err := w.begin(standing.Call{Procedure: c.p, Reason: 1})
		w.Lab.OK(err)
		w.want(string(c.p)+", accepted", c.at)
		w.turn()
		w.want(string(c.p)+", done", c.after)
	}
	if got := strings.Join(w.did, ", "); got != "deactivate, tell suspended, activate, tell reactivated, deactivate, tell suspended, tell revoked" {
		t.Error(got)
	}
	for p, r := range map[mssp.Procedure]standing.Reason{
		mssp.Reactivating: standing.RevokedForGood, mssp.Suspending: standing.AppletInactive, mssp.Revoking: standing.NoCertificate,
	} {
		_, err := w.begin(standing.Call{Procedure: p})
		w.refused(string(p)+" after all", err, r)
	}
	_, err := w.standing.Notify(ctx, standing.Notice{MSISDN: enginetest.Number, Serial: w.Key(1).Serial, Status: mssp.CertValid})
	w.refused("notified as valid", err, standing.RevokedForGood)
}

// A phone that is off holds up nobody else: the CA is asked for another user meanwhile.
//
// Supports: 3.5.10-1
func TestPhoneOffHoldsNobodyUp(t *testing.T) {
	const other = sms.MSISDN("41790000002")
	w := newWorld(t, ra.Deactivate)
	w.Enrolled(other, applet.ECDSAP256, mssp.Authentication)
	w.off, w.on = make(chan struct{}), make(chan struct{})
	_, err := w.begin(standing.Call{Procedure: mssp.Revoking})
	w.Lab.OK(err)
	life, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { w.worker.Run(life); close(ended) }()
	<-w.off // the card is asked
	_, err = w.standing.Precondition(ctx, standing.Call{MSISDN: other, Procedure: mssp.Revoking, Own: true})
	w.Lab.OK(err)
	w.worker.Kick()
	<-w.off // the other one's card, which is seen to after the CA has confirmed
	_, _, pairs, err := w.Store.Lookup(ctx, other)
	w.Lab.OK(err)
	if len(pairs) != 1 || pairs[0].State != mssp.KeyRevoked {
		t.Errorf("the pair of the other user is %v", pairs)
	}
	end()
	close(w.on)
	<-ended
}

// A CA that refuses or is silent is asked until it has confirmed; the user stays suspended,
// a pair of which a revocation was accepted signs no more, and an operator is told.
//
// Supports: 3.5.11-2, 3.5.10-2
func TestSilentCA(t *testing.T) {
	for p, at := range map[mssp.Procedure]string{
		mssp.Suspending: "suspended suspended/valid suspended/valid 1", mssp.Revoking: "active revoking/valid revoking/valid 1", mssp.Leaving: "active revoking/valid revoking/valid 1",
	} {
		w := newWorld(t, ra.Leave)
		w.ca = errCA
		d, err := w.begin(standing.Call{Procedure: p})
		w.Lab.OK(err)
		for range 3 {
			w.later()
			w.restart(ra.Leave)
			w.want(string(p), at)
		}
		got, err := w.Store.Duty(ctx, d.ID)
		w.Lab.OK(err)
		if got.Tries != 3 || got.Failure != errCA.Error() || !strings.Contains(w.raised[d.ID], errCA.Error()) {
			t.Errorf("%+v, told %q", got, w.raised)
		}
		if _, err := w.Signer.Sign(ctx, enginetest.Request("T1", "hello")); err == nil {
			t.Error("signed")
		}
		w.ca = nil
		w.later()
		if len(w.raised) != 0 || !strings.HasSuffix(w.is(), " 0") {
			t.Errorf("%s: %s, told %q", p, w.is(), w.raised)
		}
	}
}

// One certificate alone, asked for twice, and its card that is off.
func TestOneCertificate(t *testing.T) {
	w := newWorld(t, ra.Delete)
	serial := w.Key(1).Serial
	w.card = errPhone
	first, err := w.begin(standing.Call{Procedure: mssp.Revoking, Serial: serial, Reason: 4})
	w.Lab.OK(err)
	again, err := w.begin(standing.Call{Procedure: mssp.Revoking, Serial: serial, Reason: 4})
	w.Lab.OK(err)
	if first.ID != again.ID {
		t.Error("asked for twice, done twice")
	}
	w.turn()
	w.want("the CA has confirmed, the phone is off", "active revoked/revoked registered/valid 1")
	for range 6 {
		w.later()
	}
	w.want("the card is left", "active revoked/revoked registered/valid 0")
	if got := strings.Join(w.did, ", "); got != "tell revoked" {
		t.Error(got)
	}
	w.card, w.did = nil, nil
	_, err = w.begin(standing.Call{Procedure: mssp.Suspending, Serial: w.Key(2).Serial})
	w.Lab.OK(err)
	w.turn()
	w.want("the other one", "active revoked/revoked suspended/suspended 0")
	_, err = w.begin(standing.Call{Procedure: mssp.Revoking, Serial: "77"})
	w.refused("a stranger's", err, standing.NotHis)
	_, err = w.begin(standing.Call{Procedure: mssp.Revoking, Reason: 8})
	w.refused("a reason that is none", err, standing.BadReason)
}

// The CA acts by itself: what it says is taken, and the rest is done.
func TestNotifiedWithoutCall(t *testing.T) {
	w := newWorld(t, ra.Leave)
	for i, s := range []mssp.CertStatus{mssp.CertSuspended, mssp.CertValid, mssp.CertRevoked} {
		_, err := w.standing.Notify(ctx, standing.Notice{MSISDN: enginetest.Number, Serial: w.Key(1).Serial, Status: s, Reason: 6 * (1 - i/2)})
		w.Lab.OK(err)
		w.turn()
		w.want(string(s), fmt.Sprintf("active %s/%s registered/valid 0", s.Of(), s))
	}
	if got := strings.Join(w.did, ", "); got != "tell suspended, tell reactivated, tell revoked" {
		t.Error(got)
	}
	_, err := w.standing.Notify(ctx, standing.Notice{MSISDN: "41790000077", Serial: "1", Status: mssp.CertRevoked})
	w.refused("of nobody", err, standing.NotRegistered)
	_, err = w.standing.Notify(ctx, standing.Notice{MSISDN: enginetest.Number, Serial: "77", Status: mssp.CertRevoked})
	w.refused("a stranger's", err, standing.NotHis)
}

// asker answers for the user.
type asker struct {
	err   error
	asked int
}

func (a *asker) Ask(context.Context, sms.MSISDN, string) ([]byte, error) {
	a.asked++
	return []byte("signed"), a.err
}

// A user leaves, with his consent or without; what he refuses, or his code that is blocked,
// changes nothing.
//
// Supports: 5.7-1, 5.7-2
func TestLeaves(t *testing.T) {
	w := newWorld(t, ra.Leave)
	a := &asker{err: mssp.Faultf(mssp.UserCancel, "the user cancelled")}
	w.standing = standing.New(standing.Options{Store: w.Store, Asker: a, Clock: w.Clock.Now})
	w.worker = ra.New(ra.Options{Store: w.Store, Standing: w.standing, CA: w, Phone: w, Clock: w.Clock.Now})
	c := standing.Call{MSISDN: enginetest.Number, Own: true}
	_, err := w.standing.Unregister(ctx, c, "Leave?")
	w.refused("cancelled", err, standing.Declined)
	w.want("cancelled", "active registered/valid registered/valid 0")
	w.EditCard(func(c *mssp.Card) { c.Blocked[1] = true })
	_, err = w.standing.Unregister(ctx, c, "Leave?")
	w.refused("blocked", err, standing.CodeBlocked)
	w.EditCard(func(c *mssp.Card) { c.Blocked[1] = false })
	w.EditSubscriber(func(s *mssp.Subscriber) { s.State = mssp.SubscriberSuspended })
	_, err = w.standing.Unregister(ctx, c, "Leave?")
	w.refused("suspended", err, standing.NotActive)
	w.EditSubscriber(func(s *mssp.Subscriber) { s.State = mssp.SubscriberActive })
	if a.asked != 1 {
		t.Errorf("asked %d times", a.asked)
	}
	a.err = nil
	l, err := w.standing.Unregister(ctx, c, "Leave?")
	w.Lab.OK(err)
	if string(l.Signed) != "signed" {
		t.Error("the consent is not handed over")
	}
	w.want("consented", "active revoking/valid revoking/valid 1")
	w.turn()
	w.want("left", "removed revoked/revoked revoked/revoked 0")
	if got := strings.Join(w.did, ", "); got != "tell left" {
		t.Error(got)
	}
	_, err = w.begin(standing.Call{Procedure: mssp.Revoking})
	w.refused("who has left", err, standing.NotRegistered)
}
