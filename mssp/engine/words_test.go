package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
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
			l := newLab(t)
			c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
			l.sign(request("T0", "confirms the registration"))
			c.say = func(m applet.Message) applet.Answer {
				return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: w, TriesGiven: true}}}
			}
			tx := l.sign(request("T1", "hello"))
			end := l.want(tx.ID, mssp.Failed, code)
			r, err := ParseResult(end.Result)
			l.ok(err)
			if end.Detail == "" || r.Word != w || len(r.Signature) > 0 {
				t.Errorf("detail %q, result %+v", end.Detail, r)
			}
			l.e.sweepOnce(context.Background())
			l.settle()
			told := 0
			if code == mssp.PINBlocked {
				told = 1
				_, err := l.e.Sign(context.Background(), request("T2", "hello"))
				wantFault(t, err, mssp.PINBlocked)
			}
			if len(l.texts) != told {
				t.Fatalf("%d text messages, want %d", len(l.texts), told)
			}
			if told == 1 {
				s := l.texts[0]
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
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.say = func(m applet.Message) applet.Answer {
		return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagMessage, Status: applet.StatusMalformed}}}
	}
	tx := l.sign(request("T1", "hello"))
	l.want(tx.ID, mssp.Failed, mssp.InternalError)
	c.say, c.mute = nil, true
	tx, _ = l.ask("T2")
	l.bring(c.send(&c.seen[len(c.seen)-1], 0, []byte{1, 2, 3})...)
	l.want(tx.ID, mssp.Failed, mssp.OTAError)
}
