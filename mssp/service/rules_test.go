package service

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
)

// TestRefused has one row for each rule of a request: the exact code and the
// words of the detail that say what to change.
//
// Supports: 5.2-1, W-1
func TestRefused(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		change func(*SignatureReq)
		code   mssp.Code
		detail string
	}{
		"major version":            {func(r *SignatureReq) { r.MajorVersion = "3" }, 108, `version "3.2" of MSS_Signature is not spoken here`},
		"minor version":            {func(r *SignatureReq) { r.MinorVersion = "x" }, 108, "send MajorVersion 1, MinorVersion 1"},
		"no version":               {func(r *SignatureReq) { r.MinorVersion = "" }, 102, "MinorVersion is missing"},
		"no AP_ID":                 {func(r *SignatureReq) { r.AP.ID = "" }, 102, "AP_Info.AP_ID is missing"},
		"long AP_ID":               {func(r *SignatureReq) { r.AP.ID = mssp.APID(strings.Repeat("a", 257)) }, 101, "AP_Info.AP_ID has 257 octets: the most is 256"},
		"no instant":               {func(r *SignatureReq) { r.AP.Instant = "" }, 102, "AP_Info.Instant is missing"},
		"instant without zone":     {func(r *SignatureReq) { r.AP.Instant = "2026-11-22T18:00:00" }, 101, "is not a time with a zone"},
		"instant too old":          {func(r *SignatureReq) { r.AP.Instant = now.Add(-5*time.Minute - time.Second).Format(time.RFC3339) }, 101, "is 5m1s behind the time here (2026-11-22T18:00:00Z), the most is 5m0s: set your clock by NTP"},
		"instant too new":          {func(r *SignatureReq) { r.AP.Instant = now.Add(6 * time.Minute).Format(time.RFC3339) }, 101, "6m0s ahead of the time here"},
		"instant of the year 9999": {func(r *SignatureReq) { r.AP.Instant = "9999-12-31T23:59:59Z" }, 101, "ahead of the time here"},
		"instant of the year 1":    {func(r *SignatureReq) { r.AP.Instant = "0001-01-01T00:00:00Z" }, 101, "behind the time here"},
		"no AP_TransID":            {func(r *SignatureReq) { r.AP.TransID = "" }, 102, "AP_Info.AP_TransID is missing"},
		"AP_TransID space":         {func(r *SignatureReq) { r.AP.TransID = "a b" }, 101, "AP_Info.AP_TransID: U+0020 at octet 2 is not allowed"},
		"AP_TransID dash":          {func(r *SignatureReq) { r.AP.TransID = "-a" }, 101, "at octet 1"},
		"AP_TransID colon":         {func(r *SignatureReq) { r.AP.TransID = "a:b" }, 101, "U+003A"},
		"long AP_TransID":          {func(r *SignatureReq) { r.AP.TransID = strings.Repeat("a", 65) }, 101, "has 65 octets: the most is 64"},
		"no mode":                  {func(r *SignatureReq) { r.Mode = "" }, 102, "MessagingMode is missing"},
		"unknown mode":             {func(r *SignatureReq) { r.Mode = "sync" }, 101, `MessagingMode "sync" is unknown`},
		"server server":            {func(r *SignatureReq) { r.Mode = "asynchServerServer" }, 101, "send asynchClientServer"},
		"no user":                  {func(r *SignatureReq) { r.User = MobileUser{} }, 102, "MobileUser.MSISDN is missing"},
		"user identifier":          {func(r *SignatureReq) { r.User = MobileUser{UserIdentifier: "a@b"} }, 105, "UserIdentifier is not resolved here"},
		"national number":          {func(r *SignatureReq) { r.User.MSISDN = "0791234567" }, 101, "MobileUser.MSISDN: MSISDN needs the international form"},
		"number with spaces":       {func(r *SignatureReq) { r.User.MSISDN = "+41 79 123 45 67" }, 101, "international form"},
		"letters in number":        {func(r *SignatureReq) { r.User.MSISDN = "+4179123456x" }, 101, "is not a digit"},
		"unknown profile":          {func(r *SignatureReq) { r.Profile = "http://nowhere" }, 109, `SignatureProfile "http://nowhere" is not supported: send one of ` + profileAuth},
		"no profile":               {func(r *SignatureReq) { r.Profile = "" }, 102, "SignatureProfile is missing: send one of"},
		"comparison":               {func(r *SignatureReq) { r.Comparison = "best" }, 101, "send exact, minimum or better"},
		"nothing better":           {func(r *SignatureReq) { r.Comparison = "better" }, 109, "there is no profile better"},
		"format":                   {func(r *SignatureReq) { r.Format = "http://uri.etsi.org/TS102204/v1.1.2#XML-Signature" }, 109, "MSS_Format"},
		"no data":                  {func(r *SignatureReq) { r.Data.Data = "" }, 102, "DataToBeSigned has no data"},
		"mime":                     {func(r *SignatureReq) { r.Data.MimeType = "text/html" }, 107, `DataToBeSigned.MimeType "text/html" is not supported: send text/plain`},
		"charset":                  {func(r *SignatureReq) { r.Data.MimeType = "text/plain; charset=iso-8859-1" }, 107, "only charset=utf-8"},
		"encoding":                 {func(r *SignatureReq) { r.Data.Encoding = "UTF-16" }, 107, "DataToBeSigned.Encoding"},
		"hash not in base64":       {func(r *SignatureReq) { r.Data = Data{"application/x-sha256", "UTF-8", "abc"} }, 107, "must be base64"},
		"sha1":                     {func(r *SignatureReq) { r.Data = Data{"application/x-sha1", "base64", b64(make([]byte, 20))} }, 107, "SHA-1 is not accepted"},
		"bad base64":               {func(r *SignatureReq) { r.Data = Data{"application/octet-stream", "base64", "abc"} }, 101, "is not base64"},
		"short hash":               {func(r *SignatureReq) { r.Data = Data{"application/x-sha256", "base64", b64(make([]byte, 31))} }, 103, "application/x-sha256 needs 32 octets, have 31"},
		"long hash":                {func(r *SignatureReq) { r.Data = Data{"application/x-sha384", "base64", b64(make([]byte, 64))} }, 103, "needs 48 octets, have 64"},
		"too much data": {func(r *SignatureReq) {
			r.Data = Data{"application/octet-stream", "base64", b64(make([]byte, 16<<10+1))}
		}, 103, "has 16385 octets, the most is 16384: send its hash"},
		"text not UTF-8":      {func(r *SignatureReq) { r.Data = Data{"text/plain", "base64", b64([]byte{0xFF})} }, 107, "is not UTF-8"},
		"text too long":       {func(r *SignatureReq) { r.Data.Data = strings.Repeat("a", 240) }, 103, "DataToBeSigned: text is 26 characters too long"},
		"text too long UCS-2": {func(r *SignatureReq) { r.Data.Data = strings.Repeat("a", 120) + "õ" }, 103, "character 121 (U+00F5)"},
		"control in text":     {func(r *SignatureReq) { r.Data.Data = "a\x07" }, 107, "DataToBeSigned: character 2 (U+0007) is a control character: remove it"},
		"bidi in text":        {func(r *SignatureReq) { r.Data.Data = "a\u202eb" }, 107, "character 2 (U+202E) turns the order of the text"},
		"not NFC":             {func(r *SignatureReq) { r.Data.Data = "Gru\u0308n" }, 107, "NFC: send the composed form, here U+00FC"},
		"look-alike":          {func(r *SignatureReq) { r.Data.Data = "p\u0430ypal" }, 107, "looks like a Latin letter"},
		"display too long":    {func(r *SignatureReq) { r.Display = &Data{Data: strings.Repeat("a", 240)} }, 103, "DataToBeDisplayed and DataToBeSigned, one below the other: text is 34 characters too long"},
		"control in display":  {func(r *SignatureReq) { r.Display = &Data{Data: "a\tb"} }, 107, "DataToBeDisplayed: character 2 (U+0009) is a tab: use a space"},
		"display mime":        {func(r *SignatureReq) { r.Display = &Data{MimeType: "text/html", Data: "a"} }, 107, "DataToBeDisplayed must be text/plain"},
		"display encoding":    {func(r *SignatureReq) { r.Display = &Data{Encoding: "base64", Data: "a"} }, 107, "DataToBeDisplayed must be text/plain in UTF-8"},
		"timeout word":        {func(r *SignatureReq) { r.TimeOut = "soon" }, 101, `TimeOut "soon" is not a number of seconds`},
		"timeout negative":    {func(r *SignatureReq) { r.TimeOut = "-1" }, 101, "is not a number"},
		"timeout short":       {func(r *SignatureReq) { r.TimeOut = "9" }, 720, "TimeOut leaves 9s, the least is 10s"},
		"timeout long":        {func(r *SignatureReq) { r.TimeOut = "301" }, 101, "TimeOut leaves 5m1s, the most for this profile is 5m0s"},
		"validity over":       {func(r *SignatureReq) { r.ValidityDate = now.Add(-time.Hour).Format(time.RFC3339) }, 720, "ValidityDate leaves 0s"},
		"validity far":        {func(r *SignatureReq) { r.ValidityDate = now.Add(time.Hour).Format(time.RFC3339) }, 101, "ValidityDate leaves 1h0m0s"},
		"validity word":       {func(r *SignatureReq) { r.ValidityDate = "tomorrow" }, 101, "ValidityDate"},
		"validity before timeout": {func(r *SignatureReq) {
			r.TimeOut, r.ValidityDate = "60", now.Add(5*time.Second).Format(time.RFC3339)
		}, 720, "ValidityDate leaves 5s"},
		"unknown service":     {func(r *SignatureReq) { r.Services = []AdditionalService{{Description: "http://x#y"}} }, 101, `additional service "http://x#y" is not offered: leave it out`},
		"batch signature":     {func(r *SignatureReq) { r.Services = []AdditionalService{{Description: nsMethics + "batchsign"}} }, 101, "is not offered"},
		"timestamp":           {func(r *SignatureReq) { r.Services = []AdditionalService{{Description: nsETSI + "timestamp"}} }, 101, "is not offered"},
		"service without URI": {func(r *SignatureReq) { r.Services = []AdditionalService{{}} }, 102, "service 1 has no Description"},
		"language": {func(r *SignatureReq) {
			r.Services = []AdditionalService{{Description: nsFiCom + "userLang", UserLang: "english"}}
		}, 101, `UserLang "english" is not a language`},
		"event id": {func(r *SignatureReq) {
			r.Services = []AdditionalService{{Description: nsFiCom + "eventId", EventID: "A 1"}}
		}, 101, "it needs 4 to 8 letters"},
	} {
		t.Run(name, func(t *testing.T) {
			s, e := testService(t)
			req := bankRequest("T1")
			c.change(req)
			resp, f := s.Signature(t.Context(), plain(), Peer{}, req)
			if f == nil {
				t.Fatalf("accepted: %+v", resp.Status)
			}
			if f.Code != c.code || !strings.Contains(f.Detail, c.detail) {
				t.Errorf("got %v\nwant %d %q", f, c.code, c.detail)
			}
			if len(e.seen) != 0 {
				t.Error("the engine has seen a request that was refused")
			}
		})
	}
}

