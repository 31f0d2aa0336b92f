package engine_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

var updateSegments = flag.Bool("update", false, "write applet/SEGMENTS.md anew")

const segmentsFile = "../../applet/SEGMENTS.md"

// kindOfCard is a column of the table.
type kindOfCard struct {
	name, carriage string
	spi            ota.SPI
	level          applet.Level
}

var kindsOfCard = []kindOfCard{
	{"`response` (01)", "response", ota.SPI{0x16, 0x39}, applet.Level3},
	{"`packet` L3", "packet", ota.SPI{0x16, 0x00}, applet.Level3},
	{"`packet` L2", "packet", ota.SPI{0x16, 0x00}, applet.Level2},
	{"`packet` L1", "packet", ota.SPI{0x16, 0x00}, applet.Level1},
	{"`own` L3", "own", ota.SPI{}, applet.Level3},
	{"`own` L2", "own", ota.SPI{}, applet.Level2},
	{"`own` L1", "own", ota.SPI{}, applet.Level1},
	{"`own` L3 in the domain", "own", ota.SPI{0x16, 0x00}, applet.Level3},
}

// countedPhone counts the short messages of packets that its card got and sent.
type countedPhone struct {
	mu       sync.Mutex
	got, put int
}

func (p *countedPhone) see(e handset.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e.Layer != handset.LayerSMS:
	case e.Name == "SMS-DELIVER":
		p.got++
	case e.Name == "SMS-SUBMIT":
		p.put++
	}
}

// taken are those since the last time.
func (p *countedPhone) taken() (got, put int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	got, put, p.got, p.put = p.got, p.put, 0, 0
	return got, put
}

// sent is a procedure for any command; nothing comes of the answer.
type sent struct{}

func (sent) Payload() ([]byte, error) { return []byte("{}"), nil }
func (sent) Evaluate(context.Context, *mssp.Transaction, *applet.Answer) (engine.Outcome, error) {
	return engine.Outcome{Finish: store.Finish{Event: mssp.EventAnswered, Status: mssp.RequestOK}}, nil
}
func (sent) Fault(w applet.StatusWord) *mssp.Fault                         { return engine.FaultOfWord(w) }
func (sent) Abort(context.Context, *mssp.Transaction, *store.Finish) error { return nil }

// segmentsOf makes an engine and a card of that kind in a phone.
func segmentsOf(t *testing.T, k kindOfCard) (*loop, *countedPhone) {
	way, err := carriage.Of(k.carriage)
	if err != nil {
		t.Fatal(err)
	}
	tar := ota.TAR{0x4D, 0x53, 0x53}
	l := newLoop(t, 0, func(o *engine.Options) {
		o.CardProfiles = map[string]mssp.CardProfile{"test": {
			Name: "test", TAR: tar, SPI: k.spi, PID: 0x7F, DCS: 0xF6, UTF8: true, Slots: 4, Carriage: way,
			Algorithms: []byte{byte(applet.ECDSAP256), byte(applet.RSA2048)},
		}}
	}, func(e *engine.Engine) {
		if err := e.Register("segments", func([]byte) (engine.Procedure, error) { return sent{}, nil }); err != nil {
			t.Fatal(err)
		}
	})
	ctx := t.Context()
	const iccid, number = ota.ICCID("8941010000000000001"), sms.MSISDN("41790000001")
	m := keys.Material{
		KVN: 1, CMACLen: 8,
		KIc: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{1}, 16)}, KID: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{2}, 16)},
	}
	p := card.Profile{
		ICCID: iccid, IMSI: "228010000000001", TAR: tar, ServerAddress: "4600", Level: k.level, Strict: k.level != applet.Level3,
		Carriage: k.carriage, KeySets: []card.KeySet{{KVN: 1, KIc: m.KIc, KID: m.KID, CMACLen: 8}},
	}
	row := mssp.Card{ICCID: iccid, IMSI: p.IMSI, Profile: "test", Carriage: k.carriage, State: mssp.CardActive}
	blob, err := l.vault.SealMaterial(iccid, m)
	if err != nil {
		t.Fatal(err)
	}
	counter, err := l.vault.SealCounter(iccid, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	rows := []mssp.KeySet{{ICCID: iccid, KVN: 1, Keys: blob, Counter: counter}}
	if k.spi == (ota.SPI{}) {
		rows, p.KeySets, p.MSL = nil, nil, 0
	}
	if k.carriage == "response" {
		row.Carriage = ""
	} else {
		key := carriage.CardKey(bytes.Repeat([]byte{3}, 16))
		p.Keys = card.AppletKeys{K0: key, Set: 1, Generation: 1}
		own := mssp.KeySet{ICCID: iccid, Applet: true, KVN: 1}
		if own.Keys, err = cardkeys.Seal(l.vault, iccid, cardkeys.Installed{Set: 1, Generation: 1, State: cardkeys.Confirmed, Key: key}); err != nil {
			t.Fatal(err)
		}
		if own.Counter, err = l.vault.SealCounter(iccid, cardkeys.RowNumber(&own), 0); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, own)
	}
	if err := l.st.ImportCard(ctx, row, rows); err != nil {
		t.Fatal(err)
	}
	user := mssp.Subscriber{MSISDN: number, ICCID: iccid, Name: "Anna Example", Serial: "MIDCHE41790000001", Language: "en", State: mssp.SubscriberActive}
	if err := l.st.AddSubscriber(ctx, user); err != nil {
		t.Fatal(err)
	}
	c, err := card.New(card.Options{Profile: p})
	if err != nil {
		t.Fatal(err)
	}
	phone := new(countedPhone)
	h, err := handset.New(handset.Options{
		Card: c, Number: number, Dial: loopback.TCP(l.addr), Driver: &handset.Auto{Code: loopCode, CodeFor: twoCodes()}, Trace: phone.see,
		Timeouts: handset.Timeouts{Text: loopLife, Input: loopLife, Notice: loopLife, Network: loopLife},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Stop()
		c.Close()
	})
	l.numbers = append(l.numbers, number)
	return l, phone
}

