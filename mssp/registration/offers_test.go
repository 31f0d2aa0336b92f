package registration_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/store"
)

// offers are those of a card that does all that the laboratory asks of it.
func offers(change func(*applet.Capabilities)) *applet.Capabilities {
	c := &applet.Capabilities{
		Carriages: applet.CarriagePacket, Level: applet.Level3, LongestRequest: 4096, LongestAnswer: 4096, Hashes: 7, Slots: 4, Codes: 2, KeySet: 1,
		API: [2]byte{3, 0}, Applet: [3]byte{2, 0, 0},
		Algorithms: []applet.AlgorithmOffer{
			{Algorithm: applet.ECDSAP256, Bits: applet.SignsOctets | applet.SignsHash | applet.MakesPairs},
			{Algorithm: applet.RSA2048, Bits: applet.SignsOctets | applet.SignsHash | applet.MakesPairs},
		},
	}
	if change != nil {
		change(c)
	}
	return c
}

func offering(t *testing.T, way string, o *applet.Capabilities) (*enginetest.Lab, *enginetest.Card) {
	l := enginetest.New(t)
	l.Carriage = way
	c := l.User(enginetest.Number)
	c.Offers = o
	return l, c
}

func enrol(l *enginetest.Lab, u mssp.KeyUsage, alg applet.Algorithm) error {
	_, err := enginetest.Pumped(l, func() (registration.Enrolment, error) {
		return l.Registrar.Enrol(context.Background(), registration.EnrolRequest{MSISDN: enginetest.Number, Usage: u, Algorithm: alg})
	})
	return err
}

// said are the commands that a card got, from the n-th packet on.
func said(t *testing.T, c *enginetest.Card, n int) (all []applet.Command) {
	t.Helper()
	for _, p := range c.Seen[n:] {
		m, err := applet.Parse(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Commands...)
	}
	return all
}

func kept(t *testing.T, l *enginetest.Lab) *applet.Capabilities {
	t.Helper()
	_, card, _, err := l.Store.Lookup(t.Context(), enginetest.Number)
	l.OK(err)
	if card.Offers == "" {
		return nil
	}
	o, err := applet.ParseCapabilities([]byte(card.Offers))
	l.OK(err)
	return o
}

// A card of version 02 is asked what it offers before it is registered, once; what it says is
// kept with it, and forgotten when it does not support what it was sent.
//
// Supports: 3.2-11, 5.1-3
func TestOffersAsked(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		l, c := offering(t, way, offers(nil))
		l.OK(enrol(l, mssp.Authentication, applet.ECDSAP256))
		report := applet.ChangeAppletStatus{To: applet.StatusReport}
		if first := said(t, c, 0)[0]; !reflect.DeepEqual(first, report) {
			t.Errorf("%s: asked for %+v first", way, first)
		}
		if !reflect.DeepEqual(kept(t, l), c.Offers) {
			t.Errorf("%s: kept %+v", way, kept(t, l))
		}
		n := len(c.Seen)
		l.OK(enrol(l, mssp.NonRepudiation, applet.ECDSAP256))
		for _, cmd := range said(t, c, n) {
			if reflect.DeepEqual(cmd, report) {
				t.Errorf("%s: asked again", way)
			}
		}
		c.Say = func(m applet.Message) applet.Answer {
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusNotSupported}}}
		}
		n = len(c.Seen)
		l.Sign(enginetest.Request("T1", "hello"))
		if kept(t, l) != nil {
			t.Errorf("%s: it does not support what it offers, and that is kept", way)
		}
		l.Settle()
		l.Pump()
		if again := said(t, c, n); !reflect.DeepEqual(again[len(again)-1], report) {
			t.Errorf("%s: it does not support what it offers, and is sent %+v then", way, again)
		}
		c.Say = nil
		if _, err := enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(context.Background(), enginetest.Number) }); err != nil || kept(t, l) == nil {
			t.Errorf("%s: asked on demand: %+v, %v", way, kept(t, l), err)
		}
	}
	l, c := offering(t, "packet", nil) // it does not say: its profile counts
	l.OK(enrol(l, mssp.Authentication, applet.ECDSAP256))
	if kept(t, l) != nil || len(c.Seen) < 2 {
		t.Errorf("kept %+v", kept(t, l))
	}
	l, _ = offering(t, "", offers(nil)) // version 01 has no word for it
	l.OK(enrol(l, mssp.Authentication, applet.ECDSAP256))
	if kept(t, l) != nil {
		t.Errorf("a card of version 01 has offers: %+v", kept(t, l))
	}
}

