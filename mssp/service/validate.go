package service

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/ota/sms"
)

// validate turns MSS_SignatureReq into a request for the engine.
func (s *Service) validate(d *Dialect, ap mssp.AP, req *SignatureReq) (signature.Request, extras, *mssp.Fault) {
	r := signature.Request{AP: ap, APTransID: req.AP.TransID, Instant: instantOf(d, req.AP.Instant)}
	var f *mssp.Fault
	var x extras
	if r.Mode, f = d.mode(req.Mode); f != nil {
		return r, x, f
	}
	if r.MSISDN, f = user(d, ap, req.User); f != nil {
		return r, x, f
	}
	if f = s.meant(req.User); f != nil {
		return r, x, f
	}
	if req.KeyReference {
		return r, x, mssp.Faultf(mssp.WrongParam, "KeyReference is not resolved here, so the key that it asks for may be another one: leave it out, and choose the key by SignatureProfile")
	}
	if x, f = s.additional(req.Services); f != nil {
		return r, x, f
	}
	r.Validate, r.Language, r.EventID = x.validate, x.language, x.eventID
	p, f := s.profile(ap, req.Profile, req.Comparison)
	if f != nil {
		return r, x, f
	}
	r.Profile, r.ProfileURI = *p, req.Profile
	if r.ProfileURI == "" || p != s.profiles[req.Profile] {
		r.ProfileURI = p.URI
	}
	if r.Format, f = formatOf(req.Format); f != nil {
		return r, x, f
	}
	data, f := s.dataToBeSigned(d, req.Data)
	if f != nil {
		return r, x, f
	}
	r.MimeType, r.Content, r.Hash, r.Digest = data.mime, data.content, data.hash, data.digest
	if r.Display, f = toShow(d, req.Display); f != nil {
		return r, x, f
	}
	if _, f = r.Screen(); f != nil {
		return r, x, f
	}
	r.TimeOut, x.late = s.timeOut(d, p, req.TimeOut, req.ValidityDate)
	r.RequestHash = meaning(&r, req)
	return r, x, nil
}

// user finds whom to ask, and whether this provider may ask him.
func user(d *Dialect, ap mssp.AP, u MobileUser) (sms.MSISDN, *mssp.Fault) {
	if u.MSISDN == "" {
		if u.UserIdentifier != "" {
			return "", mssp.Faultf(mssp.UnknownClient, "MobileUser.UserIdentifier is not resolved here: send MobileUser.MSISDN")
		}
		return "", mssp.Faultf(mssp.MissingParam, "MobileUser.MSISDN is missing: send the user's number in international form")
	}
	n, err := d.Number(u.MSISDN)
	if err != nil {
		return "", mssp.Faultf(mssp.WrongParam, "MobileUser.MSISDN: %v", err)
	}
	for _, p := range ap.Prefixes {
		if p != "" && strings.HasPrefix(string(n), p) { // "" is no permission for everybody
			return n, nil
		}
	}
	if len(ap.Prefixes) > 0 {
		return "", mssp.Faultf(mssp.UnauthorizedAccess, "MobileUser.MSISDN: this AP_ID may not reach numbers of that prefix: ask the operator of the service")
	}
	return n, nil
}

// profile finds the signature profile and whether this provider may use it.
func (s *Service) profile(ap mssp.AP, uri, comparison string) (*mssp.SignatureProfile, *mssp.Fault) {
	if uri == "" {
		if uri = s.o.DefaultProfile; uri == "" {
			return nil, mssp.Faultf(mssp.MissingParam, "SignatureProfile is missing: send one of %s", s.offered(ap))
		}
	}
	p := s.profiles[uri]
	if p == nil {
		return nil, mssp.Faultf(mssp.UnsupportedProfile, "SignatureProfile %s is not supported: send one of %s", quote(uri), s.offered(ap))
	}
	switch comparison {
	case "", "exact", "minimum":
	case "better":
		if p = s.better(ap, p); p == nil {
			return nil, mssp.Faultf(mssp.UnsupportedProfile, "there is no profile better than %s: send SignatureProfileComparison minimum", quote(uri))
		}
	default:
		return nil, mssp.Faultf(mssp.WrongParam, "SignatureProfileComparison %s is unknown: send exact, minimum or better", quote(comparison))
	}
	if !permitted(ap, p) {
		return nil, mssp.Faultf(mssp.UnauthorizedAccess, "SignatureProfile %s is not permitted for this AP_ID: send one of %s", quote(uri), s.offered(ap))
	}
	return p, nil
}

// better is a permitted profile of the same usage and a higher level of assurance.
func (s *Service) better(ap mssp.AP, than *mssp.SignatureProfile) *mssp.SignatureProfile {
	for i := range s.o.Profiles {
		if p := &s.o.Profiles[i]; p.Usage == than.Usage && p.LoA > than.LoA && permitted(ap, p) {
			return p
		}
	}
	return nil
}

// permitted: an AP that is limited to some profiles may use them under any alias.
func permitted(ap mssp.AP, p *mssp.SignatureProfile) bool {
	if len(ap.Profiles) == 0 {
		return true
	}
	for _, uri := range ap.Profiles {
		if uri == p.URI || slices.Contains(p.Aliases, uri) {
			return true
		}
	}
	return false
}

// served: every signature here is made with a personal code, which is LoA4.
// The engine refuses profiles of a lower level (1-2); nobody is pointed to one.
func served(p *mssp.SignatureProfile) bool { return p.LoA == 0 || p.LoA >= 4 }

// offered lists the profiles for the detail of a fault.
func (s *Service) offered(ap mssp.AP) string {
	var l []string
	for i := range s.o.Profiles {
		if p := &s.o.Profiles[i]; permitted(ap, p) && served(p) {
			l = append(l, p.URI)
		}
	}
	if len(l) == 0 {
		return "none (ask the operator of the service)"
	}
	return strings.Join(l, ", ")
}

// timeOut is the life of the transaction: the earlier of TimeOut and
// ValidityDate, or what the profile says.
func (s *Service) timeOut(d *Dialect, p *mssp.SignatureProfile, seconds, until string) (time.Duration, *mssp.Fault) {
	most := p.MaxTimeOut
	setDefault(&most, s.o.MaxTimeOut)
	life := p.TimeOut
	setDefault(&life, s.o.DefaultTimeOut)
	life = min(life, most)
	field := "TimeOut"
	if seconds != "" {
		n, err := strconv.ParseUint(seconds, 10, 31)
		if err != nil {
			return 0, mssp.Faultf(mssp.WrongParam, "TimeOut %s is not a number of seconds", quote(seconds))
		}
		life = time.Duration(n) * time.Second
	}
	if until != "" {
		t, f := d.instant("ValidityDate", until)
		if f != nil {
			return 0, f
		}
		if left := t.Sub(s.o.Clock()); seconds == "" || left < life {
			life, field = left, "ValidityDate"
		}
	}
	if life < s.o.MinTimeOut {
		return 0, mssp.Faultf(mssp.ValidityExpired, "%s leaves %s, the least is %s: give the user more time", field, max(life, 0).Round(time.Second), s.o.MinTimeOut)
	}
	if life > most {
		return 0, mssp.Faultf(mssp.WrongParam, "%s leaves %s, the most for this profile is %s: ask for less", field, life.Round(time.Second), most)
	}
	return life, nil
}
