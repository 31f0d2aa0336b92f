package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// ends are the ways in which a transaction ends without a word of its card.
var ends = map[string]func(t *testing.T, l *enginetest.Lab, id mssp.TransID){
	"expired": func(_ *testing.T, l *enginetest.Lab, _ mssp.TransID) {
		l.Clock.Add(81e9)
		l.Engine.Sweep(context.Background())
		l.Settle()
	},
	"cancelled": func(_ *testing.T, l *enginetest.Lab, id mssp.TransID) {
		_, err := l.Engine.Cancel(context.Background(), id, "anna")
		l.OK(err)
	},
	"undeliver": func(_ *testing.T, l *enginetest.Lab, id mssp.TransID) {
		segs, err := l.Store.Segments(context.Background(), id)
		l.OK(err)
		last := segs[len(segs)-1]
		l.OK(l.Engine.Report(context.Background(), bearer.Report{Bearer: last.Route, MessageID: last.MessageID, Dest: last.Dest, Cause: "EXPIRED"}))
		l.Settle()
	},
}

// A signature that comes after the end goes to nobody, and its user is told so,
// once, in his language: whatever ended the transaction, in one message or in
// several, with nothing at the card or the next one, and after a restart. The end
// stays as it was; row, log and trace have the answer.
//
// Supports: 3.5.3-3
func TestLateSignature(t *testing.T) {
	for end, finish := range ends {
		for _, alg := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
			for _, after := range []string{"nothing", "the next one", "a restart"} {
				name := end + ", " + alg.String() + ", then " + after
				l := enginetest.New(t)
				l.Options.Reports = true
				l.Kill()
				c := l.Enrolled(enginetest.Number, alg, mssp.Authentication)
				c.First = false
				l.EditSubscriber(func(s *mssp.Subscriber) { s.Language = "de" })
				tx, mos := l.Ask("T1")
				if finish(t, l, tx.ID); string(l.Tx(tx.ID).Ended) != end {
					t.Fatalf("%s: it has ended by %q", name, l.Tx(tx.ID).Ended)
				}
				before, told := l.Tx(tx.ID), len(l.Texts)
				switch after {
				case "the next one":
					l.Ask("T2")
				case "a restart":
					l.Kill()
					l.OK(l.Restart(l.EngineStore()))
				}
				for range 2 {
					l.Bring(mos...)
					l.Settle()
				}
				got := l.Tx(tx.ID)
				if got.LateAt.IsZero() || !strings.Contains(got.Late, "given to nobody") || got.Status != before.Status || got.Detail != before.Detail || len(got.Result) != 0 {
					t.Errorf("%s: %+v", name, got)
				}
				if text := texts(t, l, told); !strings.Contains(text, "Ihre Signatur hat niemand erhalten") || strings.Count(text, "Mobile ID") != 1 {
					t.Errorf("%s: the user is told %q", name, text)
				}
				if log := l.Logs.String(); strings.Count(log, "answered after its end") != 1 {
					t.Errorf("%s: the log says it %d times", name, strings.Count(log, "answered after its end"))
				}
			}
		}
	}
}

// Who cancelled late is told nothing, and neither is anybody whose answer came
// in time; a code that was blocked late is blocked, and its user told so.
func TestLateNo(t *testing.T) {
	for name, c := range map[string]struct {
		say  applet.StatusWord
		text string
	}{
		"cancelled": {applet.StatusCancelled, ""},
		"no answer": {applet.StatusNoAnswer, ""},
		"blocked":   {applet.StatusBlocked, "personal code is blocked"},
	} {
		l := enginetest.New(t)
		card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		card.First = false
		card.Say = func(m applet.Message) applet.Answer {
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: c.say}}}
		}
		tx, mos := l.Ask("T1")
		ends["expired"](t, l, tx.ID)
		told := len(l.Texts)
		l.Bring(mos...)
		l.Settle()
		if got := l.Tx(tx.ID); got.LateAt.IsZero() || !strings.Contains(got.Late, c.say.String()) {
			t.Errorf("%s: %q at %s", name, got.Late, got.LateAt)
		}
		if text := texts(t, l, told); (text == "") != (c.text == "") || !strings.Contains(text, c.text) {
			t.Errorf("%s: the user is told %q", name, text)
		}
		row, err := l.Store.Card(context.Background(), tx.ICCID)
		l.OK(err)
		if row.Blocked[0] != (c.say == applet.StatusBlocked) {
			t.Errorf("%s: the code is blocked: %v", name, row.Blocked[0])
		}
	}
}

