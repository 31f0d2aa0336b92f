package service

import (
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
	late      *mssp.Fault // the time for the request is over: nothing but a repeat is answered
}

// additional reads AdditionalServices. Some services only add to the answer
// what we do not have; clients send them by default and live without the
// answer, so they are taken and left. A service that changes what is signed
// cannot be left out silently: it is refused, like an unknown one.
func additional(services []AdditionalService) (extras, *mssp.Fault) {
	var e extras
	for i := range services {
		s := &services[i]
		switch s.Description {
		case nsFiCom + "validate", nsETSI + "validate", nsMobileVN + "signatureValidation":
			e.validate = true
		case nsFiCom + "userLang":
			lang := strings.ToLower(s.UserLang)
			if len(lang) < 2 || len(lang) > 2 && lang[2] != '-' && lang[2] != '_' || !letters(lang[:2]) {
				return e, mssp.Faultf(mssp.WrongParam, "UserLang %s is not a language: send two letters of ISO 639-1, for example en", quote(s.UserLang))
			}
			e.language = lang[:2]
		case nsFiCom + "eventId":
			if !eventID(s.EventID) {
				return e, mssp.Faultf(mssp.WrongParam, "EventID %s: it needs 4 to 8 letters A-Z, a-z or digits", quote(s.EventID))
			}
			e.eventID = s.EventID
		case nsMID + "geofencing":
			e.responses = append(e.responses, ServiceResponse{
				Description: s.Description,
				ErrorCode:   "100", ErrorMessage: "Geofencing feature disabled",
			})
		case nsFiCom + "noSpam", nsFiCom + "displayName", nsFiCom + "personIdentity",
			nsMID + "subscriberInfo", nsMID + "app2app",
			nsMethics + "SigningCertificate", nsMethics + "role", nsMobileVN + "signingCertificate":
		case "":
			return e, mssp.Faultf(mssp.MissingParam, "AdditionalServices: service %d has no Description: send its URI", i+1)
		default:
			return e, mssp.Faultf(mssp.WrongParam, "additional service %s is not offered: leave it out; offered are %suserLang, eventId and validate",
				quote(s.Description), nsFiCom)
		}
	}
	return e, nil
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
