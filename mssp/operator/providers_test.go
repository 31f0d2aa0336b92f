package operator

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/store"
)

const (
	profile1 = "http://a.example/auth"
	alias1   = "urn:auth"
)

var pin1 = strings.Repeat("0a", 32)

// goodAP is a provider that is added; each refusal differs from it in one thing.
func goodAP() APRequest {
	return APRequest{
		Name: "Example Bank", ID: "ap://bank", Password: "twelve octet", Certs: []string{pin1}, Profiles: []string{profile1}, Prefixes: []string{"4179"},
		APSwitches: APSwitches{Octets: []string{alias1}, OtherDisplay: true, Certificates: true, UniqueIDs: true},
	}
}

// madeAP is goodAP whose password is made, which costs no slow hash.
func madeAP() APRequest {
	r := goodAP()
	r.Password = ""
	return r
}

// wantBad: refused as wrong in itself, in these words.
func wantBad(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want || !errors.Is(err, &Refusal{Reason: BadRequest}) {
		t.Errorf("%s: %v\nwant %s", what, err, want)
	}
}

// wantReason: refused for this reason, with this detail.
func wantReason(t *testing.T, err error, want Refusal) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != want.Reason || r.Detail != want.Detail || r.MSISDN != want.MSISDN || r.ICCID != want.ICCID || r.AP != want.AP {
		t.Errorf("%v: %+v\nwant %+v", err, r, want)
	}
}

func TestAddProvider(t *testing.T) {
	s, st, _ := newService(t)
	s.Profiles[0].Aliases = []string{alias1}
	const (
		exclude  = "a password and no password exclude each other"
		noURI    = " is not a URI of at most 128 characters: printable ASCII without spaces, with a scheme (ap://example-bank)"
		noDigits = " is not made of digits: the beginning of an international number, without the plus"
		noHash   = " is not the SHA-256 of a certificate in hexadecimal"
	)
	for what, c := range map[string]struct {
		change func(*APRequest)
		want   string
	}{
		"blank name":           {func(r *APRequest) { r.Name = " " }, "name: is blank: users see it on the handset, before every text"},
		"41 characters":        {func(r *APRequest) { r.Name = strings.Repeat("ä", 41) }, "name: has 41 characters, at most 40 are allowed: it takes room from every text on the handset"},
		"no id in the name":    {func(r *APRequest) { r.Name, r.ID = "Магазин", "" }, "id: the name has no letter a to z and no digit to make one of: give it"},
		"no scheme":            {func(r *APRequest) { r.ID = "bank" }, `id: "bank"` + noURI},
		"a space in the id":    {func(r *APRequest) { r.ID = "ap://a b" }, `id: "ap://a b"` + noURI},
		"129 characters":       {func(r *APRequest) { r.ID = "ap://" + strings.Repeat("a", 124) }, `id: "ap://` + strings.Repeat("a", 124) + `"` + noURI},
		"password and none":    {func(r *APRequest) { r.NoPass = true }, exclude},
		"11 octets":            {func(r *APRequest) { r.Password = "eleven octe" }, "password: has 11 octets, at least 12 are needed"},
		"unknown profile":      {func(r *APRequest) { r.Profiles = append(r.Profiles, profile1+"/") }, `profile: no [[signature_profile]] has the uri "http://a.example/auth/"`},
		"octets under unknown": {func(r *APRequest) { r.Octets = append(r.Octets, "urn") }, `octets: no [[signature_profile]] has the uri "urn"`},
		"empty prefix":         {func(r *APRequest) { r.Prefixes = append(r.Prefixes, "") }, `prefix: ""` + noDigits},
		"plus in a prefix":     {func(r *APRequest) { r.Prefixes[0] = "+4179" }, `prefix: "+4179"` + noDigits},
		"letter in a prefix":   {func(r *APRequest) { r.Prefixes[0] = "41x9" }, `prefix: "41x9"` + noDigits},
		"31 octets":            {func(r *APRequest) { r.Certs[0] = pin1[2:] }, `cert: "` + pin1[2:] + `"` + noHash},
		"half an octet":        {func(r *APRequest) { r.Certs[0] = pin1 + "0" }, `cert: "` + pin1 + `0"` + noHash},
		"no hexadecimal":       {func(r *APRequest) { r.Certs[0] = pin1[2:] + "0g" }, `cert: "` + pin1[2:] + `0g"` + noHash},
		"nobody can log in":    {func(r *APRequest) { r.Password, r.NoPass, r.Certs = "", true, nil }, "without a password and without a client certificate nobody could log in"},
	} {
		r := goodAP()
		c.change(&r)
		_, err := s.AddAP(t.Context(), r)
		wantBad(t, what, err, c.want)
	}
	s.Public = true
	_, err := s.AddAP(t.Context(), goodAP())
	wantBad(t, "both in public", err, "a client certificate and a password: while others reach the API, a provider has one of them (--no-password, or --cert none)")
	s.Public = false
	if aps, err := st.APs(t.Context()); err != nil || len(aps) != 0 {
		t.Fatalf("%d providers are stored, %v", len(aps), err)
	}

	added, err := s.AddAP(t.Context(), goodAP())
	if err != nil || added.Password != "" {
		t.Fatalf("%+v, %v", added, err)
	}
	row, err := st.AP(t.Context(), "ap://bank")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := service.VerifyPassword(row.PasswordHash, "twelve octet"); !ok || err != nil {
		t.Errorf("the password does not fit its hash: %v", err)
	}
	row.PasswordHash = ""
	want := mssp.AP{
		ID: "ap://bank", Name: "Example Bank", CertSHA256: []string{pin1}, Profiles: []string{profile1}, Prefixes: []string{"4179"}, CreatedAt: s.Clock(),
		Switches: mssp.Switches{Octets: []string{alias1}, OtherDisplay: true, Certificates: true, UniqueIDs: true}, Version: 1,
	}
	if row.CreatedAt = row.CreatedAt.UTC(); !reflect.DeepEqual(row, want) {
		t.Errorf("stored %+v\nwant %+v", row, want)
	}
	shown := APInfo{
		ID: "ap://bank", Name: "Example Bank", Password: true, Certs: []string{pin1}, Profiles: []string{profile1}, Prefixes: []string{"4179"},
		APSwitches: goodAP().APSwitches, Created: s.Clock(), Version: 1,
	}
	if !reflect.DeepEqual(added.APInfo, shown) {
		t.Errorf("shown %+v\nwant %+v", added.APInfo, shown)
	}
	for what, change := range map[string]func(*APRequest){ // at the edges, each under an id of its own
		"40 characters":  func(r *APRequest) { r.Name = strings.Repeat("ä", 40) },
		"128 characters": func(r *APRequest) { r.ID = "ap://" + strings.Repeat("a", 123) },
		"no certificate": func(r *APRequest) { r.ID, r.Certs = "ap://2", nil },
		"no password":    func(r *APRequest) { r.ID, r.Password, r.NoPass = "ap://3", "", true },
		"made of a name": func(r *APRequest) { r.ID, r.Name = "", "Bank 4" },
	} {
		r := madeAP()
		r.ID = "ap://" + strings.ReplaceAll(what, " ", "-")
		change(&r)
		added, err := s.AddAP(t.Context(), r)
		if err != nil || r.ID != "" && string(added.ID) != r.ID || r.ID == "" && added.ID != "ap://bank-4" || (added.Password == "") != r.NoPass || added.APInfo.Password == r.NoPass {
			t.Errorf("%s: %+v, %v", what, added, err)
		}
	}
	_, err = s.AddAP(t.Context(), madeAP())
	wantReason(t, err, Refusal{Reason: ProviderExists, AP: "ap://bank", Detail: `"Example Bank", active`})
}

