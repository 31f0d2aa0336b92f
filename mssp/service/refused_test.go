package service

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/faulttest"
)

// asked is everything that decides about a request: what it says, who sends it
// and how, what the operator has written about the provider, and what else there is.
type asked struct {
	Op      Operation
	Peer    Peer
	AP      mssp.AP // the record of the only provider
	Req     SignatureReq
	TransID string // MSSP_TransID of MSS_StatusReq
	World   world
}

type world struct {
	Before  int              // requests of the same operation in the same second
	Waiting int              // of its synch requests; there are three places
	Guesses int              // wrong passwords for it from the same address
	Default string           // the profile of requests that name none
	Silent  bool             // the store gives no answer
	Gone    string           // what becomes of the provider while the user makes up his mind
	Tx      mssp.Transaction // one that there is
	Leak    bool             // the engine gives it to anybody
	Users   []person         // nil: MSS_ProfileQuery is not offered
}

type person struct {
	Subscriber mssp.Subscriber
	Card       mssp.Card
	Keys       []mssp.KeyPair
}

// refusal is an accepted request that was changed in one thing, and all of the
// fault that this thing gives.
type refusal struct {
	from      string
	name      string
	change    func(*asked)
	code, sub mssp.Code
	detail    string
}

// send asks a new service in this world.
func (a *asked) send(t *testing.T) (*fakeEngine, *mssp.Fault) {
	t.Helper()
	w := a.World
	s, e := testService(t, func(o *Options) {
		o.Directory, o.DefaultProfile, o.MaxWaits = fakeDirectory{a.AP.ID: a.AP}, w.Default, 3
		if w.Silent {
			o.Available = func() error { return errors.New("store has not answered within 3s") }
		}
		if w.Users != nil {
			users := fakeSubscribers{}
			for _, u := range w.Users {
				users[u.Subscriber.MSISDN] = struct {
					sub  mssp.Subscriber
					card mssp.Card
					keys []mssp.KeyPair
				}{u.Subscriber, u.Card, u.Keys}
			}
			o.Subscribers = users
		}
	})
	if w.Tx.ID != "" {
		e.byID[w.Tx.ID], e.leak = &w.Tx, w.Leak
	}
	e.atWait = func(id mssp.TransID) {
		switch ap := a.AP; w.Gone {
		case "removed":
			delete(s.o.Directory.(fakeDirectory), ap.ID)
		case "disabled":
			ap.Disabled = true
			s.o.Directory.(fakeDirectory)[ap.ID] = ap
		}
		e.end(t, id, mssp.Done, mssp.Signature, "", []byte("CMS"))
	}
	for range w.Waiting {
		if f := s.rates.wait(a.AP.ID); f != nil {
			t.Fatal(f)
		}
	}
	for i := range w.Guesses {
		s.login(t, a.Peer.Source, a.AP.ID, fmt.Sprint("guess", i))
	}
	for i := range w.Before {
		again := *a
		again.Req.AP.TransID = fmt.Sprint("B", i)
		if f := again.ask(t, s); f != nil {
			t.Fatalf("request %d of those before: %v", i+1, f)
		}
	}
	e.seen = nil
	return e, a.ask(t, s)
}

func (a *asked) ask(t *testing.T, s *Service) (f *mssp.Fault) {
	t.Helper()
	req := a.Req
	switch a.Op {
	case OpSignature:
		_, f = s.Signature(t.Context(), plain(), a.Peer, &req)
	case OpStatusQuery:
		_, f = s.StatusQuery(t.Context(), plain(), a.Peer, &StatusReq{Header: req.Header, TransID: a.TransID})
	case OpProfileQuery:
		_, f = s.ProfileQuery(t.Context(), plain(), a.Peer, &ProfileReq{Header: req.Header, User: req.User})
	case OpReceipt:
		_, f = s.Receipt(t.Context(), plain(), a.Peer, &ReceiptReq{Header: req.Header})
	default:
		t.Fatalf("operation %q", a.Op)
	}
	return f
}

