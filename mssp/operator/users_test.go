package operator

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

func goodUser() UserRequest {
	return UserRequest{MSISDN: "+41790000001", ICCID: iccid1, Name: "Anna Example", Serial: "MIDCHE0001", Language: "de"}
}

// withCards is a service with the cards of goodFile.
func withCards(t *testing.T) (*Service, *store.Store) {
	t.Helper()
	s, st, _ := newService(t)
	if done, err := s.ImportCards(t.Context(), CardImport{CSV: goodFile}); err != nil || done != (CardImported{Imported: 2}) {
		t.Fatalf("%+v, %v", done, err)
	}
	return s, st
}

func TestAddUser(t *testing.T) {
	s, st := withCards(t)
	for what, c := range map[string]struct {
		change func(*UserRequest)
		want   string
	}{
		"national number":     {func(r *UserRequest) { r.MSISDN = "0790000001" }, sms.ErrMSISDN.Error() + ": it must not begin with 0"},
		"short card":          {func(r *UserRequest) { r.ICCID = iccid1[:17] }, "ICCID needs 18 to 20 decimal digits, have 17 characters"},
		"one letter":          {func(r *UserRequest) { r.Language = "d" }, "language needs the two letters of ISO 639-1"},
		"three letters":       {func(r *UserRequest) { r.Language = "ger" }, "language needs the two letters of ISO 639-1"},
		"65 characters":       {func(r *UserRequest) { r.Name = strings.Repeat("a", 65) }, "subject refused: commonName needs 1 to 64 characters, has 65"},
		"a control character": {func(r *UserRequest) { r.Name = "Anna\x00" }, "subject refused: commonName holds the character U+0000"},
	} {
		r := goodUser()
		c.change(&r)
		_, err := s.AddUser(t.Context(), r)
		if err == nil || !errors.Is(err, &Refusal{Reason: BadRequest}) || err.Error() != c.want {
			t.Errorf("%s: %v\nwant %s", what, err, c.want)
		}
	}
	none := goodUser()
	none.ICCID = "8941000000000000009"
	_, err := s.AddUser(t.Context(), none)
	wantReason(t, err, Refusal{Reason: NoSuchCard, ICCID: "8941000000000000009"})
	if users, err := s.Users(t.Context(), Page{}); err != nil || len(users) != 0 {
		t.Fatalf("%+v, %v", users, err)
	}
	want := UserInfo{MSISDN: "+41790000001", ICCID: iccid1, Name: "Anna Example", Serial: "MIDCHE0001", Language: "de", State: "active"}
	if u, err := s.AddUser(t.Context(), goodUser()); err != nil || !reflect.DeepEqual(u, want) {
		t.Errorf("%+v, %v", u, err)
	}
	sub, _, _, err := st.Lookup(t.Context(), "41790000001")
	if sub.CreatedAt = sub.CreatedAt.UTC(); err != nil || !sub.CreatedAt.Equal(s.Clock()) {
		t.Errorf("%+v, %v", sub, err)
	}
	second := goodUser()
	second.ICCID, second.Serial, second.Language = "8941000000000000002", "", ""
	_, err = s.AddUser(t.Context(), second)
	wantReason(t, err, Refusal{Reason: NumberTaken, MSISDN: "41790000001", ICCID: iccid1})
	second.MSISDN, second.ICCID = "+41790000002", iccid1
	_, err = s.AddUser(t.Context(), second)
	wantReason(t, err, Refusal{Reason: CardTaken, MSISDN: "41790000001", ICCID: iccid1})
	second.ICCID = "8941000000000000002"
	u, err := s.AddUser(t.Context(), second)
	if err != nil || len(u.Serial) != 16 || !strings.HasPrefix(u.Serial, "SIM") {
		t.Errorf("%+v, %v", u, err)
	}

	if users, err := s.Users(t.Context(), Page{}); err != nil || len(users) != 2 || !reflect.DeepEqual(users[0], want) {
		t.Errorf("%+v, %v", users, err)
	}
	if users, err := s.Users(t.Context(), Page{After: "+41790000001"}); err != nil || len(users) != 1 || users[0].MSISDN != "+41790000002" {
		t.Errorf("%+v, %v", users, err)
	}
	if users, err := s.Users(t.Context(), Page{Limit: 1}); err != nil || len(users) != 1 {
		t.Errorf("%+v, %v", users, err)
	}
	_, err = s.Users(t.Context(), Page{After: "0"})
	wantBad(t, "after", err, sms.ErrMSISDN.Error()+": 3 to 15 digits, have 1 characters")
	if cards, err := s.Cards(t.Context(), Page{After: iccid1}); err != nil || !reflect.DeepEqual(cards, []CardInfo{{ICCID: "8941000000000000002", Profile: "lab", State: "active", Carriage: "response"}}) {
		t.Errorf("%+v, %v", cards, err)
	}
}

