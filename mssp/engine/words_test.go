package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota/sms"
)

// Each status word of the applet becomes its fault, with a detail; a block is
// remembered and told to the user by a text message, once.
//
// Supports: 3.5.3-2, 3.5.4-1, 3.5.6-1
func TestStatusWords(t *testing.T) {
	for w, code := range map[applet.StatusWord]mssp.Code{
		applet.StatusCancelled:               mssp.UserCancel,
		applet.StatusNoAnswer:                mssp.ExpiredTransaction,
		applet.StatusBusy:                    mssp.SignatureProcess,
		applet.StatusInterrupted:             mssp.SignatureProcess,
		applet.StatusBlocked:                 mssp.PINBlocked,
		applet.StatusWrongCode:               mssp.PINBlocked,
		applet.StatusWrongCodeTries(2):       mssp.SignatureProcess,
		applet.StatusConditions:              mssp.NoKeyFound,
		applet.StatusSlotEmpty:               mssp.NoKeyFound,
		applet.StatusSlotInUse:               mssp.SignatureProcess,
		applet.StatusNoMemory:                mssp.SignatureProcess,
		applet.StatusSecurity:                mssp.OTAError,
		applet.StatusNotSupported:            mssp.UnsupportedProfile,
		applet.StatusMalformed:               mssp.InternalError,
		applet.StatusWrongLength:             mssp.InternalError,
		applet.StatusOther:                   mssp.SignatureProcess,
		applet.StatusWord(0x6FFF):            mssp.SignatureProcess,
		applet.StatusWrongCodeTries(3) | 0xF: mssp.SignatureProcess,
	} {
		t.Run(w.String(), func(t *testing.T) {
			l := enginetest.New(t)
			c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
			l.Sign(enginetest.Request("T0", "confirms the registration"))
			c.Say = func(m applet.Message) applet.Answer {
				return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: w, TriesGiven: true}}}
			}
			tx := l.Sign(enginetest.Request("T1", "hello"))
			end := l.Want(tx.ID, mssp.Failed, code)
			r, err := engine.ParseRefusal(&end)
			l.OK(err)
			if end.Detail == "" || r.Word != w || strings.Contains(string(end.Result), "signature") {
				t.Errorf("detail %q, result %+v", end.Detail, r)
			}
			l.Engine.Sweep(context.Background())
			l.Settle()
			told := 0
			if code == mssp.PINBlocked {
				told = 1
				_, err := l.Signer.Sign(context.Background(), enginetest.Request("T2", "hello"))
				enginetest.WantFault(t, err, mssp.PINBlocked)
			}
			if len(l.Texts) != told {
				t.Fatalf("%d text messages, want %d", len(l.Texts), told)
			}
			if told == 1 {
				s := l.Texts[0]
				text, err := sms.DecodeText(s.DCS, s.UDH, s.UD, s.Septets)
				if err != nil || !strings.Contains(text, "blocked") {
					t.Errorf("text message %q, %v", text, err)
				}
			}
		})
	}
}

// A message that the applet refuses as a whole, and an answer that is
// authentic and unreadable.
func TestUnreadableAnswers(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagMessage, Status: applet.StatusMalformed}}}
	}
	tx := l.Sign(enginetest.Request("T1", "hello"))
	l.Want(tx.ID, mssp.Failed, mssp.InternalError)
	c.Say, c.Mute = nil, true
	tx, _ = l.Ask("T2")
	l.Bring(c.Send(&c.Seen[len(c.Seen)-1], 0, []byte{1, 2, 3})...)
	l.Want(tx.ID, mssp.Failed, mssp.OTAError)
}
