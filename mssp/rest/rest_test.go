package rest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

func testDirectory(t testing.TB) directory {
	t.Helper()
	sum := sha256.Sum256([]byte("client certificate"))
	every := mssp.Switches{Octets: []string{"http://alauda.mobi/digitalSignature"}, OtherDisplay: true, Certificates: true}
	return directory{
		"mid://fake-ap": {ID: "mid://fake-ap", Name: "Test", CertSHA256: []string{hex.EncodeToString(sum[:])}},
		"TestAP":        {ID: "TestAP", Name: "Test", PasswordHash: hashOf(t, "secretpw"), Switches: every},
		"http://bank":   {ID: "http://bank", Name: "Bank", PasswordHash: hashOf(t, "geheim"), Switches: every},
	}
}

func hashOf(t testing.TB, password string) string {
	t.Helper()
	h, err := service.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// post sends a request to the handler, over TLS with the client certificate
// of mid://fake-ap when cert is set.
func post(h http.Handler, r *http.Request, cert bool) (int, string) {
	if cert {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("client certificate")}}}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// readCapture reads the octets that a foreign client put on the wire.
func readCapture(t testing.TB, name string) *http.Request {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/captures", name))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.HasPrefix(data, []byte("#")) {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	head, body, ok := bytes.Cut(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	if !ok {
		t.Fatal("no empty line")
	}
	head = append(bytes.ReplaceAll(head, []byte("\n"), []byte("\r\n")), "\r\n\r\n"...)
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(head, bytes.TrimSpace(body)...))))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCaptures sends what foreign clients sent.
//
// Supports: W-1, 5.2-1
func TestCaptures(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		want   []string
	}{
		"midjava_rest_sync_001.http": {200, []string{
			`{"MSS_SignatureResp":{"AP_Info":{"AP_ID":"mid://fake-ap","AP_TransID":"ID-ec3847a4-3097-4984-9f90-c92b324401ed","Instant":"2026-11-22T18:02:37.783Z"},"MSSP_Info":{"Instant":"2026-11-22T18:03:00.000Z","MSSP_ID":{"URI":"http://mssp.example/"}},"MSSP_TransID":"h1","MajorVersion":"1","MinorVersion":"2","MobileUser":{"MSISDN":"41791234567"},"SignatureProfile":"http://mid.swisscom.ch/Any-LoA4","MSS_Signature":{"Base64Signature":"Q01T"},"ServiceResponses":[{"Description":"http://mid.swisscom.ch/as#geofencing","Geofencing":{"ErrorCode":"100","ErrorMessage":"Geofencing feature disabled"}}],"Status":{"StatusMessage":"SIGNATURE","StatusCode":{"Value":"500"}}}}`,
		}},
		"midjava_rest_async_003.http": {200, []string{`"MSSP_TransID":"h1"`, `"Status":{"StatusMessage":"REQUEST_OK",`, `"StatusCode":{"Value":"100"}}}}`}},
		// This client sent no data. The rest of its request is taken; there is nothing to sign.
		"lrest_basic_sign_019.http":  {500, []string{`"_102"`, "DataToBeSigned has no data: send what the user shall sign"}},
		"lrest_basic_certs_018.http": {200, []string{`{"MSS_ProfileResp":{"AP_Info":{"AP_ID":"TestAP"},"MSSP_Info":{"Instant":"2026-11-22T18:03:00.000Z","MSSP_ID":{"URI":"http://mssp.example/"}},"MajorVersion":"1","MinorVersion":"1","SignatureProfile":[],"Status":{"StatusCode":{"Value":"100"},"StatusDetail":{"ProfileQueryExtension":{"Sscds":{"Sim":{"MobileUserCertificate":[],"PinStatus":{"Blocked":false},"State":"INACTIVE"}}}},"StatusMessage":"REQUEST_OK"}}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			e := &oneEngine{state: mssp.Done, status: mssp.Signature, answered: []byte("CMS")}
			if strings.Contains(name, "async") {
				e.state = mssp.Waiting
			}
			h := New(Options{Service: testService(t, e, testDirectory(t))})
			status, body := post(h, readCapture(t, name), strings.HasPrefix(name, "mid"))
			if status != c.status {
				t.Errorf("status %d: %s", status, body)
			}
			for _, want := range c.want {
				if !strings.Contains(body, want) {
					t.Errorf("got  %s\nwant %s", body, want)
				}
			}
			if strings.ContainsAny(body, "\n\r") {
				t.Error("the reply has more than one line")
			}
		})
	}
	// The same sparse request with the data that it lacks is signed.
	e := &oneEngine{state: mssp.Done, status: mssp.Signature, answered: []byte("CMS")}
	r := readCapture(t, "lrest_basic_sign_019.http")
	buf := new(bytes.Buffer)
	if _, err := buf.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(buf.String(), `"Encoding":"base64"`, `"Encoding":"base64","Data":"`+base64.StdEncoding.EncodeToString(make([]byte, 32))+`"`, 1)
	r2 := httptest.NewRequest("POST", "/restapi/", strings.NewReader(with))
	r2.Header = r.Header
	status, body := post(New(Options{Service: testService(t, e, testDirectory(t))}), r2, false)
	if status != 200 || !strings.Contains(body, `"StatusCode":{"Value":"500"}`) || len(e.seen) != 1 || e.seen[0].Display != "Please sign contract.pdf" {
		t.Errorf("%d %s", status, body)
	}
}

// TestFlavours: the path says which members may be missing, and how the
// provider proves itself does not.
func TestFlavours(t *testing.T) {
	dir := testDirectory(t)
	const sparse = `{"MSS_StatusReq":{"AP_Info":{"AP_ID":"http://bank","AP_PWD":"geheim"},"MSSP_TransID":"h1"}}`
	const nobody = `{"MSS_StatusReq":{"AP_Info":{"AP_PWD":"x"},"MSSP_TransID":"h1"}}`
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("http://bank"))+":geheim"))
	for name, c := range map[string]struct {
		path, body, login string
		status            int
		want              string
	}{
		"sparse":               {"/restapi/", sparse, "", 200, `"504"`},
		"sparse, basic":        {"/restapi/", nobody, basic, 200, `"AP_ID":"http://bank"`},
		"sparse, nobody":       {"/restapi", nobody, "", 500, "AP_Info.AP_ID is missing"},
		"sparse for full":      {"/rest/service", sparse, "", 500, "MajorVersion or MinorVersion is missing"},
		"the same with basic":  {"/rest/service", sparse, basic, 500, "MajorVersion or MinorVersion is missing"},
		"full for sparse":      {"/restapi/", bankStatus, "", 200, `"504"`},
		"full, basic":          {"/rest/service", bankStatus, basic, 200, `"504"`},
		"full, basic, no name": {"/rest/service", strings.Replace(bankStatus, `"AP_ID":"http://bank",`, "", 1), basic, 200, `"504"`},
	} {
		r := httptest.NewRequest("POST", c.path, strings.NewReader(c.body))
		if c.login != "" {
			r.Header.Set("Authorization", c.login)
		}
		status, body := post(New(Options{Service: testService(t, &oneEngine{state: mssp.Waiting}, dir)}), r, false)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s\nwant %d %s", name, status, body, c.status, c.want)
		}
	}
}

const bankStatus = `{"MSS_StatusReq":{"MajorVersion":"1","MinorVersion":"1","AP_Info":{"AP_ID":"http://bank","AP_PWD":"geheim","AP_TransID":"T1","Instant":"2026-11-22T18:03:00Z"},"MSSP_TransID":"h1"}}`

// TestReplies holds the octets of replies and faults: scripts depend on them.
func TestReplies(t *testing.T) {
	const head = `{"MSS_StatusResp":{"AP_Info":{"AP_ID":"http://bank","AP_TransID":"T1","Instant":"2026-11-22T18:03:00Z"},"MSSP_Info":{"Instant":"2026-11-22T18:03:00.000Z","MSSP_ID":{"URI":"http://mssp.example/"}},"MajorVersion":"1","MinorVersion":"1","MobileUser":{"MSISDN":"+41791234567"},`
	for name, c := range map[string]struct {
		e      oneEngine
		status int
		want   string
	}{
		"outstanding": {oneEngine{state: mssp.Prompted}, 200, head + `"Status":{"StatusMessage":"OUTSTANDING_TRANSACTION","StatusDetail":{"Progress":"shown to the user, no answer yet"},"StatusCode":{"Value":"504"}}}}`},
		"valid":       {oneEngine{state: mssp.Done, status: mssp.ValidSignature, answered: []byte{1, 2, 3}}, 200, head + `"MSS_Signature":{"Base64Signature":"AQID"},"Status":{"StatusMessage":"VALID_SIGNATURE","StatusCode":{"Value":"502"}}}}`},
		"cancelled":   {oneEngine{state: mssp.Failed, status: mssp.UserCancel, detail: `the "user" said no`}, 500, `{"Fault":{"Code":{"SubCode":{"Value":"_401","ValueNs":"http://uri.etsi.org/TS102204/v1.1.2#"},"Value":"Receiver","ValueNs":"http://www.w3.org/2003/05/soap-envelope"},"Detail":"the \"user\" said no","Reason":"USER_CANCEL"}}`},
	} {
		status, body := post(New(Options{Service: testService(t, &c.e, testDirectory(t))}), httptest.NewRequest("POST", "/rest/service/status", strings.NewReader(bankStatus)), false)
		if status != c.status || body != c.want {
			t.Errorf("%s: %d\ngot  %s\nwant %s", name, status, body, c.want)
		}
	}
	status, body := post(New(Options{Service: testService(t, &oneEngine{}, testDirectory(t))}),
		httptest.NewRequest("POST", "/rest/service", strings.NewReader(strings.Replace(bankStatus, "geheim", "x", 1))), false)
	if status != 500 || !strings.Contains(body, `"_104"`) || !strings.Contains(body, `"Value":"Sender"`) {
		t.Errorf("wrong password: %d %s", status, body)
	}
}

// A second level stands inside the first, where FiCom's clients look for it.
func TestSecondLevel(t *testing.T) {
	const want = `{"Fault":{"Code":{"SubCode":{"Value":"_101","ValueNs":"http://uri.etsi.org/TS102204/v1.1.2#",` +
		`"SubCode":{"Value":"_1015","ValueNs":"http://mss.ficom.fi/TS102204/v1.0.0#"}},"Value":"Sender",` +
		`"ValueNs":"http://www.w3.org/2003/05/soap-envelope"},"Detail":"no","Reason":"WRONG_PARAM"}}`
	if got := appendFault(nil, mssp.Faultf(mssp.WrongParam, "no").Second(mssp.DTBDNotSupported)); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A provider that may not know more hears the state and nothing else.
func TestBareProfile(t *testing.T) {
	const want = `"SignatureProfile":["p1"],"Status":{"StatusCode":{"Value":"100"},"StatusDetail":{"ProfileQueryExtension":{"Sscds":{"Sim":{"MobileUserCertificate":[],` +
		`"State":"ACTIVE"}}}},"StatusMessage":"REQUEST_OK"}}}`
	got := appendProfileResp(nil, &service.ProfileResp{
		Profiles: []string{"p1"}, Status: service.Status{Code: 100, Message: "REQUEST_OK"}, User: service.UserProfile{State: "ACTIVE", Bare: true, PINBlocked: true},
	})
	if !bytes.HasSuffix(got, []byte(want)) || !json.Valid(got) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestReplyMembers: the replies that have more members, read by encoding/json.
func TestReplyMembers(t *testing.T) {
	h := service.Header{AP: service.APInfo{ID: "a", TransID: "t"}}
	p := appendProfileResp(nil, &service.ProfileResp{
		Header: h, Profiles: []string{"p1", "p2"}, Status: service.Status{Code: 100, Message: "REQUEST_OK"},
		User: service.UserProfile{State: "ACTIVE", PINBlocked: true, Certificates: []service.UserCertificate{{State: "ACTIVE", Algorithm: "RSA", Subject: `CN="A"`, DER: []byte{1}}, {DER: []byte{2}}}},
	})
	var got struct {
		MSS_ProfileResp struct {
			SignatureProfile []string
			Status           struct {
				StatusCode   struct{ Value string }
				StatusDetail struct {
					ProfileQueryExtension struct {
						Sscds struct {
							Sim struct {
								State                 string
								PinStatus             struct{ Blocked bool }
								MobileUserCertificate []struct {
									Algorithm, State                 string
									X509Certificate, X509SubjectName []string
								}
							}
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(p, &got); err != nil {
		t.Fatalf("%v: %s", err, p)
	}
	m := got.MSS_ProfileResp
	sim := m.Status.StatusDetail.ProfileQueryExtension.Sscds.Sim
	if len(m.SignatureProfile) != 2 || m.Status.StatusCode.Value != "100" || !sim.PinStatus.Blocked || sim.State != "ACTIVE" ||
		len(sim.MobileUserCertificate) != 2 || sim.MobileUserCertificate[0].X509SubjectName[0] != `CN="A"` || sim.MobileUserCertificate[0].X509Certificate[0] != "AQ==" {
		t.Errorf("got %+v", m)
	}
	if r := appendReceiptResp(nil, &service.ReceiptResp{Header: h, Status: service.Status{Code: 100, Message: "REQUEST_OK"}}); !json.Valid(r) {
		t.Errorf("%s", r)
	}
	r := appendSignatureResp(nil, &service.SignatureResp{Header: h, Status: service.Status{Code: 100, Message: "REQUEST_OK", Reference: "7F3K"}})
	if !bytes.HasSuffix(r, []byte(`"Status":{"StatusMessage":"REQUEST_OK","StatusDetail":{"ReferenceCode":"7F3K"},"StatusCode":{"Value":"100"}}}}`)) || !json.Valid(r) {
		t.Errorf("%s", r)
	}
}

// TestTransport: what is wrong before there is a message.
func TestTransport(t *testing.T) {
	e := &oneEngine{state: mssp.Waiting}
	h := New(Options{Service: testService(t, e, testDirectory(t))})
	request := func(method, path, body string, header ...string) *http.Request {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	for name, c := range map[string]struct {
		r      *http.Request
		status int
		want   string
	}{
		"get":               {request("GET", "/rest/service", ""), 405, "POST a JSON message"},
		"put":               {request("PUT", "/rest/service", bankStatus), 405, "POST"},
		"path":              {request("POST", "/rest/services", bankStatus), 404, "POST to /rest/service, or to /restapi/ what is sparse"},
		"other operation":   {request("POST", "/rest/service/sign", bankStatus), 500, "this path takes MSS_SignatureReq and got MSS_StatusReq"},
		"any operation":     {request("POST", "/restapi/", bankStatus), 200, "504"},
		"XML":               {request("POST", "/rest/service", bankStatus, "Content-Type", "text/xml;charset=utf-8"), 500, "Content-Type is not JSON"},
		"form":              {request("POST", "/rest/service", bankStatus, "Content-Type", "application/x-www-form-urlencoded"), 500, "curl: -H 'Content-Type: application/json'"},
		"JSON, charset":     {request("POST", "/rest/service", bankStatus, "Content-Type", `application/json; charset="utf-8"`), 200, "504"},
		"JSON, no space":    {request("POST", "/rest/service", bankStatus, "Content-Type", `Application/JSON;charset=UTF-8`), 200, "504"},
		"JSON, Latin-1":     {request("POST", "/rest/service", bankStatus, "Content-Type", "application/json; charset=ISO-8859-1"), 500, "charset ISO-8859-1: send the request in UTF-8"},
		"bogus encoding":    {request("POST", "/rest/service", bankStatus, "Content-Encoding", "UTF-8"), 200, "504"},
		"gzip":              {request("POST", "/rest/service", bankStatus, "Content-Encoding", "gzip"), 500, "send the request uncompressed"},
		"largest":           {request("POST", "/rest/service", bankStatus+strings.Repeat(" ", maxBody-len(bankStatus))), 200, "504"},
		"too large":         {request("POST", "/rest/service", bankStatus+strings.Repeat(" ", maxBody)), 500, `"_103"`},
		"empty":             {request("POST", "/rest/service", ""), 500, "found the end"},
		"basic, wrong user": {request("POST", "/restapi/", bankStatus, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("TestAP:secretpw"))), 500, "is not the user of HTTP authentication"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := post(h, c.r, false)
			if status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s\nwant %d %s", status, body, c.status, c.want)
			}
		})
	}
	chunked := request("POST", "/rest/service", bankStatus+strings.Repeat(" ", maxBody))
	chunked.ContentLength = -1
	if status, body := post(h, chunked, false); status != 500 || !strings.Contains(body, "the request has more than 65536 octets") {
		t.Errorf("too large without a length: %d %s", status, body)
	}
}

// TestObserve: an operator sees request and reply, and never the password.
func TestObserve(t *testing.T) {
	var seen []Exchange
	h := New(Options{Service: testService(t, &oneEngine{state: mssp.Waiting}, testDirectory(t)), Observe: func(e Exchange) { seen = append(seen, e) }})
	post(h, httptest.NewRequest("POST", "/rest/service", strings.NewReader(bankStatus)), false)
	post(h, httptest.NewRequest("POST", "/rest/service", strings.NewReader(strings.Replace(bankStatus, `"MSSP_TransID":"h1"`, `"x":1`, 1))), false)
	if len(seen) != 3 {
		t.Fatalf("%d calls", len(seen))
	}
	if string(seen[0].Request) != strings.Replace(bankStatus, `"geheim"`, `"***"`, 1) || seen[0].AP != "http://bank" || seen[0].APTransID != "T1" {
		t.Errorf("request %s", seen[0].Request)
	}
	if seen[1].Status != 200 || !strings.Contains(string(seen[1].Response), "504") || seen[2].Status != 500 {
		t.Errorf("replies %+v", seen[1:])
	}
	for _, e := range seen {
		if bytes.Contains(e.Request, []byte("geheim")) || bytes.Contains(e.Response, []byte("geheim")) {
			t.Error("the password was shown")
		}
	}
}

// TestServer goes over a real connection: keep-alive across requests, a
// client certificate that TLS has proved.
func TestServer(t *testing.T) {
	e := &oneEngine{state: mssp.Done, status: mssp.Signature, answered: []byte("CMS")}
	dir := testDirectory(t)
	srv := httptest.NewUnstartedServer(New(Options{Service: testService(t, e, dir)}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	defer srv.Close()
	leaf := srv.TLS.Certificates[0]
	sum := sha256.Sum256(leaf.Certificate[0])
	dir["http://cert"] = mssp.AP{ID: "http://cert", CertSHA256: []string{hex.EncodeToString(sum[:])}}
	client := srv.Client()
	client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{leaf}
	for _, c := range []struct {
		ap     mssp.APID
		status int
	}{{"http://cert", 200}, {"mid://fake-ap", 500}, {"http://cert", 200}} {
		body := strings.Replace(bankStatus, "http://bank", string(c.ap), 1)
		resp, err := client.Post(srv.URL+"/rest/service", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.status || resp.Header.Get("Content-Type") != "application/json;charset=utf-8" || resp.ContentLength <= 0 {
			t.Errorf("%s: %s, %v", c.ap, resp.Status, resp.Header)
		}
		resp.Body.Close()
	}
}

const benchRequest = `{"MSS_SignatureReq":{"AP_Info":{"AP_ID":"http://bank","AP_PWD":"geheim","AP_TransID":"ID-ec3847a4-3097-4984-9f90-c92b324401ed","Instant":"2026-11-22T18:02:37.783Z"},"AdditionalServices":[{"Description":"http://mss.ficom.fi/TS102204/v1.0.0#userLang","UserLang":{"Value":"en"}}],"DataToBeSigned":{"Data":"Test: Do you want to login?","Encoding":"UTF-8","MimeType":"text/plain"},"MSSP_Info":{"MSSP_ID":{"URI":"http://mid.swisscom.ch/"}},"MajorVersion":"1","MessagingMode":"synch","MinorVersion":"2","MobileUser":{"MSISDN":"41791234567"},"SignatureProfile":"http://mid.swisscom.ch/Any-LoA4","TimeOut":"80"}}`

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	doc := []byte(benchRequest)
	for b.Loop() {
		if _, f := decode(doc); f != nil {
			b.Fatal(f)
		}
	}
}

// BenchmarkDecodeStdlib is the same document through encoding/json, to compare.
func BenchmarkDecodeStdlib(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var m struct{ MSS_SignatureReq map[string]any }
		if err := json.Unmarshal([]byte(benchRequest), &m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRequest is a whole synch request without a network and without an
// engine: decode, authenticate from memory, validate, reply.
func BenchmarkRequest(b *testing.B) {
	e := &oneEngine{state: mssp.Done, status: mssp.Signature, answered: make([]byte, 1500)}
	h := New(Options{Service: testService(b, e, testDirectory(b))})
	b.ReportAllocs()
	for b.Loop() {
		e.seen = e.seen[:0]
		if status, body := post(h, httptest.NewRequest("POST", "/rest/service", strings.NewReader(benchRequest)), false); status != 200 {
			b.Fatal(body)
		}
	}
}