// What a card does not offer is refused with the reason, and no short message leaves.
//
// Supports: 3.2-11
func TestNotEligibleByOffers(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*applet.Capabilities)
		usage  mssp.KeyUsage
		alg    applet.Algorithm
		want   string
	}{
		"algorithm":   {nil, mssp.Authentication, applet.ECDSAP384, "does not support"},
		"none":        {func(c *applet.Capabilities) { c.Algorithms = c.Algorithms[:0] }, mssp.Authentication, 0, "none of the algorithms"},
		"pairs":       {func(c *applet.Capabilities) { c.Algorithms[0].Bits = applet.SignsOctets | applet.SignsHash }, mssp.Authentication, applet.ECDSAP256, "makes no key pairs"},
		"hash":        {func(c *applet.Capabilities) { c.Hashes = 6 }, mssp.Authentication, applet.ECDSAP256, "does not have SHA-256"},
		"code":        {func(c *applet.Capabilities) { c.Codes = 1 }, mssp.NonRepudiation, applet.ECDSAP256, "one personal code"},
		"long answer": {func(c *applet.Capabilities) { c.LongestAnswer = 100 }, mssp.Authentication, applet.RSA2048, "answers with 100 octets at most"},
		"request":     {func(c *applet.Capabilities) { c.LongestRequest = 12 }, mssp.Authentication, applet.ECDSAP256, "which takes 12 octets"},
	} {
		l, card := offering(t, "packet", offers(c.change))
		if _, err := enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(context.Background(), enginetest.Number) }); err != nil {
			t.Fatal(err)
		}
		known(l)
		n := len(l.Sent)
		err := enrol(l, c.usage, c.alg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
		if len(l.Sent) != n || len(card.Seen) != 1 {
			t.Errorf("%s: %d short messages left", what, len(l.Sent)-n)
		}
	}
	// Slots: the third key of a card that has two.
	l, _ := offering(t, "packet", offers(func(c *applet.Capabilities) { c.Slots = 2 }))
	l.OK(enrol(l, mssp.Authentication, applet.ECDSAP256))
	l.OK(enrol(l, mssp.NonRepudiation, applet.ECDSAP256))
	n := len(l.Sent)
	if err := enrol(l, mssp.Authentication, applet.RSA2048); err == nil || !strings.Contains(err.Error(), "has 2 key slots") || len(l.Sent) != n {
		t.Errorf("%v", err)
	}
}

// A card that signs no given hash makes its registration from a template, and a CMS by
// hashing its signed attributes; a bare hash is refused before anything leaves.
//
// Supports: 3.2-11, 3.5.3-5
func TestNoHashSigning(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		l, c := offering(t, way, offers(func(c *applet.Capabilities) {
			c.Hashes = 1
			for i := range c.Algorithms {
				c.Algorithms[i].Bits &^= applet.SignsHash
			}
		}))
		l.OK(enrol(l, mssp.Authentication, applet.ECDSAP256))
		if first := c.Shown[0]; first.Template == nil || len(first.Digest) > 0 {
			t.Errorf("%s: it registered by %+v", way, first)
		}
		l.Want(l.Sign(enginetest.Request("T1", "hello")).ID, mssp.Done, mssp.Signature) // shown and hashed
		if last := c.Shown[len(c.Shown)-1]; last.TextToSign.IsZero() {
			t.Errorf("%s: a text goes as %+v", way, last)
		}
		r := enginetest.Request("T2", "hello")
		r.AP.Octets = []string{enginetest.AuthProfile.URI}
		r.MimeType, r.Content, r.Display = "application/octet-stream", []byte{1, 2, 3}, "Octets of the bank"
		l.Want(l.Sign(r).ID, mssp.Done, mssp.Signature)
		last := c.Shown[len(c.Shown)-1]
		if len(last.Octets) == 0 || last.Octets[0] != 0x31 || len(last.Digest) > 0 || last.TextToShow.IsZero() {
			t.Errorf("%s: octets go as %+v", way, last)
		}
		n := len(l.Sent)
		r = enginetest.Request("T3", "hello")
		r.AP.Octets = []string{enginetest.AuthProfile.URI}
		r.MimeType, r.Content, r.Display, r.Format = "application/octet-stream", []byte{1, 2, 3}, "Octets of the bank", signature.PKCS1
		_, err := l.Signer.Sign(t.Context(), r)
		enginetest.WantFault(t, err, mssp.UnsupportedProfile)
		if err == nil || !strings.Contains(err.Error(), "signs no given hash") || len(l.Sent) != n {
			t.Errorf("%s: %v, %d short messages left", way, err, len(l.Sent)-n)
		}
	}
}

