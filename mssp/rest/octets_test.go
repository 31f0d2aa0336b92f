package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

// answers is a service that says what it was told to say.
type answers struct {
	signature *service.SignatureResp
	status    *service.StatusResp
	profile   *service.ProfileResp
	receipt   *service.ReceiptResp
	fault     *mssp.Fault
}

func (a *answers) Signature(context.Context, *service.Dialect, service.Peer, *service.SignatureReq) (*service.SignatureResp, *mssp.Fault) {
	return a.signature, a.fault
}

func (a *answers) StatusQuery(context.Context, *service.Dialect, service.Peer, *service.StatusReq) (*service.StatusResp, *mssp.Fault) {
	return a.status, a.fault
}

func (a *answers) ProfileQuery(context.Context, *service.Dialect, service.Peer, *service.ProfileReq) (*service.ProfileResp, *mssp.Fault) {
	return a.profile, a.fault
}

func (a *answers) Receipt(context.Context, *service.Dialect, service.Peer, *service.ReceiptReq) (*service.ReceiptResp, *mssp.Fault) {
	return a.receipt, a.fault
}

const asker = `"AP_Info":{"AP_ID":"http://bank","AP_PWD":"geheim","AP_TransID":"T1","Instant":"2026-11-22T18:02:37.783Z"},"MSSP_Info":{"MSSP_ID":{"URI":"http://mssp.example/"}},"MajorVersion":"1","MinorVersion":"1"`

// One request of each kind.
var asks = map[string]string{
	"MSS_SignatureReq": `{"MSS_SignatureReq":{` + asker + `,"MobileUser":{"MSISDN":"+41791234567"},"MessagingMode":"synch","DataToBeSigned":{"MimeType":"text/plain","Encoding":"UTF-8","Data":"Pay?"}}}`,
	"MSS_StatusReq":    `{"MSS_StatusReq":{` + asker + `,"MSSP_TransID":"h1"}}`,
	"MSS_ReceiptReq":   `{"MSS_ReceiptReq":{` + asker + `,"MSSP_TransID":"h1","MobileUser":{"MSISDN":"+41791234567"}}}`,
	"MSS_ProfileReq":   `{"MSS_ProfileReq":{` + asker + `,"MobileUser":{"MSISDN":"+41791234567"}}}`,
}