// An answer that came in time and comes again is no late one, and what is not
// the applet's answer to this transaction is none either.
func TestNoLateAnswer(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	done, mos := l.Ask("T1")
	l.Bring(mos...)
	l.Want(done.ID, mssp.Done, mssp.Signature)
	expired, _ := l.Ask("T2")
	ends["expired"](t, l, expired.ID)
	told := len(l.Texts)
	l.Bring(mos...)
	l.Bring(c.Send(&ota.Command{TAR: enginetest.TAR, CNTR: c.Last}, ota.StatusOK, enginetest.Cancelled(t, 12345))...)
	l.Bring(c.Send(&ota.Command{TAR: enginetest.TAR, CNTR: c.Last}, ota.StatusFollowsInSubmit, nil)...)
	l.Settle()
	for _, id := range []mssp.TransID{done.ID, expired.ID} {
		if tx := l.Tx(id); !tx.LateAt.IsZero() {
			t.Errorf("%s: %q", id, tx.Late)
		}
	}
	if text := texts(t, l, told); text != "" {
		t.Errorf("the user is told %q", text)
	}
}

// texts is what the user was told since then.
func texts(t *testing.T, l *enginetest.Lab, since int) string {
	t.Helper()
	l.Engine.Sweep(context.Background())
	l.Settle()
	var b strings.Builder
	for _, s := range l.Texts[since:] {
		text, err := sms.DecodeText(s.DCS, s.UDH, s.UD, s.Septets)
		if err != nil {
			t.Error(err)
		}
		b.WriteString(text)
	}
	return b.String()
}

// The parts of a late answer are kept for an hour where a transaction has ended that
// the card has not answered, each once and only as much as can be one; of any other
// nothing is kept. All are counted by what becomes of them.
//
// Supports: 3.5.3-3, F11
func TestPartsOfALateAnswer(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	ends["expired"](t, l, tx.ID)
	wrong := mos[0]
	wrong.UD = append([]byte{0, 9}, mos[0].UD[2:]...) // of another length
	alien := mos[0]
	alien.Source = "41790000009"
	unfit := mos[1]
	unfit.UDH = []byte{5, 0, 3, unfit.UDH[3], 255, 2} // too many parts to be kept
	for _, step := range []struct {
		name, fate string
		mo         bearer.MO
	}{
		{"of nobody", "stray", alien},
		{"not the beginning of an answer", "refused", wrong},
		{"of a message that is too long", "refused", unfit},
		{"the first part", "part", mos[0]},
		{"the first part again", "duplicate", mos[0]},
		{"the second", "part", mos[1]},
	} {
		before := map[string]float64{}
		for _, fate := range []string{"stray", "refused", "part", "duplicate"} {
			before[fate] = l.Metric("simsign_mo_total", "result", fate)
		}
		l.Bring(step.mo)
		for fate, n := range before {
			if fate == step.fate {
				n++
			}
			if got := l.Metric("simsign_mo_total", "result", fate); got != n {
				t.Errorf("%s: %v are counted as %s, want %v", step.name, got, fate, n)
			}
		}
	}
	if got := l.Tx(tx.ID).Late; got != "" {
		t.Errorf("two parts of three are an answer: %q", got)
	}
	l.Bring(mos[2])
	if got := l.Tx(tx.ID).Late; got != "the user has signed, the signature was given to nobody" {
		t.Errorf("with the last part: %q", got)
	}
	l.WantMO("late", 1)

	for after, strays := range map[time.Duration]float64{time.Hour - time.Second: 0, time.Hour + time.Second: 3} {
		tx, mos = l.Ask("after " + after.String())
		ends["expired"](t, l, tx.ID)
		l.Clock.Add(after)
		before := l.Metric("simsign_mo_total", "result", "stray")
		l.Bring(mos...)
		if got := l.Metric("simsign_mo_total", "result", "stray") - before; got != strays || (l.Tx(tx.ID).Late == "") != (strays > 0) {
			t.Errorf("after %s: %v strays, %q", after, got, l.Tx(tx.ID).Late)
		}
	}
}
