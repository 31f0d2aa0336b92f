package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/faulttest"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Each word of the applet has its own text, and every text has a word.
//
// Supports: 3.5.3-2, 3.5.4-1, 3.5.6-1
func TestFaultOfWord(t *testing.T) {
	rules := faulttest.Read(t, "words.go")
	const blocked = "the user's code is blocked after wrong entries: they must have it unblocked"
	for w, want := range map[applet.StatusWord]struct {
		code   mssp.Code
		detail string
	}{
		0x6401: {401, "the user cancelled"},
		0x6402: {208, "time is up: shown: the user was asked and has not answered"},
		0x6403: {406, "the user's phone was busy with another screen: try again"},
		0x6404: {406, "the user's phone was switched off while it asked: what it showed is gone, ask again"},
		0x6983: {402, blocked},
		0x63C0: {402, blocked},
		0x63C1: {406, "the user entered a wrong code; 1 tries are left"},
		0x63CF: {406, "the user entered a wrong code; 15 tries are left"},
		0x6985: {404, "the user's key cannot be used: no code is set, the key is not registered, or the applet is not active"},
		0x6A88: {404, "the user's card has no key in that slot: they must register again"},
		0x6A89: {406, "the key slot is in use"},
		0x6A84: {406, "the user's card has no memory left"},
		0x6982: {209, "the user's card asks for a higher security level: its profile must be corrected"},
		0x6A81: {109, "the user's card does not support what was asked for"},
		0x6A80: {900, "the user's card did not understand the command"},
		0x6700: {900, "the user's card did not understand the command"},
		0x6F00: {406, "the user's card failed: status 6F00"},
		0x63D0: {406, "the user's card failed: status 63D0"},
	} {
		if f := engine.FaultOfWord(w); f.Code != want.code || f.Detail != want.detail {
			t.Errorf("%04X: %v\nwant %d %s", uint16(w), f, int(want.code), want.detail)
		}
		rules.Met(want.detail)
	}
	for _, r := range rules.Unmet() {
		t.Errorf("no word gives %s", r)
	}
}

// Security errors suspend a card when ten have come in a row: nine do not, and a
// good answer between them makes the count begin anew.
//
// Supports: 3.2-4
func TestErrorsInARow(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	n := 0
	fail := func(times int) {
		for range times {
			n++
			l.Ask(fmt.Sprint("T", n))
			l.Bring(c.Send(&c.Seen[len(c.Seen)-1], ota.StatusIntegrity, nil)...)
		}
	}
	state := func() (string, int) {
		_, card, _, err := l.Store.Lookup(context.Background(), enginetest.Number)
		l.OK(err)
		return card.State, card.BadPoR
	}
	fail(9)
	if st, bad := state(); st != mssp.CardActive || bad != 9 {
		t.Errorf("after nine errors the card is %s, %d are counted", st, bad)
	}
	if tx := l.Sign(enginetest.Request("good", "hello")); tx.State != mssp.Done {
		t.Errorf("a good answer: %s %s", tx.State, tx.Detail)
	}
	if st, bad := state(); st != mssp.CardActive || bad != 0 {
		t.Errorf("after a good answer the card is %s, %d are counted", st, bad)
	}
	fail(9)
	if st, _ := state(); st != mssp.CardActive {
		t.Errorf("after nine more the card is %s", st)
	}
	fail(1)
	if st, bad := state(); st != mssp.CardSuspended || bad != 10 {
		t.Errorf("after ten the card is %s, %d are counted", st, bad)
	}
}

// What an answer says of the personal codes is what the row says then: of the code
// that was asked for, and of no other.
//
// Supports: 3.5.4-1
func TestBlockedCode(t *testing.T) {
	for _, u := range []mssp.KeyUsage{mssp.Authentication, mssp.NonRepudiation} {
		l := enginetest.New(t)
		l.Options.Texts, _ = notice.New(notice.Options{Help: "Call 0800 123456."})
		l.Kill()
		c := l.Enrolled(enginetest.Number, applet.ECDSAP256, u)
		l.EditSubscriber(func(s *mssp.Subscriber) { s.Language = "de" })
		c.Say = func(m applet.Message) applet.Answer {
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusBlocked, TriesGiven: true}}}
		}
		r := enginetest.Request("T1", "hello")
		r.Profile.Usage = u
		l.Sign(r)
		l.Engine.Sweep(context.Background())
		l.Settle()
		_, card, _, err := l.Store.Lookup(context.Background(), enginetest.Number)
		l.OK(err)
		want := [2]bool{u == mssp.Authentication, u == mssp.NonRepudiation}
		if card.Blocked != want || card.CodeSet != want {
			t.Errorf("%s: blocked %v, set %v", u, card.Blocked, card.CodeSet)
		}
		if len(l.Texts) != 1 {
			t.Fatalf("%d text messages", len(l.Texts))
		}
		s := l.Texts[0]
		if text, err := sms.DecodeText(s.DCS, s.UDH, s.UD, s.Septets); err != nil || text != "Mobile ID: Ihr persönlicher Code ist nach falschen Eingaben gesperrt. Der Kundendienst entsperrt ihn. Call 0800 123456." {
			t.Errorf("the user is told %q, %v", text, err)
		}
	}
}

