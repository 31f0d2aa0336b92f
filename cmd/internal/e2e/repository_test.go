package e2e

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

// The CA gives a certificate in force to whoever knows its serial number or its key, as OpenSSL
// reads it; a suspended or revoked one, an unknown one and a list are one line of "no", and so
// is everything where the operator has switched it off.
//
// Covers: 5.1-15 via simsign serve
func TestRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	who := w.signed(t, u)
	at := "http://" + w.ca + "/certificates"
	serial := fmt.Sprintf("/%x.cer", who.SerialNumber)
	key := fmt.Sprintf("?key=%x", sha256.Sum256(who.RawSubjectPublicKeyInfo))
	given := func(yes bool) {
		t.Helper()
		for _, place := range []string{serial, strings.ToUpper(serial[:len(serial)-4]) + ".cer", key} {
			code, text := page(t, at+place)
			if yes && (code != http.StatusOK || text != string(who.Raw)) || !yes && (code != http.StatusNotFound || strings.Count(text, "\n") != 1) {
				t.Errorf("%s: status %d, %d octets", place, code, len(text))
			}
		}
	}
	given(true)
	w.write(t, "got.cer", get(t, at+serial))
	if out := w.peer(t, "x509", "-inform", "DER", "-in", "got.cer", "-noout", "-subject", "-ext", "keyUsage"); !strings.Contains(out, u.name) || !strings.Contains(out, "Digital Signature") {
		t.Error(out)
	}
	for _, place := range []string{"", "/", "?key=", "/.cer", "/00.cer", "/" + string(u.number) + ".cer", "/" + serial[1:len(serial)-4], "?key=" + string(u.number)} {
		if code, text := page(t, at+place); code != http.StatusNotFound || text != "no certificate in force has this serial number or key\n" {
			t.Errorf("%q: %d %s", place, code, text)
		}
	}
	w.about(t, u, 0, "", "user", "suspend")
	given(false)
	w.about(t, u, 0, "", "user", "reactivate")
	given(true)
	c.stop(t)

	b, err := os.ReadFile(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "simsign.toml", strings.Replace(string(b), "[ca]\n", "[ca]\npublish = false\n", 1))
	c = w.serve(t)
	given(false)
	c.stop(t)
	w.write(t, "simsign.toml", string(b))
	c = w.serve(t)
	given(true)
	w.about(t, u, 0, "", "user", "revoke")
	given(false)
	c.stop(t)
	w.checkLog(t, nil)
}

// The RA checks the PoP code that the user has entered, and has its CA issue and publish the
// certificate. It says "created" and brings no certificate: that is fetched from the repository
// of the CA that has issued it, as soon as it is there; one of another key is none. Then user,
// key and applet are what the RA and its CA have made them, and the user is told.
//
// Covers: 5.1-8, 5.1-14, 5.1-15 via POST /int3c/certificate_status
func TestFetchedCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	u := w.users[0]
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	must(t, w.dir, "issuer", "edit", "north", "--ca", "external.crt")
	var mu sync.Mutex
	var asked []string
	shelf := map[string][]byte{}
	repository := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.String())
		if b := shelf[r.URL.Path]; b != nil {
			out.Write(b)
			return
		}
		http.NotFound(out, r)
	}))
	t.Cleanup(repository.Close)
	puts := func(key, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		shelf[fmt.Sprintf("/of/%x", sha256.Sum256(key))] = b
	}
	b, err := os.ReadFile(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "simsign.toml", strings.Replace(string(b), "[ca]\n", fmt.Sprintf("[ca]\nrepositories = [%q]\n", repository.URL+"/of/{key}"), 1))
	c := w.serve(t)
	m := map[string]any{"msisdn": u.number.String(), "profile": authURI, "algorithm": u.alg.String(), "usage": "authentication"}
	made := d.ask(t, "crm", "/int3c/pop_make", map[string]any{"msisdn": m["msisdn"], "channel": "screen"})
	code, _ := made.Data["code"].(string)
	u.acts(registers(code))
	m["flow"], m["pop"] = "B", code
	done := d.ask(t, "crm", "/int3c/register_complete", m)
	d.wants(t, "complete", done, 200, "ok", "")
	u.acts(nil)
	if done.Data["pop"] != code || code == "" {
		t.Errorf("the code that was made %+v, the one that was entered %v", made, done.Data["pop"])
	}
	d.wants(t, "the code", d.ask(t, "crm", "/int3c/pop_check", map[string]any{"msisdn": m["msisdn"], "pop": done.Data["pop"]}), 200, "ok", "")
	key, csr := done.octets(t, "publicKey"), done.octets(t, "csr")
	status := func(what, state string) {
		t.Helper()
		a := d.ask(t, "crm", "/int3c/certificate_status", map[string]any{"msisdn": u.number.String(), "status": "created"})
		d.wants(t, what, a, 200, "ok", "")
		if a.Data["state"] != state {
			t.Errorf("%s: %+v", what, a)
		}
	}
	status("not there yet", "requested")
	puts(key, ca.cert.Raw)
	status("of another key", "requested")
	puts(key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.issue(t, csr)}))
	status("there", "registered")
	u.message(t, "registration is complete")
	w.sign(t, u, "--text", "Pay?") // the command knows the built-in CA only, and says so at the end
	u.wantSeen(t, "a request to sign", "Pay?")
	w.about(t, u, 0, "slot    1: registered", "user", "applet") // the card has heard of it with the request
	for _, url := range asked {
		if strings.Contains(url, string(u.number)) {
			t.Errorf("a repository was asked with a number: %s", url)
		}
	}
	if len(asked) != 3 {
		t.Errorf("asked %q", asked)
	}
	c.stop(t)
	w.checkLog(t, d.passwords)
}
