package service

import (
	"bytes"
	"encoding/xml"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
)

// captured is what a real client (laverca) has sent, as far as it says what is
// signed and what is shown.
func captured(t *testing.T, name string) *SignatureReq {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(b, []byte("<?xml"))
	var m struct {
		Mode   string `xml:"Body>MSS_Signature>MSS_SignatureReq>MobileUser>MSISDN"`
		Signed struct {
			Mime string `xml:"MimeType,attr"`
			Enc  string `xml:"Encoding,attr"`
			Data string `xml:",chardata"`
		} `xml:"Body>MSS_Signature>MSS_SignatureReq>DataToBeSigned"`
		Shown   string `xml:"Body>MSS_Signature>MSS_SignatureReq>DataToBeDisplayed"`
		Profile string `xml:"Body>MSS_Signature>MSS_SignatureReq>SignatureProfile>mssURI"`
		Format  string `xml:"Body>MSS_Signature>MSS_SignatureReq>MSS_Format>mssURI"`
	}
	if err := xml.Unmarshal(append([]byte("<?xml"), body...), &m); err != nil {
		t.Fatal(err)
	}
	r := bankRequest("T1")
	r.User.MSISDN, r.Profile, r.Format = m.Mode, m.Profile, m.Format
	r.Data, r.Display = Data{m.Signed.Mime, m.Signed.Enc, m.Signed.Data}, &Data{Data: m.Shown}
	return r
}

// What is signed is what is shown. Each switch, and nothing else, opens what it
// is for; and what a hidden text might say is checked as if it were shown.
//
// Supports: 3.5.3-5
func TestShownIsSigned(t *testing.T) {
	text := func(signed, shown string) func(*testing.T) *SignatureReq {
		return func(*testing.T) *SignatureReq {
			r := bankRequest("T1")
			r.Profile, r.Data.Data, r.Display = profileSign, signed, &Data{Data: shown}
			return r
		}
	}
	octets := func(mime, enc, data, shown string) func(*testing.T) *SignatureReq {
		return func(*testing.T) *SignatureReq {
			r := bankRequest("T1")
			r.Profile, r.Data, r.Display = profileSign, Data{mime, enc, data}, &Data{Data: shown}
			return r
		}
	}
	file := func(name string) func(*testing.T) *SignatureReq {
		return func(t *testing.T) *SignatureReq { return captured(t, name) }
	}
	const hash = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
	other, may := mssp.Switches{OtherDisplay: true}, mssp.Switches{Octets: []string{profileSign}}
	for name, c := range map[string]struct {
		req      func(*testing.T) *SignatureReq
		switches mssp.Switches
		profile  bool // permits another text
		code     mssp.Code
		sub      mssp.Code
		want     string // of the detail, or the text on the screen
	}{
		"text alone":                 {text("Pay?", ""), mssp.Switches{}, false, 0, 0, "Pay?"},
		"the same text":              {text("Pay?", "Pay?"), mssp.Switches{}, false, 0, 0, "Pay?"},
		"another text":               {text("Pay 1000 EUR to Mallory", "Log in?"), mssp.Switches{}, false, 101, 1015, "is not the text that is signed"},
		"provider only":              {text("Pay 1000 EUR to Mallory", "Log in?"), other, false, 101, 1015, "is not the text that is signed"},
		"profile only":               {text("Pay 1000 EUR to Mallory", "Log in?"), mssp.Switches{}, true, 101, 1015, "is not the text that is signed"},
		"octets are no text":         {text("Pay 1000 EUR to Mallory", "Log in?"), may, true, 101, 1015, "is not the text that is signed"},
		"both permit":                {text("Pay 1000 EUR to Mallory", "Log in?"), other, true, 0, 0, "Log in?\nPay 1000 EUR to Mallory"},
		"one space more":             {text("Pay?", "Pay? "), mssp.Switches{}, true, 101, 1015, "is not the text that is signed"},
		"text in base64":             {octets("text/plain", "base64", "UGF5IDEwMDAgRVVS", "Log in?"), may, true, 101, 1015, "is not the text that is signed"},
		"hidden text misleads":       {text("Pay\u202e0001", "Log in?"), other, true, 107, 0, "DataToBeSigned: character 4 (U+202E)"},
		"shown text misleads":        {text("Pay", "Log\u200bin?"), other, true, 107, 0, "DataToBeDisplayed: character 4 (U+200B)"},
		"both do not fit":            {text(strings.Repeat("a", 150), strings.Repeat("b", 100)), other, true, 103, 0, "one below the other: text is"},
		"hash":                       {octets("application/x-sha256", "base64", hash, ""), other, true, 101, 1016, "is a hash, which no user can read"},
		"hash with another text":     {octets("application/x-sha256", "base64", hash, "Contract.pdf"), other, true, 101, 1015, "is a hash"},
		"octets":                     {octets("application/octet-stream", "base64", hash, ""), other, true, 101, 1016, "is octets, which no user can read"},
		"octets without a type":      {octets("", "base64", hash, "Log in?"), other, true, 101, 1015, "is octets"},
		"octets permitted elsewhere": {octets("application/octet-stream", "base64", hash, ""), mssp.Switches{Octets: []string{profileAuth}}, false, 101, 1016, "is octets"},
		"hash permitted":             {octets("application/x-sha256", "base64", hash, "Contract.pdf"), may, false, 0, 0, "Contract.pdf"},
		"its text misleads":          {octets("application/x-sha256", "base64", hash, "Contract\u00a0.pdf\u200b"), may, false, 107, 0, "DataToBeDisplayed: character"},
		"laverca 003":                {file("laverca_synch_003.http"), mssp.Switches{}, false, 101, 1015, "DataToBeDisplayed"},
		"laverca 003 with switch":    {file("laverca_synch_003.http"), other, true, 0, 0, "Shown text\nSign this ä€"},
		"laverca 004":                {file("laverca_synch_binary_004.http"), mssp.Switches{}, false, 101, 1015, "is a hash"},
		"laverca 004 with switch":    {file("laverca_synch_binary_004.http"), may, false, 0, 0, "Contract.pdf"},
	} {
		t.Run(name, func(t *testing.T) {
			s, e := testService(t, func(o *Options) {
				ap := o.Directory.(fakeDirectory)["http://bank"]
				ap.Switches = c.switches
				o.Directory.(fakeDirectory)["http://bank"] = ap
				o.Profiles[0].OtherDisplay, o.Profiles[1].OtherDisplay = false, c.profile
			})
			_, f := s.Signature(t.Context(), plain(), Peer{}, c.req(t))
			if c.code != 0 {
				if f == nil || f.Code != c.code || f.Sub != c.sub || !strings.Contains(f.Detail, c.want) || len(e.seen) != 0 {
					t.Errorf("fault %+v, want %d/%d with %q", f, c.code, c.sub, c.want)
				}
				return
			}
			if f != nil {
				t.Fatal(f)
			}
			if got, f := e.seen[0].Screen(); f != nil || got.Text != c.want {
				t.Errorf("the screen says %q, %v, want %q", got.Text, f, c.want)
			}
		})
	}
}

