package service

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

type fakeSubscribers map[sms.MSISDN]struct {
	sub  mssp.Subscriber
	card mssp.Card
	keys []mssp.KeyPair
}

func (s fakeSubscribers) Lookup(_ context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	u, ok := s[n]
	if !ok {
		return mssp.Subscriber{}, mssp.Card{}, nil, mssp.ErrNotFound
	}
	return u.sub, u.card, u.keys, nil
}

func testCert(t *testing.T, from, to time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Alice", SerialNumber: "MIDCHE1234567890"}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestProfileQuery says which profiles a user can serve and why not.
//
// Supports: 3.5.12-1
func TestProfileQuery(t *testing.T) {
	good, old := testCert(t, now.Add(-time.Hour), now.Add(time.Hour)), testCert(t, now.Add(-time.Hour), now.Add(-time.Minute))
	key := func(u mssp.KeyUsage, st mssp.KeyState, der []byte) mssp.KeyPair {
		return mssp.KeyPair{Usage: u, State: st, CertDER: der}
	}
	active := mssp.Subscriber{State: mssp.SubscriberActive}
	users := fakeSubscribers{
		"41790000001": {active, mssp.Card{}, []mssp.KeyPair{key(mssp.Authentication, mssp.KeyRegistered, good), key(mssp.NonRepudiation, mssp.KeyRequested, nil)}},
		"41790000002": {active, mssp.Card{Blocked: [2]bool{true, false}}, []mssp.KeyPair{key(mssp.Authentication, mssp.KeyRegistered, old)}},
		"41790000003": {mssp.Subscriber{State: mssp.SubscriberSuspended}, mssp.Card{}, []mssp.KeyPair{key(mssp.Authentication, mssp.KeyRegistered, good)}},
		"41790000004": {mssp.Subscriber{State: mssp.SubscriberRemoved}, mssp.Card{}, nil},
		"41790000005": {active, mssp.Card{}, nil},
		"41790000007": {active, mssp.Card{}, []mssp.KeyPair{key(mssp.Authentication, mssp.KeySuspended, good)}},
		"41790000008": {active, mssp.Card{}, []mssp.KeyPair{key(mssp.Authentication, mssp.KeyRevoking, good)}},
		"41790000009": {active, mssp.Card{}, []mssp.KeyPair{key(mssp.Authentication, mssp.KeyRevoked, good)}},
	}
	s, _ := testService(t, func(o *Options) { o.Subscribers = users })
	for msisdn, want := range map[string]struct {
		code     mssp.Code // of a fault
		state    string
		blocked  bool
		certs    int
		profiles []string
	}{
		"+41790000001": {0, "ACTIVE", false, 1, []string{profileAuth}},
		"+41790000002": {0, "INACTIVE", true, 1, nil},
		"+41790000003": {0, "INACTIVE", false, 1, nil},
		"+41790000004": {code: mssp.UnknownClient},
		"+41790000005": {0, "INACTIVE", false, 0, nil},
		"+41790000006": {code: mssp.UnknownClient},
		"+41790000007": {0, "INACTIVE", false, 1, nil},
		"+41790000008": {0, "INACTIVE", false, 1, nil},
		"+41790000009": {0, "INACTIVE", false, 1, nil},
		"0790000001":   {code: mssp.WrongParam},
		"":             {code: mssp.MissingParam},
	} {
		h := bankHeader("P1")
		h.MajorVersion, h.MinorVersion = "2", "0"
		resp, f := s.ProfileQuery(t.Context(), plain(), Peer{}, &ProfileReq{Header: h, User: MobileUser{MSISDN: msisdn}})
		if want.code != 0 {
			if f == nil || f.Code != want.code {
				t.Errorf("%s: %v", msisdn, f)
			}
			continue
		}
		if f != nil {
			t.Errorf("%s: %v", msisdn, f)
			continue
		}
		u := resp.User
		if u.State != want.state || u.PINBlocked != want.blocked || len(u.Certificates) != want.certs || !slices.Equal(resp.Profiles, want.profiles) ||
			resp.Status.Code != mssp.RequestOK || resp.MajorVersion != "2" {
			t.Errorf("%s: %+v", msisdn, resp)
		}
		if want.certs > 0 && (u.Certificates[0].State != want.state || u.Certificates[0].Algorithm != "EC" || u.Certificates[0].Subject != "SERIALNUMBER=MIDCHE1234567890,CN=Alice") {
			t.Errorf("%s: certificate %+v", msisdn, u.Certificates[0])
		}
		if want.certs > 0 && !bytes.Equal(u.Certificates[0].DER, users[sms.MSISDN(msisdn[1:])].keys[0].CertDER) {
			t.Errorf("%s: another certificate", msisdn)
		}
	}
}

// brokenSubscribers is a store that fails.
type brokenSubscribers struct{ err error }

func (b brokenSubscribers) Lookup(context.Context, sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	return mssp.Subscriber{State: mssp.SubscriberActive}, mssp.Card{}, nil, b.err
}

// An accident is no user who is unknown, and a certificate that cannot be read is one.
func TestProfileAccident(t *testing.T) {
	active := mssp.Subscriber{State: mssp.SubscriberActive}
	damaged := fakeSubscribers{"41790000001": {active, mssp.Card{}, []mssp.KeyPair{{Usage: mssp.Authentication, State: mssp.KeyRegistered, CertDER: []byte{0x30}}}}}
	for name, c := range map[string]struct {
		from Subscribers
		code mssp.Code
	}{
		"an accident":           {brokenSubscribers{errors.New("disk on fire")}, mssp.InternalError},
		"no store":              {brokenSubscribers{store.ErrSilent}, mssp.UnableToProvide},
		"a damaged certificate": {damaged, mssp.InternalError},
	} {
		s, _ := testService(t, func(o *Options) { o.Subscribers = c.from })
		_, f := s.ProfileQuery(t.Context(), plain(), Peer{}, &ProfileReq{Header: bankHeader("P1"), User: MobileUser{MSISDN: "+41790000001"}})
		if f == nil || f.Code != c.code || f.Err == nil || strings.Contains(f.Detail, "fire") {
			t.Errorf("%s: %v", name, f)
		}
	}
}

// A provider without the permission learns that the user can sign, and with
// which profiles, and of all the others one and the same; no name, no
// certificate, no state of a code.
func TestProfileQueryWithoutPermission(t *testing.T) {
	good, old := testCert(t, now.Add(-time.Hour), now.Add(time.Hour)), testCert(t, now.Add(-time.Hour), now.Add(-time.Minute))
	active := mssp.Subscriber{State: mssp.SubscriberActive, Name: "Alice"}
	auth := func(der []byte) []mssp.KeyPair {
		return []mssp.KeyPair{{Usage: mssp.Authentication, State: mssp.KeyRegistered, CertDER: der}}
	}
	users := fakeSubscribers{
		"41790000001": {active, mssp.Card{Blocked: [2]bool{true, true}}, auth(good)},
		"41790000002": {active, mssp.Card{Blocked: [2]bool{true, false}}, auth(old)},
		"41790000003": {mssp.Subscriber{State: mssp.SubscriberSuspended}, mssp.Card{}, auth(good)},
		"41790000004": {mssp.Subscriber{State: mssp.SubscriberRemoved}, mssp.Card{}, nil},
		"41790000005": {active, mssp.Card{}, nil},
		"41790000007": {active, mssp.Card{State: mssp.CardSuspended}, auth(good)},
	}
	s, _ := testService(t, func(o *Options) {
		o.Subscribers = users
		ap := o.Directory.(fakeDirectory)["http://bank"]
		ap.Certificates = false
		o.Directory.(fakeDirectory)["http://bank"] = ap
	})
	ask := func(msisdn string) (*ProfileResp, *mssp.Fault) {
		return s.ProfileQuery(t.Context(), plain(), Peer{}, &ProfileReq{Header: bankHeader("P1"), User: MobileUser{MSISDN: msisdn}})
	}
	resp, f := ask("+41790000001")
	if f != nil || !slices.Equal(resp.Profiles, []string{profileAuth}) || !reflect.DeepEqual(resp.User, UserProfile{State: "ACTIVE", Bare: true}) {
		t.Errorf("%+v, %v", resp, f)
	}
	for _, n := range []string{"+41790000002", "+41790000003", "+41790000004", "+41790000005", "+41790000006", "+41790000007"} {
		if resp, f := ask(n); f == nil || f.Code != mssp.UnknownClient || f.Detail != "MobileUser.MSISDN is not registered here, or cannot sign now" {
			t.Errorf("%s: %+v, %v", n, resp, f)
		}
	}
}

// The rate of MSS_ProfileReq is low, a provider's own, and of nothing else.
func TestProfileRate(t *testing.T) {
	clock := now
	s, _ := testService(t, func(o *Options) {
		o.Subscribers, o.ProfilesPerMinute = fakeSubscribers{}, 3
		o.Clock = func() time.Time { return clock }
	})
	ask := func(ap mssp.APID, password string) mssp.Code {
		h := bankHeader("P1")
		h.AP.ID, h.AP.Password = ap, password
		_, f := s.ProfileQuery(t.Context(), plain(), Peer{}, &ProfileReq{Header: h, User: MobileUser{MSISDN: "+41790000001"}})
		return f.Code
	}
	var got []mssp.Code
	for range 4 {
		got = append(got, ask("http://bank", "geheim"))
	}
	got = append(got, ask("http://shop", "secret"))
	if _, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1")); f != nil {
		t.Errorf("a signature pays for profile queries: %v", f)
	}
	clock = clock.Add(20 * time.Second)
	got = append(got, ask("http://bank", "geheim"), ask("http://bank", "geheim"))
	if want := []mssp.Code{105, 105, 105, 780, 105, 105, 780}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
}

