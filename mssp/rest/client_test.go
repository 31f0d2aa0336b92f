package rest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

func testClient(t *testing.T, h http.Handler) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &Client{
		BaseURL: srv.URL, HTTPClient: srv.Client(), APID: "http://bank", Password: "geheim",
		First: time.Nanosecond, Every: time.Nanosecond, Clock: func() time.Time { return now },
	}
}

func loginRequest(mode string) *service.SignatureReq {
	return &service.SignatureReq{
		Mode: mode, User: service.MobileUser{MSISDN: "+41791234567"}, TimeOut: "80",
		Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Zahlen Sie \"10 €\"?\n"}, Display: &service.Data{Data: "10 €"},
		Profile: "http://alauda.mobi/digitalSignature", Format: "http://uri.etsi.org/TS102204/v1.1.2#CMS-Signature",
		Services: []service.AdditionalService{
			{Description: "http://mss.ficom.fi/TS102204/v1.0.0#userLang", UserLang: "de"},
			{Description: "http://mss.ficom.fi/TS102204/v1.0.0#eventId", EventID: "A123"},
			{Description: "http://uri.etsi.org/TS102204/v1.1.2#validate"},
		},
	}
}

// TestClient asks the real handler, synch and asynch.
func TestClient(t *testing.T) {
	e := &oneEngine{state: mssp.Done, status: mssp.ValidSignature, answered: []byte("CMS"), polls: 3}
	c := testClient(t, New(Options{Service: testService(t, e, testDirectory(t))}))
	resp, err := c.Signature(t.Context(), loginRequest("synch"))
	if err != nil || resp.Status.Code != mssp.ValidSignature || string(resp.Signature.Value) != "CMS" || resp.User.MSISDN != "+41791234567" || resp.Profile != "http://alauda.mobi/digitalSignature" {
		t.Fatalf("synch: %+v, %v", resp, err)
	}
	r := e.seen[0]
	if string(r.Content) != "Zahlen Sie \"10 €\"?\n" || r.Display != "10 €" || r.Language != "de" || r.EventID != "A123" || !r.Validate || r.TimeOut != 80*time.Second || len(r.APTransID) != 33 {
		t.Errorf("the engine was asked for %+v", r)
	}
	e.state = mssp.Waiting
	resp, err = c.Signature(t.Context(), loginRequest("asynch"))
	if err != nil || resp.Status.Code != mssp.RequestOK || resp.TransID != "h1" || resp.MSSP.ID.URI != "http://mssp.example/" {
		t.Fatalf("asynch: %+v, %v", resp, err)
	}
	e.state = mssp.Done
	var told []string
	c.Progress = func(now string) { told = append(told, now) }
	st, err := c.Wait(t.Context(), resp)
	if off := mssp.ReachOff.Progress(); !slices.Equal(told, []string{off, off, off}) {
		t.Errorf("progress %q", told)
	}
	if err != nil || st.Status.Code != mssp.ValidSignature || string(st.Signature.Value) != "CMS" || e.polls != 0 {
		t.Fatalf("status: %+v, %v", st, err)
	}
	e.state, e.status, e.detail = mssp.Failed, mssp.UserCancel, "the user said no"
	var f *mssp.Fault
	if _, err = c.Wait(t.Context(), resp); !errors.As(err, &f) || f.Code != mssp.UserCancel || f.Detail != "the user said no" {
		t.Errorf("cancelled: %v", err)
	}
	// Sent again it is the same request, to the octet; a new one has its own time.
	again := loginRequest("asynch")
	for range 2 {
		if _, err = c.Signature(t.Context(), again); err != nil {
			t.Error(err)
		}
		c.Clock = func() time.Time { return now.Add(time.Second) }
	}
	if n := len(e.seen); e.seen[n-1].APTransID != e.seen[n-2].APTransID || again.AP.Instant != now.Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("a request that is sent again has Instant %s", again.AP.Instant)
	}
	c.Password = "x"
	if _, err = c.Signature(t.Context(), loginRequest("synch")); !errors.As(err, &f) || f.Code != mssp.UnauthorizedAccess {
		t.Errorf("wrong password: %v", err)
	}
}