// A page has 1,000 rows, or fewer where somebody asks for fewer.
func TestPageLimits(t *testing.T) {
	for asked, want := range map[int]int{-1: 1000, 0: 1000, 1: 1, 1000: 1000, 1001: 1000} {
		if got := (Page{Limit: asked}).limit(); got != want {
			t.Errorf("%d: %d", asked, got)
		}
	}
}

// rows is a store with one user.
type rows struct {
	Store
	card  mssp.Card
	pairs []mssp.KeyPair
	rec   abuse.Record
	err   error
}

func (r *rows) Device(context.Context, sms.MSISDN) (mssp.Device, error) {
	return mssp.Device{}, mssp.ErrNotFound
}

func (r *rows) Identity(context.Context, sms.MSISDN) (mssp.Identity, error) {
	return mssp.Identity{}, mssp.ErrNotFound
}

func (rows) Situation(context.Context, sms.MSISDN) (store.Situation, error) {
	return store.Situation{}, nil
}

func (s *rows) Lookup(_ context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	if n != "41790000001" {
		return mssp.Subscriber{}, mssp.Card{}, nil, mssp.ErrNotFound
	}
	return mssp.Subscriber{MSISDN: n, ICCID: iccid1, Name: "Anna", Serial: "S", Language: "de", State: mssp.SubscriberActive}, s.card, s.pairs, nil
}

func (s *rows) Standing(context.Context, sms.MSISDN) (abuse.Record, error) { return s.rec, s.err }

// What is shown of a user: the codes, each key with its certificate, and what counts
// against whom now.
func TestShowUser(t *testing.T) {
	s, _, _ := newService(t)
	ca, err := s.InitCA(t.Context(), CARequest{Name: "Test CA"})
	if err != nil {
		t.Fatal(err)
	}
	now := s.Clock()
	r := &rows{
		card: mssp.Card{Blocked: [2]bool{false, true}},
		pairs: []mssp.KeyPair{
			{Slot: 1, Usage: mssp.Authentication, Algorithm: byte(applet.ECDSAP256), State: mssp.KeyRegistered, Serial: "0a", CertDER: ca.Certificate},
			{Slot: 3, Usage: mssp.NonRepudiation, Algorithm: byte(applet.RSA2048), State: mssp.KeyGenerated},
		},
		rec: abuse.Record{Peace: now.Add(time.Second), By: []abuse.Provider{
			{ID: "", Count: abuse.Count{Prompts: []time.Time{now}}},
			{ID: "ap://old", Count: abuse.Count{Prompts: []time.Time{now.Add(-time.Hour)}, Peace: now.Add(-time.Hour)}},
			{ID: "ap://shop", Count: abuse.Count{Prompts: []time.Time{now, now}, Unsigned: []time.Time{now}, Peace: now.Add(time.Minute)}},
		}},
	}
	s.Store = r
	want := UserInfo{
		MSISDN: "+41790000001", ICCID: iccid1, Name: "Anna", Serial: "S", Language: "de", State: "active", Blocked: [2]bool{false, true},
		Keys: []KeyInfo{
			{Slot: 1, Usage: "authentication", Algorithm: "P-256", State: "registered", Serial: "0a", NotAfter: ca.NotAfter},
			{Slot: 3, Usage: "non-repudiation", Algorithm: "RSA-2048", State: "generated"},
		},
		Limits: []LimitInfo{{Peace: now.Add(time.Second)}, {AP: "(before the upgrade)", Prompts: 1}, {AP: "ap://shop", Prompts: 2, Unsigned: 1, Peace: now.Add(time.Minute)}},
	}
	if u, err := s.User(t.Context(), UserName{MSISDN: "+41790000001"}); err != nil || !reflect.DeepEqual(u, want) {
		t.Errorf("%+v, %v\nwant %+v", u, err, want)
	}
	r.rec.Peace = now // is over
	if u, err := s.User(t.Context(), UserName{MSISDN: "+41790000001"}); err != nil || !reflect.DeepEqual(u.Limits, want.Limits[1:]) {
		t.Errorf("%+v, %v", u.Limits, err)
	}
	r.err = abuse.ErrRecord
	if u, err := s.User(t.Context(), UserName{MSISDN: "+41790000001"}); err != nil || !reflect.DeepEqual(u.Limits, []LimitInfo{{Damaged: true}}) {
		t.Errorf("%+v, %v", u.Limits, err)
	}
	_, err = s.User(t.Context(), UserName{MSISDN: "+41790000002"})
	wantReason(t, err, Refusal{Reason: NoSuchUser, MSISDN: "41790000002"})
	_, err = s.User(t.Context(), UserName{MSISDN: "4"})
	wantBad(t, "number", err, sms.ErrMSISDN.Error()+": 3 to 15 digits, have 1 characters")
}

