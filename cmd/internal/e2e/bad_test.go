package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var faultCode = regexp.MustCompile(`"SubCode":\{"Value":"_([0-9]+)"`)

// badRequests are requests with one thing wrong, the fault that each gets, and
// the part of its detail that tells what to change.
var badRequests = []struct {
	name    string
	text    string // of DataToBeSigned; "" is a good one
	changes map[string]any
	code    string
	detail  string
}{
	{"unknown provider", "", map[string]any{"AP_Info.AP_ID": "http://nobody.example"}, "104", "check AP_ID and AP_PWD"},
	{"wrong password", "", map[string]any{"AP_Info.AP_PWD": "wrong"}, "104", "check AP_ID and AP_PWD"},
	{"no password", "", map[string]any{"AP_Info.AP_PWD": nil}, "104", "check AP_ID and AP_PWD"},
	{"no AP_TransID", "", map[string]any{"AP_Info.AP_TransID": nil}, "102", "AP_Info.AP_TransID is missing"},
	{"AP_TransID with a space", "", map[string]any{"AP_Info.AP_TransID": "a b"}, "101", "use letters, digits"},
	{"no Instant", "", map[string]any{"AP_Info.Instant": nil}, "102", "AP_Info.Instant is missing"},
	{"Instant too far off", "", map[string]any{"AP_Info.Instant": "2020-01-01T00:00:00Z"}, "101", "set your clock"},
	{"Instant in the future", "", map[string]any{"AP_Info.Instant": "2120-01-01T00:00:00Z"}, "101", "set your clock"},
	{"unknown user", "", map[string]any{"MobileUser.MSISDN": "+41799999999"}, "105", "no user with this MSISDN"},
	{"a number that is none", "", map[string]any{"MobileUser.MSISDN": "+41x"}, "101", "international form"},
	{"no user", "", map[string]any{"MobileUser": nil}, "102", "MobileUser.MSISDN is missing"},
	{"wrong profile", "", map[string]any{"SignatureProfile": "http://nope.example"}, "109", "send one of " + authURI},
	{"wrong format", "", map[string]any{"MSS_Format": "urn:x"}, "109", "send http://uri.etsi.org/TS102204/v1.1.2#CMS-Signature"},
	{"wrong version", "", map[string]any{"MajorVersion": "9"}, "108", "send MajorVersion 1"},
	{"wrong mode", "", map[string]any{"MessagingMode": "shout"}, "101", "send synch or asynchClientServer"},
	{"too little time", "", map[string]any{"TimeOut": "1"}, "720", "the least is 10s"},
	{"too much time", "", map[string]any{"TimeOut": "999999"}, "101", "ask for less"},
	{"unknown member", "", map[string]any{"Colour": "red"}, "101", `unknown member \"Colour\"`},
	{"object where a text belongs", "", map[string]any{"TimeOut": map[string]any{}}, "101", "MSS_SignatureReq.TimeOut"},
	{"nothing to sign", "", map[string]any{"DataToBeSigned": nil}, "102", "send what the user shall sign"},
	{"hash of a wrong length", "", map[string]any{"DataToBeSigned": map[string]any{"MimeType": "application/x-sha256", "Encoding": "base64", "Data": "AAAA"}}, "103", "needs 32 octets, have 3"},
	{"SHA-1", "", map[string]any{"DataToBeSigned": map[string]any{"MimeType": "application/x-sha1", "Encoding": "base64", "Data": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}}, "107", "send application/x-sha256"},
	{"a picture", "", map[string]any{"DataToBeSigned.MimeType": "image/png"}, "107", "send text/plain with UTF-8"},
	{"text too long", strings.Repeat("a", 300), nil, "103", "characters too long"},
	{"text too long for UCS-2", strings.Repeat("Ж", 150), nil, "103", "(UCS-2)"},
	{"control character", "Pay\a1", nil, "107", "U+0007) is a control character: remove it"},
	{"escape sequence", "Pay\x1b[2J", nil, "107", "U+001B) is a control character"},
	{"bidirectional", "Pay \u202e001", nil, "107", "U+202E) turns the order"},
	{"isolate", "Pay \u2066001", nil, "107", "U+2066) turns the order"},
	{"invisible", "Pay\u200b1", nil, "107", "U+200B) cannot be seen"},
	{"another text shown", "", map[string]any{"DataToBeDisplayed": map[string]any{"Data": "Log in?"}}, "101", "is not the text that is signed"},
	{"120 line feeds", "Pay" + strings.Repeat("\n", 120) + "?", nil, "107", "pushes the text away from its frame"},
	{"two digit systems", "Pay 1\u0660\u0660 EUR", nil, "107", "is a digit of another kind"},
	{"a stroke through a digit", "Pay 1000\u0336 EUR", nil, "107", "is drawn over, under or through"},
	{"a figure space", "Pay 1\u2007000 EUR", nil, "107", "use an ordinary space"},
	{"a label of the applet", "Pay?\nViite: QATW", nil, "107", "of the phone's own screen"},
	{"look-alike", "p\u0430ypal", nil, "107", "write the word in one script"},
}

