package registration_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
)

// forgets is a server with another database: it has the card and its keys, and no row of
// a key pair. told: what the applet has told is known all the same, as in an old backup.
func forgets(l *enginetest.Lab, told bool) {
	l.Meddle("DELETE FROM key_pair")
	if !told {
		l.EditCard(func(c *mssp.Card) { c.Applet, c.Offers = mssp.AppletUnknown, "" })
	}
}

func spki(t *testing.T, key any) string {
	t.Helper()
	b, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A registered pair that no row knows is never replaced, whether the card is asked before
// or says itself that the slot is in use: another slot is taken, and when none is free
// the refusal names them.
//
// Supports: 3.5.1-9, 5.1-2, 5.1-3
func TestRegisteredPairIsKept(t *testing.T) {
	for _, told := range []bool{false, true} {
		l := enginetest.New(t)
		c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		l.Sign(enginetest.Request("T1", "hello")) // confirmed
		was := c.Keys[1]
		for n := byte(2); n <= 4; n++ {
			forgets(l, told)
			en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication})
			if en.Slot != n || c.Keys[1] != was {
				t.Errorf("told %v: slot %d, the pair in slot 1 was replaced: %v", told, en.Slot, c.Keys[1] != was)
			}
			l.Sign(enginetest.Request("T"+string('0'+n), "hello"))
		}
		forgets(l, told)
		_, err := step(l, l.Registrar.RegisterInit, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication})
		enginetest.WantFault(t, err, mssp.RegistrationNOK)
		if err == nil || !strings.Contains(err.Error(), "4 key slots and none is free: slot 1 holds a registered key that is not known here, slot 2") {
			t.Errorf("told %v: %v", told, err)
		}
		_, err = step(l, l.Registrar.RegisterInit, registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Slot: 1})
		if err == nil || !strings.Contains(err.Error(), "slot 1 holds a registered key that is not known here: name another slot") || c.Keys[1] != was {
			t.Errorf("told %v: %v", told, err)
		}
	}
}

// A pair that the card has already, made in personalisation, is used and not destroyed,
// whatever its algorithm is when none is asked for, and in both flows; one for another
// usage stays.
//
// Supports: 3.5.1-4, 3.5.1-9, 5.1-3, 5.1-7
func TestPairFromPersonalisation(t *testing.T) {
	for _, told := range []bool{false, true} {
		for _, flow := range []registration.Flow{registration.FlowA, registration.FlowB} {
			l := enginetest.New(t)
			c := l.User(enginetest.Number)
			other := c.Hold(applet.Slot{Number: 1, Usage: 2, Algorithm: applet.ECDSAP256, Code: 2}, applet.SlotGenerated)
			made := c.Hold(applet.Slot{Number: 2, Usage: 1, Algorithm: applet.ECDSAP256, Code: 1}, applet.SlotGenerated)
			if told {
				known(l)
				c.Life = applet.AppletActive
			}
			r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Flow: flow}
			if told {
				r.Slot = 2
			}
			en := l.Enrol(r)
			if told && flow == registration.FlowB { // the card itself keeps the pair
				en.PublicKey = l.Key(en.Slot).PublicKey
			}
			if en.Slot != 2 || string(en.PublicKey) != spki(t, made.Public()) || c.Keys[2] != made || c.Keys[1] != other {
				t.Errorf("told %v, flow %c: slot %d, made anew: %v", told, flow, en.Slot, c.Keys[2] != made)
			}
		}
	}
}

// What an aborted registration has left on the card is deleted, and its slot is used.
//
// Supports: 5.1-9
func TestLeftRegistering(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	left := c.Hold(applet.Slot{Number: 1, Usage: 1, Algorithm: applet.ECDSAP256, Code: 1}, applet.SlotRegistering)
	en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication})
	if en.Slot != 1 || c.Keys[1] == left {
		t.Errorf("slot %d", en.Slot)
	}
}

