package operator

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
)

func goodIdentification() Identification {
	return Identification{MSISDN: "+41790000001", How: "eid", By: "Carl Clerk", Email: "anna@mail.example", Document: "ID card E7"}
}

// Who has identified a user is recorded with who records it, and shown; what is no
// record is refused and replaces none.
//
// Supports: 3.5.1-11, 3.5.4-4
func TestIdentify(t *testing.T) {
	s, _ := withCards(t)
	_, err := s.IdentifyUser(t.Context(), goodIdentification())
	wantReason(t, err, Refusal{Reason: NoSuchUser, MSISDN: "41790000001"})
	if u, err := s.AddUser(t.Context(), goodUser()); err != nil || u.Identity != nil {
		t.Fatalf("%+v, %v", u, err)
	}
	if u, err := s.User(t.Context(), UserName{MSISDN: "+41790000001"}); err != nil || u.Identity != nil {
		t.Fatalf("%+v, %v", u.Identity, err)
	}
	ctx := audit.With(t.Context(), audit.Actor{Name: "ra-1", Role: audit.Registration, Door: "int3c"})
	want := &IdentityInfo{How: "eid", By: "Carl Clerk", At: s.Clock(), Email: "anna@mail.example", Document: "ID card E7", Recorder: "ra-1", Recorded: s.Clock()}
	if u, err := s.IdentifyUser(ctx, goodIdentification()); err != nil || !reflect.DeepEqual(u.Identity, want) {
		t.Errorf("%+v, %v", u.Identity, err)
	}
	for what, c := range map[string]struct {
		change func(*Identification)
		want   string
	}{
		"national number":    {func(r *Identification) { r.MSISDN = "0790000001" }, "must not begin with 0"},
		"no way":             {func(r *Identification) { r.How = "" }, "how: must be"},
		"another way":        {func(r *Identification) { r.How = "telephone" }, `how: must be face-to-face, portal, partner, eid or kiosk, is "telephone"`},
		"nobody":             {func(r *Identification) { r.By = " " }, "by: say who does it"},
		"tomorrow":           {func(r *Identification) { r.At = s.Clock().Add(time.Second) }, "at: is later than now"},
		"too long ago":       {func(r *Identification) { r.At = time.Unix(-1, 0).UTC() }, "at: is before 1970"},
		"two lines":          {func(r *Identification) { r.Document = "a\nb" }, "document: must be a line"},
		"201 octets":         {func(r *Identification) { r.Document = strings.Repeat("a", 201) }, "document: must be a line"},
		"no address":         {func(r *Identification) { r.Email = "anna" }, "email: must be an address"},
		"an address of name": {func(r *Identification) { r.Email = "Anna <anna@mail.example>" }, "email: must be an address"},
		"two addresses":      {func(r *Identification) { r.Email = "a@mail.example,b@mail.example" }, "email: must be an address"},
		"a header":           {func(r *Identification) { r.Email = "a@mail.example\r\nBcc: b@mail.example" }, "email: must be an address"},
		"a long address":     {func(r *Identification) { r.Email = strings.Repeat("a", 250) + "@b.example" }, "email: must be an address"},
	} {
		r := goodIdentification()
		c.change(&r)
		_, err := s.IdentifyUser(ctx, r)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	if u, err := s.User(t.Context(), UserName{MSISDN: "+41790000001"}); err != nil || !reflect.DeepEqual(u.Identity, want) {
		t.Errorf("%+v, %v", u.Identity, err)
	}
	for _, how := range mssp.Identifications() {
		r := goodIdentification()
		r.How, r.Email, r.Document, r.At = string(how), "", strings.Repeat("a", 200), s.Clock().Add(-time.Hour)
		if u, err := s.IdentifyUser(ctx, r); err != nil || u.Identity.How != string(how) || u.Identity.Email != "" || !u.Identity.At.Equal(r.At) || u.Identity.Document != r.Document {
			t.Errorf("%+v, %v", u.Identity, err)
		}
	}
}