// The signer itself holds the rule: whoever hands in a request past the service
// is refused too.
func TestScreenOfAlias(t *testing.T) {
	r := signature.Request{
		AP: mssp.AP{Name: "Bank", Switches: mssp.Switches{Octets: []string{"urn:alias"}}}, Digest: make([]byte, 32),
		Profile: mssp.SignatureProfile{URI: "urn:p", Aliases: []string{"urn:alias"}},
	}
	if _, f := r.Screen(); f != nil {
		t.Error(f)
	}
	if r.AP.Octets = []string{"urn:other"}; r.AP.Octets != nil {
		if _, f := r.Screen(); f == nil || f.Code != mssp.WrongParam || !strings.Contains(f.Detail, "urn:p") {
			t.Errorf("fault %v", f)
		}
	}
}

// A signature goes to nobody when the operator has removed or disabled the
// provider while the user made up his mind.
func TestGoneMeanwhile(t *testing.T) {
	for name, end := range map[string]func(fakeDirectory){
		"removed": func(d fakeDirectory) { delete(d, "http://bank") },
		"disabled": func(d fakeDirectory) {
			ap := d["http://bank"]
			ap.Disabled = true
			d["http://bank"] = ap
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, e := testService(t)
				done := make(chan *mssp.Fault)
				go func() {
					req := bankRequest("T1")
					req.Mode = "synch"
					_, f := s.Signature(t.Context(), plain(), Peer{}, req)
					done <- f
				}()
				synctest.Wait()
				end(s.o.Directory.(fakeDirectory))
				e.end(t, "ha", mssp.Done, mssp.Signature, "", []byte("CMS"))
				if f := <-done; f == nil || f.Code != mssp.UnauthorizedAccess || !strings.Contains(f.Detail, "taken out of service") {
					t.Errorf("fault %v", f)
				}
			})
		})
	}
}
