package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

const (
	iccid1 = "8941000000000000001"
	iccid2 = "8941000000000000002"
	number = "+41790000001"
)

// fakeEngine answers as a card would whose user does what is asked.
type fakeEngine struct {
	operator.Engine
	enrol registration.EnrolRequest
	code  applet.CodeOperation
}

func (e *fakeEngine) Enrol(_ context.Context, r registration.EnrolRequest) (registration.Enrolment, error) {
	e.enrol = r
	return registration.Enrolment{Slot: 1, Usage: r.Usage, Algorithm: r.Algorithm, State: mssp.KeyRegistered, Serial: "0a"}, nil
}

func (e *fakeEngine) ManageCode(_ context.Context, _ sms.MSISDN, _ mssp.KeyUsage, op applet.CodeOperation) (mssp.Transaction, error) {
	e.code = op
	return mssp.Transaction{}, mssp.Faultf(mssp.UserCancel, "the user cancelled")
}

func (e *fakeEngine) QueryState(context.Context, sms.MSISDN) (applet.State, error) {
	return applet.State{
		LifeCycle: applet.AppletActive, Language: "fi",
		Codes: []applet.CodeState{{Code: 1, Status: applet.CodeBlocked, TriesLeft: 0}},
		Slots: []applet.SlotState{{Slot: applet.Slot{Number: 1, Usage: 2, Algorithm: applet.RSA2048}, Status: applet.SlotRegistered}, {Slot: applet.Slot{Number: 2}}},
	}, nil
}

// newService is a Service on a database of its own, and its log.
func newService(t *testing.T) (*Service, *store.Store, *bytes.Buffer) {
	t.Helper()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "simsign.db"), Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	vault, err := keys.OpenVault(t.Context(), root, st, now)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	return &Service{Service: (&operator.Service{
		Store: st, Vault: vault, CardProfiles: cardProfiles(),
		Profiles: []mssp.SignatureProfile{{URI: "http://a.example/auth"}},
		Clock:    func() time.Time { return now }, Logger: slog.New(slog.NewJSONHandler(&log, nil)),
	}).WithParties(st)}, st, &log
}

