package engine_test

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
)

// The phone is left its own times where they end before the transaction; where
// they do not, the screens share what is left; and where that is too little
// nothing is said. What prompts nobody has no screens.
func TestScreensShareTheTime(t *testing.T) {
	sign := applet.SignTransaction{Mode: applet.ModeSign}
	register := applet.SignTransaction{Mode: applet.ModeRegister}
	pop := applet.SignTransaction{Mode: applet.ModeRegister, PoP: applet.PoPAsk}
	code := func(o applet.CodeOperation) applet.Command { return applet.ManagePersonalCode{Operation: o} }
	for name, c := range map[string]struct {
		cmd   applet.Command
		life  time.Duration // in seconds, as the rest
		share time.Duration
	}{
		"a long life":              {sign, 300, 0},
		"the phone's times fit":    {sign, 100, 0},
		"by a second they do not":  {sign, 99, 44},
		"80 seconds":               {sign, 80, 35},
		"the least":                {sign, 50, 20},
		"a second less":            {sign, 49, 0},
		"no time at all":           {sign, 0, 0},
		"a time that is over":      {sign, -60, 0},
		"a registration":           {register, 159, 37},
		"one that fits":            {register, 160, 0},
		"with a PoP code":          {pop, 189, 35},
		"with one that fits":       {pop, 190, 0},
		"a first code":             {code(applet.CodeCreate), 69, 29},
		"one that has its time":    {code(applet.CodeCreate), 70, 0},
		"a new code":               {code(applet.CodeReset), 69, 29},
		"a change":                 {code(applet.CodeChange), 99, 29},
		"a change that fits":       {code(applet.CodeChange), 100, 0},
		"an unblocking, no screen": {code(applet.CodeUnblock), 40, 0},
		"a report":                 {applet.ChangeAppletStatus{To: applet.StatusReport}, 40, 0},
	} {
		if have := engine.ScreenTime(c.life*time.Second, c.cmd); have != c.share*time.Second {
			t.Errorf("%s: %s, want %d s", name, have, c.share)
		}
	}
	confirm := applet.SetAuthenticationHandlerData{Operation: applet.HandlerConfirm}
	if have := engine.ScreenTime(80*time.Second, confirm, sign); have != 35*time.Second {
		t.Errorf("behind another command: %s", have)
	}
}

// The time is that of the moment of sealing: a request that waited has less. A
// new attempt carries the octets of the first one, and so does a new submission.
func TestScreenTimeIsSealedOnce(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	said := func(want time.Duration) []byte {
		t.Helper()
		cmd := c.Seen[len(c.Seen)-1]
		m, err := applet.Parse(cmd.Data)
		if err != nil || m.ScreenTime != want {
			t.Errorf("%s for a screen, want %s, %v", m.ScreenTime, want, err)
		}
		return cmd.Data
	}
	c.Last += 1000 // its answer is "counter low": one new attempt
	tx, mos := l.Ask("T1")
	first := said(35 * time.Second)
	l.Clock.Add(20e9)
	seen := len(c.Seen)
	l.Bring(mos...)
	l.Settle()
	if again := said(35 * time.Second); len(c.Seen) != seen+1 || l.Tx(tx.ID).Attempt != 2 || !bytes.Equal(again, first) {
		t.Errorf("attempt %d is another message:\n%X\n%X", l.Tx(tx.ID).Attempt, first, again)
	}
	queued, mos := l.Ask("T2")
	l.Clock.Add(26e9)
	l.Bring(mos...)
	l.Pump()
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	l.Want(queued.ID, mssp.Done, mssp.Signature)
	said(22 * time.Second)
	long := enginetest.Request("T3", "hello")
	long.TimeOut = 5 * time.Minute
	l.Sign(long)
	said(0)
}

// Every procedure that prompts has its screens in time; the message stays as it
// was where the card's segments have no room for the three octets.
func TestScreenTimeOfProcedures(t *testing.T) {
	l := enginetest.New(t)
	c := l.User(enginetest.Number)
	l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256, TimeOut: 95 * time.Second})
	told := 0
	for _, cmd := range c.Seen {
		if m, err := applet.Parse(cmd.Data); err == nil && m.ScreenTime > 0 {
			told++
			if m.Commands[len(m.Commands)-1].Tag() != applet.TagSignTransaction || m.ScreenTime > 21*time.Second {
				t.Errorf("%s for a screen of %v", m.ScreenTime, m.Commands)
			}
		}
	}
	if told != 1 {
		t.Errorf("%d of %d messages of a registration tell a time", told, len(c.Seen))
	}
	p := l.Options.CardProfiles["test"]
	p.MaxSegments = 1
	l.Options.CardProfiles["test"] = p
	l.Kill()
	with, without := 0, 0
	for n := range 98 {
		tx, err := l.Signer.Sign(context.Background(), enginetest.Request(strconv.Itoa(n), strings.Repeat("x", n+1)))
		if err != nil {
			enginetest.WantFault(t, err, mssp.WrongDataLength)
			break
		}
		l.Pump()
		m, err := applet.Parse(c.Seen[len(c.Seen)-1].Data)
		if room := len(l.Tx(tx.ID).INT6)+3 <= engine.Capacity(&p); err != nil || m.ScreenTime > 0 != room {
			t.Errorf("a text of %d: %s for a screen, room for it %v, %v", n+1, m.ScreenTime, room, err)
		} else if room {
			with++
		} else {
			without++
		}
		l.Want(tx.ID, mssp.Done, mssp.Signature)
	}
	if with == 0 || without != 3 {
		t.Errorf("%d messages tell the time and %d, want 3, have no room for it", with, without)
	}
}