// TestAccepted says what the engine is asked for.
//
// Supports: 5.2-1, 3.4-1
func TestAccepted(t *testing.T) {
	hash := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		change func(*SignatureReq)
		check  func(signature.Request) bool
	}{
		"text": {func(*SignatureReq) {}, func(r signature.Request) bool {
			return string(r.Content) == "Log in?" && r.Display == "" && r.Hash == 0
		}},
		"defaults":            {func(*SignatureReq) {}, func(r signature.Request) bool { return r.Format == signature.CMS && r.TimeOut == 80*time.Second }},
		"text without type":   {func(r *SignatureReq) { r.Data = Data{Data: "x"} }, func(r signature.Request) bool { return r.MimeType == "text/plain" }},
		"text charset quoted": {func(r *SignatureReq) { r.Data.MimeType = `text/plain; charset="utf-8"` }, func(r signature.Request) bool { return r.MimeType == "text/plain" }},
		"text charset":        {func(r *SignatureReq) { r.Data.MimeType = "Text/Plain; charset=UTF-8" }, func(r signature.Request) bool { return r.MimeType == "text/plain" }},
		"octets without type": {func(r *SignatureReq) { r.Data = Data{Encoding: "base64", Data: hash} }, func(r signature.Request) bool {
			return r.MimeType == "application/octet-stream" && len(r.Content) == 32
		}},
		"hash": {func(r *SignatureReq) {
			r.Data, r.Display = Data{"application/x-sha256", "BASE64", hash}, &Data{Data: "Contract.pdf"}
		}, func(r signature.Request) bool {
			return r.Content == nil && len(r.Digest) == 32 && r.Hash.String() == "SHA-256" && r.Display == "Contract.pdf"
		}},
		"alias": {func(r *SignatureReq) { r.Profile = "http://mid.swisscom.ch/Any-LoA4" }, func(r signature.Request) bool {
			return r.Profile.URI == profileAuth && r.ProfileURI == "http://mid.swisscom.ch/Any-LoA4"
		}},
		"better":        {func(r *SignatureReq) { r.Profile, r.Comparison = "http://uri.gsma.com/mobileconnect/LoA3", "better" }, func(r signature.Request) bool { return r.ProfileURI == profileSign }},
		"minimum":       {func(r *SignatureReq) { r.Comparison = "minimum" }, func(r signature.Request) bool { return r.ProfileURI == profileAuth }},
		"pkcs1":         {func(r *SignatureReq) { r.Format = "http://www.methics.fi/KiuruMSSP/v3.2.0#PKCS1" }, func(r signature.Request) bool { return r.Format == signature.PKCS1 }},
		"pkcs1 of etsi": {func(r *SignatureReq) { r.Format = nsETSI + "PKCS1" }, func(r signature.Request) bool { return r.Format == signature.PKCS1 }},
		"pkcs7":         {func(r *SignatureReq) { r.Format = nsETSI + "PKCS7" }, func(r signature.Request) bool { return r.Format == signature.CMS }},
		"mode":          {func(r *SignatureReq) { r.Mode = "asynchClientServer" }, func(r signature.Request) bool { return r.Mode == mssp.AsynchClientServer }},
		"timeout":       {func(r *SignatureReq) { r.TimeOut = "100" }, func(r signature.Request) bool { return r.TimeOut == 100*time.Second }},
		"validity": {
			func(r *SignatureReq) { r.ValidityDate = now.Add(90 * time.Second).Format(time.RFC3339) },
			func(r signature.Request) bool { return r.TimeOut == 90*time.Second },
		},
		"bare UUID":       {func(r *SignatureReq) { r.AP.TransID = "19bddce6-5818-4219-9fc4-b0584abc45a6" }, func(r signature.Request) bool { return r.APTransID == "19bddce6-5818-4219-9fc4-b0584abc45a6" }},
		"instant at edge": {func(r *SignatureReq) { r.AP.Instant = "2026-11-22T17:55:00.000Z" }, func(signature.Request) bool { return true }},
		"instant in zone": {func(r *SignatureReq) { r.AP.Instant = "2026-11-22T20:00:00.123456+02:00" }, func(signature.Request) bool { return true }},
		"services": {func(r *SignatureReq) {
			r.Services = []AdditionalService{
				{Description: nsFiCom + "userLang", UserLang: "FI"},
				{Description: nsFiCom + "eventId", EventID: "A123"},
				{Description: nsETSI + "validate"},
				{Description: nsFiCom + "noSpam"},
				{Description: nsFiCom + "personIdentity"},
				{Description: nsMID + "app2app"},
			}
		}, func(r signature.Request) bool { return r.Language == "fi" && r.EventID == "A123" && r.Validate }},
	} {
		t.Run(name, func(t *testing.T) {
			s, e := testService(t)
			req := bankRequest("T1")
			c.change(req)
			resp, f := s.Signature(t.Context(), plain(), Peer{}, req)
			if f != nil {
				t.Fatalf("refused: %v", f)
			}
			if resp.Status.Code != mssp.RequestOK || resp.TransID == "" || resp.Signature != nil {
				t.Errorf("reply %+v", resp)
			}
			if len(e.seen) != 1 || !c.check(e.seen[0]) {
				t.Errorf("the engine was asked for %+v", e.seen)
			}
		})
	}
}

