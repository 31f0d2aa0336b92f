package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// unsaid are calls after whose failure the sweeper only comes as it always does.
var unsaid = []string{"CompletionDue", "NextDue"}

// stage is a laboratory on which one scene is played again and again.
type stage struct {
	*enginetest.Lab
	t     *testing.T
	c     *enginetest.Card
	ear   *ear
	a     *accidents
	round int
	said  []error // what went back to those who called
}

func newStage(t *testing.T, alg applet.Algorithm) *stage {
	e := &ear{}
	l := enginetest.New(t)
	l.Options.Reports = true
	l.Observers = map[string]engine.Observer{"notify": e.tell}
	l.Kill()
	return &stage{Lab: l, t: t, c: l.Enrolled(enginetest.Number, alg, mssp.Authentication), ear: e, a: &accidents{Store: l.EngineStore()}}
}

// insist does what its caller repeats after an error: a provider his request, a
// network its message.
func (s *stage) insist(do func() error) {
	s.t.Helper()
	var err error
	for range 3 {
		if err = do(); err == nil {
			return
		}
		s.said = append(s.said, err)
	}
	s.t.Errorf("it fails for ever: %v", err)
}

// ask accepts the request of a name in this round and gives what the phone sends.
func (s *stage) ask(name string) (tx mssp.Transaction, mos []bearer.MO) {
	s.t.Helper()
	s.insist(func() (err error) {
		tx, err = s.Signer.Sign(context.Background(), s.request(name))
		return err
	})
	s.Settle()
	return tx, s.Drop()
}

func (s *stage) request(name string) signature.Request {
	return observedRequest(fmt.Sprintf("%s in round %d", name, s.round))
}

// bring delivers as a network does.
func (s *stage) bring(mos ...bearer.MO) {
	s.t.Helper()
	for _, mo := range mos {
		s.insist(func() error { return s.Engine.Deliver(context.Background(), mo) })
	}
	s.Settle()
}

// wait lets a time pass, and the sweeper come twice.
func (s *stage) wait(d time.Duration) {
	s.Clock.Add(d)
	for range 2 {
		s.Engine.Sweep(context.Background())
		s.Settle()
	}
}

// says makes the applet say this to whatever it is asked to sign.
func (s *stage) says(w applet.StatusWord) {
	s.c.Say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: w}}}
	}
}

// end is how everything stands when the scene is over.
func (s *stage) end(texts, prompts int) string {
	s.t.Helper()
	var b strings.Builder
	txs, err := s.Lab.Store.Transactions(context.Background(), store.TransactionFilter{Limit: 3})
	s.OK(err)
	for _, tx := range txs {
		if name, mine := strings.CutSuffix(tx.APTransID, fmt.Sprintf(" in round %d", s.round)); mine {
			fmt.Fprintf(&b, "%s: %s %d %s, late %q, told %v\n", name, tx.State, tx.Status, tx.Detail, tx.Late, s.ear.times(tx.ID) > 0)
		}
	}
	_, card, keys, err := s.Lab.Store.Lookup(context.Background(), enginetest.Number)
	s.OK(err)
	fmt.Fprintf(&b, "card %s, blocked %v, set %v, %d errors, confirmed %v, %d prompts\n", card.State, card.Blocked, card.CodeSet, card.BadPoR, keys[0].Confirmed, s.c.Prompts-prompts)
	for _, m := range s.Texts[texts:] {
		text, err := sms.DecodeText(m.DCS, m.UDH, m.UD, m.Septets)
		s.OK(err)
		fmt.Fprintf(&b, "%s\n", text)
	}
	return b.String()
}

// play plays a scene and gives its end.
func (s *stage) play(scene func(s *stage), accident int) string {
	s.t.Helper()
	s.c.Say, s.c.First, s.c.Mute, s.OnSubmit, s.said = nil, false, false, nil, nil
	s.a.arm(0)
	s.OK(s.Restart(s.a))
	s.EditCard(func(c *mssp.Card) { c.Blocked, c.BadPoR = [2]bool{}, 4 })
	k := s.Key(1)
	k.Confirmed = false
	s.OK(s.Lab.Store.PutKeyPairs(context.Background(), []mssp.KeyPair{k}))
	s.round++
	texts, prompts := len(s.Texts), s.c.Prompts
	s.a.arm(accident)
	scene(s)
	for i := range 4 { // in all enough to ask again for a part
		s.Clock.Add(6 * time.Second)
		s.Engine.Sweep(context.Background())
		s.Settle()
		s.bring(s.Drop()...)
		if i == 0 {
			s.a.rest()
		}
	}
	return s.end(texts, prompts)
}