// What a watching operator sees of a signature, field for field.
func TestTraceFields(t *testing.T) {
	l := enginetest.New(t)
	var mu sync.Mutex
	var seen []string
	l.Options.Trace = func(e engine.TraceEvent) {
		mu.Lock()
		defer mu.Unlock()
		var fields []string
		for _, f := range e.Fields {
			fields = append(fields, f.Name+"="+f.Value)
		}
		seen = append(seen, string(e.Layer)+"/"+string(e.Direction)+": "+e.Summary+" ["+strings.Join(fields, "|")+"]")
	}
	l.Kill()
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	l.Sign(enginetest.Request("T0", "confirms the registration"))
	seen = nil
	tx := l.Sign(enginetest.Request("T1", "hello"))
	ref, cntr := l.Signer.ReferenceOf(tx), c.Seen[len(c.Seen)-1].CNTR.String()
	want := []string{
		`request/out: signature asked for by Bank [AP_ID=http://bank.example|AP_TransID=T1|SignatureProfile=http://mid.swisscom.ch/MID/v1/AuthProfile1|MSS_Format=CMS|MimeType=text/plain|reference=` + ref + `]`,
		fmt.Sprintf(`int6/out: INT6 message [transaction=%x|SignTransaction=slot 1, mode 1, SHA-256, shows "Bank", shows and signs "hello", reference "%s"|time for each screen=35s]`, tx.AppletTxn, ref),
		`packet/out: secured packet, 1 segments [TAR=B00010|CNTR=` + cntr + `|SPI=1639 ` + enginetest.SPI.Describe() + `|key set=1|attempt=1]`,
		`segment/out: segment 1 of 1: accepted [route=fake|message id=m1|try=1]`,
		`segment/in: short message from the phone, part 1 of 1 [bearer=fake]`,
		`packet/in: response packet: ` + ota.StatusOK.String() + ` [TAR=B00010|CNTR=` + cntr + `|protected=true]`,
		`answer/in: answer of the applet: ` + applet.StatusOK.String() + ` [` + applet.TagSignTransaction.Result().String() + `=` + applet.StatusOK.String() + `]`,
		`verify/in: signature verified: VALID_SIGNATURE [detail=]`,
		`reply/in: transaction done: 500 SIGNATURE [detail=]`,
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen:\n%s\nwant:\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
}

// A text message is in the language of its user, and in English where we have none.
func TestTell(t *testing.T) {
	l := enginetest.New(t)
	l.User(enginetest.Number)
	for lang, want := range map[string]string{
		"en": "Mobile ID: your registration has ended.", "xx": "Mobile ID: your registration has ended.", "": "Mobile ID: your registration has ended.",
		"de": "Mobile ID: Ihre Registrierung ist beendet.", "fi": "Mobiilivarmenne: rekisteröinti on päättynyt.",
	} {
		l.Texts = nil
		out, err := l.Store.Tell(context.Background(), l.Engine.Notice(enginetest.Number, lang, notice.Left, lang, time.Time{}))
		l.OK(err)
		l.Engine.SendTexts(out)
		l.Engine.Sweep(context.Background())
		l.Settle()
		if len(l.Texts) != 1 {
			t.Fatalf("%q: %d messages", lang, len(l.Texts))
		}
		s := l.Texts[0]
		if text, err := sms.DecodeText(s.DCS, s.UDH, s.UD, s.Septets); err != nil || text != want || s.Dest != enginetest.Number {
			t.Errorf("%q: %q to %s, %v", lang, text, string(s.Dest), err)
		}
	}
}

// A card knows its key to be registered when it says so, and not before: where it has
// refused that command, or said nothing of it, the next message has it again.
//
// Supports: 5.2-1
func TestConfirmedByTheCard(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	sign := applet.Result{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled}
	handler := applet.TagSetAuthenticationHandlerData.Result()
	for i, cs := range []struct {
		results []applet.Result
		want    bool
	}{
		{[]applet.Result{sign}, false},
		{[]applet.Result{{Tag: handler, Status: applet.StatusConditions}}, false},
		{[]applet.Result{{Tag: handler, Status: applet.StatusOK}, sign}, true},
	} {
		c.Say = func(m applet.Message) applet.Answer {
			if m.Commands[0].Tag() != applet.TagSetAuthenticationHandlerData {
				t.Errorf("message %d does not begin with the registration", i)
			}
			return applet.Answer{Transaction: m.Transaction, Results: cs.results}
		}
		l.Sign(enginetest.Request(fmt.Sprint("T", i), "hello"))
		if got := l.Key(1).Confirmed; got != cs.want {
			t.Errorf("answer %d: confirmed %v", i, got)
		}
	}
}

// A transaction exists for the provider that asked for it, and for no other.
//
// Supports: I2
func TestStatusOfAnother(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	tx, _ := l.Ask("T1")
	if got, err := l.Engine.Status(context.Background(), tx.AP, tx.ID); err != nil || got.ID != tx.ID {
		t.Errorf("its own: %s, %v", got.ID, err)
	}
	got, err := l.Engine.Status(context.Background(), "http://shop.example", tx.ID)
	if enginetest.WantFault(t, err, mssp.WrongParam); got.ID != "" {
		t.Error("another provider gets the row")
	}
}