// Each bad request has its fault code and a detail that says what to change;
// none reaches a user.
//
// Covers: W-1, 5.2-1 via POST /rest/service
func TestBadRequests(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	packets := w.users[0].different()
	for i, tc := range badRequests {
		text := tc.text
		if text == "" {
			text = "Pay?"
		}
		w.wantFault(t, tc.name, w.request(fmt.Sprintf("B%d", i), text, tc.changes), tc.code, tc.detail)
	}
	good := w.request("G", "Pay?", nil)
	for name, tc := range map[string]struct {
		body         []byte
		code, detail string
	}{
		"no JSON":            {[]byte("hello"), "101", "line 1, character 1: expected '{'"},
		"cut off":            {good[:len(good)/2], "101", "JSON at line 1"},
		"two documents":      {append(bytes.Clone(good), good...), "101", "send one JSON object"},
		"a member twice":     {bytes.Replace(good, []byte(`"MinorVersion":"2"`), []byte(`"MajorVersion":"1"`), 1), "101", "comes twice"},
		"no UTF-8":           {bytes.Replace(good, []byte("Pay?"), []byte("Pay\xff"), 1), "101", "send the document in UTF-8"},
		"half a surrogate":   {bytes.Replace(good, []byte("Pay?"), []byte(`Pay\ud800`), 1), "101", "invalid surrogate pair"},
		"a million brackets": {[]byte(`{"MSS_SignatureReq":` + strings.Repeat("[", 60_000)), "101", "expected '{'"},
		"oversized":          {bytes.Replace(good, []byte("Pay?"), bytes.Repeat([]byte("x"), 100_000), 1), "103", "the most is 65536"},
		"unknown message":    {[]byte(`{"MSS_Something":{}}`), "101", "send MSS_SignatureReq"},
	} {
		w.wantFault(t, name, tc.body, tc.code, tc.detail)
	}
	if code, text := w.post(t, "/rest/service", http.Header{"Content-Type": {"text/xml"}}, good); code != 500 || !strings.Contains(text, "_108") {
		t.Errorf("XML: %d %s", code, text)
	}
	if n := w.users[0].different(); n != packets {
		t.Errorf("%d packets went to the card", n-packets)
	}
	// The same AP_TransID: the same body is the same transaction, another is refused.
	asynch := map[string]any{"MessagingMode": "asynchClientServer", "AP_Info.Instant": time.Now().UTC().Format(time.RFC3339)}
	code, first := w.post(t, "/rest/service", jsonHeader, w.request("R", "Pay 1? [once]", asynch))
	if code != http.StatusOK {
		t.Fatalf("a good request: %d %s", code, first)
	}
	id := regexp.MustCompile(`"MSSP_TransID":"(\w+)"`)
	code, again := w.post(t, "/rest/service", jsonHeader, w.request("R", "Pay 1? [once]", asynch))
	if code != http.StatusOK || id.FindString(first) != id.FindString(again) {
		t.Errorf("repeated: %d %s, first %s", code, again, first)
	}
	w.wantFault(t, "AP_TransID with another body", w.request("R", "Pay 1000000?", asynch), "101", "were used before for another request")
	c.stop(t)
	w.checkLog(t, nil)
	w.checkPrompts(t)
}

func (w *world) wantFault(t testing.TB, name string, body []byte, code, detail string) {
	t.Helper()
	status, text := w.post(t, "/rest/service", jsonHeader, body)
	if m := faultCode.FindStringSubmatch(text); status != http.StatusInternalServerError || m == nil || m[1] != code || !strings.Contains(text, detail) {
		t.Errorf("%s: %d %.600s, want fault %s with %q", name, status, text, code, detail)
	}
}

// Test numbers: fault NNN for +41000092NNN, at once in synch mode, by status
// query in asynchClientServer mode unless the request itself is at fault. 208
// takes the time of the request.
//
// Covers: W-1 via simsign sign
func TestDemoFaults(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	codes := []string{
		"101", "102", "103", "104", "105", "106", "107", "108", "109", "208", "209", "401", "402", "403", "404", "405", "406", "407",
		"422", "423", "424", "425", "450", "701", "702", "703", "710", "720", "750", "760", "770", "780", "900",
	}
	var wg sync.WaitGroup
	for _, nnn := range codes {
		timeOut := "300" // none of them ends by that
		if nnn == "208" {
			timeOut = "10"
		}
		wg.Go(func() {
			changes := map[string]any{"MobileUser.MSISDN": "+41000092" + nnn, "TimeOut": timeOut}
			begin := time.Now()
			w.wantFault(t, "synch "+nnn, w.request("S"+nnn, "Pay?", changes), nnn, "")
			if took := time.Since(begin); nnn == "208" && (took < 9*time.Second || took > tooLate) {
				t.Errorf("208 after %s, the request had 10s", took)
			}
		})
		wg.Go(func() {
			args := []string{"sign", "--url", "http://" + w.api, "--ap", string(bank), "--password", w.passwords[bank], "--poll", "50ms", "--msisdn", "+41000092" + nnn, "--text", "Pay?", "--timeout", timeOut + "s"}
			want := 1
			switch {
			case nnn == "208" || nnn == "209":
				want = 4
			case nnn >= "401" && nnn <= "406":
				want = 3
			}
			if r := run(t, w.dir, args...); r.code != want || !strings.Contains(r.stderr, nnn+" ") {
				t.Errorf("asynch %s: exit code %d, want %d: %s%s", nnn, r.code, want, r.stdout, r.stderr)
			}
		})
	}
	wg.Wait()
	c.stop(t)
	w.checkLog(t, nil)
}
