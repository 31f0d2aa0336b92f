package operator

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/fieldtest"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/service"
)

// testCA is the certificate of a CA.
func testCA(t *testing.T, s *Service) []byte {
	t.Helper()
	info, err := s.InitCA(t.Context(), CARequest{Name: "Issuer CA"})
	if err != nil {
		t.Fatal(err)
	}
	return info.Certificate
}

// wantParty: refused for this reason, about this id.
func wantParty(t *testing.T, err error, reason Reason, id string) {
	t.Helper()
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Reason != reason || r.Party != id || !strings.Contains(r.Error(), id) {
		t.Errorf("%v, want %s of %s", err, reason, id)
	}
}

// Supports: W-8
func TestIssuers(t *testing.T) {
	s, st, _ := newService(t)
	ctx := t.Context()
	ca := testCA(t, s)
	good := IssuerRequest{ID: "north", Name: "North Mobile", Profiles: []string{profile1}, CA: ca}
	for what, c := range map[string]struct {
		change func(*IssuerRequest)
		want   string
	}{
		"no id":           {func(r *IssuerRequest) { r.ID = "" }, `id: "" is not made of 1 to 64 of a to z, 0 to 9, - . _`},
		"a long id":       {func(r *IssuerRequest) { r.ID = strings.Repeat("a", 65) }, `id: "` + strings.Repeat("a", 65) + `" is not made of 1 to 64 of a to z, 0 to 9, - . _`},
		"a colon":         {func(r *IssuerRequest) { r.ID = "a:b" }, `id: "a:b" is not made of 1 to 64 of a to z, 0 to 9, - . _`},
		"no name":         {func(r *IssuerRequest) { r.Name = "" }, "name: is blank: users see it on the handset, before every text"},
		"unknown profile": {func(r *IssuerRequest) { r.Profiles = []string{"urn:x"} }, `profile: no [[signature_profile]] has the uri "urn:x"`},
		"no certificate":  {func(r *IssuerRequest) { r.CA = []byte{1} }, "ca: is not the certificate of a CA"},
	} {
		r := good
		c.change(&r)
		_, err := s.AddIssuer(ctx, r)
		wantBad(t, what, err, c.want)
	}
	added, err := s.AddIssuer(ctx, good)
	if err != nil || !reflect.DeepEqual(added.CACert, ca) || !strings.Contains(added.CA, "Issuer CA") {
		t.Fatalf("%+v, %v", added, err)
	}
	_, err = s.AddIssuer(ctx, good)
	wantParty(t, err, IssuerExists, "north")
	if _, err := s.AddIssuer(ctx, IssuerRequest{ID: strings.Repeat("a", 64), Name: "A"}); err != nil {
		t.Error(err)
	}

	name, none, any := "South", []string{}, []byte{}
	edited, err := s.EditIssuer(ctx, IssuerEdit{ID: "north", Name: &name, Profiles: &none, CA: &any})
	if err != nil || edited.Name != name || len(edited.Profiles) != 0 || edited.CA != "" || edited.Version != 2 {
		t.Errorf("%+v, %v", edited, err)
	}
	blank := " "
	_, err = s.EditIssuer(ctx, IssuerEdit{ID: "north", Name: &blank})
	wantBad(t, "a blank name", err, "name: is blank: users see it on the handset, before every text")
	_, err = s.EditIssuer(ctx, IssuerEdit{ID: "east", Name: &name})
	wantParty(t, err, NoSuchIssuer, "east")

	_, err = s.ImportCards(ctx, CardImport{CSV: cardHead + cardLine + "\n", Issuer: "east"})
	wantParty(t, err, NoSuchIssuer, "east")
	if _, err := s.ImportCards(ctx, CardImport{CSV: cardHead + cardLine + "\n", Issuer: "north"}); err != nil {
		t.Fatal(err)
	}
	if c, err := s.ShowCard(ctx, CardQuestion{ICCID: iccid1}); err != nil || c.Issuer != "north" {
		t.Errorf("%+v, %v", c, err)
	}
	_, err = s.AssignCard(ctx, CardOwner{ICCID: iccid1, Issuer: "east"})
	wantParty(t, err, NoSuchIssuer, "east")
	if c, err := s.AssignCard(ctx, CardOwner{ICCID: iccid1}); err != nil || c.Issuer != "" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err = s.AssignCard(ctx, CardOwner{ICCID: "8941000000000000019", Issuer: "north"}); !errors.Is(err, &Refusal{Reason: NoSuchCard}) {
		t.Error(err)
	}
	if _, err = s.AssignCard(ctx, CardOwner{ICCID: "1", Issuer: "north"}); !errors.Is(err, &Refusal{Reason: BadRequest}) {
		t.Error(err)
	}

	gone, err := s.RemoveIssuer(ctx, PartyName{ID: "north"})
	if err != nil || !gone.Removed.Equal(s.Clock()) {
		t.Errorf("%+v, %v", gone, err)
	}
	_, err = s.RemoveIssuer(ctx, PartyName{ID: "north"})
	wantParty(t, err, IssuerRemoved, "north")
	_, err = s.AssignCard(ctx, CardOwner{ICCID: iccid1, Issuer: "north"})
	wantParty(t, err, NoSuchIssuer, "north")
	all, err := s.Issuers(ctx, Page{})
	rows, err2 := st.Issuers(ctx)
	if err != nil || err2 != nil || len(all) != 2 || !slices.ContainsFunc(all, func(i IssuerInfo) bool { return reflect.DeepEqual(i, issuerInfo(&rows[1])) }) {
		t.Errorf("%+v, %v, %v", all, err, err2)
	}
}

