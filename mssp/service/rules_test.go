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
