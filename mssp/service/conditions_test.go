package service

import (
	"slices"
	"testing"
)

// What names us, or asks for nothing, passes.
func TestConditionsPass(t *testing.T) {
	for name, change := range map[string]func(*SignatureReq){
		"our own URI": func(r *SignatureReq) {
			r.MSSP.ID.URI, r.User.HomeMSSP.URI = "http://mssp.example/", "http://mssp.example"
		},
		"the ends of the alphabet": func(r *SignatureReq) {
			r.Services = []AdditionalService{{Description: nsFiCom + "eventId", EventID: "09AZaz"}, {Description: nsFiCom + "userLang", UserLang: "az-AZ"}}
		},
		"four": func(r *SignatureReq) {
			r.Services = []AdditionalService{{Description: nsFiCom + "eventId", EventID: "A0z9"}, {Description: nsFiCom + "userLang", UserLang: "ZA_za"}}
		},
		"eight": func(r *SignatureReq) {
			r.Services = []AdditionalService{{Description: nsFiCom + "eventId", EventID: "ABCD1234"}, {Description: nsFiCom + "userLang", UserLang: "fi"}}
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

// Where the phone is would only be told: without a policy the reply says that this
// is not done, and of services without an answer it says nothing.
func TestServiceResponses(t *testing.T) {
	for name, want := range map[string][]ServiceResponse{
		nsMID + "geofencing": {{Description: nsMID + "geofencing", ErrorCode: "100", ErrorMessage: "Geofencing feature disabled"}},
		nsETSI + "validate":  nil,
	} {
		s, _ := testService(t)
		req := bankRequest("T1")
		req.Services = []AdditionalService{{Description: name}}
		if resp, f := s.Signature(t.Context(), plain(), Peer{}, req); f != nil || !slices.Equal(resp.Responses, want) {
			t.Errorf("%s: %+v, %v", name, resp, f)
		}
	}
}