// scenes are what may go on between a provider, a card and the network.
var scenes = []struct {
	name string
	alg  applet.Algorithm
	play func(s *stage)
}{
	{"a signature that confirms its key", applet.ECDSAP256, func(s *stage) {
		s.c.First = true
		_, mos := s.ask("one")
		s.bring(mos...)
	}},
	{"a code is blocked", applet.ECDSAP256, func(s *stage) {
		s.says(applet.StatusBlocked)
		_, mos := s.ask("one")
		s.bring(mos...)
	}},
	{"a code is blocked, too late", applet.ECDSAP256, func(s *stage) {
		s.says(applet.StatusBlocked)
		_, mos := s.ask("one")
		s.wait(81 * time.Second)
		s.bring(mos...)
	}},
	{"the card refuses the packet", applet.ECDSAP256, func(s *stage) {
		s.c.Mute = true
		s.ask("one")
		s.bring(s.c.Send(&s.c.Seen[len(s.c.Seen)-1], ota.StatusIntegrity, nil)...)
	}},
	{"the counter is low", applet.ECDSAP256, func(s *stage) {
		s.c.Mute = true
		s.ask("one")
		s.c.Mute = false
		s.bring(s.c.Send(&s.c.Seen[len(s.c.Seen)-1], ota.StatusCounterLow, nil)...)
	}},
	{"one expires, the next gets its turn", applet.ECDSAP256, func(s *stage) {
		s.c.Mute = true
		s.ask("one")
		s.Clock.Add(20 * time.Second)
		s.ask("two")
		s.c.Mute = false
		s.wait(61 * time.Second)
		s.bring(s.Drop()...)
	}},
	{"the network is busy", applet.ECDSAP256, func(s *stage) {
		s.OnSubmit = func(bearer.Segment) error { return bearer.ErrBusy }
		s.ask("one")
		s.OnSubmit = nil
		s.wait(2 * time.Second)
		s.bring(s.Drop()...)
	}},
	{"the network has given up", applet.ECDSAP256, func(s *stage) {
		s.c.Mute = true
		tx, _ := s.ask("one")
		segs, err := s.Lab.Store.Segments(context.Background(), tx.ID)
		s.OK(err)
		s.insist(func() error {
			return s.Engine.Report(context.Background(), bearer.Report{Bearer: segs[0].Route, MessageID: segs[0].MessageID, Dest: segs[0].Dest, Cause: "EXPIRED"})
		})
	}},
	{"memory is lost before the answer", applet.ECDSAP256, func(s *stage) {
		_, mos := s.ask("one")
		s.Engine.Forget(enginetest.Number)
		s.bring(mos...)
	}},
	{"a part of the answer is missing", applet.RSA2048, func(s *stage) {
		_, mos := s.ask("one")
		s.bring(mos[0], mos[2])
		s.wait(16 * time.Second)
		s.bring(s.Drop()...)
	}},
	{"the answer is forged, then right", applet.RSA2048, func(s *stage) {
		_, mos := s.ask("one")
		forged := bytes.Clone(mos[1].UD)
		forged[3] ^= 1
		s.bring(mos[0], bearer.MO{Source: mos[1].Source, UDH: mos[1].UDH, UD: forged}, mos[2], mos[1])
	}},
	{"an answer in parts comes too late", applet.RSA2048, func(s *stage) {
		_, mos := s.ask("one")
		s.wait(81 * time.Second)
		s.bring(mos...)
	}},
}