// Every rule of a request, for the right reason: what is refused is an accepted
// request that differs in one thing, the fault is compared whole, nothing has
// reached the engine, and every text that the service can refuse with has a case.
//
// Supports: 5.2-1, 3.5.3-5, W-1, I2
func TestRefused(t *testing.T) {
	bases := acceptedRequests(t)
	for name, base := range bases {
		if _, f := base().send(t); f != nil {
			t.Errorf("%s: %v", name, f)
		}
	}
	rules := faulttest.Read(t, "*.go", "../signature/screen.go")
	var cases []refusal
	for _, more := range [][]refusal{refusedProviders(), refusedHeaders(), refusedUsers(), refusedServices(), refusedData(), refusedScreens(), refusedTimes(), refusedQueries(t)} {
		cases = append(cases, more...)
	}
	for _, c := range cases {
		t.Run(c.from+"/"+c.name, func(t *testing.T) {
			base := bases[c.from]
			if base == nil {
				t.Fatalf("there is no request %q", c.from)
			}
			a := base()
			c.change(a)
			d := faulttest.Differences(*base(), *a)
			if moved := []string{".Req.User.UserIdentifier", ".Req.User.MSISDN"}; len(d) != 1 && !slices.Equal(d, moved) {
				t.Errorf("it differs in %d things: %q", len(d), d)
			}
			e, f := a.send(t)
			switch {
			case f == nil:
				t.Fatal("accepted")
			case f.Code != c.code || f.Sub != c.sub || f.Detail != c.detail:
				t.Errorf("%d/%d %q\nwant %d/%d %q", int(f.Code), int(f.Sub), f.Detail, int(c.code), int(c.sub), c.detail)
			}
			if len(e.seen) != 0 && c.from != "synch" {
				t.Error("the engine has seen a request that was refused")
			}
			rules.Met(c.detail)
		})
	}
	for _, r := range rules.Unmet() {
		t.Errorf("no case meets %s", r)
	}
}