// TestNotOffered: what is not there says so, after the provider has proved who it is.
func TestNotOffered(t *testing.T) {
	s, _ := testService(t)
	_, f := s.ProfileQuery(t.Context(), plain(), Peer{}, &ProfileReq{Header: bankHeader("P1")})
	if f == nil || f.Code != mssp.IncompatibleInterface || !strings.HasSuffix(f.Detail, "offered are MSS_Signature and MSS_StatusQuery") {
		t.Errorf("profile query without subscribers: %v", f)
	}
	_, f = s.Receipt(t.Context(), plain(), Peer{}, &ReceiptReq{Header: bankHeader("R1")})
	if f == nil || f.Code != mssp.IncompatibleInterface {
		t.Errorf("receipt: %v", f)
	}
	all, _ := testService(t, func(o *Options) { o.Subscribers = fakeSubscribers{} })
	_, f = all.Receipt(t.Context(), plain(), Peer{}, &ReceiptReq{Header: bankHeader("R2")})
	if f == nil || !strings.HasSuffix(f.Detail, "offered are MSS_Signature, MSS_StatusQuery and MSS_ProfileQuery") {
		t.Errorf("receipt, where profiles are told: %v", f)
	}
	h := bankHeader("R1")
	h.AP.Password = "x"
	if _, f = s.Receipt(t.Context(), plain(), Peer{}, &ReceiptReq{Header: h}); f == nil || f.Code != mssp.UnauthorizedAccess {
		t.Errorf("receipt with a wrong password: %v", f)
	}
}