// One call to the store fails, any one, and what it was for comes to the same end a
// little later: nothing is forgotten, nothing done twice, nobody told twice, when
// providers and networks repeat what was refused. And somebody is told of it, by
// an error or in the log.
//
// Supports: F3, I5, I6
func TestAccidentsChangeNothing(t *testing.T) {
	stages := map[applet.Algorithm]*stage{}
	for _, scene := range scenes {
		s := stages[scene.alg]
		if s == nil {
			s = newStage(t, scene.alg)
			stages[scene.alg] = s
		}
		want := s.play(scene.play, 0)
		for at := 1; ; at++ {
			logged := len(s.Logs.String())
			got := s.play(scene.play, at)
			if s.a.hit == "" {
				if at < 5 {
					t.Errorf("%s: only %d calls", scene.name, at-1)
				}
				break
			}
			if got != want {
				t.Errorf("%s, without %s (call %d):\n%swant\n%s", scene.name, s.a.hit, at, got, want)
			}
			if !slices.Contains(unsaid, s.a.hit) && len(s.said) == 0 && !strings.Contains(s.Logs.String()[logged:], errAccident.Error()) {
				t.Errorf("%s: %s has failed (call %d), and nobody is told", scene.name, s.a.hit, at)
			}
		}
	}
}

// Whoever asks for something himself is told that the store has failed, and what he
// gets is not the answer: a provider gets a fault that says to ask again.
//
// Supports: F3
func TestAccidentIsSaid(t *testing.T) {
	ctx := context.Background()
	s := newStage(t, applet.ECDSAP256)
	s.a.arm(0)
	s.OK(s.Restart(s.a))
	tx, _ := s.ask("one")
	s.Engine.Forget(enginetest.Number)
	for name, c := range map[string]struct {
		fault bool // it goes to a provider
		do    func() error
	}{
		"wait":   {true, func() error { _, err := s.Engine.Wait(ctx, tx.ID); return err }},
		"status": {true, func() error { _, err := s.Engine.Status(ctx, tx.AP, tx.ID); return err }},
		"target": {true, func() error { _, err := s.Signer.Sign(ctx, s.request("two")); return err }},
		"cancel": {false, func() error { _, err := s.Engine.Cancel(ctx, tx.ID, "anna"); return err }},
		"alert":  {false, func() error { return s.Engine.Alert(ctx, enginetest.Number) }},
		"report": {false, func() error {
			return s.Engine.Report(ctx, bearer.Report{Bearer: "fake", MessageID: "m1", Cause: "EXPIRED"})
		}},
		"late response": {false, func() error {
			return s.Engine.Resolve(ctx, segment(t, s.Lab, tx.ID).ID, bearer.Receipt{}, bearer.ErrRefused)
		}},
		"text": {false, func() error { return s.Engine.Say(ctx, enginetest.Number, "x", time.Hour) }},
	} {
		s.a.arm(1)
		err := c.do()
		switch {
		case s.a.hit == "":
			t.Errorf("%s: no call to the store", name)
		case c.fault:
			enginetest.WantFault(t, err, mssp.InternalError)
		case !errors.Is(err, errAccident):
			t.Errorf("%s: %v", name, err)
		}
	}
	s.a.arm(0)
	s.Want(tx.ID, mssp.Waiting, 0)
}

// A start on a store of which one call fails ends with that error, or says it and goes
// on; the next start, or the next sweep, finds the same work.
//
// Supports: F3, 3.5.3-4
func TestAccidentAtTheStart(t *testing.T) {
	s := newStage(t, applet.RSA2048)
	for at := 1; ; at++ {
		s.round++
		s.a.arm(0)
		s.OK(s.Restart(s.a))
		one, _ := s.ask("one")
		two, _ := s.ask("two")
		three, _ := s.ask("three")
		_, err := s.Lab.Store.Finish(context.Background(), failureOf(one.ID), nil) // and then the process dies
		s.OK(err)
		s.a.arm(at)
		logged := len(s.Logs.String())
		err = s.Restart(s.a)
		hit := s.a.hit
		s.a.arm(0)
		if err != nil {
			s.OK(s.Restart(s.a))
		} else if hit != "" && !strings.Contains(s.Logs.String()[logged:], errAccident.Error()) {
			t.Errorf("%s has failed at the start, and nobody is told", hit)
		}
		s.wait(time.Second)
		s.Pump()
		s.wait(time.Second)
		for _, id := range []mssp.TransID{two.ID, three.ID} {
			if tx := s.Tx(id); tx.State != mssp.Done || s.ear.times(id) == 0 {
				t.Errorf("after %s: %s %s, told %d times", hit, tx.State, tx.Detail, s.ear.times(id))
			}
		}
		if hit == "" {
			if at < 7 {
				t.Errorf("only %d calls", at-1)
			}
			break
		}
	}
}