// TestPermissions: a provider reaches only the numbers and profiles that it was given.
func TestPermissions(t *testing.T) {
	shop := func(change func(*SignatureReq)) *mssp.Fault {
		s, _ := testService(t)
		req := bankRequest("T1")
		req.AP.ID, req.AP.Password, req.Profile = "http://shop", "secret", profileSign
		change(req)
		_, f := s.Signature(t.Context(), plain(), Peer{}, req)
		return f
	}
	if f := shop(func(*SignatureReq) {}); f != nil {
		t.Errorf("permitted request: %v", f)
	}
	f := shop(func(r *SignatureReq) { r.User.MSISDN = "+358401234567" })
	if f == nil || f.Code != mssp.UnauthorizedAccess || strings.Contains(f.Detail, "358") {
		t.Errorf("foreign number: %v", f)
	}
	f = shop(func(r *SignatureReq) { r.Profile = profileAuth })
	if f == nil || f.Code != mssp.UnauthorizedAccess || !strings.Contains(f.Detail, "send one of "+profileSign) {
		t.Errorf("foreign profile: %v", f)
	}
}

// TestMeaning: every part of what is asked for is in the hash, and the time
// of asking is not.
func TestMeaning(t *testing.T) {
	s, e := testService(t)
	ask := func(change func(*SignatureReq)) string {
		req := bankRequest("T" + string(rune('a'+len(e.seen))))
		change(req)
		if _, f := s.Signature(t.Context(), plain(), Peer{}, req); f != nil {
			t.Fatal(f)
		}
		return string(e.seen[len(e.seen)-1].RequestHash)
	}
	first := ask(func(*SignatureReq) {})
	if got := ask(func(r *SignatureReq) { r.AP.Instant = now.Add(time.Minute).Format(time.RFC3339) }); got != first {
		t.Error("Instant is in the hash")
	}
	seen := map[string]int{first: -1}
	for i, change := range []func(*SignatureReq){
		func(r *SignatureReq) { r.Data.Data = "Log in!" },
		func(r *SignatureReq) { r.User.MSISDN = "+41791234568" },
		func(r *SignatureReq) { r.Mode = "synch" },
		func(r *SignatureReq) { r.Display = &Data{Data: "Log in?"} },
		func(r *SignatureReq) { r.Format = nsETSI + "PKCS1" },
		func(r *SignatureReq) { r.Profile = profileSign },
		func(r *SignatureReq) { r.TimeOut = "30" },
		func(r *SignatureReq) { r.Services = []AdditionalService{{Description: nsETSI + "validate"}} },
		func(r *SignatureReq) {
			r.Services = []AdditionalService{{Description: nsFiCom + "userLang", UserLang: "fi"}}
		},
		func(r *SignatureReq) {
			r.Services = []AdditionalService{{Description: nsFiCom + "eventId", EventID: "A123"}}
		},
	} {
		req := bankRequest("x")
		change(req)
		r, _, f := s.validate(plain(), s.o.Directory.(fakeDirectory)["http://bank"], req)
		if f != nil {
			t.Fatal(f)
		}
		if was, ok := seen[string(r.RequestHash)]; ok {
			t.Errorf("changes %d and %d have one hash", i, was)
		}
		seen[string(r.RequestHash)] = i
	}
}