// acceptedRequests are those that the cases change.
func acceptedRequests(t *testing.T) map[string]func() *asked {
	hash := cheapHash(t, "geheim")
	valid := testCert(t, now.Add(-time.Hour), now.Add(time.Hour))
	text := func() *asked {
		return &asked{
			Op: OpSignature, Peer: Peer{Source: netip.MustParseAddr("192.0.2.1")}, Req: *bankRequest("T1"),
			AP: mssp.AP{ID: "http://bank", Name: "Bank", PasswordHash: hash},
		}
	}
	from := func(base func() *asked, change func(*asked)) func() *asked {
		return func() *asked {
			a := base()
			change(a)
			return a
		}
	}
	profile := from(text, func(a *asked) {
		a.Op, a.AP.Certificates = OpProfileQuery, true
		a.World.Users = []person{{
			mssp.Subscriber{MSISDN: "41791234567", State: mssp.SubscriberActive},
			mssp.Card{State: mssp.CardActive},
			[]mssp.KeyPair{{Usage: mssp.Authentication, State: mssp.KeyRegistered, CertDER: valid}},
		}}
	})
	other := from(text, func(a *asked) {
		a.AP.OtherDisplay, a.Req.Display = true, &Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Log in to the portal?"}
	})
	return map[string]func() *asked{
		"text":  text,
		"synch": from(text, func(a *asked) { a.Req.Mode = "synch" }),
		"basic": from(text, func(a *asked) {
			a.Peer.Basic, a.Peer.User, a.Peer.Password, a.Req.AP.ID = true, "aHR0cDovL2Jhbms=", "geheim", ""
		}),
		"longest user": from(text, func(a *asked) { // the other 128 octets of an AP_ID are what base64 adds
			a.AP.ID = mssp.APID("http://" + strings.Repeat("a", 377))
			a.Peer.Basic, a.Peer.User, a.Peer.Password, a.Req.AP.ID = true, base64.StdEncoding.EncodeToString([]byte(a.AP.ID)), "geheim", ""
		}),
		"certificate": from(text, func(a *asked) {
			a.Peer.Certificate, a.AP.CertSHA256, a.Req.AP.Password = &[32]byte{0xAB}, []string{"ab" + strings.Repeat("00", 31)}, "x"
		}),
		"password and pin": from(text, func(a *asked) { a.AP.CertSHA256 = []string{"ab" + strings.Repeat("00", 31)} }),
		"last request":     from(text, func(a *asked) { a.World.Before = 199 }),
		"last place":       from(text, func(a *asked) { a.Req.Mode, a.World.Waiting = "synch", 1 }),
		"last guess":       from(text, func(a *asked) { a.World.Guesses = 199 }),
		"default profile":  from(text, func(a *asked) { a.World.Default, a.Req.Profile = profileAuth, "" }),
		"longest names": from(text, func(a *asked) {
			a.AP.ID = mssp.APID("http://" + strings.Repeat("a", 249))
			a.Req.AP.ID, a.Req.AP.TransID = a.AP.ID, strings.Repeat("a", 64)
		}),
		"prefixes": from(text, func(a *asked) { a.AP.Prefixes = []string{"358", "4179"} }),
		"profiles": from(text, func(a *asked) { a.AP.Profiles = []string{profileSign, "http://mid.swisscom.ch/Any-LoA4"} }),
		"better":   from(text, func(a *asked) { a.Req.Profile, a.Req.Comparison = "http://uri.gsma.com/mobileconnect/LoA3", "better" }),
		"better of two": from(text, func(a *asked) {
			a.Req.Profile, a.Req.Comparison = "http://uri.gsma.com/mobileconnect/LoA3", "better"
			a.AP.Profiles = []string{"http://uri.gsma.com/mobileconnect/LoA3", profileSign}
		}),
		"us": from(text, func(a *asked) {
			us := MeshMember{URI: "http://mssp.example/", DNSName: "http://mid.swisscom.ch", IPAddress: "http://mssp.example", Identifier: "http://mid.swisscom.ch/"}
			a.Req.MSSP.ID, a.Req.User.HomeMSSP, a.Req.User.IdentityIssuer = us, us, us
			a.Req.Services = []AdditionalService{{Description: nsETSI + "validate", Entity: us}}
		}),
		"services": from(text, func(a *asked) {
			a.Req.Services = []AdditionalService{
				{Description: nsFiCom + "userLang", UserLang: "fi"},
				{Description: nsFiCom + "eventId", EventID: "A123"},
				{Description: nsFiCom + "noSpam", NoSpam: &NoSpamCode{Verify: "no", Code: "A1B2"}},
				{Description: nsETSI + "validate"},
				{Description: nsMID + "geofencing"},
				{Description: nsFiCom + "personIdentity", Members: []string{"AttributeQuery"}},
				{Description: nsMID + "app2app", Members: []string{"App2App"}},
			}
		}),
		"text in base64": from(text, func(a *asked) { a.Req.Data = Data{"text/plain", "base64", "UGF5"} }),
		"octets": from(text, func(a *asked) {
			a.AP.Octets, a.Req.Data = []string{profileAuth}, Data{"application/octet-stream", "base64", "AQID"}
			a.Req.Display = &Data{Data: "Contract.pdf"}
		}),
		"hash": from(text, func(a *asked) {
			a.AP.Octets, a.Req.Data = []string{profileAuth}, Data{"application/x-sha256", "base64", zeros(32)}
			a.Req.Display = &Data{Data: "Contract.pdf"}
		}),
		"hash alone": from(text, func(a *asked) {
			a.AP.Octets, a.Req.Data = []string{profileAuth}, Data{"application/x-sha256", "base64", zeros(32)}
		}),
		"hash of 384 bits": from(text, func(a *asked) {
			a.AP.Octets, a.Req.Data = []string{profileAuth}, Data{"application/x-sha384", "base64", zeros(48)}
		}),
		"hash of 512 bits": from(text, func(a *asked) {
			a.AP.Octets, a.Req.Data = []string{profileAuth}, Data{"application/x-sha512", "base64", zeros(64)}
		}),
		"most octets": from(text, func(a *asked) {
			a.AP.Octets, a.Req.Data = []string{profileAuth}, Data{"application/octet-stream", "base64", zeros(16384)}
		}),
		"octets alone":           from(text, func(a *asked) { a.AP.Octets, a.Req.Data = []string{profileAuth}, Data{"", "base64", "AQID"} }),
		"longest text":           from(text, func(a *asked) { a.Req.Data.Data = strings.Repeat("a", 214) }),
		"longest in UCS-2":       from(text, func(a *asked) { a.Req.Data.Data = "õ" + strings.Repeat("a", 93) }),
		"another text":           other,
		"a line feed at the end": from(other, func(a *asked) { a.Req.Display.Data = "Log in?\n" }),
		"same text":              from(text, func(a *asked) { a.Req.Display = &Data{Data: "Log in?"} }),
		"longest two texts":      from(other, func(a *asked) { a.Req.Data.Data = strings.Repeat("a", 192) }),
		"times": from(text, func(a *asked) {
			a.Req.TimeOut, a.Req.ValidityDate = "60", now.Add(50*time.Second).Format(time.RFC3339)
		}),
		"time-out":      from(text, func(a *asked) { a.Req.TimeOut = "10" }),
		"validity date": from(text, func(a *asked) { a.Req.ValidityDate = now.Add(5 * time.Minute).Format(time.RFC3339) }),
		"status": from(text, func(a *asked) {
			a.Op, a.TransID = OpStatusQuery, "hq"
			a.World.Tx = mssp.Transaction{ID: "hq", AP: "http://bank", Kind: mssp.KindSign, State: mssp.Waiting}
		}),
		"status of one that is done": from(text, func(a *asked) {
			a.Op, a.TransID = OpStatusQuery, "hq"
			a.World.Tx = mssp.Transaction{ID: "hq", AP: "http://bank", Kind: mssp.KindSign, State: mssp.Done, Result: []byte(`{"signature":"AQ=="}`)}
		}),
		"status that leaks": from(text, func(a *asked) {
			a.Op, a.TransID, a.World.Leak = OpStatusQuery, "hq", true
			a.World.Tx = mssp.Transaction{ID: "hq", AP: "http://bank", Kind: mssp.KindSign, State: mssp.Waiting}
		}),
		"profile":            profile,
		"last profile query": from(profile, func(a *asked) { a.World.Before = 29 }),
		"bare profile":       from(profile, func(a *asked) { a.AP.Certificates = false }),
	}
}
