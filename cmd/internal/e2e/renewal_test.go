package e2e

import (
	"os"
	"strings"
	"testing"
)

// A certificate is renewed by invitation: the user signs with the one that is still valid
// that he wants another, refuses first, which changes nothing, and then has another pair,
// which signs. The old certificate is revoked as superseded, its slot is empty again, and
// nobody is told that he must register anew.
//
// Covers: 3.5.13-1, 5.12-1 via simsign user renew
// Covers: 3.5.13-1, 5.12-1 via POST /int3c/renew
// Covers: 5.12-1 via simsign ra renew
func TestRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	w.extend(t, "[procedures]\nrenewed = \"revoke\"\n")
	d := newDesk(t, w)
	c := w.serve(t)
	u := w.users[0]
	w.about(t, u, 1, "he must register", "user", "renew")
	w.register(t, "authentication")
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	who := w.signed(t, u)

	w.about(t, u, 1, "too early to renew", "user", "renew")
	u.acts(cancels(1))
	w.about(t, u, 1, "has not consented", "user", "renew", "--early", "--question", "Another certificate?")
	if next := w.signed(t, u); !next.Equal(who) {
		t.Error("a refusal has changed the certificate")
	}
	u.acts(nil)
	w.about(t, u, 0, "is revoked as superseded", "user", "renew", "--early", "--question", "Another certificate?", "--signed", "consent.pem")
	u.wantSeen(t, "asked", "Another certificate?")
	if text := w.peer(t, "cms", "-verify", "-noverify", "-inform", "PEM", "-in", "consent.pem", "-signer", "signer.pem"); !strings.Contains(text, "Another certificate?") {
		t.Errorf("signed: %s", text)
	}
	if serial := w.peer(t, "x509", "-in", "signer.pem", "-noout", "-serial"); !strings.Contains(serial, strings.ToUpper(who.SerialNumber.Text(16))) {
		t.Errorf("consent by %s", serial)
	}
	second := w.signed(t, u)
	if second.Equal(who) || string(second.RawSubjectPublicKeyInfo) == string(who.RawSubjectPublicKeyInfo) {
		t.Error("the pair is the same")
	}
	idle := func() {
		t.Helper()
		eventually(t, "nothing left to do", func() bool { return !strings.Contains(must(t, w.dir, "ra", "work"), u.number.String()) })
	}
	idle()
	m := map[string]any{"msisdn": u.number.String(), "usage": "authentication", "question": "And another?"}
	d.wants(t, "an RA of another issuer", d.ask(t, "south-ra", "/int3c/renew", m), 200, "refused", "no-such-user")
	d.wants(t, "customer care", d.ask(t, "care", "/int3c/renew", m), 403, "refused", "role")
	d.wants(t, "too early", d.ask(t, "crm", "/int3c/renew", m), 200, "refused", "not-yet")
	m["when"] = "early"
	a := d.ask(t, "crm", "/int3c/renew", m)
	d.wants(t, "renewed", a, 200, "ok", "")
	if len(a.octets(t, "signed")) == 0 || a.Data["before"] != second.SerialNumber.Text(16) {
		t.Errorf("%+v", a)
	}
	third := w.signed(t, u)
	if third.Equal(second) || third.Equal(who) {
		t.Error("the certificate is the same")
	}
	idle()
	out := must(t, w.dir, "ra", "renew", "--server", d.url, "--ca-cert", "server.crt", "--client", "crm", "--password-file", "crm.password",
		"--msisdn", u.number.String(), "--early", "--question", "The last?", "--signed", "last.pem")
	if b, err := os.ReadFile(w.path("last.pem")); err != nil || !strings.Contains(string(b), "CMS") || !strings.Contains(out, third.SerialNumber.Text(16)) {
		t.Errorf("%s %v %s", out, err, b)
	}
	fourth := w.signed(t, u)
	if fourth.Equal(third) {
		t.Error("the command has renewed nothing")
	}
	idle()
	w.drained(t)
	if u.told("is revoked") != 0 || u.told("registration is complete") != 4 {
		t.Errorf("told of %d revocations and %d registrations", u.told("is revoked"), u.told("registration is complete"))
	}
	w.about(t, u, 0, fourth.SerialNumber.Text(16), "user", "show")
	must(t, w.dir, "check", "--data")
	c.stop(t)
	w.checkLog(t, d.passwords)
}

// A card without a free slot is refused before anybody is asked.
//
// Covers: 5.12-1 via simsign user renew
func TestRenewalWithoutASlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	c := w.serve(t)
	u := w.users[0]
	full := false
	for range 8 {
		r := run(t, w.dir, "user", "register", "--msisdn", u.number.String())
		if full = r.code != 0 && strings.Contains(r.stderr, "none is free"); full {
			break
		}
	}
	if !full {
		t.Fatal("the card is never full")
	}
	u.acts(nil)
	w.about(t, u, 1, "none is free", "user", "renew", "--early", "--question", "Another certificate?")
	if u.has("Another certificate?") {
		t.Error("the user was asked in vain")
	}
	w.asks(t, u, 0, verified, "--text", "Pay?")
	c.stop(t)
}