// operation is a row of the table; those without a name are not counted.
type operation struct {
	name string
	do   func(l *loop) error
}

func operations() []operation {
	const number = sms.MSISDN("41790000001")
	ctx := context.Background()
	enrol := func(u mssp.KeyUsage, alg applet.Algorithm, flow registration.Flow) registration.EnrolRequest {
		return registration.EnrolRequest{MSISDN: number, Usage: u, Algorithm: alg, Flow: flow}
	}
	var signed int
	sign := func(l *loop, u mssp.KeyUsage, text string, digest []byte) error {
		signed++
		r := enginetest.Request(fmt.Sprint("T", signed), text)
		r.MSISDN, r.TimeOut, r.Profile.Usage, r.Profile.MaxTimeOut = number, loopLife, u, loopLife
		if digest != nil {
			r.AP.Octets = []string{r.Profile.URI}
			r.Content, r.Hash, r.Digest, r.Display, r.MimeType = nil, crypto.SHA256, digest, text, "application/octet-stream"
		}
		tx, err := l.signer.Sign(ctx, r)
		if err != nil {
			return err
		}
		if tx, err = l.e.Wait(ctx, tx.ID); err == nil && tx.Status != mssp.Signature {
			err = engine.FaultOf(&tx)
		}
		return err
	}
	text := func(u mssp.KeyUsage, n int) func(l *loop) error {
		return func(l *loop) error { return sign(l, u, strings.Repeat("x", n), nil) }
	}
	command := func(c applet.Command) func(l *loop) error {
		return func(l *loop) error {
			target, err := l.e.Target(ctx, number)
			if err == nil {
				_, err = l.e.Run(ctx, target, engine.Order{Kind: mssp.KindHandler, Operation: "segments", Procedure: sent{}, Commands: []applet.Command{c}})
			}
			return err
		}
	}
	return []operation{
		{"activate (A1/01)", func(l *loop) error { _, err := l.care.ChangeStatus(ctx, number, applet.StatusActivate); return err }},
		{"state, in 02 with B8 (A1/04)", func(l *loop) error { _, err := l.care.QueryState(ctx, number); return err }},
		{"choose a code (A6/01)", func(l *loop) error {
			_, err := l.care.ManageCode(ctx, number, mssp.Authentication, applet.CodeCreate)
			return err
		}},
		{"make a P-256 pair (A3/01)", func(l *loop) error {
			_, err := l.users.RegisterInit(ctx, enrol(mssp.Authentication, applet.ECDSAP256, registration.FlowA))
			return err
		}},
		{"sign its registration (A5/03 with a hash, in L1 a template)", func(l *loop) error {
			r := enrol(mssp.Authentication, applet.ECDSAP256, registration.FlowA)
			r.Slot = 1
			_, err := l.users.RegisterComplete(ctx, r)
			return err
		}},
		{"", func(l *loop) error {
			_, err := l.users.Enrol(ctx, enrol(mssp.Authentication, applet.ECDSAP256, registration.FlowA))
			return err
		}},
		{"first signature, with the confirmation (A3/04, A5)", text(mssp.Authentication, 20)},
		{"authentication P-256, text of 20", text(mssp.Authentication, 20)},
		{"authentication P-256, text of 100", text(mssp.Authentication, 100)},
		{"authentication P-256, text of 160", text(mssp.Authentication, 160)},
		{"authentication P-256, hash (96, in L1 octets, 8A) and a text of 40", func(l *loop) error { return sign(l, mssp.Authentication, strings.Repeat("x", 40), make([]byte, 32)) }},
		{"unblock the code (A6/03)", func(l *loop) error {
			_, err := l.care.ManageCode(ctx, number, mssp.Authentication, applet.CodeUnblock)
			return err
		}},
		{"delete a pair (A3/03)", func(l *loop) error { _, err := l.users.DeleteKey(ctx, number, "", 1); return err }},
		{"register P-256 in one order (A5/03, template)", func(l *loop) error {
			_, err := l.users.Enrol(ctx, enrol(mssp.Authentication, applet.ECDSAP256, registration.FlowB))
			return err
		}},
		{"", text(mssp.Authentication, 20)},
		{"make an RSA-2048 pair (A3/01)", func(l *loop) error {
			_, err := l.users.RegisterInit(ctx, enrol(mssp.NonRepudiation, applet.RSA2048, registration.FlowA))
			return err
		}},
		{"sign its registration and choose a code (A5/03)", func(l *loop) error {
			r := enrol(mssp.NonRepudiation, applet.RSA2048, registration.FlowA)
			r.Slot = 2
			_, err := l.users.RegisterComplete(ctx, r)
			return err
		}},
		{"", func(l *loop) error {
			_, err := l.users.Enrol(ctx, enrol(mssp.NonRepudiation, applet.RSA2048, registration.FlowA))
			return err
		}},
		{"", text(mssp.NonRepudiation, 20)},
		{"non-repudiation RSA-2048, text of 20", text(mssp.NonRepudiation, 20)},
		{"non-repudiation RSA-2048, text of 160", text(mssp.NonRepudiation, 160)},
		{"read the public key, P-256 (A4/01)", command(applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatPublicKey})},
		{"certificate of 400 octets to the card (A3/05)", command(applet.SetAuthenticationHandlerData{
			Slot: applet.Slot{Number: 1}, Operation: applet.HandlerImportCertificate, Certificate: bytes.Repeat([]byte{0x30}, 400),
		})},
		{"and back (A4/03)", command(applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatCertificate})},
		{"new key of the applet, and the old one dropped (A7)", func(l *loop) error {
			_, err := l.care.RotateKeys(ctx, "8941010000000000001")
			return err
		}},
	}
}

