package service

import (
	"slices"
	"strings"

	"github.com/simsign/simsign/mssp"
)

// Name spaces of AdditionalServices.
const (
	nsETSI     = "http://uri.etsi.org/TS102204/v1.1.2#"
	nsFiCom    = "http://mss.ficom.fi/TS102204/v1.0.0#"
	nsMID      = "http://mid.swisscom.ch/as#"
	nsMethics  = "http://www.methics.fi/KiuruMSSP/v5.0.0#"
	nsMobileVN = "http://mobile-id.vn/MSSP/v1.0.0#"
)

// extras is what the additional services of a request ask for.
type extras struct {
	validate  bool
	language  string
	eventID   string
	responses []ServiceResponse
	late      *mssp.Fault // of the time for the request: nothing but a repeat is answered
}

// understood are the additional services and the members of each that are read,
// or that can be left because they only shape an answer which we do not give:
// clients send such services by default and live without the answer. What is not
// here may restrict or change a signature. It is never left out in silence: the
// request is refused, and so is a service that is not here.
var understood = map[string][]string{
	nsFiCom + "validate": nil, nsETSI + "validate": nil, nsMobileVN + "signatureValidation": nil,
	nsFiCom + "userLang": nil, nsFiCom + "eventId": nil, nsFiCom + "noSpam": nil, nsMID + "geofencing": nil,
	nsFiCom + "displayName": nil, nsFiCom + "personIdentity": {"AttributeQuery"},
	nsMID + "subscriberInfo": nil, nsMID + "app2app": {"App2App"},
	nsMethics + "SigningCertificate": nil, nsMethics + "role": nil, nsMobileVN + "signingCertificate": nil,
}

// additional reads AdditionalServices.
func (s *Service) additional(services []AdditionalService) (extras, *mssp.Fault) {
	var e extras
	seen := map[string]bool{}
	for i := range services {
		a := &services[i]
		if a.Description == "" {
			return e, mssp.Faultf(mssp.MissingParam, "AdditionalServices: service %d has no Description: send its URI", i+1)
		}
		if f := s.condition(a); f != nil {
			return e, f
		}
		if seen[a.Description] {
			return e, mssp.Faultf(mssp.WrongParam, "additional service %s comes twice: send it once", quote(a.Description))
		}
		seen[a.Description] = true
		if f := e.read(a); f != nil {
			return e, f
		}
	}
	return e, nil
}

// condition refuses what of a service is not understood.
func (s *Service) condition(a *AdditionalService) *mssp.Fault {
	members, ok := understood[a.Description]
	if !ok {
		return mssp.Faultf(mssp.WrongParam, "additional service %s is not offered: leave it out; offered are %suserLang, eventId and validate",
			quote(a.Description), nsFiCom).Second(mssp.UnknownService)
	}
	for _, m := range a.Members {
		if !slices.Contains(members, m) {
			return mssp.Faultf(mssp.WrongParam, "%s of additional service %s is not understood here, and what restricts a signature is not left out in silence: send the service without it",
				quote(m), quote(a.Description))
		}
	}
	if members == nil && !s.ours(a.Entity) {
		return foreign("Entity of additional service "+quote(a.Description), s.o.MSSPID)
	}
	if n := a.NoSpam; n != nil && !strings.EqualFold(n.Verify, "no") {
		return mssp.Faultf(mssp.WrongParam, "NoSpamCode is not verified here: send verify=\"no\", or leave it out").Second(mssp.InvalidNoSpam)
	}
	for _, x := range [...]struct {
		there   bool
		belongs string
	}{{a.UserLang != "", nsFiCom + "userLang"}, {a.EventID != "", nsFiCom + "eventId"}, {a.NoSpam != nil, nsFiCom + "noSpam"}} {
		if x.there && a.Description != x.belongs {
			return mssp.Faultf(mssp.WrongParam, "additional service %s holds what belongs to %s: send each in its own service", quote(a.Description), x.belongs)
		}
	}
	return nil
}

// read takes in what a service asks for.
func (e *extras) read(a *AdditionalService) *mssp.Fault {
	switch a.Description {
	case nsFiCom + "validate", nsETSI + "validate", nsMobileVN + "signatureValidation":
		e.validate = true
	case nsFiCom + "userLang":
		lang := strings.ToLower(a.UserLang)
		if len(lang) < 2 || len(lang) > 2 && lang[2] != '-' && lang[2] != '_' || !letters(lang[:2]) {
			return mssp.Faultf(mssp.WrongParam, "UserLang %s is not a language: send two letters of ISO 639-1, for example en", quote(a.UserLang))
		}
		e.language = lang[:2]
	case nsFiCom + "eventId":
		if !eventID(a.EventID) {
			return mssp.Faultf(mssp.WrongParam, "EventID %s: it needs 4 to 8 letters A-Z, a-z or digits", quote(a.EventID))
		}
		e.eventID = a.EventID
	case nsMID + "geofencing": // without a policy: where the phone is would only be told
		e.responses = append(e.responses, ServiceResponse{
			Description: a.Description,
			ErrorCode:   "100", ErrorMessage: "Geofencing feature disabled",
		})
	}
	return nil
}

func letters(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// eventID is FiCom's form: 4 to 8 alphanumeric characters.
func eventID(s string) bool {
	if len(s) < 4 || len(s) > 8 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || letters(s[i:i+1])) {
			return false
		}
	}
	return true
}