// hand is an engine that notes what it is asked.
type hand struct {
	Engine
	number sms.MSISDN
	enrol  registration.EnrolRequest
	usage  mssp.KeyUsage
	code   applet.CodeOperation
	err    error
}

func (h *hand) Enrol(_ context.Context, r registration.EnrolRequest) (registration.Enrolment, error) {
	h.enrol = r
	return registration.Enrolment{Slot: 2, Usage: r.Usage, Algorithm: applet.RSA2048, State: mssp.KeyRegistered, Serial: "0a", Certificate: []byte{0x30}}, h.err
}

func (h *hand) ManageCode(_ context.Context, n sms.MSISDN, u mssp.KeyUsage, op applet.CodeOperation) (mssp.Transaction, error) {
	h.number, h.usage, h.code = n, u, op
	return mssp.Transaction{Status: mssp.RequestOK, Detail: "done"}, h.err
}

func (h *hand) QueryState(_ context.Context, n sms.MSISDN) (applet.State, error) {
	h.number = n
	return applet.State{
		LifeCycle: applet.AppletDeactivated, Language: "fi",
		Codes: []applet.CodeState{{Code: 1, Status: applet.CodeSet, TriesLeft: 3}, {Code: 2, Status: 7, TriesLeft: 1}},
		Slots: []applet.SlotState{
			{Slot: applet.Slot{Number: 1}},
			{Slot: applet.Slot{Number: 2, Usage: 2, Algorithm: applet.RSA2048}, Status: applet.SlotGenerated},
			{Slot: applet.Slot{Number: 3, Usage: 1, Algorithm: applet.ECDSAP256}, Status: applet.SlotRegistering},
		},
	}, h.err
}

