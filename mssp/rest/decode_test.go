package rest

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

type requestVector struct {
	Name, Body, Detail string
	Code               mssp.Code
}

func requestVectors(t testing.TB) (v []requestVector) {
	t.Helper()
	data, err := os.ReadFile("testdata/requests.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestDecode walks the file of documents with their verdicts.
//
// Supports: W-1
func TestDecode(t *testing.T) {
	for _, v := range requestVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			_, f := decode([]byte(v.Body))
			if v.Code == 0 {
				if f != nil {
					t.Fatalf("refused: %v", f)
				}
				return
			}
			if f == nil || f.Code != v.Code || !strings.Contains(f.Detail, v.Detail) {
				t.Errorf("got %v\nwant %d %q", f, v.Code, v.Detail)
			}
		})
	}
}

func TestDecodeLimits(t *testing.T) {
	status := func(body string) string { return `{"MSS_SignatureReq":{"KeyReference":` + body + `}}` }
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"` + strings.Repeat("a", i+1) + `":1`)
		}
		return "{" + strings.TrimPrefix(b.String(), ",") + "}"
	}
	items := func(n int) string { return "[" + strings.TrimPrefix(strings.Repeat(",1", n), ",") + "]" }
	for name, c := range map[string]struct{ body, detail string }{
		"depth in":     {status(nested(limits.Depth - 2)), ""},
		"depth out":    {status(nested(limits.Depth - 1)), "nested deeper than 12 levels"},
		"bomb":         {strings.Repeat(`{"a":`, 10_000), "unknown message"},
		"skipped bomb": {status(strings.Repeat("[", 60_000)), "nested deeper than 12 levels"},
		"members in":   {status(members(limits.Members)), ""},
		"members out":  {status(members(limits.Members + 1)), "more than 32 members"},
		"items in":     {status(items(limits.Items)), ""},
		"items out":    {status(items(limits.Items + 1)), "more than 32 items"},
		"not UTF-8":    {status("\"\xff\""), "octet FF is not UTF-8"},
		"cut UTF-8":    {status("\"\xe2\x82\""), "octet E2 is not UTF-8"},
		"surrogate":    {status("\"\xed\xa0\x80\""), "octet ED is not UTF-8"},
	} {
		_, f := decode([]byte(c.body))
		if c.detail == "" && f != nil || c.detail != "" && (f == nil || !strings.Contains(f.Detail, c.detail)) {
			t.Errorf("%s: %v", name, f)
		}
	}
}

// TestDecodeFields reads every member into its place.
func TestDecodeFields(t *testing.T) {
	r, f := decode([]byte(`{"MSS_SignatureReq":{"MajorVersion":"1","MinorVersion":"2",
		"AP_Info":{"AP_ID":"a","AP_PWD":"p\"w","AP_TransID":"t","Instant":"i","AP_URL":"u"},
		"MSSP_Info":{"Instant":"mi","MSSP_ID":{"URI":"mu","DNSName":"md","IPAddress":"mp","IdentifierString":"ms"}},
		"MobileUser":{"MSISDN":"m","UserIdentifier":"ui"},"MessagingMode":"synch","ValidityDate":"v","TimeOut":80,
		"DataToBeSigned":{"MimeType":"mt","Encoding":"e","Data":"d\u00e4"},"DataToBeDisplayed":{"Data":"dd"},
		"SignatureProfile":"sp","MSS_Format":"mf","SignatureProfileComparison":"exact",
		"KeyReference":{"a":1},"AdditionalServices":[{"Description":"s1","UserLang":{"Value":"en"},"GeoFencingRequest":{"countrywhitelist":["CH"]}},{"Description":{"mssURI":"s2"},"EventID":"A123","Entity":{"URI":"eu"}},
		{"Description":"s3","NoSpamCode":{"Verify":"yes","Code":"A1"}},{"Description":"s4","NoSpamCode":"B2"},{"Description":"s5","NoSpamCode":null,"X":null}]}}`))
	if f != nil {
		t.Fatal(f)
	}
	m := r.signature
	want := service.SignatureReq{
		Header: service.Header{
			MajorVersion: "1", MinorVersion: "2",
			AP:   service.APInfo{ID: "a", Password: `p"w`, TransID: "t", Instant: "i", URL: "u"},
			MSSP: service.MSSPInfo{Instant: "mi", ID: service.MeshMember{DNSName: "md", IPAddress: "mp", URI: "mu", Identifier: "ms"}},
		},
		ValidityDate: "v", TimeOut: "80", Mode: "synch", User: service.MobileUser{MSISDN: "m", UserIdentifier: "ui"},
		Data: service.Data{MimeType: "mt", Encoding: "e", Data: "dä"}, Profile: "sp", Format: "mf", Comparison: "exact",
	}
	if m.Display == nil || *m.Display != (service.Data{Data: "dd"}) {
		t.Errorf("display %+v", m.Display)
	}
	if want := []service.AdditionalService{
		{Description: "s1", UserLang: "en", Members: []string{"GeoFencingRequest"}},
		{Description: "s2", EventID: "A123", Entity: service.MeshMember{URI: "eu"}},
		{Description: "s3", NoSpam: &service.NoSpamCode{Verify: "yes", Code: "A1"}},
		{Description: "s4", NoSpam: &service.NoSpamCode{Code: "B2"}},
		{Description: "s5"},
	}; !reflect.DeepEqual(m.Services, want) {
		t.Errorf("services %+v", m.Services)
	}
	if !m.KeyReference {
		t.Error("no KeyReference")
	}
	m.KeyReference = false
	if m.Header != want.Header || m.ValidityDate != want.ValidityDate || m.TimeOut != want.TimeOut || m.Mode != want.Mode ||
		m.User != want.User || m.Data != want.Data || m.Profile != want.Profile || m.Format != want.Format || m.Comparison != want.Comparison {
		t.Errorf("got %+v", m)
	}
	r, f = decode([]byte(`{"MSS_ReceiptReq":{"MSSP_TransID":"h1","MobileUser":{"MSISDN":"m"},"Message":{"Data":"x"},"Status":{"StatusCode":{"Value":"100"}},"SignedReceipt":null}}`))
	if f != nil || r.receipt.TransID != "h1" || r.receipt.Message.Data != "x" || r.receipt.User.MSISDN != "m" {
		t.Errorf("receipt %+v, %v", r.receipt, f)
	}
	r, f = decode([]byte(`{"MSS_ProfileReq":{"MobileUser":{"MSISDN":"m"},"Params":"certs"}}`))
	if f != nil || r.profile.Params != "certs" || r.profile.User.MSISDN != "m" {
		t.Errorf("profile %+v, %v", r.profile, f)
	}
}

