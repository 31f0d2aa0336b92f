package service

import (
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
)

// What restricts a signature and is not understood refuses the request: each
// case adds one condition to a request that passes, and is refused for it.
func TestConditionsRefuse(t *testing.T) {
	service := func(a AdditionalService) func(*SignatureReq) {
		return func(r *SignatureReq) { r.Services = []AdditionalService{a} }
	}
	for name, c := range map[string]struct {
		change func(*SignatureReq)
		sub    mssp.Code
		want   string
	}{
		"KeyReference":           {func(r *SignatureReq) { r.KeyReference = true }, 0, "KeyReference is not resolved here"},
		"foreign HomeMSSP":       {func(r *SignatureReq) { r.User.HomeMSSP.URI = "http://other.example" }, 0, "MobileUser.HomeMSSP names another service"},
		"HomeMSSP by name":       {func(r *SignatureReq) { r.User.HomeMSSP.DNSName = "other.example" }, 0, "MobileUser.HomeMSSP names another service"},
		"HomeMSSP by address":    {func(r *SignatureReq) { r.User.HomeMSSP.IPAddress = "192.0.2.1" }, 0, "MobileUser.HomeMSSP names another service"},
		"HomeMSSP by identifier": {func(r *SignatureReq) { r.User.HomeMSSP.Identifier = "other" }, 0, "MobileUser.HomeMSSP names another service"},
		"ours and foreign":       {func(r *SignatureReq) { r.User.HomeMSSP = MeshMember{URI: "http://mssp.example/", DNSName: "x"} }, 0, "MobileUser.HomeMSSP names another service"},
		"foreign MSSP_ID":        {func(r *SignatureReq) { r.MSSP.ID.URI = "http://mssp.example/other" }, 0, "MSSP_Info.MSSP_ID names another service"},
		"foreign IdentityIssuer": {func(r *SignatureReq) { r.User.IdentityIssuer.URI = "http://other.example" }, 0, "MobileUser.IdentityIssuer names another service"},
		"UserIdentifier as well": {func(r *SignatureReq) { r.User.UserIdentifier = "anna@example" }, 0, "MobileUser.UserIdentifier is not resolved here"},
		"geofencing policy":      {service(AdditionalService{Description: nsMID + "geofencing", Members: []string{"GeoFencingRequest"}}), 0, `"GeoFencingRequest" of additional service`},
		"noSpam":                 {service(AdditionalService{Description: nsFiCom + "noSpam", NoSpam: &NoSpamCode{Code: "A1B2"}}), 1011, "NoSpamCode is not verified here"},
		"noSpam verify":          {service(AdditionalService{Description: nsFiCom + "noSpam", NoSpam: &NoSpamCode{Verify: "yes"}}), 1011, "NoSpamCode is not verified here"},
		"noSpam elsewhere":       {service(AdditionalService{Description: nsETSI + "validate", NoSpam: &NoSpamCode{Verify: "no"}}), 0, "holds what belongs to " + nsFiCom + "noSpam"},
		"EventID elsewhere":      {service(AdditionalService{Description: nsETSI + "validate", EventID: "A123"}), 0, "holds what belongs to " + nsFiCom + "eventId"},
		"a display name":         {service(AdditionalService{Description: nsFiCom + "displayName", Members: []string{"DisplayName"}}), 0, `"DisplayName" of additional service`},
		"a role":                 {service(AdditionalService{Description: nsMethics + "role", Members: []string{"Role"}}), 0, `"Role" of additional service`},
		"to be understood":       {service(AdditionalService{Description: nsMID + "app2app", Members: []string{"App2App", "mustUnderstand"}}), 0, `"mustUnderstand" of additional service`},
		"validated by another":   {service(AdditionalService{Description: nsETSI + "validate", Entity: MeshMember{URI: "http://other.example"}}), 0, "Entity of additional service"},
		"unknown service":        {service(AdditionalService{Description: nsETSI + "timestamp"}), 1014, "is not offered"},
		"the same service twice": {func(r *SignatureReq) {
			r.Services = make([]AdditionalService, 2)
			r.Services[0].Description = nsETSI + "validate"
			r.Services[1] = r.Services[0]
		}, 0, "comes twice"},
		"a service without a URI": {service(AdditionalService{}), 0, "has no Description"},
	} {
		s, e := testService(t)
		req := bankRequest("T1")
		c.change(req)
		_, f := s.Signature(t.Context(), plain(), Peer{}, req)
		if f == nil || f.Code != mssp.WrongParam && f.Code != mssp.MissingParam || f.Sub != c.sub || !strings.Contains(f.Detail, c.want) || len(e.seen) != 0 {
			t.Errorf("%s: %v, want %q", name, f, c.want)
		}
	}
}

// What names us, or asks for nothing, passes.
func TestConditionsPass(t *testing.T) {
	for name, change := range map[string]func(*SignatureReq){
		"our own URI": func(r *SignatureReq) {
			r.MSSP.ID.URI, r.User.HomeMSSP.URI = "http://mssp.example/", "http://mssp.example"
		},
		"an alias":              func(r *SignatureReq) { r.MSSP.ID.URI = "http://mid.swisscom.ch" },
		"geofencing, no policy": func(r *SignatureReq) { r.Services = []AdditionalService{{Description: nsMID + "geofencing"}} },
		"noSpam, not to verify": func(r *SignatureReq) {
			r.Services = []AdditionalService{{Description: nsFiCom + "noSpam", NoSpam: &NoSpamCode{Verify: "no", Code: "A1B2"}}}
		},
		"who answers": func(r *SignatureReq) {
			r.Services = []AdditionalService{
				{Description: nsFiCom + "personIdentity", Members: []string{"AttributeQuery"}, Entity: MeshMember{URI: "http://other.example"}},
				{Description: nsMID + "app2app", Members: []string{"App2App"}},
			}
		},
		"where to notify": func(r *SignatureReq) { r.AP.URL = "http://bank.example/notify" },
	} {
		s, _ := testService(t)
		req := bankRequest("T1")
		change(req)
		if _, f := s.Signature(t.Context(), plain(), Peer{}, req); f != nil {
			t.Errorf("%s: %v", name, f)
		}
	}
}