// Every reply, octet for octet: scripts read them with regular expressions. Each
// row leaves something out of the one before it.
func TestReplyOctets(t *testing.T) {
	header := service.Header{MajorVersion: "1", MinorVersion: "2"}
	header.AP.ID, header.AP.TransID, header.AP.Instant = "http://bank", "T1", "2026-11-22T18:02:37.783Z"
	header.MSSP.Instant, header.MSSP.ID.URI = "2026-11-22T18:03:00.000Z", "http://mssp.example/"
	bare := header
	bare.AP.TransID, bare.AP.Instant = "", ""
	const (
		head  = `"AP_Info":{"AP_ID":"http://bank","AP_TransID":"T1","Instant":"2026-11-22T18:02:37.783Z"},"MSSP_Info":{"Instant":"2026-11-22T18:03:00.000Z","MSSP_ID":{"URI":"http://mssp.example/"}}`
		short = `"AP_Info":{"AP_ID":"http://bank"},"MSSP_Info":{"Instant":"2026-11-22T18:03:00.000Z","MSSP_ID":{"URI":"http://mssp.example/"}}`
		over  = `,"MajorVersion":"1","MinorVersion":"2"`
		user  = `,"MobileUser":{"MSISDN":"+41791234567"}`
	)
	sub := service.MobileUser{MSISDN: "+41791234567"}
	told := service.Status{Code: 500, Message: "SIGNATURE", Reference: "7F3K", Progress: "waits"}
	for what, c := range map[string]struct {
		ask  string
		a    answers
		want string
	}{
		"signature": {"MSS_SignatureReq", answers{signature: &service.SignatureResp{
			Header: header, TransID: "h1", User: sub, Signature: &service.Signature{Value: []byte{0xFB, 0xFF}}, Profile: "urn:p",
			Responses: []service.ServiceResponse{{Description: "urn:g", ErrorCode: "101", ErrorMessage: "no"}, {Description: "urn:h"}}, Status: told,
		}}, `{"MSS_SignatureResp":{` + head + `,"MSSP_TransID":"h1"` + over + user + `,"SignatureProfile":"urn:p","MSS_Signature":{"Base64Signature":"+/8="},` +
			`"ServiceResponses":[{"Description":"urn:g","Geofencing":{"ErrorCode":"101","ErrorMessage":"no"}},{"Description":"urn:h","Geofencing":{"ErrorCode":"","ErrorMessage":""}}],` +
			`"Status":{"StatusMessage":"SIGNATURE","StatusDetail":{"ReferenceCode":"7F3K","Progress":"waits"},"StatusCode":{"Value":"500"}}}}`},
		"no signature": {"MSS_SignatureReq", answers{signature: &service.SignatureResp{
			Header: bare, User: sub, Profile: "urn:p", Status: service.Status{Code: 100, Message: "REQUEST_OK"},
		}}, `{"MSS_SignatureResp":{` + short + over + user + `,"SignatureProfile":"urn:p","Status":{"StatusMessage":"REQUEST_OK","StatusCode":{"Value":"100"}}}}`},
		"status": {"MSS_StatusReq", answers{status: &service.StatusResp{
			Header: header, User: sub, Signature: &service.Signature{Value: []byte{1}}, Status: service.Status{Code: 502, Message: "VALID_SIGNATURE", Reference: "7F3K"},
		}}, `{"MSS_StatusResp":{` + head + over + user + `,"MSS_Signature":{"Base64Signature":"AQ=="},"Status":{"StatusMessage":"VALID_SIGNATURE","StatusDetail":{"ReferenceCode":"7F3K"},"StatusCode":{"Value":"502"}}}}`},
		"outstanding": {"MSS_StatusReq", answers{status: &service.StatusResp{
			Header: header, User: sub, Status: service.Status{Code: 504, Message: "OUTSTANDING_TRANSACTION", Progress: "waits"},
		}}, `{"MSS_StatusResp":{` + head + over + user + `,"Status":{"StatusMessage":"OUTSTANDING_TRANSACTION","StatusDetail":{"Progress":"waits"},"StatusCode":{"Value":"504"}}}}`},
		"receipt": {
			"MSS_ReceiptReq",
			answers{receipt: &service.ReceiptResp{Header: header, Status: service.Status{Code: 100, Message: "REQUEST_OK"}}},
			`{"MSS_ReceiptResp":{` + head + over + `,"Status":{"StatusMessage":"REQUEST_OK","StatusCode":{"Value":"100"}}}}`,
		},
		"profile": {"MSS_ProfileReq", answers{profile: &service.ProfileResp{
			Header: header, Profiles: []string{"urn:p", "urn:q"}, Status: service.Status{Code: 100, Message: "REQUEST_OK"},
			User: service.UserProfile{State: "ACTIVE", PINBlocked: true, Certificates: []service.UserCertificate{
				{Algorithm: "EC", State: "ACTIVE", DER: []byte{1}, Subject: `CN="A"`}, {Algorithm: "RSA", State: "INACTIVE", DER: []byte{2}, Subject: "CN=B"},
			}},
		}}, `{"MSS_ProfileResp":{` + head + over + `,"SignatureProfile":["urn:p","urn:q"],"Status":{"StatusCode":{"Value":"100"},"StatusDetail":{"ProfileQueryExtension":{"Sscds":{"Sim":{"MobileUserCertificate":[` +
			`{"Algorithm":"EC","State":"ACTIVE","X509Certificate":["AQ=="],"X509SubjectName":["CN=\"A\""]},{"Algorithm":"RSA","State":"INACTIVE","X509Certificate":["Ag=="],"X509SubjectName":["CN=B"]}` +
			`],"PinStatus":{"Blocked":true},"State":"ACTIVE"}}}},"StatusMessage":"REQUEST_OK"}}}`},
		"bare profile": {"MSS_ProfileReq", answers{profile: &service.ProfileResp{
			Header: header, Status: service.Status{Code: 100, Message: "REQUEST_OK"}, User: service.UserProfile{State: "ACTIVE", Bare: true},
		}}, `{"MSS_ProfileResp":{` + head + over + `,"SignatureProfile":[],"Status":{"StatusCode":{"Value":"100"},"StatusDetail":{"ProfileQueryExtension":{"Sscds":{"Sim":{"MobileUserCertificate":[]` +
			`,"State":"ACTIVE"}}}},"StatusMessage":"REQUEST_OK"}}}`},
	} {
		status, body := post(New(Options{Service: &c.a}), httptest.NewRequest("POST", "/rest/service", strings.NewReader(asks[c.ask])), false)
		if status != 200 || body != c.want {
			t.Errorf("%s: %d %s\nwant %s", what, status, body, c.want)
		}
		c.a.fault = mssp.Faultf(mssp.UserCancel, "no")
		const fault = `{"Fault":{"Code":{"SubCode":{"Value":"_401","ValueNs":"http://uri.etsi.org/TS102204/v1.1.2#"},"Value":"Receiver","ValueNs":"http://www.w3.org/2003/05/soap-envelope"},"Detail":"no","Reason":"USER_CANCEL"}}`
		if status, body = post(New(Options{Service: &c.a}), httptest.NewRequest("POST", "/rest/service", strings.NewReader(asks[c.ask])), false); status != 500 || body != fault {
			t.Errorf("%s: %d %s\nwant %s", what, status, body, fault)
		}
	}
	f := mssp.Faultf(mssp.WrongParam, "no").Second(mssp.DTBDNotSupported)
	const want = `{"Fault":{"Code":{"SubCode":{"Value":"_101","ValueNs":"http://uri.etsi.org/TS102204/v1.1.2#","SubCode":{"Value":"_1015","ValueNs":"http://mss.ficom.fi/TS102204/v1.0.0#"}},"Value":"Sender","ValueNs":"http://www.w3.org/2003/05/soap-envelope"},"Detail":"no","Reason":"WRONG_PARAM"}}`
	if got := string(appendFault(nil, f)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Strings of JSON, RFC 8259 section 7: what must be escaped is, and nothing else.
func TestStringOctets(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "a b": `"a b"`, `a"b\c`: `"a\"b\\c"`, "\n": `"\n"`, "\x00\x1f\x20": `"\u0000\u001f "`, "\r\t": `"\u000d\u0009"`, "\x7f": "\"\x7f\"",
		"10 €": `"10 €"`, "\uFFFD": "\"\uFFFD\"", "a\xff\xc3b": "\"a\uFFFD\uFFFDb\"", "\xe2\x82": "\"\uFFFD\uFFFD\"", "/<&>": `"/<&>"`,
	} {
		if got := string(appendString(nil, in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// What a client sends, octet for octet; what is empty is left out.
func TestRequestOctets(t *testing.T) {
	req := &service.SignatureReq{
		User: service.MobileUser{MSISDN: "+41791234567"}, Mode: "synch", Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Pay?"},
		Display: &service.Data{MimeType: "a/b", Encoding: "base64", Data: "c"}, ValidityDate: "2026-11-22T18:10:00Z", TimeOut: "80", Profile: "urn:p",
		Services: []service.AdditionalService{{Description: "urn:s", UserLang: "de"}, {Description: "urn:e", EventID: "A1"}, {Description: "urn:v"}},
		Format:   "urn:f", Comparison: "exact",
	}
	req.MajorVersion, req.MinorVersion = "1", "2"
	req.AP.ID, req.AP.TransID, req.AP.Password, req.AP.Instant, req.MSSP.ID.URI = "http://bank", "T1", "geheim", "2026-11-22T18:02:37.783Z", "http://mssp.example/"
	const head = `"MajorVersion":"1","MinorVersion":"2","AP_Info":{"AP_ID":"http://bank","AP_TransID":"T1","AP_PWD":"geheim","Instant":"2026-11-22T18:02:37.783Z"},"MSSP_Info":{"MSSP_ID":{"URI":"http://mssp.example/"}}`
	want := `{"MSS_SignatureReq":{` + head + `,"MobileUser":{"MSISDN":"+41791234567"},"MessagingMode":"synch",` +
		`"DataToBeSigned":{"MimeType":"text/plain","Encoding":"UTF-8","Data":"Pay?"},"DataToBeDisplayed":{"MimeType":"a/b","Encoding":"base64","Data":"c"},` +
		`"ValidityDate":"2026-11-22T18:10:00Z","TimeOut":"80","SignatureProfile":"urn:p","AdditionalServices":[{"Description":"urn:s","UserLang":{"Value":"de"}},` +
		`{"Description":"urn:e","EventID":{"Value":"A1"}},{"Description":"urn:v"}],"MSS_Format":"urn:f","SignatureProfileComparison":"exact"}}`
	if got := string(appendSignatureReq(nil, req)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	least := &service.SignatureReq{Header: req.Header, User: req.User, Data: req.Data}
	want = `{"MSS_SignatureReq":{` + head + `,"MobileUser":{"MSISDN":"+41791234567"},"DataToBeSigned":{"MimeType":"text/plain","Encoding":"UTF-8","Data":"Pay?"},"AdditionalServices":[]}}`
	if got := string(appendSignatureReq(nil, least)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want = `{"MSS_StatusReq":{` + head + `,"MSSP_TransID":"h1"}}`
	if got := string(appendStatusReq(nil, &service.StatusReq{Header: req.Header, TransID: "h1"})); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// A path that names an operation takes that one; the others take all.
func TestPathsTakeTheirOwn(t *testing.T) {
	a := answers{signature: &service.SignatureResp{}, status: &service.StatusResp{}, profile: &service.ProfileResp{}, receipt: &service.ReceiptResp{}}
	h := New(Options{Service: &a})
	for path, only := range map[string]string{
		"/rest/service": "", "/rest/service/": "", "/restapi": "", "/restapi/": "", "/rest/service/sign": "MSS_SignatureReq", "/rest/service/status": "MSS_StatusReq",
		"/rest/service/receipt": "MSS_ReceiptReq", "/rest/service/profile": "MSS_ProfileReq",
	} {
		for name, ask := range asks {
			status, body := post(h, httptest.NewRequest("POST", path, strings.NewReader(ask)), false)
			want, text := 200, `{"`+strings.TrimSuffix(name, "Req")+`Resp":`
			if only != "" && only != name {
				want, text = 500, `"_101","ValueNs":"http://uri.etsi.org/TS102204/v1.1.2#"},"Value":"Sender","ValueNs":"http://www.w3.org/2003/05/soap-envelope"},"Detail":"this path takes `+only+" and got "+name+`: POST to /rest/service"`
			}
			if status != want || !strings.Contains(body, text) {
				t.Errorf("%s to %s: %d %s", name, path, status, body)
			}
		}
	}
}

// An operator sees of every exchange when it was, whose, and how it ended; of one
// that could not be read, that it was refused.
func TestObservedExchanges(t *testing.T) {
	a := answers{signature: &service.SignatureResp{TransID: "h7"}, status: &service.StatusResp{}, profile: &service.ProfileResp{}, receipt: &service.ReceiptResp{}}
	var seen []Exchange
	h := New(Options{Service: &a, Observe: func(e Exchange) { seen = append(seen, e) }, Clock: func() time.Time { return now }})
	for name, ask := range asks {
		seen = nil
		_, body := post(h, httptest.NewRequest("POST", "/rest/service", strings.NewReader(ask)), false)
		if len(seen) != 2 {
			t.Fatalf("%s: %d", name, len(seen))
		}
		in, out := seen[0], seen[1]
		if !in.At.Equal(now) || in.AP != "http://bank" || in.APTransID != "T1" || in.TransID != "" || in.Status != 0 || in.Response != nil ||
			string(in.Request) != strings.Replace(ask, `"geheim"`, `"***"`, 1) {
			t.Errorf("%s: %+v", name, in)
		}
		if !out.At.Equal(now) || out.AP != "http://bank" || out.APTransID != "T1" || (out.TransID == "h7") != (name == "MSS_SignatureReq") || out.Status != 200 ||
			out.Request != nil || string(out.Response) != body {
			t.Errorf("%s: %+v", name, out)
		}
	}
	seen = nil
	_, body := post(h, httptest.NewRequest("POST", "/rest/service", strings.NewReader("{")), false)
	if len(seen) != 1 || seen[0].AP != "" || seen[0].Status != 500 || string(seen[0].Response) != body || !seen[0].At.Equal(now) {
		t.Errorf("%+v", seen)
	}
}

// What keeps a client from its reply is told, with the address.
func TestClientAccidents(t *testing.T) {
	cut := testClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"MSS_SignatureResp":{"Status":{"StatusCode":{"Value":"500"}}}}`))
	}))
	_, err := cut.Signature(t.Context(), loginRequest("synch"))
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "reply of "+cut.BaseURL+"/rest/service: ") {
		t.Errorf("%v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = cut.Signature(gone, loginRequest("synch")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err = cut.Status(gone, &service.SignatureResp{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	cut.BaseURL = "host"
	if _, err = cut.Signature(t.Context(), loginRequest("synch")); err == nil || err.Error() != `service URL "host": it needs the form https://host:port` {
		t.Errorf("%v", err)
	}
	var head http.Header
	plain := testClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head = r.Header
		_, _ = w.Write([]byte(`{"MSS_SignatureResp":{"MSSP_TransID":"h1","Status":{"StatusCode":{"Value":"100"}}}}`))
	}))
	plain.HTTPClient = nil // the default one
	resp, err := plain.Signature(t.Context(), loginRequest("asynch"))
	if err != nil || resp.TransID != "h1" || head.Get("Content-Type") != "application/json; charset=UTF-8" || head.Get("Accept") != "application/json" {
		t.Errorf("%+v, %v, %v", resp, err, head)
	}
}