// The short messages of each operation, counted between server and emulated card, in each
// carriage and level: what applet/SEGMENTS.md says is what the program does.
//
// Supports: 3.3-6
func TestSegmentsOfOperations(t *testing.T) {
	rows := operations()
	cells := make([][]string, len(rows))
	for _, k := range kindsOfCard {
		l, phone := segmentsOf(t, k)
		for i, op := range rows {
			err := op.do(l)
			got, put := phone.taken()
			cell := fmt.Sprintf("%d + %d", got, put)
			var f *mssp.Fault
			switch {
			case err != nil && !errors.As(err, &f):
				t.Fatalf("%s: %s: %v", k.name, op.name, err)
			case err != nil && got > 0: // what a card cannot do is refused before anything leaves
				t.Errorf("%s: %s: %v, after %s", k.name, op.name, err, cell)
			case err != nil || got == 0:
				cell = "–"
				t.Logf("%s: %s: %v", k.name, op.name, err)
			}
			cells[i] = append(cells[i], cell)
		}
	}
	var b strings.Builder
	b.WriteString("# Short messages of each operation\n\nTo the card + from it. Written by `go test ./mssp/engine -run TestSegmentsOfOperations -update`, which plays each operation with the emulated\n" +
		"card and counts; a dash where the card does not do it, or has nothing to be asked. Octets of message in so many short messages: [INT6.md](INT6.md).\n\n| |")
	for _, k := range kindsOfCard {
		b.WriteString(" " + k.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(kindsOfCard)) + "\n")
	for i, op := range rows {
		if op.name != "" {
			b.WriteString("| " + op.name + " | " + strings.Join(cells[i], " | ") + " |\n")
		}
	}
	if *updateSegments {
		if err := os.WriteFile(segmentsFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(segmentsFile)
	if err != nil || string(have) != b.String() {
		t.Errorf("%s is not what the program does (go test ./mssp/engine -run TestSegmentsOfOperations -update): %v\n%s", segmentsFile, err, b.String())
	}
}