// What a level has not, no octet of the offers says: it is refused all the same.
//
// Supports: 3.2-11
func TestLevelsObeyed(t *testing.T) {
	l, c := offering(t, "packet", offers(func(c *applet.Capabilities) { c.Level, c.Codes = applet.Level1, 1 }))
	l.OK(enrol(l, mssp.Authentication, applet.ECDSAP256))
	l.Want(l.Sign(enginetest.Request("T0", strings.Repeat("x", 150))).ID, mssp.Done, mssp.Signature)
	n := len(l.Sent)
	ctx := t.Context()
	long := enginetest.Request("T1", strings.Repeat("x", 161))
	for what, do := range map[string]func() error{
		"has the language and the texts": func() error {
			_, err := l.Care.SetAppletData(ctx, enginetest.Number, applet.SetAppletData{Language: "fi"})
			return err
		},
		"has 1 personal code": func() error {
			_, err := l.Care.ManageCode(ctx, enginetest.Number, mssp.NonRepudiation, applet.CodeCreate)
			return err
		},
		"shows 160 characters": func() error { _, err := l.Signer.Sign(ctx, long); return err },
		"has 1 personal code of": func() error {
			_, err := l.Care.SetAppletData(ctx, enginetest.Number, applet.SetAppletData{Tries: []applet.CodeTries{{Code: applet.CodeNonRepudiation, Max: 3}}})
			return err
		},
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(what, " of")) {
			t.Errorf("%v, want %s", err, what)
		}
	}
	if len(l.Sent) != n {
		t.Errorf("%d short messages left", len(l.Sent)-n)
	}
	if c.Prompts != 2 {
		t.Errorf("%d prompts", c.Prompts)
	}
}

// order is a procedure that takes every answer.
type order struct{}

func (order) Payload() ([]byte, error) { return []byte("{}"), nil }

func (order) Evaluate(context.Context, *mssp.Transaction, *applet.Answer) (engine.Outcome, error) {
	return engine.Outcome{Finish: store.Finish{Event: mssp.EventAnswered, Status: mssp.RequestOK}}, nil
}

func (order) Fault(w applet.StatusWord) *mssp.Fault { return engine.FaultOfWord(w) }

func (order) Abort(context.Context, *mssp.Transaction, *store.Finish) error { return nil }

// Certificates and parts of anything are for level 3; a whole key and a state are for all.
//
// Supports: 3.2-11, 4-8, 4-9
func TestCertificatesAndPartsByLevel(t *testing.T) {
	get := func(what applet.What, part bool) applet.Command {
		c := applet.GetAuthenticationHandlerData{Slot: 1, What: what}
		if part {
			c.Part = &applet.Range{Length: 8}
		}
		return c
	}
	set := func(op applet.HandlerOperation, cert []byte) applet.Command {
		return applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: op, Certificate: cert}
	}
	const gives, keeps = "gives neither certificates nor parts of a key", "keeps no certificates"
	for level := applet.Level1; level <= applet.Level3; level++ {
		l, c := offering(t, "packet", offers(func(c *applet.Capabilities) { c.Level = level }))
		l.OK(enrol(l, mssp.Authentication, applet.ECDSAP256))
		for _, tc := range []struct {
			command applet.Command
			why     string // of the levels below 3
		}{
			{get(applet.WhatPublicKey, false), ""},
			{get(applet.WhatState, false), ""},
			{get(applet.WhatCertificate, false), gives},
			{get(applet.WhatCertificate, true), gives},
			{get(applet.WhatPublicKey, true), gives},
			{set(applet.HandlerConfirm, nil), ""},
			{set(applet.HandlerImportCertificate, []byte{0x30, 0}), keeps},
			{set(applet.HandlerDeleteCertificate, nil), keeps},
		} {
			target, err := l.Engine.Target(t.Context(), enginetest.Number)
			l.OK(err)
			sent, seen := len(l.Sent), len(c.Seen)
			_, err = l.Engine.Accept(t.Context(), target, engine.Order{Kind: mssp.KindHandler, Operation: "applet", Procedure: order{}, Commands: []applet.Command{tc.command}})
			l.Settle()
			l.Pump()
			if tc.why == "" || level == applet.Level3 {
				if l.OK(err); len(c.Seen) != seen+1 {
					t.Errorf("level %d: %+v does not leave", level, tc.command)
				}
				continue
			}
			if err == nil || !strings.Contains(err.Error(), tc.why) || len(l.Sent) != sent {
				t.Errorf("level %d, %+v: %v, %d short messages", level, tc.command, err, len(l.Sent)-sent)
			}
		}
	}
}