// remote serves s on a socket and returns a client of it.
func remote(t *testing.T, s *Service) *Client {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: Handler(s, s.Logger, nil)}
	go srv.Serve(l) // ends with the test
	t.Cleanup(func() { srv.Close() })
	c, err := Dial(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func importCards(t *testing.T, b Backend) operator.CardImported {
	t.Helper()
	text, err := os.ReadFile("../../../mssp/operator/testdata/ok_two_cards.csv")
	if err != nil {
		t.Fatal(err)
	}
	done, err := b.ImportCards(t.Context(), operator.CardImport{CSV: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// Both ways to the data do the same: in this process and over the socket.
func TestBackends(t *testing.T) {
	for _, way := range []string{"local", "socket"} {
		t.Run(way, func(t *testing.T) {
			s, st, log := newService(t)
			s.Engine = &fakeEngine{}
			var b Backend = s
			if way == "socket" {
				b = remote(t, s)
			}
			ctx := t.Context()

			if done := importCards(t, b); done != (operator.CardImported{Imported: 2}) {
				t.Errorf("first import: %+v", done)
			}
			before, err := st.KeySets(ctx, iccid1)
			if err != nil || len(before) != 2 {
				t.Fatalf("%d key sets, %v", len(before), err)
			}
			if done := importCards(t, b); done != (operator.CardImported{Present: 2}) {
				t.Errorf("second import: %+v", done)
			}
			after, err := st.KeySets(ctx, iccid1)
			if err != nil || !bytes.Equal(before[0].Counter, after[0].Counter) {
				t.Errorf("a second import touched a counter, or %v", err)
			}
			if cards, err := b.Cards(ctx, operator.Page{After: iccid1}); err != nil || len(cards) != 1 || cards[0].Profile != "lab" {
				t.Errorf("cards: %+v, %v", cards, err)
			}

			ap, err := b.AddAP(ctx, operator.APRequest{Name: "Example Bank", Prefixes: []string{"4179"}})
			if err != nil || ap.ID != "ap://example-bank" || len(ap.Password) < 20 {
				t.Fatalf("AP: %+v, %v", ap, err)
			}
			stored, err := st.AP(ctx, ap.ID)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := service.VerifyPassword(stored.PasswordHash, ap.Password); !ok || err != nil {
				t.Errorf("the password that was shown does not open the account: %v", err)
			}
			_, err = b.AddAP(ctx, operator.APRequest{Name: "Example bank"})
			wantRefusal(t, err, operator.Refusal{Reason: operator.ProviderExists, AP: ap.ID, Detail: `"Example Bank", active`})
			_, err = b.DisableAP(ctx, operator.APDisable{ID: "ap://none"})
			wantRefusal(t, err, operator.Refusal{Reason: operator.NoSuchProvider, AP: "ap://none"})
			if x, err := b.DisableAP(ctx, operator.APDisable{ID: string(ap.ID)}); err != nil || !x.Disabled {
				t.Errorf("disable: %+v, %v", x, err)
			}
			if list, err := b.APs(ctx, operator.Page{}); err != nil || len(list) != 1 || !list[0].Disabled {
				t.Errorf("APs: %+v, %v", list, err)
			}

			u, err := b.AddUser(ctx, operator.UserRequest{MSISDN: number, ICCID: iccid1, Name: "Anna Example"})
			if err != nil || len(u.Serial) != 16 || u.State != "active" {
				t.Fatalf("user: %+v, %v", u, err)
			}
			_, err = b.AddUser(ctx, operator.UserRequest{MSISDN: number, ICCID: iccid2, Name: "Otto Example"})
			wantRefusal(t, err, operator.Refusal{Reason: operator.NumberTaken, MSISDN: "41790000001", ICCID: iccid1})
			_, err = b.AddUser(ctx, operator.UserRequest{MSISDN: "+41790000002", ICCID: iccid1, Name: "Otto Example"})
			wantRefusal(t, err, operator.Refusal{Reason: operator.CardTaken, MSISDN: "41790000001", ICCID: iccid1})
			_, err = b.AddUser(ctx, operator.UserRequest{MSISDN: "+41790000002", ICCID: "8941000000000000009", Name: "Otto Example"})
			wantRefusal(t, err, operator.Refusal{Reason: operator.NoSuchCard, ICCID: "8941000000000000009"})
			_, err = b.User(ctx, operator.UserName{MSISDN: "+41790000002"})
			wantRefusal(t, err, operator.Refusal{Reason: operator.NoSuchUser, MSISDN: "41790000002"})
			_, err = b.ReleaseCard(ctx, operator.CardName{ICCID: iccid1})
			wantRefusal(t, err, operator.Refusal{Reason: operator.CardInService, ICCID: iccid1})
			if users, err := b.Users(ctx, operator.Page{}); err != nil || len(users) != 1 || users[0].MSISDN != number {
				t.Errorf("users: %+v, %v", users, err)
			}
			if x, err := b.User(ctx, operator.UserName{MSISDN: number}); err != nil || x.Serial != u.Serial {
				t.Errorf("user: %+v, %v", x, err)
			}

			limited := []operator.LimitInfo{{AP: ap.ID, Prompts: 2, Unsigned: 1, Peace: s.Clock().Add(time.Minute)}, {AP: "ap://shop", Prompts: 1}}
			counted(t, st, s.Clock(), ap.ID)
			if x, err := b.User(ctx, operator.UserName{MSISDN: number}); err != nil || !reflect.DeepEqual(x.Limits, limited) {
				t.Errorf("limits: %+v, %v", x.Limits, err)
			}
			if x, err := b.LiftLimits(ctx, operator.Lift{MSISDN: number, AP: ap.ID}); err != nil || !reflect.DeepEqual(x.Limits, limited[1:]) {
				t.Errorf("lifted of one: %+v, %v", x.Limits, err)
			}
			if x, err := b.LiftLimits(ctx, operator.Lift{MSISDN: number}); err != nil || x.Limits != nil {
				t.Errorf("lifted of all: %+v, %v", x.Limits, err)
			}
			_, err = b.LiftLimits(ctx, operator.Lift{MSISDN: "+41790000002"})
			wantRefusal(t, err, operator.Refusal{Reason: operator.NoSuchUser, MSISDN: "41790000002"})

			r, err := b.Register(ctx, operator.Registration{MSISDN: number, Usage: "non-repudiation", Algorithm: "RSA-2048", Flow: "B", PoP: "12345674"})
			e := s.Engine.(*fakeEngine).enrol
			if err != nil || r.Key.Usage != "non-repudiation" || e.Algorithm != applet.RSA2048 || e.Flow != registration.FlowB || e.PoP == applet.PoPNone || e.PoPCode != "12345674" {
				t.Errorf("register: %+v, engine was asked %+v, %v", r, e, err)
			}
			_, err = b.ManageCode(ctx, operator.CodeRequest{MSISDN: number, Usage: "authentication", Operation: "reset"})
			var fault *mssp.Fault
			if !errors.As(err, &fault) || fault.Code != mssp.UserCancel || !strings.Contains(err.Error(), "401 USER_CANCEL") || s.Engine.(*fakeEngine).code != applet.CodeReset {
				t.Errorf("code: %v", err)
			}
			state, err := b.AppletState(ctx, operator.UserName{MSISDN: number})
			if err != nil || state.LifeCycle != "active" || state.Codes[0] != (operator.CodeInfo{Usage: "authentication", State: "blocked"}) ||
				state.Slots[0].Algorithm != "RSA-2048" || state.Slots[1].State != "empty" {
				t.Errorf("applet: %+v, %v", state, err)
			}

			ca, err := b.InitCA(ctx, operator.CARequest{Name: "Example CA"})
			if err != nil || len(ca.Certificate) == 0 || !ca.Restart {
				t.Errorf("CA: %+v, %v", ca, err)
			}
			_, err = b.InitCA(ctx, operator.CARequest{Name: "Other CA"})
			wantRefusal(t, err, operator.Refusal{Reason: operator.CAExists, Detail: "CA exists already: CN=Example CA, until 2036-11-22"})
			for _, secret := range []string{ap.Password, "00112233445566778899", "41790000001", "12345674", iccid1} {
				if strings.Contains(strings.ToUpper(log.String()), strings.ToUpper(secret)) {
					t.Errorf("the log holds %q", secret)
				}
			}
		})
	}
}

// counted stores that a provider has asked twice, and was refused once, and another
// has asked once.
func counted(t *testing.T, st *store.Store, now time.Time, ap mssp.APID) {
	t.Helper()
	rules := abuse.Rules{PromptsPerMinute: 3, CoolOffAfter: 1, CoolOff: time.Minute}
	for i, c := range []struct {
		ap     mssp.APID
		cancel bool
	}{{ap, false}, {"ap://shop", false}, {ap, true}} {
		_, _, _, was, err := st.LookupStanding(t.Context(), "41790000001")
		if err != nil {
			t.Fatal(err)
		}
		tx := mssp.Transaction{
			ID: mssp.TransID(fmt.Sprint("h", i)), Kind: mssp.KindSign, AP: c.ap, APTransID: fmt.Sprint(i), MSISDN: "41790000001", ICCID: iccid1,
			Mode: mssp.Synch, Request: []byte("{}"), INT6: []byte{1}, AppletTxn: uint32(i + 1), CreatedAt: now, Deadline: now.Add(time.Hour),
		}
		seal := func(*mssp.Transaction, mssp.CardKeys) (store.Sealed, error) {
			return store.Sealed{Counter: []byte{1}, Packet: store.Packet{CNTR: ota.CNTR(i + 1), TAR: ota.TAR{1}}, Segments: []bearer.Segment{{Dest: tx.MSISDN, UD: []byte{1}}}}, nil
		}
		if _, err := st.Accept(t.Context(), tx, &store.Prompt{Rules: rules, Was: was}, seal); err != nil {
			t.Fatal(err)
		}
		end := store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction, Rules: rules, At: now}
		if c.cancel {
			end.Event, end.Status = mssp.EventRefused, mssp.UserCancel
		}
		if _, err := st.Finish(t.Context(), end, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// wantRefusal: the error says all of what is there, whole in itself and masked
// in its text.
func wantRefusal(t *testing.T, err error, want operator.Refusal) {
	t.Helper()
	got, ok := errors.AsType[*operator.Refusal](err)
	if !ok || got.Reason != want.Reason || got.MSISDN != want.MSISDN || got.ICCID != want.ICCID || got.AP != want.AP || got.Detail != want.Detail {
		t.Errorf("error %v (%+v), want %+v", err, got, want)
		return
	}
	for _, n := range []string{string(want.MSISDN), string(want.ICCID)} {
		if n != "" && (strings.Contains(err.Error(), n) || !strings.Contains(got.Whole(), n)) {
			t.Errorf("%q and whole %q, with the number %s", err, got.Whole(), n)
		}
	}
}

// What is refused, and that the text says what to change.
func TestRefusals(t *testing.T) {
	s, _, _ := newService(t)
	importCards(t, s)
	c := remote(t, s)
	ctx := t.Context()
	if _, err := s.AddUser(ctx, operator.UserRequest{MSISDN: number, ICCID: iccid1, Name: "Anna"}); err != nil {
		t.Fatal(err)
	}
	add := func(r operator.UserRequest) error { _, err := c.AddUser(ctx, r); return err }
	addAP := func(r operator.APRequest) error { _, err := c.AddAP(ctx, r); return err }
	register := func(r operator.Registration) error { _, err := c.Register(ctx, r); return err }
	for _, tc := range []struct {
		err  error
		want string
	}{
		{add(operator.UserRequest{MSISDN: "0790000001", ICCID: iccid1, Name: "A"}), "MSISDN"},
		{add(operator.UserRequest{MSISDN: "+41790000002", ICCID: "1", Name: "A"}), "ICCID"},
		{add(operator.UserRequest{MSISDN: "+41790000002", ICCID: "8941000000000000009", Name: "A"}), "card import"},
		{add(operator.UserRequest{MSISDN: "+41790000002", ICCID: iccid1, Name: "A"}), "another user"},
		{add(operator.UserRequest{MSISDN: number, ICCID: "8941000000000000002", Name: "A"}), "exists already"},
		{add(operator.UserRequest{MSISDN: "+41790000002", ICCID: "8941000000000000002", Name: "A\x00"}), "subject"},
		{add(operator.UserRequest{MSISDN: "+41790000002", ICCID: "8941000000000000002", Name: "A", Language: "eng"}), "ISO 639-1"},
		{addAP(operator.APRequest{Name: ""}), "name: is blank"},
		{addAP(operator.APRequest{Name: " "}), "name: is blank"},
		{addAP(operator.APRequest{Name: strings.Repeat("ä", 41)}), "name: has 41 characters, at most 40"},
		{addAP(operator.APRequest{Name: "Bank\u202e"}), "name"},
		{addAP(operator.APRequest{Name: "Bank", ID: "no uri"}), "URI"},
		{addAP(operator.APRequest{Name: "Bank", Password: "short"}), "at least 12"},
		{addAP(operator.APRequest{Name: "Bank", NoPass: true}), "nobody could log in"},
		{addAP(operator.APRequest{Name: "Bank", Profiles: []string{"http://b.example"}}), "signature_profile"},
		{register(operator.Registration{MSISDN: number, Usage: "authentication"}), operator.ErrNotRunning.Error()},
	} {
		var refused *operator.Refusal
		if !errors.As(tc.err, &refused) || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("error %v, want one with %q", tc.err, tc.want)
		}
	}
	s.Engine = &fakeEngine{}
	for want, r := range map[string]operator.Registration{
		"usage":     {MSISDN: number, Usage: "both"},
		"algorithm": {MSISDN: number, Usage: "authentication", Algorithm: "RSA-1024"},
		"flow":      {MSISDN: number, Usage: "authentication", Flow: "C"},
	} {
		if err := register(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Nobody listens: the caller may open the data himself.
func TestDialNobody(t *testing.T) {
	if _, err := Dial(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, operator.ErrNotRunning) {
		t.Errorf("error %v, want ErrNotRunning", err)
	}
}

// A request that is not one, and an operation that is not there.
func TestBadRequests(t *testing.T) {
	s, _, _ := newService(t)
	c := remote(t, s)
	for name, body := range map[string]string{
		"ap/add":     `{"name":"Bank","colour":"blue"}`,
		"ap/list":    `{`,
		"ap/explode": `{}`,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://admin/admin/"+name, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode/100 != 4 {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
}

// cardProfiles: int6 as in production, lab for test cards.
func cardProfiles() map[string]mssp.CardProfile {
	return map[string]mssp.CardProfile{
		"int6": {Name: "int6", SPI: ota.SPI{0x16, 0x39}},
		"lab":  {Name: "lab", SPI: ota.SPI{0x16, 0x39}, Lab: true},
	}
}
