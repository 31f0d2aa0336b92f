package engine_test

import (
	"bytes"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// The carriage of a card fixes what its answers look like, in a laboratory too: once it was
// imported anew and the service has forgotten how it asked, an answer of another form is none.
//
// Supports: 3.2-4
func TestCarriageChanges(t *testing.T) {
	profiles := map[string]string{"": "test", "packet": "test", "own": "bare"}
	for _, tc := range []struct {
		was, is string
		done    bool
	}{{"", "packet", false}, {"packet", "", false}, {"packet", "own", true}, {"own", "packet", true}} {
		l := enginetest.New(t)
		for name, p := range l.Options.CardProfiles {
			p.Lab = true
			l.Options.CardProfiles[name] = p
		}
		l.Kill()
		l.Carriage = tc.was
		l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		_, card, _, err := l.Store.Lookup(t.Context(), enginetest.Number)
		l.OK(err)
		row := l.KeySet(card.ICCID, 1, 9)
		if tc.was == "" {
			row = l.AppletKey(card.ICCID, cardkeys.Installed{Set: 1, Generation: 1, State: cardkeys.Confirmed, Key: carriage.CardKey{7}})
		}
		if tc.was != "packet" {
			l.OK(l.Store.AddKeySet(t.Context(), card.ICCID, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return &row, nil }))
		}
		tx, mos := l.Ask("T1")
		l.EditCard(func(c *mssp.Card) { c.Carriage, c.Profile = tc.is, profiles[tc.is] })
		l.Kill()
		l.Bring(mos...)
		if now := l.Tx(tx.ID); (now.State == mssp.Done) != tc.done || !tc.done && now.State.Final() {
			t.Errorf("%q, then %q: %s %s", tc.was, tc.is, now.State, now.Detail)
		}
	}
}

// The laboratory switch loosens nothing of an answer, whatever SPI2 asks for.
//
// Supports: 3.2-4
func TestLaboratoryLoosensNothing(t *testing.T) {
	for _, spi := range []ota.SPI{{0x16, 0x00}, {0x16, 0x01}, {0x00, 0x00}} {
		l := enginetest.New(t)
		for _, name := range []string{"test", "bare"} {
			p := l.Options.CardProfiles[name]
			p.SPI, p.Lab = spi, true
			l.Options.CardProfiles[name] = p
		}
		l.Kill()
		if l.Carriage = "packet"; spi == (ota.SPI{}) {
			l.Carriage = "own"
		}
		c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		c.First = false
		tx, mos := l.Ask("T1")
		before, request := security(l)["all"], c.Seen[len(c.Seen)-1]
		answer, err := applet.Answer{Version: applet.Version2, Transaction: tx.AppletTxn, Request: asked(c), Results: []applet.Result{
			{Tag: applet.TagSetAuthenticationHandlerData.Result(), Status: applet.StatusOK}, {Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled},
		}}.MarshalBinary()
		l.OK(err)
		bare, err := ota.NewKeySet(0, ota.Key{}, ota.Key{}, 0)
		l.OK(err)
		own, err := c.Key.Answer(1)
		l.OK(err)
		for what, por := range map[string]ota.SPI{"71 under the domain's keys": enginetest.SPI, "71 in clear": enginetest.SPI.PlainPoR(), "71 as the profile has it": spi} {
			b, err := c.Set.SealResponse(nil, por, &ota.Response{TAR: enginetest.TAR, CNTR: request.CNTR, Status: ota.StatusOK, Data: answer})
			l.OK(err)
			if l.Bring(c.AsMOs(b, sms.ResponseCPI)...); l.Tx(tx.ID).State != mssp.Waiting {
				t.Fatalf("SPI %s, %s: %s", spi, what, l.Tx(tx.ID).State)
			}
		}
		for what, seal := range map[string]struct {
			keys *ota.KeySet
			spi  ota.SPI
		}{"no security": {bare, ota.SPI{}}, "no ciphering": {own, ota.SPI{0x12, 0}}, "no counter": {own, ota.SPI{0x06, 0}}, "a PoR": {own, ota.SPI{0x16, 0x01}}, "keys of the domain": {c.Set, ota.SPI{0x16, 0}}} {
			b, err := seal.keys.Seal(nil, &ota.Command{SPI: seal.spi, TAR: enginetest.TAR, CNTR: 90, Data: answer})
			l.OK(err)
			if l.Bring(c.AsMOs(b, sms.CommandCPI)...); l.Tx(tx.ID).State != mssp.Waiting {
				t.Fatalf("SPI %s, an answer with %s: %s", spi, what, l.Tx(tx.ID).State)
			}
		}
		if events := security(l); events["all"] != before+8 {
			t.Errorf("SPI %s: %v", spi, events)
		}
		l.Bring(mos...)
		l.Want(tx.ID, mssp.Done, mssp.Signature)
	}
}

// In own the response packets of the packet around a request, which the profile asks for, are
// counted and no events; what is none of them is one, and none says anything.
func TestOwnInsideTheDomain(t *testing.T) {
	l := enginetest.New(t)
	p := l.Options.CardProfiles["bare"]
	p.SPI = enginetest.SPI
	l.Options.CardProfiles["bare"] = p
	l.Kill()
	l.Carriage = "own"
	c := l.User(enginetest.Number)
	_, card, _, err := l.Store.Lookup(t.Context(), enginetest.Number)
	l.OK(err)
	row, key := l.KeySet(card.ICCID, 1, 9), ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{9}, 16)}
	l.OK(l.Store.AddKeySet(t.Context(), card.ICCID, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return &row, nil }))
	c.Set, err = ota.NewKeySet(1, key, key, 8)
	l.OK(err)
	l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256})
	tx, mos := l.Ask("T1")
	packets, err := l.Store.Packets(t.Context(), tx.ID)
	l.OK(err)
	around := &ota.Command{TAR: enginetest.TAR, CNTR: packets[0].CNTR}
	says := func(por, event float64, mos []bearer.MO) {
		t.Helper()
		events, pors := security(l)["all"], l.Metric("simsign_mo_total", "result", "por")
		l.Bring(mos...)
		if got := l.Metric("simsign_mo_total", "result", "por"); got != pors+por || security(l)["all"] != events+event {
			t.Errorf("response packets %v, then %v; events %v, then %v", pors, got, events, security(l))
		}
	}
	quiet := []ota.ResponseStatus{ota.StatusFollowsInSubmit, ota.StatusOK, ota.StatusIntegrity, ota.StatusCounterLow}
	for _, st := range quiet {
		says(1, 0, c.Send(around, st, nil))
	}
	says(0, 1, c.Send(around, ota.StatusOK, []byte{2}))
	c.SPI = enginetest.SPI.PlainPoR()
	says(0, 1, c.Send(around, ota.StatusIntegrity, nil))
	c.SPI = enginetest.SPI
	l.Want(tx.ID, mssp.Waiting, 0)
	l.Bring(mos...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	for _, st := range quiet {
		says(1, 0, c.Send(around, st, nil))
	}
}
