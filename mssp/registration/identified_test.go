package registration_test

import (
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
)

// Where it is demanded, nobody gets his first key of whom it was not recorded who he is,
// and his card is asked nothing; who has one already gets the next.
//
// Supports: 3.5.1-1, 5.1-11
func TestIdentified(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication})
	l.Registration.Identified = true
	l.Kill()
	l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation})

	k := l.Key(1)
	k.State = mssp.KeyDeleted
	n := l.Key(2)
	n.State = mssp.KeyDeleted
	l.OK(l.Store.PutKeyPairs(t.Context(), []mssp.KeyPair{k, n}))
	asked := len(c.Seen)
	again := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Slot: 3}
	_, err := step(l, l.Registrar.Enrol, again)
	enginetest.WantFault(t, err, mssp.RegistrationNOK)
	if err == nil || !strings.Contains(err.Error(), "nobody has recorded who identified this user") || len(c.Seen) != asked {
		t.Errorf("%v, %d packets", err, len(c.Seen)-asked)
	}
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	_, err = l.Store.Identify(t.Context(), mssp.Identity{MSISDN: enginetest.Number, How: mssp.ByKiosk, By: "kiosk 4", At: at, RecordedAt: at})
	l.OK(err)
	l.Enrol(again)
}
