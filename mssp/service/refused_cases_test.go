package service

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// zeros is so many octets of 0 in base64.
func zeros(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

// refusedProviders: who asks, and how often.
func refusedProviders() []refusal {
	const (
		nobody   = "AP_ID is not registered, or its password or certificate is wrong: check AP_ID and AP_PWD (no client certificate was shown)"
		disabled = "this application provider is disabled: ask the operator of the service"
		gone     = "this application provider has been taken out of service: ask the operator of the service"
	)
	return []refusal{
		{"text", "no AP_ID", func(a *asked) { a.Req.AP.ID = "" }, 102, 0, "AP_Info.AP_ID is missing: send the identity that the operator gave you"},
		{"text", "another AP_ID", func(a *asked) { a.Req.AP.ID = "http://shop" }, 104, 0, nobody},
		{"text", "another case", func(a *asked) { a.Req.AP.ID = "http://Bank" }, 104, 0, nobody},
		{"text", "wrong password", func(a *asked) { a.Req.AP.Password = "Geheim" }, 104, 0, nobody},
		{"text", "no password", func(a *asked) { a.Req.AP.Password = "" }, 104, 0, nobody},
		{"text", "none in the record", func(a *asked) { a.AP.PasswordHash = "" }, 104, 0, nobody},
		{"text", "disabled", func(a *asked) { a.AP.Disabled = true }, 104, 0, disabled},
		{"text", "no store", func(a *asked) { a.World.Silent = true }, 780, 0, "the service can read and store nothing at present: ask again in a minute, with the same AP_TransID"},
		{"certificate", "another", func(a *asked) { a.Peer.Certificate[31] = 1 }, 104, 0, "AP_ID is not registered, or its password or certificate is wrong: check AP_ID and AP_PWD (the client certificate shown has SHA-256 ab" + strings.Repeat("00", 30) + "01)"},
		{"certificate", "none", func(a *asked) { a.Peer.Certificate = nil }, 104, 0, nobody},
		{"certificate", "disabled", func(a *asked) { a.AP.Disabled = true }, 104, 0, disabled},
		{"password and pin", "a foreign certificate", func(a *asked) { a.Peer.Certificate = &[32]byte{0xAC} }, 104, 0, "AP_ID is not registered, or its password or certificate is wrong: check AP_ID and AP_PWD (the client certificate shown has SHA-256 ac" + strings.Repeat("00", 31) + ")"},
		{"basic", "another AP_ID", func(a *asked) { a.Req.AP.ID = "http://shop" }, 104, 0, "AP_Info.AP_ID is not the user of HTTP authentication: leave it out or send the same"},
		{"basic", "cut at the colon", func(a *asked) { a.Peer.Password = "//bank:geheim" }, 104, 0, "the user name of HTTP Basic ends at the first colon, and this AP_ID has one: send the AP_ID in base64 as the user name"},
		{"basic", "wrong password", func(a *asked) { a.Peer.Password = "x" }, 104, 0, nobody},
		{"basic", "long user name", func(a *asked) { a.Peer.User = strings.Repeat("a", 513) }, 101, 0, "the user name of HTTP Basic has 513 octets: the most is 512"},
		{"longest user", "one more", func(a *asked) { a.Peer.User += "a" }, 101, 0, "the user name of HTTP Basic has 513 octets: the most is 512"},
		{"longest names", "AP_ID", func(a *asked) { a.Req.AP.ID += "a" }, 101, 0, "AP_Info.AP_ID has 257 octets: the most is 256"},
		{"last guess", "one more", func(a *asked) { a.World.Guesses = 200 }, 104, 0, "too many failed logins for this AP_ID from your address: try again in 6s"},
		{"last request", "one more", func(a *asked) { a.World.Before = 200 }, 780, 0, "more than 100 requests per second from this AP_ID: send fewer, or ask the operator for more"},
		{"last place", "one more", func(a *asked) { a.World.Waiting = 2 }, 780, 0, "2 synch requests from this AP_ID are waiting already, there is no place for more: use MessagingMode asynchClientServer, or try again in a few seconds"},
		{"synch", "removed meanwhile", func(a *asked) { a.World.Gone = "removed" }, 104, 0, gone},
		{"synch", "disabled meanwhile", func(a *asked) { a.World.Gone = "disabled" }, 104, 0, gone},
	}
}

// refusedHeaders: what every message carries.
func refusedHeaders() []refusal {
	const noVersion = "MajorVersion or MinorVersion is missing: send 1 and 1"
	spoken := func(v string) string {
		return `version "` + v + `" of MSS_Signature is not spoken here: send MajorVersion 1, MinorVersion 1`
	}
	noTime := func(member, value string) string {
		return member + ` "` + value + `" is not a time with a zone: send it like 2006-01-02T15:04:05Z`
	}
	far := func(how string) string {
		return "AP_Info.Instant is " + how + " the time here (2026-11-22T18:00:00Z), the most is 5m0s: set your clock by NTP"
	}
	letters := func(member, what string) string {
		return member + ": " + what + " is not allowed: use letters, digits, '-', '_' and '.', and begin with a letter"
	}
	id := func(id string) func(*asked) { return func(a *asked) { a.Req.AP.TransID = id } }
	at := func(instant string) func(*asked) { return func(a *asked) { a.Req.AP.Instant = instant } }
	return []refusal{
		{"text", "no MajorVersion", func(a *asked) { a.Req.MajorVersion = "" }, 102, 0, noVersion},
		{"text", "no MinorVersion", func(a *asked) { a.Req.MinorVersion = "" }, 102, 0, noVersion},
		{"text", "MajorVersion", func(a *asked) { a.Req.MajorVersion = "2" }, 108, 0, spoken("2.2")},
		{"text", "MinorVersion of two digits", func(a *asked) { a.Req.MinorVersion = "10" }, 108, 0, spoken("1.10")},
		{"text", "MinorVersion that is no number", func(a *asked) { a.Req.MinorVersion = "x" }, 108, 0, spoken("1.x")},
		{"text", "no Instant", at(""), 102, 0, "AP_Info.Instant is missing: send the present time, for example 2006-01-02T15:04:05Z"},
		{"text", "Instant without zone", at("2026-11-22T18:00:00"), 101, 0, noTime("AP_Info.Instant", "2026-11-22T18:00:00")},
		{"text", "old Instant", at("2026-11-22T17:54:59Z"), 101, 0, far("5m1s behind")},
		{"text", "new Instant", at("2026-11-22T18:05:01Z"), 101, 0, far("5m1s ahead of")},
		{"text", "Instant of the year 9999", at("9999-12-31T23:59:59Z"), 101, 0, far("2562047h47m16.854775807s ahead of")},
		{"text", "Instant of the year 1", at("0001-01-01T00:00:00Z"), 101, 0, far("2562047h47m16.854775807s behind")},
		{"text", "no AP_TransID", id(""), 102, 0, "AP_Info.AP_TransID is missing: send an identifier of your own, new for each request"},
		{"text", "AP_TransID with a space", id("a b"), 101, 0, letters("AP_Info.AP_TransID", "U+0020 at octet 2")},
		{"text", "AP_TransID that begins with a dash", id("-a"), 101, 0, letters("AP_Info.AP_TransID", "U+002D at octet 1")},
		{"text", "AP_TransID with a colon", id("a:b"), 101, 0, letters("AP_Info.AP_TransID", "U+003A at octet 2")},
		{"text", "AP_TransID that is no UTF-8", id("ä\xFF"), 101, 0, letters("AP_Info.AP_TransID", "U+FFFD at octet 3")},
		{"longest names", "AP_TransID", id(strings.Repeat("a", 65)), 101, 0, "AP_Info.AP_TransID has 65 octets: the most is 64"},
	}
}

// refusedUsers: whom and with which profile, and what names somebody else.
func refusedUsers() []refusal {
	const offered = "send one of " + profileAuth + ", " + profileSign
	number := func(n string) func(*asked) { return func(a *asked) { a.Req.User.MSISDN = n } }
	bad := func(how string) string {
		return "MobileUser.MSISDN: MSISDN needs the international form, for example +41791234567: " + how
	}
	rs := []refusal{
		{"text", "no mode", func(a *asked) { a.Req.Mode = "" }, 102, 0, "MessagingMode is missing: send synch or asynchClientServer"},
		{"text", "unknown mode", func(a *asked) { a.Req.Mode = "sync" }, 101, 0, `MessagingMode "sync" is unknown: send synch or asynchClientServer`},
		{"text", "mode of 80 octets", func(a *asked) { a.Req.Mode = strings.Repeat("x", 80) }, 101, 0, `MessagingMode "` + strings.Repeat("x", 80) + `" is unknown: send synch or asynchClientServer`},
		{"text", "mode of 81 octets", func(a *asked) { a.Req.Mode = strings.Repeat("x", 81) }, 101, 0, `MessagingMode "` + strings.Repeat("x", 80) + `..." is unknown: send synch or asynchClientServer`},
		{"text", "mode that forges a line", func(a *asked) { a.Req.Mode = "x\n\"y" }, 101, 0, `MessagingMode "x\n\"y" is unknown: send synch or asynchClientServer`},
		{"text", "server to server", func(a *asked) { a.Req.Mode = "asynchServerServer" }, 101, 0, "MessagingMode asynchServerServer is not offered here: send asynchClientServer and ask with MSS_StatusQuery"},
		{"text", "nobody", number(""), 102, 0, "MobileUser.MSISDN is missing: send the user's number in international form"},
		{"text", "as UserIdentifier", func(a *asked) { a.Req.User.UserIdentifier, a.Req.User.MSISDN = a.Req.User.MSISDN, "" }, 105, 0, "MobileUser.UserIdentifier is not resolved here: send MobileUser.MSISDN"},
		{"text", "national number", number("0791234567"), 101, 0, bad("it must not begin with 0")},
		{"text", "number with spaces", number("+41 79 123 45 67"), 101, 0, bad("character 3 is not a digit")},
		{"text", "number of 16 digits", number("+4179123456789012"), 101, 0, bad("3 to 15 digits, have 16 characters")},
		{"text", "number with a letter", number("+4179123456x"), 101, 0, bad("character 11 is not a digit")},
		{"text", "UserIdentifier as well", func(a *asked) { a.Req.User.UserIdentifier = "anna@example" }, 101, 0, "MobileUser.UserIdentifier is not resolved here, so nobody knows whether it is the user of MSISDN: leave it out"},
		{"prefixes", "another one", number("+41781234567"), 104, 0, "MobileUser.MSISDN: this AP_ID may not reach numbers of that prefix: ask the operator of the service"},
		{"prefixes", "inside the number", number("+1358417912"), 104, 0, "MobileUser.MSISDN: this AP_ID may not reach numbers of that prefix: ask the operator of the service"},
		{"prefixes", "an empty one", func(a *asked) { a.AP.Prefixes[1] = "" }, 104, 0, "MobileUser.MSISDN: this AP_ID may not reach numbers of that prefix: ask the operator of the service"},
		{"text", "KeyReference", func(a *asked) { a.Req.KeyReference = true }, 101, 0, "KeyReference is not resolved here, so the key that it asks for may be another one: leave it out, and choose the key by SignatureProfile"},
		{"text", "no profile", func(a *asked) { a.Req.Profile = "" }, 102, 0, "SignatureProfile is missing: " + offered},
		{"default profile", "none", func(a *asked) { a.World.Default = "" }, 102, 0, "SignatureProfile is missing: " + offered},
		{"text", "unknown profile", func(a *asked) { a.Req.Profile = "http://nowhere" }, 109, 0, `SignatureProfile "http://nowhere" is not supported: ` + offered},
		{"text", "comparison", func(a *asked) { a.Req.Comparison = "best" }, 101, 0, `SignatureProfileComparison "best" is unknown: send exact, minimum or better`},
		{"better", "of another usage", func(a *asked) { a.Req.Profile = profileAuth }, 109, 0, `there is no profile better than "` + profileAuth + `": send SignatureProfileComparison minimum`},
		{"better of two", "not permitted", func(a *asked) { a.AP.Profiles = a.AP.Profiles[:1] }, 109, 0, `there is no profile better than "http://uri.gsma.com/mobileconnect/LoA3": send SignatureProfileComparison minimum`},
		{"profiles", "not permitted", func(a *asked) { a.AP.Profiles = a.AP.Profiles[:1] }, 104, 0, `SignatureProfile "` + profileAuth + `" is not permitted for this AP_ID: send one of ` + profileSign},
		{"better of two", "none that is served", func(a *asked) { a.Req.Comparison, a.AP.Profiles = "better", a.AP.Profiles[:1] }, 109, 0, `there is no profile better than "http://uri.gsma.com/mobileconnect/LoA3": send SignatureProfileComparison minimum`},
	}
	foreign := func(member string) string {
		return member + " names another service, and this one forwards nothing: leave it out, or send the URI http://mssp.example/"
	}
	for i := range reflect.TypeFor[MeshMember]().NumField() { // each way in which somebody is named
		name := func(m *MeshMember) { reflect.ValueOf(m).Elem().Field(i).SetString("http://mssp.example/other") }
		by := " by " + reflect.TypeFor[MeshMember]().Field(i).Name
		rs = append(
			rs,
			refusal{"us", "MSSP_ID" + by, func(a *asked) { name(&a.Req.MSSP.ID) }, 101, 0, foreign("MSSP_Info.MSSP_ID")},
			refusal{"us", "HomeMSSP" + by, func(a *asked) { name(&a.Req.User.HomeMSSP) }, 101, 0, foreign("MobileUser.HomeMSSP")},
			refusal{"us", "IdentityIssuer" + by, func(a *asked) { name(&a.Req.User.IdentityIssuer) }, 101, 0, foreign("MobileUser.IdentityIssuer")},
			refusal{"us", "Entity" + by, func(a *asked) { name(&a.Req.Services[0].Entity) }, 101, 0, foreign(`Entity of additional service "` + nsETSI + `validate"`)},
		)
	}
	return rs
}

// refusedServices: AdditionalServices.
func refusedServices() []refusal {
	const (
		lang, event, spam, validate, fence, identity, app = 0, 1, 2, 3, 4, 5, 6 // their places in the request
		second                                            = "NoSpamCode is not verified here: send verify=\"no\", or leave it out"
	)
	one := func(i int, change func(*AdditionalService)) func(*asked) {
		return func(a *asked) { change(&a.Req.Services[i]) }
	}
	more := func(s AdditionalService) func(*asked) {
		return func(a *asked) { a.Req.Services = append(a.Req.Services, s) }
	}
	language := func(s string) refusal {
		return refusal{
			"services", "language " + s, one(lang, func(s2 *AdditionalService) { s2.UserLang = s }), 101, 0,
			fmt.Sprintf("UserLang %q is not a language: send two letters of ISO 639-1, for example en", s),
		}
	}
	word := func(s string) refusal {
		return refusal{
			"services", "event id " + s, one(event, func(s2 *AdditionalService) { s2.EventID = s }), 101, 0,
			fmt.Sprintf("EventID %q: it needs 4 to 8 letters A-Z, a-z or digits", s),
		}
	}
	offered := func(uri string) string {
		return fmt.Sprintf("additional service %q is not offered: leave it out; offered are %suserLang, eventId and validate", uri, nsFiCom)
	}
	member := func(i int, uri, name string) refusal {
		return refusal{
			"services", name + " of " + uri, one(i, func(s *AdditionalService) { s.Members = append(s.Members, name) }), 101, 0,
			fmt.Sprintf("%q of additional service %q is not understood here, and what restricts a signature is not left out in silence: send the service without it", name, uri),
		}
	}
	holds := func(i int, uri, what string, change func(*AdditionalService)) refusal {
		return refusal{
			"services", what + " in " + uri, one(i, change), 101, 0,
			fmt.Sprintf("additional service %q holds what belongs to %s: send each in its own service", uri, nsFiCom+what),
		}
	}
	return []refusal{
		{"text", "no Description", more(AdditionalService{}), 102, 0, "AdditionalServices: service 1 has no Description: send its URI"},
		{"services", "no Description", more(AdditionalService{}), 102, 0, "AdditionalServices: service 8 has no Description: send its URI"},
		{"services", "twice", more(AdditionalService{Description: nsETSI + "validate"}), 101, 0, `additional service "` + nsETSI + `validate" comes twice: send it once`},
		{"services", "unknown", more(AdditionalService{Description: "http://x#y"}), 101, 1014, offered("http://x#y")},
		{"services", "batch", more(AdditionalService{Description: nsMethics + "batchsign"}), 101, 1014, offered(nsMethics + "batchsign")},
		{"services", "time-stamp", one(validate, func(s *AdditionalService) { s.Description = nsETSI + "timestamp" }), 101, 1014, offered(nsETSI + "timestamp")},
		{"services", "noSpam to verify", one(spam, func(s *AdditionalService) { s.NoSpam.Verify = "yes" }), 101, 1011, second},
		{"services", "noSpam, not said", one(spam, func(s *AdditionalService) { s.NoSpam.Verify = "" }), 101, 1011, second},
		member(fence, nsMID+"geofencing", "GeoFencingRequest"),
		member(identity, nsFiCom+"personIdentity", "Other"),
		member(app, nsMID+"app2app", "mustUnderstand"),
		member(spam, nsFiCom+"noSpam", "Other"),
		member(lang, nsFiCom+"userLang", "Other"),
		holds(validate, nsETSI+"validate", "userLang", func(s *AdditionalService) { s.UserLang = "fi" }),
		holds(validate, nsETSI+"validate", "eventId", func(s *AdditionalService) { s.EventID = "A123" }),
		holds(validate, nsETSI+"validate", "noSpam", func(s *AdditionalService) { s.NoSpam = &NoSpamCode{Verify: "no"} }),
		holds(lang, nsFiCom+"userLang", "eventId", func(s *AdditionalService) { s.EventID = "A123" }),
		language(""), language("f"), language("finnish"), language("f1"), language("1i"), language("@i"), language("[i"), language("{i"), language("ä"),
		word(""), word("A12"), word("A12345678"), word("A 12"), word("A-12"), word("A12/"), word("A12:"), word("A12@"), word("A12["), word("A12`"), word("A12{"), word("Aä1"),
	}
}

// refusedData: DataToBeSigned, its types and sizes, and the form of the signature.
func refusedData() []refusal {
	const hint = "send text/plain with UTF-8, application/octet-stream with base64, or application/x-sha256, -sha384 or -sha512 with base64"
	mime := func(s string) func(*asked) { return func(a *asked) { a.Req.Data.MimeType = s } }
	enc := func(s string) func(*asked) { return func(a *asked) { a.Req.Data.Encoding = s } }
	data := func(s string) func(*asked) { return func(a *asked) { a.Req.Data.Data = s } }
	format := func(s string) refusal {
		return refusal{
			"text", "format " + s, func(a *asked) { a.Req.Format = s }, 109, 0,
			fmt.Sprintf("MSS_Format %q is not supported: send http://uri.etsi.org/TS102204/v1.1.2#CMS-Signature or http://uri.etsi.org/TS102204/v1.1.2#PKCS1", s),
		}
	}
	charset := func(s string) refusal {
		return refusal{"text", s, mime(s), 107, 0, fmt.Sprintf("DataToBeSigned.MimeType %q: only charset=utf-8 may follow the type", s)}
	}
	return []refusal{
		format(nsETSI + "XML-Signature"), format(nsETSI + "pkcs1"), format("PKCS1"), format(nsFiCom + "PKCS7"),
		charset("text/plain; charset=iso-8859-1"), charset("text/plain;charset=utf-8;x=y"), charset("text/plain; utf-8"),
		{"text", "no data", data(""), 102, 0, "DataToBeSigned has no data: send what the user shall sign"},
		{"hash", "no data", data(""), 102, 0, "DataToBeSigned has no data: send what the user shall sign"},
		{"text", "type", mime("text/html"), 107, 0, `DataToBeSigned.MimeType "text/html" is not supported: ` + hint},
		{"hash", "type", mime("application/x-sha224"), 107, 0, `DataToBeSigned.MimeType "application/x-sha224" is not supported: ` + hint},
		{"hash", "SHA-1", mime("application/x-sha1"), 107, 0, "SHA-1 is not accepted any more: send application/x-sha256"},
		{"text", "encoding", enc("UTF-16"), 107, 0, `DataToBeSigned.Encoding "UTF-16" is not supported: ` + hint},
		{"hash", "as text", enc("UTF-8"), 107, 0, `DataToBeSigned.Encoding of application/x-sha256 must be base64, not "UTF-8"`},
		{"octets", "as text", enc("UTF-8"), 107, 0, `DataToBeSigned.Encoding of application/octet-stream must be base64, not "UTF-8"`},
		{"octets", "no base64", data("A*ID"), 101, 0, "DataToBeSigned is not base64 (illegal base64 data at input byte 1): use the standard alphabet with padding"},
		{"octets", "base64 without padding", data("AQI"), 101, 0, "DataToBeSigned is not base64 (illegal base64 data at input byte 0): use the standard alphabet with padding"},
		{"octets", "base64 with bits that say nothing", data("AQJ="), 101, 0, "DataToBeSigned is not base64 (illegal base64 data at input byte 3): use the standard alphabet with padding"},
		{"hash", "an octet less", data(zeros(31)), 103, 0, "DataToBeSigned: application/x-sha256 needs 32 octets, have 31"},
		{"hash", "an octet more", data(zeros(33)), 103, 0, "DataToBeSigned: application/x-sha256 needs 32 octets, have 33"},
		{"hash", "another hash", mime("application/x-sha384"), 103, 0, "DataToBeSigned: application/x-sha384 needs 48 octets, have 32"},
		{"hash of 384 bits", "another hash", mime("application/x-sha512"), 103, 0, "DataToBeSigned: application/x-sha512 needs 64 octets, have 48"},
		{"hash of 512 bits", "another hash", mime("application/x-sha256"), 103, 0, "DataToBeSigned: application/x-sha256 needs 32 octets, have 64"},
		{"most octets", "one more", data(zeros(16385)), 103, 0, "DataToBeSigned has 16385 octets, the most is 16384: send its hash as application/x-sha256"},
		{"text in base64", "no UTF-8", data("/w=="), 107, 0, "DataToBeSigned is not UTF-8: send the text in UTF-8, or octets as application/octet-stream"},
	}
}

// refusedScreens: DataToBeDisplayed, and what may be shown.
func refusedScreens() []refusal {
	display := func(change func(*Data)) func(*asked) { return func(a *asked) { change(a.Req.Display) } }
	data := func(s string) func(*asked) { return func(a *asked) { a.Req.Data.Data = s } }
	nobody := "DataToBeDisplayed is not the text that is signed, and nobody may show another one under SignatureProfile " + profileSign + ": leave DataToBeDisplayed out, or send the same text in it"
	other := "DataToBeDisplayed is not the text that is signed, and this AP_ID may not show another one under SignatureProfile " + profileAuth + ": leave DataToBeDisplayed out, or send the same text in it"
	unread := func(what, profile string) string {
		return "DataToBeSigned is " + what + ", which no user can read, and this AP_ID may not have that signed under SignatureProfile " + profile + ": send the text as text/plain, or ask the operator of the service for the permission"
	}
	none := func(a *asked) { a.AP.Octets[0] = profileSign }
	return []refusal{
		{"another text", "type", display(func(d *Data) { d.MimeType = "text/html" }), 107, 0, `DataToBeDisplayed must be text/plain in UTF-8, not "text/html" in "UTF-8"`},
		{"another text", "charset", display(func(d *Data) { d.MimeType = "text/plain; charset=latin1" }), 107, 0, `DataToBeDisplayed.MimeType "text/plain; charset=latin1": only charset=utf-8 may follow the type`},
		{"another text", "base64", display(func(d *Data) { d.Encoding = "base64" }), 107, 0, `DataToBeDisplayed must be text/plain in UTF-8, not "text/plain" in "base64"`},
		{"another text", "encoding", display(func(d *Data) { d.Encoding = "UTF-16" }), 107, 0, `DataToBeDisplayed must be text/plain in UTF-8, not "text/plain" in "UTF-16"`},
		{"another text", "provider", func(a *asked) { a.AP.OtherDisplay = false }, 101, 1015, other},
		{"another text", "profile", func(a *asked) { a.Req.Profile = profileSign }, 101, 1015, nobody},
		{"same text", "a space more", display(func(d *Data) { d.Data += " " }), 101, 1015, other},
		{"same text", "signed is another", data("Pay?"), 101, 1015, other},
		{"hash", "provider", none, 101, 1015, unread("a hash", profileAuth)},
		{"hash", "profile", func(a *asked) { a.Req.Profile = profileSign }, 101, 1015, unread("a hash", profileSign)},
		{"hash alone", "provider", none, 101, 1016, unread("a hash", profileAuth)},
		{"octets", "provider", none, 101, 1015, unread("octets", profileAuth)},
		{"octets alone", "provider", none, 101, 1016, unread("octets", profileAuth)},
		{"longest text", "one more", data(strings.Repeat("a", 215)), 103, 0, "DataToBeSigned: text is 1 character too long: 214 of 240 (GSM) are left beside the provider's name and the reference code"},
		{"longest in UCS-2", "one more", data("õ" + strings.Repeat("a", 94)), 103, 0, "DataToBeSigned: text is 1 character too long: 94 of 120 (UCS-2) are left beside the provider's name and the reference code; without characters outside the GSM alphabet such as character 1 (U+00F5) there would be 214"},
		{"longest two texts", "one more", data(strings.Repeat("a", 193)), 103, 0, "DataToBeDisplayed and DataToBeSigned, one below the other: text is 1 character too long: 214 of 240 (GSM) are left beside the provider's name and the reference code"},
		{"text", "control", data("a\x07"), 107, 0, "DataToBeSigned: character 2 (U+0007) is a control character: remove it"},
		{"text", "order", data("a\u202eb"), 107, 0, "DataToBeSigned: character 2 (U+202E) turns the order of the text on the screen: remove it"},
		{"text", "not composed", data("Gru\u0308n"), 107, 0, "DataToBeSigned: character 3 (U+0075) begins a sequence that is not in Unicode normal form NFC: send the composed form, here U+00FC"},
		{"text", "look-alike", data("p\u0430ypal"), 107, 0, "DataToBeSigned: character 2 (U+0430) looks like a Latin letter inside a word with Latin letters: write the word in one script"},
		{"another text", "tab", display(func(d *Data) { d.Data = "Log\tin" }), 107, 0, "DataToBeDisplayed: character 4 (U+0009) is a tab: use a space"},
		{"another text", "hidden control", data("a\x07"), 107, 0, "DataToBeSigned: character 2 (U+0007) is a control character: remove it"},
		{"a line feed at the end", "and one at the beginning", data("\nPay?"), 107, 0, "DataToBeDisplayed and DataToBeSigned, one below the other: character 10 (U+000A) pushes the text away from its frame: send at most 2 line feeds in a row, and one at the beginning or the end"},
		{"hash", "control", display(func(d *Data) { d.Data = "a\x07" }), 107, 0, "DataToBeDisplayed: character 2 (U+0007) is a control character: remove it"},
	}
}

// refusedTimes: TimeOut and ValidityDate.
func refusedTimes() []refusal {
	out := func(s string) func(*asked) { return func(a *asked) { a.Req.TimeOut = s } }
	until := func(d time.Duration) func(*asked) {
		return func(a *asked) { a.Req.ValidityDate = now.Add(d).Format(time.RFC3339) }
	}
	number := func(s string) refusal {
		return refusal{"time-out", "TimeOut " + s, out(s), 101, 0, fmt.Sprintf("TimeOut %q is not a number of seconds", s)}
	}
	little := func(what string) string { return what + ", the least is 10s: give the user more time" }
	much := func(what string) string { return what + ", the most for this profile is 5m0s: ask for less" }
	return []refusal{
		number("soon"), number("-1"), number("+1"), number("10.5"), number("1e2"), number("2147483648"),
		{"time-out", "a second less", out("9"), 720, 0, little("TimeOut leaves 9s")},
		{"time-out", "none", out("0"), 720, 0, little("TimeOut leaves 0s")},
		{"time-out", "too much", out("301"), 101, 0, much("TimeOut leaves 5m1s")},
		{"validity date", "a second more", until(5*time.Minute + time.Second), 101, 0, much("ValidityDate leaves 5m1s")},
		{"validity date", "a second short", until(9 * time.Second), 720, 0, little("ValidityDate leaves 9s")},
		{"validity date", "over", until(-time.Hour), 720, 0, little("ValidityDate leaves 0s")},
		{"validity date", "no time", func(a *asked) { a.Req.ValidityDate = "tomorrow" }, 101, 0, `ValidityDate "tomorrow" is not a time with a zone: send it like 2006-01-02T15:04:05Z`},
		{"times", "ValidityDate", until(9 * time.Second), 720, 0, little("ValidityDate leaves 9s")},
		{"times", "TimeOut", out("9"), 720, 0, little("TimeOut leaves 9s")},
	}
}

// refusedQueries: MSS_StatusReq, MSS_ProfileReq and MSS_ReceiptReq.
func refusedQueries(t *testing.T) []refusal {
	const (
		unknown = "MSSP_TransID names no transaction of this AP_ID: send the one from the MSS_SignatureResp"
		bare    = "MobileUser.MSISDN is not registered here, or cannot sign now"
	)
	old, early := testCert(t, now.Add(-time.Hour), now.Add(-time.Second)), testCert(t, now.Add(time.Second), now.Add(time.Hour))
	id := func(id string) func(*asked) { return func(a *asked) { a.TransID = id } }
	erased := func(k mssp.Erasable, why string) func(*asked) {
		return func(a *asked) { a.World.Tx.Erased = mssp.Erased("").Add(k, now, why) }
	}
	of := func(change func(*person)) func(*asked) { return func(a *asked) { change(&a.World.Users[0]) } }
	return []refusal{
		{"status", "no MSSP_TransID", id(""), 102, 0, "MSSP_TransID is missing: send the one from the MSS_SignatureResp"},
		{"status", "a space in it", id("h q"), 101, 0, "MSSP_TransID: U+0020 at octet 2 is not allowed: use letters, digits, '-', '_' and '.', and begin with a letter"},
		{"status", "long", id(strings.Repeat("h", 65)), 101, 0, "MSSP_TransID has 65 octets: the most is 64"},
		{"status", "unknown", id("hqq"), 101, 0, unknown},
		{"status", "another provider's", func(a *asked) { a.World.Tx.AP = "http://shop" }, 101, 0, unknown},
		{"status that leaks", "another provider's", func(a *asked) { a.World.Tx.AP = "http://shop" }, 101, 0, unknown},
		{"status that leaks", "no signature", func(a *asked) { a.World.Tx.Kind = mssp.KindRegister }, 101, 0, unknown},
		{"status of one that is done", "not kept", erased(mssp.Signatures, mssp.ByRetention), 101, 0, "the signature of this MSSP_TransID was made, and is not kept any more: signatures erased on 2026-11-22, as the operator's rules of retention have it; ask for a new one"},
		{"status of one that is done", "its user is gone", erased(mssp.Numbers, mssp.ByPerson), 101, 0, "the signature of this MSSP_TransID was made, and is not kept any more: numbers erased on 2026-11-22, with everything else of its user; ask for a new one"},
		{"status", "no Instant", func(a *asked) { a.Req.AP.Instant = "" }, 102, 0, "AP_Info.Instant is missing: send the present time, for example 2006-01-02T15:04:05Z"},
		{"status", "old Instant", func(a *asked) { a.Req.AP.Instant = "2026-11-22T17:54:59Z" }, 101, 0, "AP_Info.Instant is 5m1s behind the time here (2026-11-22T18:00:00Z), the most is 5m0s: set your clock by NTP"},
		{"status", "MajorVersion", func(a *asked) { a.Req.MajorVersion = "2" }, 108, 0, `version "2.2" of MSS_StatusQuery is not spoken here: send MajorVersion 1, MinorVersion 1`},
		{"status", "no AP_TransID", func(a *asked) { a.Req.AP.TransID = "" }, 102, 0, "AP_Info.AP_TransID is missing: send an identifier of your own, new for each request"},
		{"status", "not offered", func(a *asked) { a.Op = OpReceipt }, 108, 0, "MSS_Receipt is not offered by this service: offered are MSS_Signature and MSS_StatusQuery"},
		{"profile", "receipt", func(a *asked) { a.Op = OpReceipt }, 108, 0, "MSS_Receipt is not offered by this service: offered are MSS_Signature, MSS_StatusQuery and MSS_ProfileQuery"},
		{"text", "profiles not offered", func(a *asked) { a.Op = OpProfileQuery }, 108, 0, "MSS_ProfileQuery is not offered by this service: offered are MSS_Signature and MSS_StatusQuery"},
		{"last profile query", "one more", func(a *asked) { a.World.Before = 30 }, 780, 0, "more than 30 MSS_ProfileReq a minute from this AP_ID: send fewer, or ask the operator for more"},
		{"profile", "unknown", func(a *asked) { a.Req.User.MSISDN = "+41791234568" }, 105, 0, "MobileUser.MSISDN is not registered here"},
		{"profile", "removed", of(func(u *person) { u.Subscriber.State = mssp.SubscriberRemoved }), 105, 0, "MobileUser.MSISDN is not registered here"},
		{"profile", "HomeMSSP", func(a *asked) { a.Req.User.HomeMSSP.URI = "http://other" }, 101, 0, "MobileUser.HomeMSSP names another service, and this one forwards nothing: leave it out, or send the URI http://mssp.example/"},
		{"profile", "prefix", func(a *asked) { a.AP.Prefixes = []string{"358"} }, 104, 0, "MobileUser.MSISDN: this AP_ID may not reach numbers of that prefix: ask the operator of the service"},
		{"bare profile", "unknown", func(a *asked) { a.Req.User.MSISDN = "+41791234568" }, 105, 0, bare},
		{"bare profile", "removed", of(func(u *person) { u.Subscriber.State = mssp.SubscriberRemoved }), 105, 0, bare},
		{"bare profile", "suspended", of(func(u *person) { u.Subscriber.State = mssp.SubscriberSuspended }), 105, 0, bare},
		{"bare profile", "card suspended", of(func(u *person) { u.Card.State = mssp.CardSuspended }), 105, 0, bare},
		{"bare profile", "no key", of(func(u *person) { u.Keys = nil }), 105, 0, bare},
		{"bare profile", "not registered", of(func(u *person) { u.Keys[0].State = mssp.KeyRequested }), 105, 0, bare},
		{"bare profile", "no certificate", of(func(u *person) { u.Keys[0].CertDER = nil }), 105, 0, bare},
		{"bare profile", "expired", of(func(u *person) { u.Keys[0].CertDER = old }), 105, 0, bare},
		{"bare profile", "not valid yet", of(func(u *person) { u.Keys[0].CertDER = early }), 105, 0, bare},
	}
}