// A slot whose certificate has ended is emptied and used again, any number of times; one
// whose certificate is valid is not.
//
// Supports: 3.5.1-13, 4-10
func TestSlotsAreUsedAgain(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication}
	for n := byte(1); n <= 4; n++ {
		if en := l.Enrol(r); en.Slot != n {
			t.Fatalf("slot %d", en.Slot)
		}
	}
	_, err := step(l, l.Registrar.RegisterInit, r)
	if err == nil || !strings.Contains(err.Error(), "none is free: slot 1 holds a registered key, slot 2") {
		t.Fatal(err)
	}
	for range 5 {
		k := l.Key(2)
		k.State = mssp.KeyRevoked
		l.OK(l.Store.PutKeyPairs(t.Context(), []mssp.KeyPair{k}))
		was := c.Keys[2]
		if en := l.Enrol(r); en.Slot != 2 || c.Keys[2] == was || l.Key(2).State != mssp.KeyRegistered {
			t.Fatalf("slot %d, %s", en.Slot, l.Key(2).State)
		}
	}
	for enginetest.ParseCert(t, l.Key(2).CertDER).NotAfter.After(l.Clock.Now()) { // the counter of a card goes on with the years
		l.Clock.Add(300 * 24 * time.Hour)
		_, err := enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(t.Context(), enginetest.Number) })
		l.OK(err)
	}
	if en, err := step(l, l.Registrar.RegisterInit, r); err != nil || en.Slot != 1 {
		t.Errorf("slot %d, %v", en.Slot, err)
	}
}

// A pair that the card no longer has is none: the row is corrected, and the slot used.
func TestPairIsGone(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	clear(c.Keys)
	c.Life = applet.AppletInstalled
	l.EditCard(func(c *mssp.Card) { c.Applet = mssp.AppletUnknown })
	if en := l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation}); en.Slot != 1 {
		t.Errorf("slot %d", en.Slot)
	}
}

// What the card reports of its applet is in the row of the card, and what it proves by
// asking the user.
//
// Supports: 5.10-3
func TestAppletIsMirrored(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	want := func(s mssp.AppletState) {
		t.Helper()
		_, card, _, err := l.Store.Lookup(t.Context(), enginetest.Number)
		l.OK(err)
		if card.Applet != s {
			t.Errorf("the applet is %q, want %q", card.Applet, s)
		}
	}
	want(mssp.AppletUnknown)
	order := func(f func() (mssp.Transaction, error)) {
		t.Helper()
		_, err := enginetest.Pumped(l, f)
		l.OK(err)
	}
	state := func() (mssp.Transaction, error) {
		_, err := l.Care.QueryState(t.Context(), enginetest.Number)
		return mssp.Transaction{}, err
	}
	order(state)
	want(mssp.AppletInstalled)
	l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication})
	want(mssp.AppletActive)
	order(func() (mssp.Transaction, error) { return l.Care.Deactivate(t.Context(), enginetest.Number) })
	want(mssp.AppletDeactivated)
	l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation}) // activates it again
	want(mssp.AppletActive)
	if c.Life != applet.AppletActive {
		t.Error("the applet is not active")
	}
	l.EditCard(func(c *mssp.Card) { c.Applet = mssp.AppletUnknown })
	l.Sign(enginetest.Request("T1", "hello"))
	want(mssp.AppletActive)
}

// A card of which nothing is known is asked before it is refused: rows that call every slot
// taken may be of an applet that was installed anew. One whose applet is known is believed.
//
// Supports: 5.1-2, 5.1-3
func TestFullRowsOfAnUnknownCard(t *testing.T) {
	for _, told := range []bool{false, true} {
		l := enginetest.New(t)
		c := l.User(enginetest.Number)
		r := registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication}
		for range 4 {
			l.Enrol(r)
		}
		clear(c.Keys)
		if !told {
			l.EditCard(func(c *mssp.Card) { c.Applet, c.Offers = mssp.AppletUnknown, "" })
			if en := l.Enrol(r); en.Slot != 1 {
				t.Errorf("slot %d", en.Slot)
			}
			continue
		}
		if _, err := step(l, l.Registrar.RegisterInit, r); err == nil || !strings.Contains(err.Error(), "none is free") {
			t.Error(err)
		}
	}
}
