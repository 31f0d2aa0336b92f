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

// A code that was made here is good for one registration, for so long and for so many wrong
// ones; what it was stands in no row.
//
// Supports: 3.5.1-3, 3.5.1-12, 5.1-8
func TestPoPMade(t *testing.T) {
	for _, flow := range []registration.Flow{registration.FlowA, registration.FlowB} {
		l := enginetest.New(t)
		l.Registration.Sums = l.Vault
		l.Kill()
		c := l.User(enginetest.Number)
		r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Flow: flow, PoPMade: true, Slot: 1}
		give := func() string {
			t.Helper()
			code, p, err := registration.MakePoP(l.Vault, enginetest.Number, 8, 2, l.Clock.Now(), time.Hour)
			l.OK(err)
			p.Channel = mssp.PoPByScreen
			l.OK(l.Store.GivePoP(t.Context(), p))
			return code
		}
		refused := func(want string) {
			t.Helper()
			_, err := step(l, l.Registrar.Enrol, r)
			enginetest.WantFault(t, err, mssp.RegistrationNOK)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("flow %c: %v, want %s", flow, err, want)
			}
			if _, _, k, err := l.Store.Lookup(t.Context(), enginetest.Number); err != nil || r.Slot == 1 && len(k) > 0 && k[0].State != mssp.KeyGenerated && k[0].State != mssp.KeyAborted && k[0].State != mssp.KeyDeleted {
				t.Errorf("flow %c: %v, %v", flow, k, err)
			}
		}
		refused("no Proof of Possession code was made")

		c.PoP = give()
		l.Clock.Add(2 * time.Hour)
		refused("has expired")
		if len(c.Seen) != 0 {
			t.Errorf("flow %c: the card was asked", flow)
		}

		code := give()
		c.PoP = "12345674"
		refused("1 tries are left")
		refused("once too often")
		c.PoP = code
		refused("the right one is not good any more")

		both := r
		both.PoPCode = "1234"
		_, err := step(l, l.Registrar.Enrol, both)
		enginetest.WantFault(t, err, mssp.WrongParam)

		c.PoP = give()
		en := l.Enrol(r)
		if en.PoP != "" || c.Shown[len(c.Shown)-1].PoP != applet.PoPChecked || strings.Contains(string(en.CSR), c.PoP) {
			t.Errorf("flow %c: %q, mode %v", flow, en.PoP, c.Shown[len(c.Shown)-1].PoP)
		}
		r.Slot = 2
		refused("was used by a registration")
	}
}

// The RA checks a code itself: the right one is used up, wrong ones count, and no
// registration takes it any more.
//
// Supports: 3.5.1-12, 5.1-8
func TestCheckPoP(t *testing.T) {
	l := enginetest.New(t)
	l.Registration.Sums = l.Vault
	l.Kill()
	l.User(enginetest.Number)
	give := func() string {
		t.Helper()
		code, p, err := registration.MakePoP(l.Vault, enginetest.Number, 8, 2, l.Clock.Now(), time.Hour)
		l.OK(err)
		p.Channel = mssp.PoPByScreen
		l.OK(l.Store.GivePoP(t.Context(), p))
		return code
	}
	refused := func(code, want string) {
		t.Helper()
		err := l.Registrar.CheckPoP(t.Context(), enginetest.Number, code)
		enginetest.WantFault(t, err, mssp.RegistrationNOK)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	refused("12345674", "no Proof of Possession code was made")
	code := give()
	refused("12345674", "1 tries are left")
	l.OK(l.Registrar.CheckPoP(t.Context(), enginetest.Number, code))
	refused(code, "was used by a registration")
	code = give()
	refused("12345674", "1 tries are left")
	refused("12345674", "0 tries are left")
	refused(code, "too many wrong")
	code = give()
	l.Clock.Add(2 * time.Hour)
	refused(code, "has expired")
}