func TestNewRefuses(t *testing.T) {
	e := newFakeEngine()
	for name, o := range map[string]Options{
		"no engine":       {},
		"profile twice":   {Engine: e, Directory: fakeDirectory{}, Profiles: []mssp.SignatureProfile{{URI: "a"}, {URI: "b", Aliases: []string{"a"}}}},
		"no URI":          {Engine: e, Directory: fakeDirectory{}, Profiles: []mssp.SignatureProfile{{}}},
		"unknown default": {Engine: e, Directory: fakeDirectory{}, DefaultProfile: "x"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestAccidents: what nobody classified is an internal error outside, and
// the cause stays inside.
func TestAccidents(t *testing.T) {
	s, e := testService(t)
	e.fail = errors.New("disk on fire")
	_, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1"))
	if f == nil || f.Code != mssp.InternalError || strings.Contains(f.Detail, "fire") || f.Err == nil {
		t.Errorf("got %v", f)
	}
	e.fail = mssp.Faultf(mssp.RevokedCertificate, "revoked")
	if resp, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1")); f != nil || resp.Status.Code != mssp.RevokedCertificate || resp.TransID != "" {
		t.Errorf("501 is a status and not a fault: %+v, %v", resp, f)
	}
	e.fail = mssp.Faultf(mssp.UnknownClient, "not registered")
	if _, f = s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1")); f == nil || f.Code != mssp.UnknownClient {
		t.Errorf("got %v", f)
	}
}

// TestNobodyIsPointedToLoA3: a fault that lists profiles to choose from lists
// those that are served, which are of LoA4.
//
// Supports: 1-2
func TestNobodyIsPointedToLoA3(t *testing.T) {
	s, _ := testService(t)
	for _, uri := range []string{"", "http://no.such/profile"} {
		req := bankRequest("T1")
		req.Profile = uri
		_, f := s.Signature(t.Context(), plain(), Peer{}, req)
		if f == nil || !strings.Contains(f.Detail, profileAuth) || strings.Contains(f.Detail, "LoA3") {
			t.Errorf("profile %q: %v", uri, f)
		}
	}
}