// Each member of an edit changes its own and nothing else; what is refused
// changes nothing.
func TestEditProvider(t *testing.T) {
	s, st, _ := newService(t)
	s.Profiles = append(s.Profiles, mssp.SignatureProfile{URI: "urn:other"})
	s.Profiles[0].Aliases = []string{alias1}
	if _, err := s.AddAP(t.Context(), madeAP()); err != nil {
		t.Fatal(err)
	}
	row := func() mssp.AP {
		t.Helper()
		ap, err := st.AP(t.Context(), "ap://bank")
		if err != nil {
			t.Fatal(err)
		}
		return ap
	}
	no, name, blank := false, "Example Bank 2", " "
	list := func(s ...string) *[]string { return &s }
	for what, c := range map[string]struct {
		edit APEdit
		want func(*mssp.AP)
	}{
		"name":         {APEdit{Name: &name}, func(ap *mssp.AP) { ap.Name = name }},
		"certs":        {APEdit{Certs: list(strings.Repeat("0b", 32))}, func(ap *mssp.AP) { ap.CertSHA256 = []string{strings.Repeat("0b", 32)} }},
		"profiles":     {APEdit{Profiles: list("urn:other")}, func(ap *mssp.AP) { ap.Profiles = []string{"urn:other"} }},
		"prefixes":     {APEdit{Prefixes: list("4178", "4177")}, func(ap *mssp.AP) { ap.Prefixes = []string{"4178", "4177"} }},
		"octets":       {APEdit{Octets: list("urn:other")}, func(ap *mssp.AP) { ap.Octets = []string{"urn:other"} }},
		"otherDisplay": {APEdit{OtherDisplay: &no}, func(ap *mssp.AP) { ap.OtherDisplay = false }},
		"certificates": {APEdit{Certificates: &no}, func(ap *mssp.AP) { ap.Certificates = false }},
		"uniqueIDs":    {APEdit{UniqueIDs: &no}, func(ap *mssp.AP) { ap.UniqueIDs = false }},
	} {
		want := row()
		c.edit.ID, c.edit.Version = "ap://bank", want.Version
		info, err := s.EditAP(t.Context(), c.edit)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		c.want(&want)
		want.Version++
		if got := row(); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(info, apInfo(&want)) {
			t.Errorf("%s: %+v\nwant %+v", what, got, want)
		}
	}
	before := row()
	for what, c := range map[string]struct {
		edit APEdit
		want string
	}{
		"name":     {APEdit{Name: &blank}, "name: is blank: users see it on the handset, before every text"},
		"certs":    {APEdit{Certs: list("0b")}, `cert: "0b" is not the SHA-256 of a certificate in hexadecimal`},
		"profiles": {APEdit{Profiles: list("urn")}, `profile: no [[signature_profile]] has the uri "urn"`},
		"prefixes": {APEdit{Prefixes: list("x")}, `prefix: "x" is not made of digits: the beginning of an international number, without the plus`},
		"octets":   {APEdit{Octets: list("urn")}, `octets: no [[signature_profile]] has the uri "urn"`},
	} {
		c.edit.ID = "ap://bank"
		_, err := s.EditAP(t.Context(), c.edit)
		wantBad(t, what, err, c.want)
	}
	_, err := s.EditAP(t.Context(), APEdit{ID: "ap://bank", Version: before.Version - 1, Name: &name})
	wantReason(t, err, Refusal{Reason: ProviderChanged, AP: "ap://bank", Detail: "it is version 9 now, not 8"})
	if _, err := s.SetPassword(t.Context(), APPassword{ID: "ap://bank", NoPass: true}); err != nil {
		t.Fatal(err)
	}
	_, err = s.EditAP(t.Context(), APEdit{ID: "ap://bank", Certs: list()})
	wantBad(t, "the last way to log in", err, "without a password and without a client certificate nobody could log in")
	if before.PasswordHash, before.Version = "", before.Version+1; !reflect.DeepEqual(row(), before) {
		t.Errorf("a refused edit has changed %+v\nto %+v", before, row())
	}
	other := madeAP()
	other.ID, other.Name = "ap://other", "Other"
	if _, err := s.AddAP(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	alike := "Examp1e Bank 2"
	_, err = s.EditAP(t.Context(), APEdit{ID: "ap://other", Name: &alike})
	wantBad(t, "alike", err, `name: "Examp1e Bank 2" looks like "Example Bank 2", which users know as the provider ap://bank: take another one, or exactly that one where both are the same organisation`)
}

// Out of service and back: what others could bypass meanwhile does not come back.
func TestDisableProvider(t *testing.T) {
	s, st, _ := newService(t)
	s.Profiles[0].Aliases = []string{alias1}
	if _, err := s.AddAP(t.Context(), madeAP()); err != nil {
		t.Fatal(err)
	}
	info, err := s.DisableAP(t.Context(), APDisable{ID: "ap://bank"})
	if err != nil || !info.Disabled {
		t.Errorf("%+v, %v", info, err)
	}
	_, err = s.AddAP(t.Context(), madeAP())
	wantReason(t, err, Refusal{Reason: ProviderExists, AP: "ap://bank", Detail: `"Example Bank", disabled`})
	s.Public = true
	if _, err := s.DisableAP(t.Context(), APDisable{ID: "ap://bank"}); err != nil {
		t.Errorf("what is dangerous cannot be disabled: %v", err)
	}
	_, err = s.DisableAP(t.Context(), APDisable{ID: "ap://bank", Enable: true})
	wantBad(t, "both in public", err, "a client certificate and a password: while others reach the API, a provider has one of them (--no-password, or --cert none)")
	if ap, err := st.AP(t.Context(), "ap://bank"); err != nil || !ap.Disabled {
		t.Errorf("enabled all the same: %v", err)
	}
	if _, err := s.SetPassword(t.Context(), APPassword{ID: "ap://bank", NoPass: true}); err != nil {
		t.Fatal(err)
	}
	if info, err := s.DisableAP(t.Context(), APDisable{ID: "ap://bank", Enable: true}); err != nil || info.Disabled {
		t.Errorf("%+v, %v", info, err)
	}
	_, err = s.SetPassword(t.Context(), APPassword{ID: "ap://bank"})
	wantBad(t, "a password beside it", err, "a client certificate and a password: while others reach the API, a provider has one of them (--no-password, or --cert none)")
	_, err = s.SetPassword(t.Context(), APPassword{ID: "ap://bank", Password: "short"})
	wantBad(t, "a short one", err, "password: has 5 octets, at least 12 are needed")
	_, err = s.ProviderInfo(t.Context(), APName{ID: "ap://ban"})
	wantReason(t, err, Refusal{Reason: NoSuchProvider, AP: "ap://ban"})
	if info, err := s.ProviderInfo(t.Context(), APName{ID: "ap://bank"}); err != nil || info.Name != "Example Bank" || info.Password {
		t.Errorf("%+v, %v", info, err)
	}
}

// openStore has open transactions of a provider, and notes what was asked for.
type openStore struct {
	*store.Store
	asked store.TransactionFilter
	txs   []mssp.Transaction
	err   error
}

func (s *openStore) Transactions(_ context.Context, f store.TransactionFilter) ([]mssp.Transaction, error) {
	s.asked = f
	return s.txs, s.err
}

// canceller ends transactions, each as it is told.
type canceller struct {
	Engine
	ends map[mssp.TransID]error
	done []mssp.TransID
	by   string
}

func (c *canceller) Cancel(_ context.Context, id mssp.TransID, by string) (mssp.Transaction, error) {
	c.done, c.by = append(c.done, id), by
	return mssp.Transaction{ID: id, Kind: mssp.KindSign, State: mssp.Failed, Status: mssp.ExpiredTransaction, Detail: "cancelled", EndedBy: by}, c.ends[id]
}

// A provider that is removed is gone whatever becomes of its transactions, and the
// operator hears what became of them.
func TestRemoveProvider(t *testing.T) {
	accident := errors.New("the disk is gone")
	txs := []mssp.Transaction{{ID: "h1"}, {ID: "h2"}, {ID: "h3"}}
	for what, c := range map[string]struct {
		engine          bool
		ends            map[mssp.TransID]error
		list, want      error
		cancelled, open int
	}{
		"all are cancelled":             {true, nil, nil, nil, 3, 0},
		"one has ended":                 {true, map[mssp.TransID]error{"h1": mssp.ErrFinal}, nil, nil, 2, 0},
		"one was erased":                {true, map[mssp.TransID]error{"h1": mssp.ErrNotFound}, nil, nil, 2, 0},
		"one cannot be ended":           {true, map[mssp.TransID]error{"h2": accident}, nil, accident, 1, 0},
		"nobody runs":                   {false, nil, nil, nil, 0, 3},
		"the transactions are not told": {true, nil, accident, accident, 0, 3},
	} {
		s, st, _ := newService(t)
		s.Profiles[0].Aliases = []string{alias1}
		if _, err := s.AddAP(t.Context(), madeAP()); err != nil {
			t.Fatal(err)
		}
		o := &openStore{Store: st, txs: txs, err: c.list}
		s.Store = o
		if c.engine {
			s.Engine = &canceller{ends: c.ends}
		}
		gone, err := s.RemoveAP(t.Context(), APName{ID: "ap://bank"})
		if !errors.Is(err, c.want) || c.want == nil && err != nil || gone.Cancelled != c.cancelled || gone.Open != c.open || !gone.Removed.Equal(s.Clock()) {
			t.Errorf("%s: %+v, %v", what, gone, err)
		}
		if want := (store.TransactionFilter{AP: "ap://bank", Open: true, Limit: 1000}); o.asked != want {
			t.Errorf("%s: asked for %+v", what, o.asked)
		}
		if _, err := st.AP(t.Context(), "ap://bank"); !errors.Is(err, mssp.ErrNotFound) {
			t.Errorf("%s: still known, %v", what, err)
		}
		aps, err := s.APs(t.Context(), Page{})
		if err != nil || len(aps) != 1 || aps[0].Password || len(aps[0].Certs) > 0 || aps[0].Name != "Example Bank" {
			t.Errorf("%s: %+v, %v", what, aps, err)
		}
		_, err = s.RemoveAP(t.Context(), APName{ID: "ap://bank"})
		wantReason(t, err, Refusal{Reason: ProviderRemoved, AP: "ap://bank", Detail: `"Example Bank", on ` + s.Clock().Format(time.DateOnly)})
		_, err = s.AddAP(t.Context(), madeAP())
		wantReason(t, err, Refusal{Reason: ProviderRemoved, AP: "ap://bank", Detail: `"Example Bank", on ` + s.Clock().Format(time.DateOnly)})
	}
}