// Supports: W-2
func TestClients(t *testing.T) {
	s, st, _ := newService(t)
	ctx := t.Context()
	if _, err := s.AddIssuer(ctx, IssuerRequest{ID: "north", Name: "North"}); err != nil {
		t.Fatal(err)
	}
	const both = "a client certificate and a password: a client has one of them, or who knows the password passes without the certificate"
	good := ClientRequest{ID: "crm", Role: "registration", Issuer: "north"}
	for what, c := range map[string]struct {
		change func(*ClientRequest)
		want   string
	}{
		"an id with a space":       {func(r *ClientRequest) { r.ID = "c m" }, `id: "c m" is not made of 1 to 64 of a to z, 0 to 9, - . _`},
		"no role":                  {func(r *ClientRequest) { r.Role = "" }, `role: "" is none of administrator, operator, registration, customer-care, auditor`},
		"the role of the program":  {func(r *ClientRequest) { r.Role = "system" }, `role: "system" is none of administrator, operator, registration, customer-care, auditor`},
		"eleven octets":            {func(r *ClientRequest) { r.Password = "eleven octe" }, "password: has 11 octets, at least 12 are needed"},
		"no pin":                   {func(r *ClientRequest) { r.Certs = []string{"ab"} }, `cert: "ab" is not the SHA-256 of a certificate in hexadecimal`},
		"password and certificate": {func(r *ClientRequest) { r.Password, r.Certs = "twelve octet", []string{pin1} }, both},
	} {
		r := good
		c.change(&r)
		_, err := s.AddClient(ctx, r)
		wantBad(t, what, err, c.want)
	}
	_, err := s.AddClient(ctx, ClientRequest{ID: "crm", Role: "auditor", Issuer: "east"})
	wantParty(t, err, NoSuchIssuer, "east")
	added, err := s.AddClient(ctx, good)
	if err != nil || added.Made == "" || !added.Password || added.Issuer != "north" || added.Role != "registration" {
		t.Fatalf("%+v, %v", added, err)
	}
	opens := func(password string) bool {
		v, err := st.Client(ctx, "crm")
		ok, err2 := service.VerifyPassword(v.PasswordHash, password)
		return err == nil && err2 == nil && ok
	}
	if !opens(added.Made) || opens("another word") {
		t.Error("the password that was made is not the one that opens")
	}
	_, err = s.AddClient(ctx, good)
	wantParty(t, err, ClientExists, "crm")

	other, err := s.SetClientLogin(ctx, ClientLogin{ID: "crm"})
	if err != nil || other.Made == added.Made || !opens(other.Made) || opens(added.Made) {
		t.Errorf("%+v, %v", other, err)
	}
	pinned, err := s.SetClientLogin(ctx, ClientLogin{ID: "crm", Certs: []string{pin1}})
	if err != nil || pinned.Made != "" || pinned.Password || !slices.Equal(pinned.Certs, []string{pin1}) {
		t.Errorf("%+v, %v", pinned, err)
	}
	_, err = s.SetClientLogin(ctx, ClientLogin{ID: "crm", Password: "twelve octet", Certs: []string{pin1}})
	wantBad(t, "both", err, both)
	_, err = s.SetClientLogin(ctx, ClientLogin{ID: "none"})
	wantParty(t, err, NoSuchClient, "none")

	for _, enable := range []bool{false, true} {
		if v, err := s.DisableClient(ctx, ClientDisable{ID: "crm", Enable: enable}); err != nil || v.Disabled == enable {
			t.Errorf("%+v, %v", v, err)
		}
	}
	gone, err := s.RemoveClient(ctx, PartyName{ID: "crm"})
	if err != nil || gone.Removed.IsZero() || gone.Password || len(gone.Certs) > 0 {
		t.Errorf("%+v, %v", gone, err)
	}
	_, err = s.DisableClient(ctx, ClientDisable{ID: "crm", Enable: true})
	wantParty(t, err, ClientRemoved, "crm")
	_, err = s.AddClient(ctx, good)
	wantParty(t, err, ClientExists, "crm")
	if all, err := s.Clients(ctx, Page{}); err != nil || len(all) != 1 || all[0].ID != "crm" {
		t.Errorf("%+v, %v", all, err)
	}
}

// Every field of an issuer and of a client is shown, or stands here.
func TestEveryFieldOfAPartyIsShown(t *testing.T) {
	s, _, _ := newService(t)
	ca := testCA(t, s)
	base, other := party.Issuer{CA: ca}, map[string]any{"CA": []byte{1}}
	whole := fieldtest.Filled(t, base)
	fieldtest.Each(t, base, other, func(field string, v party.Issuer) {
		if field != "" && reflect.DeepEqual(issuerInfo(&whole), issuerInfo(&v)) {
			t.Errorf("another %s of an issuer is not shown", field)
		}
	})
	client := fieldtest.Filled(t, party.Client{})
	fieldtest.Each(t, party.Client{}, nil, func(field string, v party.Client) {
		same := reflect.DeepEqual(clientInfo(&client), clientInfo(&v))
		if field != "" && same != (field == "PasswordHash") { // a secret
			t.Errorf("another %s of a client is shown: %v", field, !same)
		}
	})
}