// TestClientWait: a service that restarts is waited for, not for ever; the
// end of ctx ends the wait.
func TestClientWait(t *testing.T) {
	down := 0
	ok := New(Options{Service: testService(t, &oneEngine{state: mssp.Done, status: mssp.Signature, answered: []byte("CMS")}, testDirectory(t))})
	c := testClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down > 0 {
			down--
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		ok.ServeHTTP(w, r)
	}))
	of := &service.SignatureResp{TransID: "h1"}
	down = pollErrors - 1
	if _, err := c.Wait(t.Context(), of); err != nil {
		t.Errorf("four failures: %v", err)
	}
	down = pollErrors
	if _, err := c.Wait(t.Context(), of); err == nil || !strings.Contains(err.Error(), "5 polls in a row have failed") {
		t.Errorf("five failures: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.First = time.Hour
	if _, err := c.Wait(ctx, of); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestClientReplies: what is not a reply of such a service says so.
func TestClientReplies(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"html":         {"<html>", "is not a reply of a Mobile Signature Service"},
		"empty object": {"{}", "no MSS_SignatureResp with a status code"},
		"other reply":  {`{"MSS_StatusResp":{"Status":{"StatusCode":{"Value":"500"}}}}`, "no MSS_SignatureResp"},
		"no status":    {`{"MSS_SignatureResp":{}}`, "no MSS_SignatureResp with a status code"},
		"bad status":   {`{"MSS_SignatureResp":{"Status":{"StatusCode":{"Value":"x"}}}}`, `status code "x" is not a number`},
		"bad base64":   {`{"MSS_SignatureResp":{"MSS_Signature":{"Base64Signature":"?"},"Status":{"StatusCode":{"Value":"500"}}}}`, "Base64Signature"},
		"bad fault":    {`{"Fault":{"Code":{}}}`, "is not a number"},
		"cut":          {`{"MSS_SignatureResp":{`, "the document is cut off"},
		"endless":      {strings.Repeat(" ", maxReply+1), "more than 1048576 octets"},
		"second level": {`{"Fault":{"Code":{"SubCode":{"Value":"_101","ValueNs":"x","SubCode":{"Value":"_1015"}},"Value":"Sender"},"Detail":"no"}}`, "101 WRONG_PARAM (1015): no"},
		"fault":        {`{"Fault":{"Code":{"SubCode":{"Value":"_401","ValueNs":"x"},"Value":"Receiver"},"Detail":"no","Reason":"USER_CANCEL","UserAssistance":{"PortalUrl":"x"}}}`, "401 USER_CANCEL: no"},
		"new members":  {`{"New":{},"Fault":{"New":1,"Code":{"New":[],"SubCode":{"New":"x","Value":"_401"}},"Detail":"no"}}`, "401 USER_CANCEL: no"},
		"others":       {`{"New":1,"MSS_SignatureResp":{"New":{},"MSSP_Info":{"New":1,"MSSP_ID":{"New":1,"URI":"x"}},"Status":{"New":[{}],"StatusCode":{"New":1,"Value":"504"}}},"Other":{}}`, "no MSS_SignatureResp with a status code"},
		"number":       {`{"MSS_SignatureResp":{"New":[1],"Status":{"StatusDetail":"x","StatusCode":{"Value":504}}}}`, ""},
	} {
		client := testClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(c.body)) }))
		_, err := client.Signature(t.Context(), loginRequest("synch"))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:80", "ftp://host", "http://", "http://a b"} {
		if _, err := (&Client{BaseURL: bad}).endpoint(); err == nil {
			t.Errorf("URL %q was taken", bad)
		}
	}
	for in, want := range map[string]string{"http://h:1": "http://h:1/rest/service", "http://h/": "http://h/rest/service", "https://h/restapi/": "https://h/restapi/"} {
		if got, err := (&Client{BaseURL: in}).endpoint(); got != want || err != nil {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
}

func FuzzReply(f *testing.F) {
	f.Add(`{"MSS_SignatureResp":{"Status":{"StatusDetail":{"ReferenceCode":"7F3K"},"StatusCode":{"Value":504}}}}`)
	f.Add(`{"Fault":{"Code":{"SubCode":{"Value":"_401"}},"Detail":"no"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := decodeReply([]byte(body), "MSS_SignatureResp")
		if (r == nil) == (err == nil) {
			t.Fatalf("%+v, %v", r, err)
		}
		if r != nil && r.fault == nil && r.status.Code == 0 {
			t.Fatal("a reply without a status")
		}
	})
}