// TestSparse: where the dialect lets them, versions and Instant may be missing,
// and AP_ID behind HTTP Basic, but not what makes a repeat recognisable.
func TestSparse(t *testing.T) {
	users := fakeSubscribers{"41790000005": {mssp.Subscriber{State: mssp.SubscriberActive}, mssp.Card{}, nil}}
	s, e := testService(t, func(o *Options) {
		o.Subscribers = users
		o.Directory = fakeDirectory{"TestAP": {ID: "TestAP", PasswordHash: cheapHash(t, "secretpw"), Switches: mssp.Switches{Certificates: true}}}
	})
	sparse := plain()
	sparse.Absent = Absent{Version: true, Instant: true, TransID: map[Operation]bool{OpProfileQuery: true}}
	peer := Peer{Basic: true, User: "TestAP", Password: "secretpw"}
	req := bankRequest("A1")
	req.Header = Header{AP: APInfo{TransID: "A1", Password: "x"}}
	resp, f := s.Signature(t.Context(), sparse, peer, req)
	if f != nil || resp.AP.ID != "TestAP" || resp.MajorVersion != "1" || e.seen[0].AP.ID != "TestAP" {
		t.Fatalf("%+v, %v", resp, f)
	}
	req.AP.TransID = ""
	if _, f := s.Signature(t.Context(), sparse, peer, req); f == nil || f.Code != mssp.MissingParam {
		t.Errorf("no AP_TransID: %v", f)
	}
	req.AP.TransID, req.AP.Instant = "A2", "2020-01-01T00:00:00Z"
	if _, f := s.Signature(t.Context(), sparse, peer, req); f == nil || f.Code != mssp.WrongParam {
		t.Errorf("an Instant that is there must be right: %v", f)
	}
	if p, f := s.ProfileQuery(t.Context(), sparse, peer, &ProfileReq{User: MobileUser{MSISDN: "41790000005"}}); f != nil || p.Status.Code != mssp.RequestOK {
		t.Errorf("profile query: %v", f)
	}
}
