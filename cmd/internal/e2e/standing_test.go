package e2e

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// peer runs OpenSSL, as somebody who trusts none of our programs.
func (w *world) peer(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		missing(t, "openssl")
	}
	cmd := exec.Command("openssl", args...)
	cmd.Dir = w.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// wantStatus looks at a certificate at every place at once.
func (w *world) wantStatus(t *testing.T, u *user, who *x509.Certificate, list, answer, shown string, signs bool) {
	t.Helper()
	serial := strings.ToUpper(who.SerialNumber.Text(16))
	if len(serial)%2 == 1 {
		serial = "0" + serial
	}
	if err := os.WriteFile(w.path("got.crl"), []byte(get(t, "http://"+w.ca+"/ca.crl")), 0o600); err != nil {
		t.Fatal(err)
	}
	crl := w.peer(t, "crl", "-inform", "DER", "-in", "got.crl", "-noout", "-text")
	_, entry, listed := strings.Cut(crl, "Serial Number: "+serial)
	if listed != (list != "") || listed && !strings.Contains(entry, list) {
		t.Errorf("revocation list: want %q in\n%s", list, crl)
	}
	ocsp := w.peer(t, "ocsp", "-issuer", "got.ca", "-cert", "got.crt", "-url", "http://"+w.ca+"/ocsp", "-CAfile", "ca.pem", "-no_nonce")
	if !strings.Contains(ocsp, "got.crt: "+answer) {
		t.Errorf("OCSP: want %s, got\n%s", answer, ocsp)
	}
	w.about(t, u, 0, shown, "user", "show")
	ask := fmt.Appendf(nil, `{"MSS_ProfileReq":{"MajorVersion":"2","MinorVersion":"0","AP_Info":{"AP_ID":%q,"AP_PWD":%q,"AP_TransID":"P1","Instant":%q},"MobileUser":{"MSISDN":%q}}}`,
		bank, w.passwords[bank], time.Now().UTC().Format(time.RFC3339), u.number)
	if code, text := w.post(t, "/rest/service", jsonHeader, ask); code != http.StatusOK || strings.Contains(text, authURI) != signs || strings.Contains(text, `"State":"ACTIVE"`) != signs {
		t.Errorf("profile query: want %v, got %d %s", signs, code, text)
	}
}

// A user is suspended, comes back, and is revoked, by the commands that a person types: each
// time the revocation list and OCSP as OpenSSL reads them, the profile query, "user show"
// and the next request say the same at once. The card is deactivated and activated as the
// policy says, though his service is off; revoked he stays, and registers anew.
//
// Covers: 3.5.11-1, 3.5.11-2, 5.9-1, 5.10-4 via simsign user suspend
// Covers: 5.10-1, 3.5.11-3 via simsign user reactivate
// Covers: 3.5.10-3 via simsign user register
// Covers: 3.5.10-1, 3.5.10-2, 5.8-1, W-6, W-10 via simsign user revoke
// Supports: 5.10-2
func TestSuspendedAndRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	w.extend(t, "[procedures]\ncard = \"deactivate\"\n")
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	who := w.signed(t, u)
	for name, b := range map[string][]byte{"got.crt": who.Raw, "got.ca": []byte(get(t, "http://"+w.ca+"/ca.crt"))} {
		if err := os.WriteFile(w.path(name), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	idle := func() {
		t.Helper()
		eventually(t, "nothing left to do", func() bool { return !strings.Contains(must(t, w.dir, "ra", "work"), u.number.String()) })
	}
	refused := func(code string) {
		t.Helper()
		if r := w.sign(t, u, "--text", "Pay?"); r.code == 0 || !strings.Contains(r.stderr, code) {
			t.Errorf("want %s: %d %s%s", code, r.code, r.stdout, r.stderr)
		}
	}
	w.wantStatus(t, u, who, "", "good", "registered", true)

	w.about(t, u, 0, "suspended", "user", "suspend")
	w.wantStatus(t, u, who, "Certificate Hold", "revoked", "suspended", false)
	refused("CARD_BLOCKED")
	idle()
	u.message(t, "is suspended")
	w.about(t, u, 0, "deactivated", "user", "applet")
	w.about(t, u, 1, "", "user", "suspend")

	u.acts(nil)
	w.about(t, u, 0, "active", "user", "reactivate")
	if s := u.seen(); s != "" { // whoever is suspended proves by other means who he is
		t.Errorf("the user was asked: %s", s)
	}
	w.wantStatus(t, u, who, "", "good", "registered", true)
	idle()
	u.message(t, "active again")
	w.about(t, u, 0, "active", "user", "applet")
	w.asks(t, u, 0, verified, "--text", "Pay?")
	w.about(t, u, 1, "", "user", "reactivate")

	w.about(t, u, 0, "revoked", "user", "revoke", "--reason", "lost")
	w.wantStatus(t, u, who, "Key Compromise", "revoked", "revoked", false)
	refused("REVOKED_CERTIFICATE")
	idle()
	u.message(t, "is revoked")
	w.about(t, u, 1, "", "user", "reactivate")
	w.about(t, u, 1, "", "user", "revoke")
	w.about(t, u, 1, "", "ra", "confirm", "--certificate", who.SerialNumber.Text(16), "--status", "valid")
	w.about(t, u, 0, "revoked", "user", "show")
	refused("REVOKED_CERTIFICATE")
	w.about(t, u, 0, "registered, certificate", "user", "register", "--algorithm", u.alg.String()) // customer care begins it
	w.asks(t, u, 0, verified, "--text", "Pay?")
	must(t, w.dir, "check", "--data")
	c.stop(t)
	w.checkLog(t, nil)
}

// A user leaves: he is asked, refuses, nothing has changed; he consents, and what he has
// signed is there; from then on he is unknown. Another one leaves while no service runs.
//
// Covers: 5.7-1, 5.7-2, 3.5.9-1 via simsign user unregister
func TestUnregister(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, "")
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	u.acts(cancels(1))
	w.about(t, u, 1, "", "user", "unregister", "--consent", "--question", "Leave for good?")
	u.acts(nil)
	w.asks(t, u, 0, verified, "--text", "Pay?")
	w.about(t, u, 0, "removed", "user", "unregister", "--consent", "--question", "Leave for good?", "--signed", "consent.pem")
	u.wantSeen(t, "asked", "Leave for good?")
	cms := w.peer(t, "cms", "-verify", "-noverify", "-inform", "PEM", "-in", "consent.pem")
	if !strings.Contains(cms, "Leave for good?") {
		t.Errorf("signed: %s", cms)
	}
	if r := w.sign(t, u, "--text", "Pay?"); r.code == 0 || !strings.Contains(r.stderr, mssp.UnknownClient.String()) {
		t.Errorf("%d %s", r.code, r.stderr)
	}
	c.stop(t)

	u = w.users[1]
	w.about(t, u, 0, "removed", "user", "unregister")
	w.about(t, u, 0, "no service runs", "user", "show")
	c = w.serve(t)
	eventually(t, "nothing left to do", func() bool { return !strings.Contains(must(t, w.dir, "ra", "work"), u.number.String()) })
	c.stop(t)
	must(t, w.dir, "check", "--data")
}