// A card of level 1 reads the alphabet of GSM and UCS-2 alone, and signs no given hash: a text whose
// octets are the same in that alphabet is shown and signed as it is; of another one it signs the
// attributes of the CMS, and shows it; alone, without a CMS, that one is refused.
//
// Supports: 3.2-11, 3.5.3-5, 4-5
func TestTextsOfLevel1(t *testing.T) {
	l, c := offering(t, "packet", offers(func(c *applet.Capabilities) {
		c.Level, c.LongestRequest, c.LongestAnswer, c.Hashes, c.Slots, c.Codes = applet.Level1, 210, 370, 1, 2, 1
		c.Algorithms = []applet.AlgorithmOffer{{Algorithm: applet.ECDSAP256, Bits: applet.SignsOctets | applet.MakesPairs}}
	}))
	l.OK(enrol(l, mssp.Authentication, applet.ECDSAP256))
	sign := func(id, text string) applet.SignTransaction {
		t.Helper()
		n := len(c.Seen)
		if tx := l.Sign(enginetest.Request(id, text)); tx.Status != mssp.Signature {
			t.Fatalf("%q: %+v", text, tx)
		}
		all := said(t, c, n)
		return all[len(all)-1].(applet.SignTransaction)
	}
	if s := sign("T1", "Pay 5 EUR?"); s.TextToSign.Coding != applet.TextGSM || string(s.TextToSign.Octets) != "Pay 5 EUR?" || len(s.Octets) > 0 {
		t.Errorf("%+v", s)
	}
	for id, text := range map[string]string{"T2": "me@example", "T3": "Zürich", "T4": "Оплата"} {
		s := sign(id, text)
		if shown, err := s.TextToShow.Decode(); err != nil || !strings.Contains(shown, text) || s.TextToShow.Coding == applet.TextUTF8 || len(s.Octets) == 0 || !s.TextToSign.IsZero() {
			t.Errorf("%q: %+v", text, s)
		}
	}
	r := enginetest.Request("T5", "me@example")
	r.Format = signature.PKCS1
	n := len(l.Sent)
	if _, err := l.Signer.Sign(t.Context(), r); err == nil || !strings.Contains(err.Error(), "signs no given hash") || len(l.Sent) != n {
		t.Errorf("alone: %v, %d messages", err, len(l.Sent)-n)
	}
}

// What the profile of the card refuses by itself does not cost the question what the card offers.
func TestRefusedBeforeTheQuestion(t *testing.T) {
	for what, r := range map[string]registration.EnrolRequest{
		"text":      {Usage: mssp.Authentication, Display: "\xff"},
		"algorithm": {Usage: mssp.Authentication, Algorithm: applet.ECDSAP521},
		"slot":      {Usage: mssp.Authentication, Slot: 99},
		"flow":      {Usage: mssp.Authentication, Flow: 'C'},
	} {
		l, card := offering(t, "packet", offers(nil))
		r.MSISDN = enginetest.Number
		if _, err := l.Registrar.Enrol(context.Background(), r); err == nil {
			t.Errorf("%s: registered", what)
		}
		if len(l.Sent) != 0 || len(card.Seen) != 0 {
			t.Errorf("%s: %d short messages left", what, len(l.Sent))
		}
	}
}
