package registration_test

import (
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
)

// Where the policy permits it, the pair of a certificate that has expired gets another one:
// the card is sent nothing, and signs with the key that it has. Before the end, after a
// revocation, without the policy and without a new identification it is refused, and
// nothing has changed.
//
// Supports: 5.11-1, 5.12-1
func TestSamePair(t *testing.T) {
	l := enginetest.New(t)
	policy := func(same, identified bool) {
		l.Registration.SamePair, l.Registration.Identified = same, identified
		l.Kill()
	}
	policy(true, false)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Sign(enginetest.Request("T1", "hello"))
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, SamePair: true}
	refuse := func(r registration.EnrolRequest, code mssp.Code, says string) {
		t.Helper()
		was, seen := l.Key(1), len(c.Seen)
		_, err := step(l, l.Registrar.Enrol, r)
		enginetest.WantFault(t, err, code)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
		if now := l.Key(1); now.Version != was.Version || len(c.Seen) != seen {
			t.Errorf("%s: something has changed", says)
		}
	}
	refuse(r, mssp.RegistrationNOK, "slot 1 has not expired: a renewal takes another pair")
	for enginetest.ParseCert(t, l.Key(1).CertDER).NotAfter.After(l.Clock.Now()) { // the counter of a card goes on with the years
		l.Clock.Add(300 * 24 * time.Hour)
		_, err := enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(t.Context(), enginetest.Number) })
		l.OK(err)
	}
	with := func(change func(*registration.EnrolRequest)) registration.EnrolRequest {
		r := r
		change(&r)
		return r
	}
	refuse(with(func(r *registration.EnrolRequest) { r.PoPCode = "12345670" }), mssp.WrongParam, "no Proof of Possession code")
	refuse(with(func(r *registration.EnrolRequest) { r.Flow = registration.FlowB }), mssp.WrongParam, "takes no flow")
	refuse(with(func(r *registration.EnrolRequest) { r.Slot = 2 }), mssp.RegistrationNOK, "no registered pair of this usage")
	refuse(with(func(r *registration.EnrolRequest) { r.Usage = mssp.NonRepudiation }), mssp.RegistrationNOK, "no registered pair of this usage")
	refuse(with(func(r *registration.EnrolRequest) { r.Algorithm = applet.ECDSAP384 }), mssp.RegistrationNOK, "no registered pair of this usage")
	policy(false, false)
	refuse(r, mssp.RegistrationNOK, "against the policy")
	policy(true, true)
	refuse(r, mssp.RegistrationNOK, "was identified since")
	before := enginetest.ParseCert(t, l.Key(1).CertDER).NotBefore
	identify := func(at time.Time) {
		_, err := l.Store.Identify(t.Context(), mssp.Identity{MSISDN: enginetest.Number, How: mssp.ByKiosk, By: "kiosk 4", At: at, RecordedAt: at})
		l.OK(err)
	}
	identify(before.Add(-time.Hour))
	refuse(r, mssp.RegistrationNOK, "was identified since")
	identify(l.Clock.Now())

	old, key, seen := l.Key(1), c.Keys[1], len(c.Seen)
	en := l.Enrol(r)
	now := l.Key(1)
	if en.Slot != 1 || en.Serial == old.Serial || now.Serial != en.Serial || string(now.PublicKey) != string(old.PublicKey) || c.Keys[1] != key || len(c.Seen) != seen {
		t.Errorf("%+v, the key is the same: %v, %d packets", en, c.Keys[1] == key, len(c.Seen)-seen)
	}
	if cert := enginetest.ParseCert(t, now.CertDER); !cert.NotAfter.After(l.Clock.Now()) {
		t.Errorf("the new certificate has ended on %s", cert.NotAfter)
	}
	l.Sign(enginetest.Request("T2", "hello"))
	refuse(r, mssp.RegistrationNOK, "has not expired")

	revoked := l.Key(1)
	revoked.State = mssp.KeyRevoked
	l.OK(l.Store.PutKeyPairs(t.Context(), []mssp.KeyPair{revoked}))
	refuse(r, mssp.RegistrationNOK, "what was revoked gets no other certificate")
}
