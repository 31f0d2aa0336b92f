package operator

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/letter"
	"github.com/simsign/simsign/mssp/letter/lettertest"
	"github.com/simsign/simsign/ota/sms"
)

// saying is an Engine that only sends texts.
type saying struct {
	Engine
	to, text string
	life     time.Duration
	err      error
}

func (e *saying) Say(_ context.Context, to sms.MSISDN, text string, life time.Duration) error {
	e.to, e.text, e.life = string(to), text, life
	return e.err
}

// A code goes by the channel that was asked for, when the configuration has it, and not to the
// phone on which it is entered unless that was allowed. One that was not delivered is taken back. It
// is in no log.
//
// Supports: 3.5.1-12
func TestMakePoP(t *testing.T) {
	s, st, log := newService(t)
	if _, err := s.ImportCards(t.Context(), CardImport{CSV: goodFile}); err != nil {
		t.Fatal(err)
	}
	s.PoP = PoPRules{Digits: 10, Tries: 4, Life: 48 * time.Hour}
	ask := func(channel, to string) (PoPMade, error) {
		return s.MakePoP(t.Context(), PoPRequest{MSISDN: "+41790000001", Channel: channel, To: to})
	}
	_, err := ask("screen", "")
	wantReason(t, err, Refusal{Reason: NoSuchUser, MSISDN: "41790000001"})
	if _, err := s.AddUser(t.Context(), goodUser()); err != nil {
		t.Fatal(err)
	}
	refused := func(want, channel, to string) {
		t.Helper()
		if _, err := ask(channel, to); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s to %q: %v, want %s", channel, to, err, want)
		}
		if p, err := st.PoP(t.Context(), "41790000001"); !errors.Is(err, mssp.ErrNotFound) {
			t.Errorf("%+v, %v", p, err)
		}
	}
	refused("channel: must be", "pigeon", "")
	refused("needs the running service", "sms", "+41790000009")
	refused("no e-mail is sent", "email", "")
	refused("nothing is printed", "print", "")
	refused("to: is for", "screen", "+41790000009")
	phone := &saying{}
	s.Engine = phone
	refused("whoever has the phone reads it", "sms", "")
	refused("whoever has the phone reads it", "sms", "+41790000001")
	refused("MSISDN", "sms", "079")
	phone.err = errors.New("no room")
	refused("not delivered, and is worth nothing: no room", "sms", "+41790000009")
	phone.err = nil
	srv := lettertest.New(t, lettertest.Options{Refuse: "550 no"})
	s.PoP.Mail = &letter.Mail{Server: srv.Addr, From: "a@b.example", Security: letter.Plain, TimeOut: time.Minute}
	refused("no e-mail address of the user is known", "email", "")
	refused("email: must be an address", "email", "anna")
	refused("not delivered", "email", "anna@mail.example")
	s.PoP.Letters = "pop_test.go"
	refused("not delivered", "print", "")

	until := s.Clock().Add(48 * time.Hour)
	done, err := ask("sms", "+41790000009")
	if err != nil || phone.to != "41790000009" || phone.life != 24*time.Hour || !strings.Contains(phone.text, "Registrierungscode") || done.Code != "" || done.Warning != "" {
		t.Errorf("%+v, %v: %+v", done, err, phone)
	}
	s.PoP.SamePhone = true
	if done, err := ask("sms", ""); err != nil || phone.to != "41790000001" || !strings.Contains(done.Warning, "3.5.1-12") {
		t.Errorf("%+v, %v", done, err)
	}
	good := lettertest.New(t, lettertest.Options{})
	s.PoP.Mail.Server = good.Addr
	if _, err := s.IdentifyUser(t.Context(), goodIdentification()); err != nil {
		t.Fatal(err)
	}
	if done, err := ask("email", ""); err != nil || done.Code != "" || len(good.Letters()) != 1 || good.Letters()[0].To != "anna@mail.example" {
		t.Errorf("%+v, %v", done, err)
	}
	s.PoP.Letters = t.TempDir()
	done, err = ask("print", "")
	if err != nil || done.Code != "" {
		t.Errorf("%+v, %v", done, err)
	}
	if b, err := os.ReadFile(done.File); err != nil || !strings.Contains(string(b), "Anna Example") {
		t.Errorf("%s, %v", b, err)
	}
	done, err = ask("screen", "")
	if err != nil || len(done.Code) != 10 || !done.Until.Equal(until) || done.Tries != 4 {
		t.Errorf("%+v, %v", done, err)
	}
	p, err := st.PoP(t.Context(), "41790000001")
	if err != nil || p.State != mssp.PoPGiven || p.Tries != 4 || !p.ExpiresAt.Equal(until) || p.Channel != mssp.PoPByScreen || strings.Contains(string(p.Sum), done.Code) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, secret := range []string{done.Code, phone.text, "anna@mail.example", "41790000001"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