// What the card is asked for is what the operator has said, with its defaults.
func TestAskTheCard(t *testing.T) {
	s, _, _ := newService(t)
	ctx := t.Context()
	if _, err := s.Register(ctx, Registration{MSISDN: "+41790000001", Usage: "authentication"}); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	if _, err := s.ManageCode(ctx, CodeRequest{MSISDN: "+41790000001", Usage: "authentication", Operation: "create"}); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	if _, err := s.AppletState(ctx, UserName{MSISDN: "+41790000001"}); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	h := &hand{}
	s.Engine = h
	for what, c := range map[string]struct {
		ask  Registration
		want registration.EnrolRequest
	}{
		"defaults":  {Registration{Usage: "authentication"}, registration.EnrolRequest{Usage: mssp.Authentication, Flow: registration.FlowA}},
		"usage":     {Registration{Usage: "non-repudiation"}, registration.EnrolRequest{Usage: mssp.NonRepudiation, Flow: registration.FlowA}},
		"flow A":    {Registration{Usage: "authentication", Flow: "A"}, registration.EnrolRequest{Usage: mssp.Authentication, Flow: registration.FlowA}},
		"flow B":    {Registration{Usage: "authentication", Flow: "B"}, registration.EnrolRequest{Usage: mssp.Authentication, Flow: registration.FlowB}},
		"algorithm": {Registration{Usage: "authentication", Algorithm: "RSA-2048"}, registration.EnrolRequest{Usage: mssp.Authentication, Flow: registration.FlowA, Algorithm: applet.RSA2048}},
		"PoP":       {Registration{Usage: "authentication", PoP: "12345674"}, registration.EnrolRequest{Usage: mssp.Authentication, Flow: registration.FlowA, PoP: applet.PoPAsk, PoPCode: "12345674"}},
	} {
		c.ask.MSISDN, c.want.MSISDN = "+41790000001", "41790000001"
		done, err := s.Register(ctx, c.ask)
		if err != nil || h.enrol != c.want {
			t.Errorf("%s: %+v, %v\nwant %+v", what, h.enrol, err, c.want)
		}
		key := KeyInfo{Slot: 2, Usage: c.want.Usage.String(), Algorithm: "RSA-2048", State: "registered", Serial: "0a"}
		if done.Key != key || len(done.Certificate) != 1 {
			t.Errorf("%s: %+v", what, done)
		}
	}
	for op, want := range map[string]applet.CodeOperation{"create": applet.CodeCreate, "reset": applet.CodeReset, "unblock": applet.CodeUnblock, "change": applet.CodeChange} {
		done, err := s.ManageCode(ctx, CodeRequest{MSISDN: "+41790000001", Usage: "non-repudiation", Operation: op})
		if err != nil || done != (Outcome{Status: 100, Detail: "done"}) || h.code != want || h.usage != mssp.NonRepudiation || h.number != "41790000001" {
			t.Errorf("%s: %+v, %v, asked for %v of %v", op, done, err, h.code, h.usage)
		}
	}
	state := AppletInfo{
		LifeCycle: "deactivated", Language: "fi",
		Codes: []CodeInfo{{Usage: "authentication", State: "set", TriesLeft: 3}, {Usage: "non-repudiation", State: "state 07", TriesLeft: 1}},
		Slots: []KeyInfo{
			{Slot: 1, State: "empty"},
			{Slot: 2, Usage: "non-repudiation", Algorithm: "RSA-2048", State: "generated"},
			{Slot: 3, Usage: "authentication", Algorithm: "P-256", State: "registering"},
		},
	}
	if got, err := s.AppletState(ctx, UserName{MSISDN: "+41790000001"}); err != nil || !reflect.DeepEqual(got, state) {
		t.Errorf("%+v, %v", got, err)
	}

	const number, usage = ": 3 to 15 digits, have 1 characters", `usage: must be authentication or non-repudiation, is "both"`
	register := func(r Registration) error { _, err := s.Register(ctx, r); return err }
	code := func(r CodeRequest) error { _, err := s.ManageCode(ctx, r); return err }
	wantBad(t, "number", register(Registration{MSISDN: "4", Usage: "authentication"}), sms.ErrMSISDN.Error()+number)
	wantBad(t, "usage", register(Registration{MSISDN: "+41790000001", Usage: "both"}), usage)
	wantBad(t, "flow", register(Registration{MSISDN: "+41790000001", Usage: "authentication", Flow: "C"}), `flow: must be A or B, is "C"`)
	if err := register(Registration{MSISDN: "+41790000001", Usage: "authentication", Algorithm: "RSA-1024"}); !errors.Is(err, &Refusal{Reason: BadRequest}) || !strings.HasPrefix(err.Error(), "algorithm: ") {
		t.Error(err)
	}
	wantBad(t, "number", code(CodeRequest{MSISDN: "4", Usage: "authentication", Operation: "create"}), sms.ErrMSISDN.Error()+number)
	wantBad(t, "usage", code(CodeRequest{MSISDN: "+41790000001", Usage: "both", Operation: "create"}), usage)
	wantBad(t, "operation", code(CodeRequest{MSISDN: "+41790000001", Usage: "authentication", Operation: "delete"}), `operation: must be create, reset, unblock or change, is "delete"`)
	_, err := s.AppletState(ctx, UserName{MSISDN: "4"})
	wantBad(t, "number", err, sms.ErrMSISDN.Error()+number)

	h.err = mssp.Faultf(mssp.UserCancel, "no") // what card or user refuse is told as it is
	_, applets := s.AppletState(ctx, UserName{MSISDN: "+41790000001"})
	for what, err := range map[string]error{
		"register": register(Registration{MSISDN: "+41790000001", Usage: "authentication"}),
		"code":     code(CodeRequest{MSISDN: "+41790000001", Usage: "authentication", Operation: "create"}),
		"state":    applets,
	} {
		if err != h.err {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Words for states that a later applet may have.
func TestWords(t *testing.T) {
	for b, want := range map[byte]string{0: "state 00", 1: "installed", 2: "active", 3: "deactivated", 4: "state 04"} {
		if got := word(b, "", "installed", "active", "deactivated"); got != want {
			t.Errorf("%d: %s", b, got)
		}
	}
}

// A card is put back into service once, its errors forgotten, and nothing else of it.
func TestReleaseAndAdvance(t *testing.T) {
	s, st := withCards(t)
	ctx := t.Context()
	for what, damage := range map[string]func(*mssp.Card){
		"suspended": func(c *mssp.Card) { c.State, c.BadPoR = mssp.CardSuspended, 10 },
		"counted":   func(c *mssp.Card) { c.BadPoR = 1 },
	} {
		if _, err := st.ChangeCard(ctx, iccid1, func(c *mssp.Card) error { damage(c); return nil }); err != nil {
			t.Fatal(err)
		}
		info, err := s.ReleaseCard(ctx, CardName{ICCID: iccid1})
		if want := (CardInfo{ICCID: iccid1, IMSI: "228010000000001", Profile: "int6", State: "active", Carriage: "response"}); err != nil || info != want {
			t.Errorf("%s: %+v, %v", what, info, err)
		}
		if c, err := st.Card(ctx, iccid1); err != nil || c.BadPoR != 0 || c.State != mssp.CardActive {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
		_, err = s.ReleaseCard(ctx, CardName{ICCID: iccid1})
		wantReason(t, err, Refusal{Reason: CardInService, ICCID: iccid1})
	}
	done, err := s.AdvanceCounters(ctx, CardName{ICCID: iccid1})
	floor := keys.FloorCounter(s.Clock()).String()
	if want := (CountersAdvanced{Sets: []CounterInfo{{KVN: 2, From: floor, To: floor}, {KVN: 1, From: "0000000000", To: "0000000000"}}}); err != nil || !reflect.DeepEqual(done, want) {
		t.Errorf("%+v, %v", done, err)
	}
	then := s.Clock().AddDate(2, 0, 0)
	s.Clock = func() time.Time { return then }
	later := keys.FloorCounter(then).String()
	done, err = s.AdvanceCounters(ctx, CardName{ICCID: iccid1})
	if want := (CountersAdvanced{Sets: []CounterInfo{{KVN: 2, From: floor, To: later}, {KVN: 1, From: "0000000000", To: "0000000000"}}}); err != nil || !reflect.DeepEqual(done, want) {
		t.Errorf("%+v, %v", done, err)
	}
	sets, err := st.KeySets(ctx, iccid1)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Vault.OpenCounter(iccid1, 2, sets[0].Counter); err != nil || c.String() != later {
		t.Errorf("stored %s, %v", c, err)
	}
	exact := s.CardProfiles["int6"]
	exact.SPI = ota.SPI{0x1E, 0x39} // exactly the next counter
	s.CardProfiles["int6"] = exact
	_, err = s.AdvanceCounters(ctx, CardName{ICCID: iccid1})
	wantReason(t, err, Refusal{Reason: CounterExact, ICCID: iccid1})
	for what, do := range map[string]func(string) error{
		"release": func(n string) error { _, err := s.ReleaseCard(ctx, CardName{ICCID: n}); return err },
		"advance": func(n string) error { _, err := s.AdvanceCounters(ctx, CardName{ICCID: n}); return err },
	} {
		wantBad(t, what, do("12"), "ICCID needs 18 to 20 decimal digits, have 2 characters")
		wantReason(t, do("8941000000000000009"), Refusal{Reason: NoSuchCard, ICCID: "8941000000000000009"})
	}
}

// The CA as whoever verifies trusts it: with the root above it where there is one.
func TestInitCA(t *testing.T) {
	for _, under := range []bool{false, true} {
		s, _, _ := newService(t)
		for what, r := range map[string]CARequest{
			"name": {UnderRoot: under}, "country": {Name: "A", Country: "CHE", UnderRoot: under}, "key": {Name: "A", Key: "P-224", UnderRoot: under},
		} {
			if _, err := s.InitCA(t.Context(), r); !errors.Is(err, &Refusal{Reason: BadRequest}) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if under {
			s.Engine = &hand{}
		}
		info, err := s.InitCA(t.Context(), CARequest{Name: "Example CA", Organization: "Example", Country: "CH", UnderRoot: under})
		if err != nil || info.Restart != under || (info.Root != nil) != under {
			t.Fatalf("%+v, %v", info, err)
		}
		var certs []*x509.Certificate
		for rest := info.PEM(); len(rest) > 0; {
			var block *pem.Block
			block, rest = pem.Decode(rest)
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil || block.Type != "CERTIFICATE" {
				t.Fatal(err)
			}
			certs = append(certs, c)
		}
		if last := certs[len(certs)-1]; len(certs) == 2 != under || certs[0].Subject.String() != info.Subject || !certs[0].NotAfter.Equal(info.NotAfter) ||
			certs[0].CheckSignatureFrom(last) != nil || last.CheckSignatureFrom(last) != nil || certs[0].Subject.String() != "CN=Example CA,O=Example,C=CH" {
			t.Errorf("%d certificates, the first of %s", len(certs), certs[0].Subject)
		}
		if _, err := s.InitCA(t.Context(), CARequest{Name: "Other CA"}); !errors.Is(err, &Refusal{Reason: CAExists}) || !strings.Contains(err.Error(), "CN=Example CA") {
			t.Error(err)
		}
	}
}