// FuzzDecode: every fault is one of three codes, what is accepted is JSON
// for encoding/json too and means the same there, and no fault tells a value.
func FuzzDecode(f *testing.F) {
	for _, v := range requestVectors(f) {
		f.Add(v.Body)
	}
	f.Add(`{"MSS_SignatureReq":{"DataToBeSigned":{"Data":"x\\u20ac"},"AdditionalServices":[{"Description":"d"}]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, fault := decode([]byte(body))
		if fault != nil {
			if fault.Code != mssp.WrongParam && fault.Code != mssp.MissingParam && fault.Code != mssp.IncompatibleInterface {
				t.Fatalf("undeclared fault %v", fault)
			}
			if !utf8.ValidString(string(appendFault(nil, fault))) {
				t.Fatalf("fault is not UTF-8: %q", fault.Detail)
			}
			return
		}
		if !json.Valid([]byte(body)) {
			t.Fatalf("accepted, and encoding/json refuses it: %q", body)
		}
		var ref struct {
			MSS_SignatureReq *struct {
				DataToBeSigned *struct{ Data any }
			}
		}
		if json.Unmarshal([]byte(body), &ref) != nil || r.signature == nil || ref.MSS_SignatureReq == nil || ref.MSS_SignatureReq.DataToBeSigned == nil {
			return
		}
		if s, ok := ref.MSS_SignatureReq.DataToBeSigned.Data.(string); ok && s != r.signature.Data.Data {
			t.Fatalf("data %q, encoding/json has %q", r.signature.Data.Data, s)
		}
	})
}

// FuzzString: what we write, encoding/json reads back.
func FuzzString(f *testing.F) {
	f.Add("a\"\\\n\x00ä€\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil || got != strings.ToValidUTF8(s, "\uFFFD") && utf8.ValidString(s) {
			t.Fatalf("%q became %q: %v", s, got, err)
		}
	})
}
